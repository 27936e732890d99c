"""Relaxation in reduced precision: how far off it is, and what finishing it makes good."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import batch, flat, relative_error, small_network

import osciprop

# Half precision stops within about one unit of round-off of activities of order 1.
ERRORS = {"bfloat16": 1e-2, "float16": 1e-3}
X, Y = batch(5, 3, 6)


def single_network() -> osciprop.Network:
    return jax.tree.map(lambda leaf: leaf.astype(np.float32), small_network())


@pytest.mark.parametrize("dtype", ERRORS)
def test_the_state_is_off_by_the_round_off_of_its_precision(dtype):
    network = single_network()
    exact = osciprop.relax(network, X)
    solution = osciprop.relax(
        network, X, relaxation=osciprop.equilibria.ReducedPrecision(dtype=dtype)
    )
    error = np.abs(flat(solution.s) - flat(exact.s)).max()
    assert 1e-5 < error < ERRORS[dtype]
    assert bool(solution.converged.all()) and solution.u[0].dtype == jnp.float32
    assert float(solution.tolerance) == 4 * float(jnp.finfo(dtype).eps)
    assert float(solution.residual.max()) > 1e-5  # judged in full precision


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["bfloat16", pytest.param("float16", marks=pytest.mark.slow)])
def test_finished_gradients_are_those_of_full_precision(dtype):
    network = single_network()
    finished = osciprop.Chained(
        osciprop.equilibria.ReducedPrecision(dtype=dtype), osciprop.AndersonIteration()
    )
    expected = osciprop.estimate_gradient(network, X, Y, osciprop.CentredEP(0.1))
    estimate = osciprop.estimate_gradient(network, X, Y, osciprop.CentredEP(0.1, finished))
    # Two states, each to a tolerance of 2e-6, over an amplitude of 0.1.
    assert relative_error(estimate.gradient, expected.gradient) < 1e-4
    assert float(estimate.equilibrium.residual.max()) <= 2e-6


@pytest.mark.slow
def test_complex_states_keep_their_precision():
    """The circle keeps nothing of the free state: the gradient is exact without finishing it."""
    network = single_network()
    reduced = osciprop.HolomorphicEP(0.2, 8, osciprop.equilibria.ReducedPrecision())
    expected = osciprop.estimate_gradient(network, X, Y, osciprop.HolomorphicEP(0.2, 8))
    estimate = osciprop.estimate_gradient(network, X, Y, reduced)
    assert relative_error(estimate.gradient, expected.gradient) < 1e-4
    assert float(estimate.equilibrium.residual.max()) > 1e-5
    assert float(estimate.diagnostics.nudged.residual.max()) <= 2e-6


def test_reduced_to_single_precision():
    exact = osciprop.relax(small_network(), X)
    reduced = osciprop.equilibria.ReducedPrecision(osciprop.AndersonIteration(), jnp.float32)
    solution = osciprop.relax(small_network(), X, relaxation=reduced)
    assert solution.u[0].dtype == jnp.float64
    np.testing.assert_allclose(flat(solution.s), flat(exact.s), atol=1e-5)


def test_the_relaxation_inside_decides_on_the_tolerance():
    strict = osciprop.SequentialIteration(tolerance=1e-6, max_steps=20)
    with pytest.raises(osciprop.ConvergenceError, match="tolerance 1e-06"):
        osciprop.relax(small_network(), X, relaxation=osciprop.equilibria.ReducedPrecision(strict))


def test_other_types_are_refused():
    for dtype in (jnp.int32, jnp.complex64):
        with pytest.raises(ValueError, match="use a real floating-point type"):
            osciprop.equilibria.ReducedPrecision(dtype=dtype)
