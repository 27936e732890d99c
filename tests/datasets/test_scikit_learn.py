"""Scikit-learn's digits: the published pixels, split by a seed."""

import numpy as np
import pytest

from osciprop.datasets import digits


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
