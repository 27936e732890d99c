"""Loops under vmap: every lane ends as if it were alone, and memory is not masked."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import batch, small_network

import osciprop
from osciprop.equilibria.loops import iterate


def halve(start, max_steps=1000):
    """Halve until below 1; remembers the last four values at the turn's place."""

    def step(result, memory, turn):
        return 0.5 * result, memory.at[turn % 4].set(result)

    memory = jnp.zeros((4,))
    value, _, steps = iterate(
        step, start, memory, unfinished=lambda value: value >= 1, max_steps=max_steps
    )
    return value, steps


def test_a_loop_alone():
    value, steps = halve(jnp.asarray(12.0))
    assert (float(value), int(steps)) == (0.75, 4)
    value, steps = halve(jnp.asarray(12.0), max_steps=2)
    assert (float(value), int(steps)) == (3.0, 2)
    value, steps = halve(jnp.asarray(0.5))  # a step is made in any case
    assert (float(value), int(steps)) == (0.25, 1)


def test_each_lane_ends_by_itself():
    starts = jnp.asarray([12.0, 0.5, 1e6, jnp.nan])
    values, steps = jax.jit(jax.vmap(halve))(starts)
    for place, start in enumerate(starts):
        alone, count = halve(start)
        np.testing.assert_array_equal(values[place], alone)
        assert int(steps[place]) == int(count)


def test_lanes_of_lanes_and_lanes_that_share_all():
    starts = jnp.asarray([[12.0, 0.5], [1e6, 3.0]])
    values, steps = jax.vmap(jax.vmap(halve))(starts)
    flat, counts = jax.vmap(halve)(starts.reshape(-1))
    np.testing.assert_array_equal(values.reshape(-1), flat)
    np.testing.assert_array_equal(steps.reshape(-1), counts)
    limits = jnp.asarray([1, 2, 3])
    values, steps = jax.vmap(lambda limit: halve(jnp.asarray(64.0), limit))(limits)
    assert values.tolist() == [32.0, 16.0, 8.0] and steps.tolist() == [1, 2, 3]


def test_what_is_remembered_is_not_masked():
    program = jax.make_jaxpr(jax.vmap(halve))(jnp.ones(3)).jaxpr
    (loop,) = [equation for equation in program.eqns if equation.primitive.name == "while"]
    masked = [
        variable.aval.shape
        for equation in loop.params["body_jaxpr"].eqns
        if equation.primitive.name in ("select_n", "jit")
        for variable in equation.outvars
    ]
    assert (3,) in masked and (3, 4) not in masked


METHODS = [
    pytest.param(osciprop.HolomorphicEP(0.2, 3), marks=pytest.mark.slow),
    osciprop.RecurrentBackprop(osciprop.SequentialIteration()),
    pytest.param(osciprop.Implicit(), marks=pytest.mark.slow),
]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: type(method).__name__)
def test_a_gradient_does_not_depend_on_the_lanes_beside_it(method):
    """Not in its last bit: studies that are resumed equal those that were not disturbed."""
    network, (x, y) = small_network(), batch(5, 3, 4)
    x = jnp.asarray(x)

    @jax.jit
    @jax.vmap
    def gradients(scale):
        found = osciprop.estimate_gradient(network, scale * x, y, method, throw=False)
        return found.gradient, found.equilibrium.steps, found.converged

    quick, _, _ = gradients(jnp.asarray([1.0, 1.0]))
    mixed, steps, converged = gradients(jnp.asarray([1.0, 40.0]))
    assert bool(converged[0]) and steps[0] != steps[1]
    for one, other in zip(jax.tree.leaves(quick), jax.tree.leaves(mixed), strict=True):
        np.testing.assert_array_equal(one[0], other[0])


@pytest.mark.slow
def test_derivatives_pass_forward_through_a_relaxation():
    network, (x, _) = small_network(), batch(5, 3, 4)
    x = jnp.asarray(x)

    def energy(factor):
        rest = osciprop.relax(network, factor * x, throw=False)
        return sum(jnp.sum(part**2) for part in rest.s)

    slope = jax.jacfwd(energy)(jnp.asarray(1.0))
    step = 1e-4
    expected = (energy(jnp.asarray(1.0 + step)) - energy(jnp.asarray(1.0 - step))) / (2 * step)
    np.testing.assert_allclose(slope, expected, rtol=1e-5)
