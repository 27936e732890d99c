"""The real MNIST and Fashion-MNIST, where they are at hand, against their published numbers."""

from pathlib import Path

import numpy as np
import pytest

from osciprop.datasets import DatasetError, fashion_mnist, mnist


def load_or_skip(load, place: Path):
    try:
        return load()
    except DatasetError as error:
        if "looked for" in str(error):
            pytest.skip(f"{place} holds no {load.__name__}")
        raise


def test_real_mnist_is_the_published_one(real_data):
    data = load_or_skip(mnist, real_data)
    assert data.x_train.shape == (60000, 784) and data.x_test.shape == (10000, 784)
    assert np.bincount(data.y_train).tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949
    ]  # fmt: skip
    assert np.bincount(data.y_test).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009
    ]  # fmt: skip
    assert data.y_train[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert data.y_test[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert data.x_train.mean(dtype=np.float64) == pytest.approx(0.13066, abs=5e-6)


def test_real_fashion_mnist_is_the_published_one(real_data):
    data = load_or_skip(fashion_mnist, real_data)
    assert data.x_train.shape == (60000, 784) and data.x_test.shape == (10000, 784)
    assert np.bincount(data.y_train).tolist() == [6000] * 10
    assert np.bincount(data.y_test).tolist() == [1000] * 10
    assert data.y_train[:10].tolist() == [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]
    assert data.y_test[:10].tolist() == [9, 2, 1, 1, 6, 1, 4, 6, 5, 7]
    assert data.x_train.mean(dtype=np.float64) == pytest.approx(0.28604, abs=5e-6)
