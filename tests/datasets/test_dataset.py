"""The Dataset record and scikit-learn's digits."""

import dataclasses

import numpy as np
import pytest

from osciprop.datasets import Dataset, digits


def small(**change) -> Dataset:
    fields = {
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
        ({"x_train": np.zeros((6, 4))}, "x_train is float64.*expected float32.*convert"),
        ({"x_test": np.zeros((2, 2, 2), np.float32)}, r"x_test is .*\(2, 2, 2\).*flatten"),
        ({"image_shape": (3, 3)}, r"expected float32 of shape \(n, 9\).*correct image_shape"),
        ({"x_test": np.full((2, 4), np.nan, np.float32)}, r"x_test is nan at index \(0, 0\)"),
        ({"y_test": np.array([0, 1])}, "y_test has dtype int64, expected int32"),
        ({"y_test": np.array([0.0, 1.0])}, "y_test has dtype float64"),
        ({"y_test": np.array([0, 3], np.int32)}, "y_test holds labels from 0 to 3, expected 0..2"),
        ({"y_train": np.array([0], np.int32)}, "x_train has 6 samples but y_train has 1"),
        ({"num_classes": 0}, "num_classes=0"),
    ],
)
def test_misfits_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        small(**change)


def test_digits_are_scaled_typed_and_complete():
    data = digits()
    assert len(data.x_train) + len(data.x_test) == 1797
    assert data.x_train.dtype == data.x_test.dtype == np.float32
    assert data.y_train.dtype == data.y_test.dtype == np.int32
    assert data.x_train.min() == 0.0 and data.x_train.max() == 1.0
    assert (data.num_features, data.num_classes, data.image_shape) == (64, 10, (8, 8))


def test_digits_equal_the_published_pixels():
    from sklearn.datasets import load_digits

    pixels, targets = load_digits(return_X_y=True)
    data = digits()
    ours = np.vstack([data.x_train, data.x_test]) * 16
    labelled = np.column_stack([ours, np.concatenate([data.y_train, data.y_test])])
    expected = np.column_stack([pixels, targets])
    assert sorted(map(tuple, labelled.tolist())) == sorted(map(tuple, expected.tolist()))


@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.5])
def test_digits_split_is_stratified(fraction):
    data = digits(test_fraction=fraction)
    test, train = np.bincount(data.y_test), np.bincount(data.y_train)
    np.testing.assert_array_equal(test, np.round(fraction * (test + train)))


def test_digits_split_is_a_function_of_the_seed():
    first, again, other = digits(seed=1), digits(seed=1), digits(seed=2)
    np.testing.assert_array_equal(first.x_test, again.x_test)
    np.testing.assert_array_equal(first.y_train, again.y_train)
    assert not np.array_equal(first.x_test, other.x_test)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, float("nan")])
def test_digits_refuse_a_senseless_fraction(fraction):
    with pytest.raises(ValueError, match="test_fraction=.*between 0 and 1"):
        digits(test_fraction=fraction)


def test_digits_refuse_a_negative_seed():
    with pytest.raises(ValueError, match="seed=-1"):
        digits(seed=-1)
