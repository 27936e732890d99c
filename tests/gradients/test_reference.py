"""Reference gradients: against finite differences and each other; equations left unsolved."""

import equinox as eqx
import jax.numpy as jnp
import lineax
import numpy as np
import pytest
from helpers import Field, batch, relative_error, small_network

import osciprop

TIGHT = osciprop.AndersonIteration(tolerance=1e-13)


def test_implicit_equals_finite_differences():
    network, (x, y) = small_network(1), batch(5, 3, 4)
    gradient = osciprop.estimate_gradient(network, x, y, osciprop.Implicit(TIGHT)).gradient

    def loss(weight):
        moved = eqx.tree_at(lambda tree: tree.synapses[1].weight, network, weight)
        s = osciprop.relax(moved, x, relaxation=TIGHT, throw=False).s
        return float(jnp.mean(moved.cost(s, jnp.asarray(y))))

    weight = network.synapses[1].weight
    for index in [(0, 0), (3, 2), (6, 5)]:
        step = jnp.zeros_like(weight).at[index].set(1e-5)
        numeric = (loss(weight + step) - loss(weight - step)) / 2e-5
        assert numeric == pytest.approx(float(gradient.synapses[1].weight[index]), abs=1e-9)


@pytest.mark.slow
def test_any_iterative_solver_ends_at_the_same_adjoint():
    case = small_network(), *batch(5, 3, 3)
    expected = osciprop.estimate_gradient(*case, osciprop.Implicit())
    solver = lineax.GMRES(rtol=1e-11, atol=1e-11)
    found = osciprop.estimate_gradient(*case, osciprop.Implicit(linear_solver=solver))
    assert relative_error(found.error_signal, expected.error_signal) < 1e-8
    assert relative_error(found.gradient, expected.gradient) < 1e-8


@pytest.mark.slow
@pytest.mark.parametrize("units", [pytest.param(3, marks=pytest.mark.slow), 20])
def test_the_adjoint_of_networks_in_which_inhibition_dominates(units):
    random = np.random.default_rng(units)
    method = osciprop.Implicit(osciprop.Chained(osciprop.Flow(1e-2), osciprop.Newton()))
    tried = 0
    for _ in range(6):
        drawn, other = random.normal(size=(2, units, units)) / np.sqrt(2 * units)
        weight = 2.0 * (0.7 * (drawn + drawn.T) + 0.7 * (other - other.T)) - 4.0 * np.eye(units)
        bias, x = random.normal(size=units) / 2, random.normal(size=(4, units))
        y = np.full((4, units), 0.3)
        network = Field(jnp.asarray(weight), jnp.asarray(bias), jnp.ones(units))
        found = osciprop.estimate_gradient(network, x, y, method)
        for s, target, signal in zip(found.equilibrium.s, y, found.error_signal, strict=True):
            slope = 1 - np.asarray(s) ** 2
            jacobian = weight * slope
            tried += np.abs(np.linalg.eigvals(jacobian)).max() > 1
            adjoint = np.linalg.solve((np.eye(units) - jacobian).T, slope * (s - target))
            np.testing.assert_allclose(signal, -adjoint, atol=1e-8)
    assert tried == 24


@pytest.mark.slow
def test_only_a_small_singular_value_makes_a_network_critical():
    x, y = np.ones((2, 1)), np.zeros((2, 3))
    unreachable = osciprop.Implicit(osciprop.Newton(), tolerance=1e-30)
    for weight, message in ((0.5, "nothing says"), (0.999, "singular value is 0.00")):
        network = osciprop.Network(
            (osciprop.Population(osciprop.LeakyIntegrator(osciprop.Identity()), jnp.zeros(3)),),
            (
                osciprop.Directed(jnp.asarray([[1.0, 0.7, 0.1]]), osciprop.INPUT, 0),
                osciprop.Directed(jnp.full((3, 3), weight / 3), 0, 0),
            ),
            osciprop.SquaredError(),
        )
        with pytest.raises(osciprop.ConvergenceError, match=message):
            osciprop.estimate_gradient(network, x, y, unreachable)


def test_bad_settings_are_named():
    with pytest.raises(TypeError, match="linear_solver"):
        osciprop.Implicit(linear_solver=1e-8)
    for method in (osciprop.Implicit, osciprop.gradients.LinearResponse):
        with pytest.raises(ValueError, match="tolerance must be"):
            method(tolerance=0.0)
    with pytest.raises(ValueError, match="damping must be"):
        osciprop.RecurrentBackprop(damping=0.0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "method",
    [pytest.param(osciprop.Implicit, marks=pytest.mark.slow), osciprop.RecurrentBackprop],
)
def test_samples_whose_adjoint_is_not_solved_are_left_out(method):
    """And the estimate says so: near criticality they would have any size."""
    network = small_network(scale=2.0)
    x, y = batch(5, 3, 8)
    relaxation = osciprop.AndersonIteration(tolerance=1e-8, max_steps=12)
    estimate = osciprop.estimate_gradient(network, x, y, method(relaxation), throw=False)
    solved = np.asarray(estimate.diagnostics.solved)
    assert not estimate.converged and solved.any() and not solved.all()
    assert f"{np.count_nonzero(~solved)} of 8 samples not solved, left out" in str(estimate)
    alone = osciprop.estimate_gradient(
        network, x[solved], y[solved], method(relaxation), throw=False
    )
    assert relative_error(estimate.gradient, alone.gradient) < 1e-6


@pytest.mark.slow
def test_a_sample_that_is_nan_leaves_the_others_as_they_are():
    network = small_network()
    x, y = batch(5, 3, 3)
    start = tuple(leaf.at[1].set(jnp.nan) for leaf in network.rest(jnp.asarray(x)))
    estimate = osciprop.estimate_gradient(
        network, x, y, osciprop.Implicit(), initial=start, throw=False
    )
    np.testing.assert_array_equal(estimate.diagnostics.solved, [True, False, True])
    alone = osciprop.estimate_gradient(network, x[::2], y[::2], osciprop.Implicit())
    assert relative_error(estimate.gradient, alone.gradient) < 1e-8
