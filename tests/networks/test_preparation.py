"""The user's arrays: types, and what is refused."""

import numpy as np
import pytest
from helpers import small_network

from osciprop.networks.preparation import prepare, prepare_pair

NETWORK = small_network()


def test_inputs_take_the_networks_precision():
    x, y = prepare(NETWORK, np.ones((2, 5), dtype=np.float32), None)
    assert x.dtype == np.float64 and y is None
    x, y = prepare_pair(NETWORK, np.arange(5)[None], np.asarray([2]))
    assert x.dtype == np.float64 and np.issubdtype(y.dtype, np.integer)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.ones((2, 4)), "shape"),
        (np.full((2, 5), np.nan), "NaN"),
        (np.zeros((2, 5), dtype=np.uint8), "raw pixels"),
    ],
)
def test_inputs_that_do_not_fit_are_named(x, message):
    with pytest.raises(ValueError, match=message):
        prepare(NETWORK, x, None)


@pytest.mark.parametrize("y", [np.asarray([0, 3]), np.asarray([0]), np.ones((2, 4))])
def test_targets_that_do_not_fit_are_named(y):
    with pytest.raises(ValueError, match="y"):
        prepare_pair(NETWORK, np.ones((2, 5)), y)
