"""Measures of asymmetry, against dense linear algebra."""

import jax.numpy as jnp
import numpy as np
import pytest
from helpers import dense, three_blocks

import osciprop

TIGHT = osciprop.AndersonIteration(tolerance=1e-12)


@pytest.fixture(scope="module")
def case():
    network = three_blocks(seed=3, gain=1.0)
    x = np.random.default_rng(0).normal(size=(2, 4))
    free = osciprop.relax(network, x[:1], relaxation=TIGHT)
    drive = network.drive(jnp.asarray(x[:1]))
    weights = dense(lambda s: network.current(s, drive), free.s)
    return network, x, weights, np.diag(dense(network.activity, free.u))


@pytest.mark.slow
def test_symmetry_equals_dense_norms(case):
    network, x, weights, _ = case
    found = osciprop.equilibria.jacobian_symmetry(network, x)
    jacobian = weights - np.eye(12)
    even, odd = (jacobian + jacobian.T) / 2, (jacobian - jacobian.T) / 2
    assert float(found.symmetric[0]) == pytest.approx(np.linalg.norm(even), rel=1e-10)
    assert float(found.antisymmetric[0]) == pytest.approx(np.linalg.norm(odd), rel=1e-10)
    assert found.measure.shape == (2,) and "measure 0." in str(found)


def test_criterion_equals_the_dense_eigenvalues(case):
    network, x, weights, slopes = case
    found = osciprop.equilibria.running_mean_stability(network, x, relaxation=TIGHT)
    jacobian = weights - np.diag(1 / slopes)
    expected = np.linalg.eigvals(np.linalg.solve(jacobian.T, jacobian))
    np.testing.assert_allclose(found.slowest[0], expected.real.min(), rtol=1e-6)
    # Where the symmetric part is definite: the asymmetry smaller than the symmetry.
    even, odd = (jacobian + jacobian.T) / 2, (jacobian - jacobian.T) / 2
    assert np.linalg.eigvalsh(even).max() < 0
    ratio = np.abs(np.linalg.eigvals(np.linalg.solve(even, odd))).max()
    assert found.stable[0] == (ratio < 1)
