"""Both kinds of networks, as training meets them."""

import numpy as np
import pytest
from trajectory_cases import some_network

from osciprop.networks.either import count_outputs, prepare_all_targets, prepare_either


def test_of_a_network_that_relaxes(toy):
    network, x, y = toy
    inputs, targets = prepare_either(network, x, y)
    assert inputs.shape == np.shape(x) and targets.shape == np.shape(y)
    outputs = count_outputs(network, inputs)
    np.testing.assert_array_equal(prepare_all_targets(network, inputs, y, len(x)), y)
    with pytest.raises(ValueError, match="y"):
        prepare_all_targets(network, inputs, np.full(len(x), outputs), len(x))


def test_of_a_network_that_moves():
    network, x, y = some_network()
    inputs, targets = prepare_either(network, x, y)
    np.testing.assert_array_equal(inputs, x)
    np.testing.assert_array_equal(targets, y)
    assert count_outputs(network, inputs) == 2
    with pytest.raises(ValueError, match=r"y has shape \(2, 3\)"):
        prepare_all_targets(network, inputs, np.zeros((2, 3)), 2)
