"""`relax`, differentiated: by the equation of its equilibrium, not through a loop."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import batch, relative_error, small_network, three_blocks

import osciprop

TIGHT = osciprop.AndersonIteration(tolerance=1e-13)
X, Y = (jnp.asarray(part) for part in batch(5, 3, 4))


def parameters(tree, network):
    return eqx.filter(tree, network.trainable())


def unrolled(network, x, y=None, beta=0.0):
    """The activities after damped steps, which JAX differentiates by itself."""
    drive = network.drive(x)

    def step(u, _):
        s = network.activity(u)
        current = network.current(s, drive)
        if y is not None:
            force = jax.grad(lambda s: jnp.sum(network.cost(s, y)))(s)
            current = jax.tree.map(lambda a, b: a - beta * b, current, force)
        return jax.tree.map(lambda a, b: (a + 2 * b) / 3, u, current), None

    u, _ = jax.lax.scan(step, network.rest(x), length=300)
    return network.activity(u)


def relaxed(network, x, y=None, beta=None):
    return osciprop.relax(network, x, y, beta=beta, relaxation=TIGHT).s


def total(s):
    return sum(jnp.sum(jnp.sin(3 * leaf)) for leaf in s)


@pytest.mark.parametrize(
    ("network", "x", "wrap"),
    [
        (small_network(), X, eqx.filter_jit),
        pytest.param(small_network(), X, lambda f: f, marks=pytest.mark.slow),
        pytest.param(three_blocks(gain=0.8), X[:, :4], eqx.filter_jit, marks=pytest.mark.slow),
    ],
    ids=["reciprocal", "not compiled", "directed"],
)
def test_gradients_are_those_of_the_iteration(network, x, wrap):
    found = wrap(eqx.filter_grad(lambda pair: total(relaxed(*pair))))((network, x))
    expected = eqx.filter_jit(eqx.filter_grad(lambda pair: total(unrolled(*pair))))((network, x))
    assert relative_error(parameters(found[0], network), parameters(expected[0], network)) < 1e-8
    assert relative_error(found[1], expected[1]) < 1e-8


@pytest.mark.slow
def test_nudged_equilibria_and_the_nudge_itself():
    network, beta = small_network(), jnp.asarray(0.3)

    def of(state):
        return jax.grad(lambda beta: total(state(network, X, Y, beta)))(beta)

    assert relative_error(of(relaxed), of(unrolled)) < 1e-8
    # On the circle of a complex nudge `s(beta)` is holomorphic: one derivative in all directions.
    turn = jnp.exp(0.7j)

    def state(size):
        return relaxed(network, X, Y, size * turn)[1]

    _, forward = jax.jvp(state, (beta,), (jnp.ones_like(beta),))
    step = 1e-5
    apart = (state(beta + step) - state(beta - step)) / (2 * step)
    np.testing.assert_allclose(forward, apart, atol=1e-7)


@pytest.mark.slow
def test_forward_and_reverse_are_transposed_and_differentiate_twice():
    network = small_network()

    def state(x):
        return relaxed(network, x)[-1]

    forward, reverse = jax.jacfwd(state)(X[:1]), jax.jacrev(state)(X[:1])
    np.testing.assert_allclose(forward, reverse, atol=1e-10)
    found = jax.hessian(lambda x: total(relaxed(network, x)))(X[:1])
    expected = jax.hessian(lambda x: total(unrolled(network, x)))(X[:1])
    np.testing.assert_allclose(found, expected, atol=1e-7)


@pytest.mark.slow
def test_lanes():
    network = small_network()
    lanes = jnp.stack([X, 2 * X])
    slope = jax.grad(lambda x: total(relaxed(network, x)))
    found = jax.jit(jax.vmap(slope))(lanes)
    np.testing.assert_allclose(found, [slope(x) for x in lanes], atol=1e-9)


def test_nothing_comes_from_the_start_or_the_tolerance():
    network = small_network()

    def of(given):
        start, tolerance = given
        way = osciprop.AndersonIteration(tolerance=tolerance)
        return total(osciprop.relax(network, X, relaxation=way, initial=start).s)

    found = jax.grad(of)((network.rest(X), jnp.asarray(1e-9)))
    assert all(not np.any(leaf) for leaf in jax.tree.leaves(found))


def test_what_did_not_converge_has_no_number_for_a_derivative():
    network = small_network()
    once = osciprop.SynchronousIteration(max_steps=1)
    state = jax.value_and_grad(lambda x: total(osciprop.relax(network, x, relaxation=once).s))
    value, slope = jax.jit(state)(X)
    assert np.isnan(value) and np.isnan(slope).all()
    # A singular equation: the unit's own weight is 1 at an activity of 0.
    neutral = osciprop.Network(
        (osciprop.Population(osciprop.LeakyIntegrator(osciprop.Tanh()), jnp.zeros(1)),),
        (
            osciprop.Directed(jnp.ones((1, 1)), osciprop.INPUT, 0),
            osciprop.Directed(jnp.eye(1), 0, 0),
        ),
        osciprop.SquaredError(),
    )
    slope = jax.grad(lambda x: relaxed(neutral, x)[0].sum())(jnp.zeros((1, 1)))
    assert np.isnan(slope).all()


@pytest.mark.slow
def test_trajectories_are_differentiable_too():
    network = small_network()

    def state(x):
        return total(osciprop.integrate(network, x, times=[0.0, 60.0]).s)

    def at_rest(x):
        return total(relaxed(network, x)) + total(network.activity(network.rest(x)))

    assert relative_error(jax.grad(state)(X), jax.grad(at_rest)(X)) < 1e-3
