"""Samples that ended in another equilibrium than the ODE are named."""

import jax.numpy as jnp
import numpy as np
import pytest
from helpers import small_network

import osciprop
from osciprop.equilibria import elsewhere


def bistable() -> osciprop.Network:
    """One unit of `u = 2 tanh(u) + x`: two stable equilibria while `|x| < 0.53`."""
    unit = osciprop.Population(osciprop.LeakyIntegrator(osciprop.Tanh()), jnp.zeros(1))
    synapses = (
        osciprop.Directed(jnp.ones((1, 1)), osciprop.INPUT, 0),
        osciprop.Directed(2 * jnp.ones((1, 1)), 0, 0),
    )
    return osciprop.Network((unit,), synapses, osciprop.SquaredError())


@pytest.mark.slow
def test_the_samples_on_the_other_branch_are_named():
    network, x = bistable(), np.asarray([[0.2], [-0.2], [0.2], [1.0]])
    start = (jnp.asarray([[2.0], [-2.0], [-2.0], [-2.0]]),)
    found = osciprop.relax(network, x, initial=start)
    # The third starts in the basin of the other branch, which the fourth has not.
    assert np.sign(np.asarray(found.s[0][:, 0])).tolist() == [1, -1, -1, 1]
    assert np.asarray(elsewhere(network, x, found)).tolist() == [False, False, True, False]
    assert not elsewhere(network, x, found, initial=start).any()


@pytest.mark.slow
def test_nudged_solutions_are_compared_with_the_nudged_ode():
    network = small_network()
    x, y = np.random.default_rng(0).normal(size=(3, 5)), np.asarray([0, 1, 2])
    nudged = osciprop.relax(network, x, y, beta=0.5)
    assert not elsewhere(network, x, nudged, y, beta=0.5).any()
    assert elsewhere(network, x, nudged).all()


def test_what_has_not_settled_is_an_error_and_what_has_not_converged_no_claim():
    network, x = bistable(), np.asarray([[0.2]])
    stopped = osciprop.SynchronousIteration(max_steps=1)
    unsolved = osciprop.relax(network, x, relaxation=stopped, throw=False)
    assert not elsewhere(network, x, unsolved).any()
    with pytest.raises(osciprop.ConvergenceError):
        elsewhere(network, x, unsolved, flow=osciprop.Flow(max_time=0.1))
    with pytest.raises(ValueError, match="distance"):
        elsewhere(network, x, unsolved, distance=0)
