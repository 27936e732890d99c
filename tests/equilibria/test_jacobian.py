"""Measures of asymmetry, against dense linear algebra."""

import jax
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


def test_builders_keep_what_they_promise():
    sizes, key = [5, 40, 30, 4], jax.random.PRNGKey(0)
    x = np.random.default_rng(0).normal(size=(1, 5))
    symmetric = osciprop.feedback_mlp(sizes, key=key, angle=0.0)
    assert float(osciprop.equilibria.jacobian_symmetry(symmetric, x).measure[0]) == pytest.approx(
        1, abs=1e-12
    )
    independent = osciprop.feedback_mlp(sizes, key=key, angle=90.0)
    forward = osciprop.feedforward_mlp(sizes, key=key)
    for place in range(3):
        np.testing.assert_array_equal(
            independent.synapses[place].weight, forward.synapses[place].weight
        )
    loop = osciprop.loop_mlp(sizes, key=key)
    assert [(synapse.source, synapse.target) for synapse in loop.synapses] == [
        (osciprop.INPUT, 0),
        (0, 1),
        (1, 2),
        (2, 0),
    ]
    skew = osciprop.recurrent_network([5, 200, 3], key=key, symmetric=0.0, antisymmetric=0.8)
    weight = np.asarray(skew.synapses[1].weight)
    np.testing.assert_array_equal(weight, -weight.T)
    assert np.abs(np.linalg.eigvals(weight)).max() == pytest.approx(0.8, rel=0.1)
    even = osciprop.recurrent_network([5, 200, 3], key=key, symmetric=0.8, antisymmetric=0.0)
    assert np.linalg.eigvalsh(even.synapses[1].weight).max() == pytest.approx(0.8, rel=0.1)


def test_builders_refuse_bad_sizes():
    key = jax.random.PRNGKey(0)
    for build in (osciprop.feedback_mlp, osciprop.loop_mlp, osciprop.feedforward_mlp):
        with pytest.raises(ValueError, match="sizes is"):
            build([4, 3], key=key)
    with pytest.raises(ValueError, match="give inputs, units and classes"):
        osciprop.recurrent_network([4, 3], key=key)
    with pytest.raises(ValueError, match="symmetric must be"):
        osciprop.recurrent_network([4, 5, 3], key=key, symmetric=-1.0)
