"""The relaxed objectives: bounds on the loss, stationary at the dyads, their slope the rule."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import relative_error

import osciprop

RNG = np.random.default_rng(2)
X = RNG.uniform(size=(6, 5))
Y = RNG.integers(0, 3, 6)
RELU = osciprop.perceptron([5, 8, 7, 3], key=jax.random.PRNGKey(4))
TANH = osciprop.perceptron([5, 8, 7, 3], key=jax.random.PRNGKey(4), activation=osciprop.Tanh())
# The same for other numbers.
REPEAT = pytest.mark.slow
NETWORKS = pytest.mark.parametrize(
    "network",
    [pytest.param(RELU, id="relu"), pytest.param(TANH, id="tanh", marks=REPEAT)],
)


def settle(network, alpha, amplitude):
    dual = osciprop.dynamics.Dual(network, alpha, osciprop.dynamics.Proximal(amplitude))
    sweeps = osciprop.SequentialIteration(order=osciprop.equilibria.ZigZag())
    return dual, osciprop.relax(dual, X, Y, beta=amplitude, relaxation=sweeps).u


def loss(network):
    return network.cost(osciprop.relax(network, X).s, jnp.asarray(Y))


@NETWORKS
def test_divergence_is_positive_and_zero_only_where_activities_agree(network):
    drive = network.drive(jnp.asarray(X))
    free = osciprop.relax(network, X)
    current = network.current(free.s, drive)
    np.testing.assert_allclose(
        osciprop.analysis.divergence(network, free.u, current), 0.0, atol=1e-12
    )
    moved = tuple(leaf + RNG.normal(size=leaf.shape) for leaf in free.u)
    current = network.current(network.activity(moved), drive)
    assert (osciprop.analysis.divergence(network, moved, current) > 1e-3).all()


@NETWORKS
def test_optimistic_loss_pessimistic_stand_in_this_order(network):
    exact = loss(network)
    spreads = []
    for amplitude in (0.02, 0.05):
        _, first = settle(network, 1.0, amplitude)
        _, second = settle(network, 0.0, amplitude)
        above = tuple(leaf[:, 0] for leaf in first)
        below = tuple(leaf[:, 1] for leaf in second)
        optimistic = osciprop.analysis.optimistic_objective(network, X, Y, above, amplitude)
        pessimistic = osciprop.analysis.pessimistic_objective(network, X, Y, below, amplitude)
        assert (optimistic < exact).all()
        assert (exact < pessimistic).all()
        spreads.append(pessimistic - optimistic)
        average = osciprop.analysis.averaged_objective(network, X, Y, above, below, 1.0, amplitude)
        np.testing.assert_allclose(average, optimistic)
        average = osciprop.analysis.averaged_objective(network, X, Y, above, below, 0.0, amplitude)
        np.testing.assert_allclose(average, pessimistic)
    # The looser the price, the wider the bounds.
    assert (spreads[1] > 2 * spreads[0]).all()


@pytest.mark.filterwarnings("ignore::osciprop.GradientAccuracyWarning")
@pytest.mark.slow
@NETWORKS
@pytest.mark.parametrize(
    "alpha", [pytest.param(0.0, marks=REPEAT), 0.5, pytest.param(1.0, marks=REPEAT)]
)
def test_saddle_point_is_where_the_dyads_settle_and_its_slope_is_the_learning_rule(network, alpha):
    amplitude = 0.05
    dual, u = settle(network, alpha, amplitude)

    def objective(potentials):
        return jnp.sum(osciprop.analysis.saddle_objective(dual, X, Y, potentials, amplitude))

    slopes = jax.jit(jax.grad(objective))(u)
    assert max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(slopes)) < 1e-7

    def by_weights(tree):
        value = osciprop.analysis.saddle_objective(tree, X, Y, u, amplitude)
        return jnp.mean(value)

    rule = osciprop.DualPropagation(amplitude, alpha, nudge=osciprop.dynamics.Proximal(amplitude))
    learned = osciprop.estimate_gradient(network, X, Y, rule).gradient
    slope = eqx.filter_jit(jax.grad(by_weights))(dual).network
    for place in range(3):
        a, b = learned.synapses[place].weight, slope.synapses[place].weight
        assert relative_error(a, b) < 1e-6


@NETWORKS
def test_saddle_objective_at_the_ends_is_one_of_the_bounds(network):
    amplitude = 0.05
    for alpha, bound, place in (
        (1.0, osciprop.analysis.optimistic_objective, 0),
        (0.0, osciprop.analysis.pessimistic_objective, 1),
    ):
        dual, u = settle(network, alpha, amplitude)
        value = osciprop.analysis.saddle_objective(dual, X, Y, u, amplitude)
        states = tuple(leaf[:, place] for leaf in u)
        expected = bound(network, X, Y, states, amplitude)
        np.testing.assert_allclose(value, expected, atol=1e-8)


def test_amplitudes_and_networks_are_checked():
    u = osciprop.relax(RELU, X).u
    with pytest.raises(ValueError, match="amplitude must be"):
        osciprop.analysis.optimistic_objective(RELU, X, Y, u, -0.1)
    dual = osciprop.dynamics.Dual(osciprop.AssumedReciprocal(RELU))
    with pytest.raises(TypeError, match="the network inside is a AssumedReciprocal"):
        osciprop.analysis.saddle_objective(dual, X, Y, u, 0.1)
