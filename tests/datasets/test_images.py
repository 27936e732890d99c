"""Images of bytes in Dataset and Batches, memory-mapped too."""

import numpy as np
import pytest
from batch_files import images

from osciprop.datasets import Batches, Dataset


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
        ({"image_shape": (32, 32)}, r"x_train holds uint8 images of shape \(32, 32, 3\).*correct"),
        ({"x_test": np.zeros((2, 3, 32, 32), np.uint8)}, r"x_test holds .*\(3, 32, 32\)"),
        ({"x_test": np.zeros((2, 3072), np.float32)}, "x_train is uint8 and x_test float32"),
        ({"x_train": np.zeros((6, 3072), np.uint8)}, r"x_train has dtype uint8.*\(6, 3072\)"),
        ({"x_train": np.zeros((6, 32, 32, 3), np.float32)}, "x_train is float32.*flatten"),
        ({"x_train": np.zeros((6, 32, 32, 3), int)}, "x_train has dtype int64"),
        ({"x_train": np.zeros((0, 32, 32, 3), np.uint8)}, "at least one sample"),
    ],
)
def test_misfits_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        pictures(**change)
