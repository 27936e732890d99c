"""The Dataset record, of numbers and of images of bytes, memory-mapped too."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from batch_files import images

from osciprop.datasets import Batches, Dataset


def small(**change) -> Dataset:
    fields: dict[str, Any] = {
        "name": "small",
        "x_train": np.linspace(0, 1, 24, dtype=np.float32).reshape(6, 4),
        "y_train": np.array([0, 1, 2, 0, 1, 2], np.int32),
        "x_test": np.zeros((2, 4), np.float32),
        "y_test": np.array([2, 0], np.int32),
        "num_classes": 3,
        "image_shape": (2, 2),
    }
    return Dataset(**(fields | change))


def test_repr_summarizes():
    assert repr(small()) == (
        "Dataset('small': 6 train + 2 test samples, 4 features (2x2), 3 classes)"
    )


def test_numbers_to_be_reached():
    x, y = np.arange(8.0).reshape(4, 2), np.linspace(0, 1, 4)
    data = Dataset("numbers", x, y, x[:2], y[:2])
    assert data.y_train.shape == (4, 1) and data.y_test.shape == (2, 1)
    assert (data.x_train.dtype, data.num_classes, data.image_shape) == (np.float64, 0, (2,))
    assert repr(data) == (
        "Dataset('numbers': 4 train + 2 test samples, 2 features (2), 1 target each)"
    )
    rows = Dataset("rows", x, np.stack([y, y], axis=1))
    assert rows.x_test.shape == (0, 2) and rows.subset(train=3).y_train.shape == (3, 2)


def test_what_is_not_given_is_counted():
    x, y = np.arange(12).reshape(4, 3), np.asarray([0, 1, 4, 1])
    data = Dataset("mine", x, y, x[:1], [5])
    assert (data.num_classes, data.image_shape) == (6, (3,))
    assert (data.x_train.dtype, data.y_train.dtype) == (np.float32, np.int32)
    exact = Dataset("large", x + 2**30, y)
    np.testing.assert_array_equal(exact.x_train, x + 2**30)


def test_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        small().name = "other"


def test_subset_takes_the_first_samples():
    data = small()
    part = data.subset(train=3, test=1)
    np.testing.assert_array_equal(part.x_train, data.x_train[:3])
    np.testing.assert_array_equal(part.y_train, data.y_train[:3])
    assert len(part.x_test) == len(part.y_test) == 1
    assert (part.name, part.num_classes, part.image_shape) == ("small", 3, (2, 2))


def test_subset_keeps_what_is_not_named():
    part = small().subset(test=1)
    assert len(part.x_train) == 6 and len(part.x_test) == 1


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ({"train": 7}, "train=7 must be an integer from 1 to 6: there are 6 train samples"),
        ({"test": 0}, "test=0"),
        ({"test": 0.5}, "test=0.5"),
    ],
)
def test_subset_refuses_impossible_sizes(size, message):
    with pytest.raises(ValueError, match=message):
        small().subset(**size)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x_test": np.zeros((2, 2, 2), np.float32)}, r"x_test of float32 \(2, 2\): give both"),
        ({"image_shape": (3, 3)}, r"no images of image_shape=\(3, 3\): correct image_shape"),
        ({"image_shape": "square"}, "image_shape='square' must be integers"),
        ({"x_test": np.full((2, 4), np.nan, np.float32)}, r"x_test is nan at index \(0, 0\)"),
        ({"y_test": np.array([0.0, 1.0])}, r"y_train .*int32 \(\) and y_test of float64 \(1,\)"),
        ({"y_test": np.array([0.0, 1.0]), "y_train": np.arange(6.0)}, "num_classes=3 but y_train"),
        ({"y_test": []}, "x_test is given and y_test is empty: give both, or neither"),
        ({"y_train": np.array(["a"] * 6)}, "y_train holds <U1, words"),
        ({"y_test": np.array([0, 3], np.int32)}, "y_test holds labels from 0 to 3, expected 0..2"),
        ({"y_train": np.array([0], np.int32)}, "x_train has 6 samples but y_train has 1"),
        ({"num_classes": -1}, "num_classes=-1"),
    ],
)
def test_misfits_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        small(**change)


def pictures(**change) -> Dataset:
    fields = {
        "name": "pictures",
        "x_train": images(6),
        "y_train": np.array([0, 1, 2, 0, 1, 2], np.int32),
        "x_test": images(2, seed=1),
        "y_test": np.array([2, 0], np.int32),
        "num_classes": 3,
        "image_shape": (32, 32, 3),
    }
    return Dataset(**(fields | change))


@pytest.fixture
def mapped(tmp_path) -> np.memmap:
    path = tmp_path / "x.npy"
    np.save(path, images(6))
    return np.load(path, mmap_mode="r")


def test_images_are_kept_as_bytes():
    data = pictures()
    assert data.x_train.dtype == np.uint8 and data.x_train.shape == (6, 32, 32, 3)
    assert data.num_features == 3072
    assert repr(data) == (
        "Dataset('pictures': 6 train + 2 test samples, 3072 features (32x32x3), 3 classes)"
    )
    part = data.subset(train=4)
    assert np.shares_memory(part.x_train, data.x_train) and len(part.x_train) == 4


def test_a_mapped_array_stays_mapped_and_unread(mapped, monkeypatch):
    def read(*_: object) -> None:
        raise AssertionError("the pixels were scanned")

    monkeypatch.setattr(np, "isfinite", read)
    data = pictures(x_train=mapped)
    assert data.x_train is mapped and isinstance(data.subset(train=3).x_train, np.memmap)
    batches = Batches(data.x_train, data.y_train, 2, seed=0)
    assert np.shares_memory(batches.x, mapped)


def test_batches_of_images_are_bytes_in_memory(mapped):
    numbers = np.arange(6)
    for x, y in Batches(mapped, numbers, 2, seed=0).epoch(0):
        assert x.dtype == np.uint8 and x.shape == (2, 32, 32, 3)
        assert not np.shares_memory(x, mapped)
        np.testing.assert_array_equal(x, images(6)[y])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_shape": (32, 32)}, r"x_train holds samples of shape \(32, 32, 3\).*correct"),
        ({"x_test": np.zeros((2, 3, 32, 32), np.uint8)}, r"x_test of uint8 \(3, 32, 32\)"),
        ({"x_test": np.zeros((2, 3072), np.float32)}, r"x_train .* of uint8 .* x_test of float32"),
        ({"x_train": np.zeros((6, 3072), np.uint8)}, r"x_train has dtype uint8.*\(6, 3072\)"),
        ({"x_train": np.zeros((6, 32, 32, 3), np.float32)}, "x_train holds samples of float32"),
        ({"x_train": np.zeros((0, 32, 32, 3), np.uint8)}, "at least one sample"),
    ],
)
def test_misfits_of_images_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        pictures(**change)
