"""Maps over two settings: what settles is compared, what does not is blank."""

import jax
import numpy as np
import pytest
from helpers import batch, flat

import osciprop

NETWORK = osciprop.perceptron([5, 8, 7, 3], key=jax.random.PRNGKey(4))
X, Y = batch(5, 3, 6)


def test_cells_are_those_of_single_estimates():
    def method(alpha, beta):
        return osciprop.DualPropagation(beta, alpha)

    found = osciprop.analysis.stability_map(NETWORK, X, Y, method, [0.0, 0.5], [0.05, 0.1, 3.0])
    assert found.settled.shape == (3, 2)
    exact = osciprop.estimate_gradient(NETWORK, X, Y, osciprop.Implicit()).gradient
    single = osciprop.estimate_gradient(NETWORK, X, Y, method(0.0, 0.1)).gradient
    assert found.settled[1, 0]
    np.testing.assert_allclose(found.cosine[1, 0], osciprop.cosine(single, exact))
    ratio = np.linalg.norm(flat(single)) / np.linalg.norm(flat(exact))
    np.testing.assert_allclose(found.norm[1, 0], ratio)
    # Far beyond stability: blank, not a number.
    assert not found.settled[2, 0]
    assert np.isnan(found.cosine[2, 0]) and np.isnan(found.norm[2, 0])
    assert "cells settled" in str(found)


def test_cells_without_a_method_are_blank():
    found = osciprop.analysis.stability_map(NETWORK, X, Y, lambda alpha, beta: None, [0.5], [0.1])
    assert not found.settled.any() and np.isnan(found.norm).all()
    assert str(found).startswith("StabilityMap: 0 of 1")
    with pytest.raises(ValueError, match="the number of betas must be"):
        osciprop.analysis.stability_map(NETWORK, X, Y, lambda alpha, beta: None, [0.5], [])
