"""Networks of dyads as dynamics: what they promise, and where they come to rest."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import relative_error

import osciprop

RNG = np.random.default_rng(5)
X = RNG.uniform(size=(4, 6))
Y = RNG.integers(0, 3, 4)
RELU = osciprop.perceptron([6, 8, 7, 3], key=jax.random.PRNGKey(1))
TANH = osciprop.perceptron(
    [6, 8, 7, 3],
    key=jax.random.PRNGKey(2),
    activation=osciprop.Tanh(),
    cost=osciprop.CrossEntropy(),
    time_constant=[1.0, 2.0, 0.5],
)
LINEAR = osciprop.perceptron([6, 5, 3], key=jax.random.PRNGKey(0), activation=osciprop.Identity())
# The same for other numbers.
REPEAT = pytest.mark.slow
SWEEPS = osciprop.SequentialIteration(order=osciprop.equilibria.ZigZag())


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("kind", [osciprop.dynamics.Dual, osciprop.dynamics.AdjointDual])
def test_without_a_nudge_both_compartments_are_the_forward_pass(kind, alpha):
    inside = osciprop.relax(RELU, X).s
    dual = kind(RELU, alpha)
    found = osciprop.relax(dual, X, relaxation=SWEEPS).s
    for leaf, free in zip(found, inside, strict=True):
        np.testing.assert_allclose(leaf[:, 0], free, atol=1e-12)
        np.testing.assert_allclose(leaf[:, 1], free, atol=1e-12)


@pytest.mark.parametrize(
    "alpha", [pytest.param(alpha, marks=REPEAT) for alpha in (0.0, 0.25, 0.75, 1.0)] + [0.5]
)
@pytest.mark.parametrize("network", [pytest.param(RELU, marks=REPEAT), TANH], ids=["relu", "tanh"])
@pytest.mark.slow
def test_the_ode_settles_where_the_sweeps_do(network, alpha):
    """As dynamics of coupled compartments with time constants of their own, through Diffrax."""
    kinds = (
        [osciprop.dynamics.AdjointDual, osciprop.dynamics.Dual]
        if alpha >= 0.5
        else [osciprop.dynamics.AdjointDual]
    )
    for kind in kinds:
        dual = kind(network, alpha)
        layerwise = osciprop.relax(dual, X, Y, beta=0.3, relaxation=SWEEPS).s
        flow = osciprop.relax(dual, X, Y, beta=0.3, relaxation=osciprop.Flow()).s
        assert relative_error(flow, layerwise) < 1e-6
        assert max(float(abs(dual.difference(leaf)).max()) for leaf in layerwise) > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("alpha", [0.0, 0.5, pytest.param(1.0, marks=REPEAT)])
def test_small_dyads_are_those_of_dyadic_ep(alpha):
    """The mean of the pair is dyadic EP's mean, and the difference its adjoint, to order beta."""
    errors = []
    for beta in (1e-2, 1e-3):
        dual = osciprop.dynamics.AdjointDual(TANH, alpha)
        pair = osciprop.relax(dual, X, Y, beta=beta, relaxation=SWEEPS).s
        mean, difference = osciprop.relax(osciprop.dynamics.Dyad(TANH), X, Y, beta=beta).s
        assert relative_error(dual.mean(pair), mean) < beta**2
        errors.append(relative_error(dual.difference(pair), difference))
    assert errors[1] < (errors[0] / 50 if alpha == 0.5 else errors[0] / 5)


@pytest.mark.slow
def test_a_linear_network_has_dyadic_ep_exactly_at_any_amplitude():
    dual = osciprop.dynamics.AdjointDual(LINEAR, 0.2)
    pair = osciprop.relax(dual, X, Y, beta=5.0, relaxation=SWEEPS).s
    mean, difference = osciprop.relax(osciprop.dynamics.Dyad(LINEAR), X, Y, beta=5.0).s
    assert relative_error(dual.mean(pair), mean) < 1e-9
    assert relative_error(dual.difference(pair), difference) < 1e-9


@pytest.mark.slow
def test_recurrent_networks_have_their_adjoint_in_dyads_too():
    """Beyond layered networks, as dynamics: the difference is `beta J^-T dC/ds` to order beta^2."""
    network = osciprop.feedback_mlp([6, 5, 3, 3], key=jax.random.PRNGKey(3))
    adjoint = osciprop.estimate_gradient(network, X, Y, osciprop.Implicit()).error_signal
    pair = osciprop.relax(osciprop.dynamics.AdjointDual(network), X, Y, beta=1e-3).s
    found = jax.tree.map(
        lambda leaf: leaf / 1e-3, osciprop.dynamics.AdjointDual(network).difference(pair)
    )
    assert osciprop.analysis.alignment(found, adjoint).overall > 1 - 1e-6


def test_proximal_outputs_are_the_closed_form_of_the_squared_error():
    beta, alpha = 0.4, 0.3
    dual = osciprop.dynamics.Dual(RELU, alpha, osciprop.dynamics.Proximal(beta))
    s = osciprop.relax(dual, X, Y, beta=beta, relaxation=SWEEPS).s
    mean = dual.mean(s)
    a = RELU.current(mean, RELU.drive(jnp.asarray(X)))[-1]
    y = jax.nn.one_hot(Y, 3)
    plus = (a + alpha * beta * y) / (1 + alpha * beta)
    minus = (a - (1 - alpha) * beta * y) / (1 - (1 - alpha) * beta)
    np.testing.assert_allclose(s[-1][:, 0], plus, atol=1e-8)
    np.testing.assert_allclose(s[-1][:, 1], minus, atol=1e-8)


@pytest.mark.slow
def test_dyads_take_noise_like_any_network():
    """Noise of each compartment moves it about where the quiet dyads settle."""
    dual = osciprop.dynamics.AdjointDual(LINEAR)
    quiet = osciprop.relax(dual, X, Y, beta=0.2, relaxation=SWEEPS)
    trajectory = osciprop.integrate(
        dual,
        X,
        Y,
        osciprop.Constant(0.2),
        times=np.linspace(20.0, 220.0, 401),
        integrator=osciprop.euler_maruyama(0.1),
        noise=osciprop.WhiteNoise(0.02),
        key=jax.random.PRNGKey(0),
    )
    for leaf, still in zip(trajectory.u, quiet.u, strict=True):
        np.testing.assert_allclose(leaf.mean(axis=0), still, atol=0.02)
        assert leaf.std() > 1e-3


def test_alpha_may_differ_by_population_and_must_fit():
    dual = osciprop.dynamics.AdjointDual(RELU, [0.5, 0.5, 1.0])
    s = tuple(jnp.asarray(RNG.normal(size=(4, 2, units))) for units in (8, 7, 3))
    np.testing.assert_allclose(dual.mean(s)[0], s[0].mean(axis=1))
    np.testing.assert_allclose(dual.mean(s)[-1], s[-1][:, 0])
    with pytest.raises(ValueError, match="alpha has 2 entries for 3 populations"):
        osciprop.relax(osciprop.dynamics.Dual(RELU, [0.5, 1.0]), X)
    for bad in (-0.1, 1.5, [0.5, 2.0], np.nan):
        with pytest.raises(ValueError, match="alpha must lie in 0 ... 1"):
            osciprop.dynamics.Dual(RELU, bad)
    with pytest.raises(ValueError, match="amplitude must be"):
        osciprop.dynamics.Proximal(-1.0)
