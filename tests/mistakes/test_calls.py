"""Mistakes in calls of verbs: what is given for a network, a method, a state or a time."""

import jax.numpy as jnp
import numpy as np
import pytest
from mistake_cases import PLAIN_ONLY, answered, row, surroundings, table

import osciprop

pytestmark = PLAIN_ONLY


@pytest.fixture(scope="module")
def names():
    found = surroundings()
    network, x = found["network"], found["x"]
    return found | {
        "u": tuple(np.asarray(leaf) for leaf in network.rest(jnp.asarray(x))),
        "noise": osciprop.WhiteNoise(1e-3),
        "steps": osciprop.euler_maruyama(0.1),
        "turning": osciprop.Oscillation(0.1, 50.0),
        "hard": osciprop.hopfield_mlp([4, 6, 3], key=found["key"], activation=osciprop.ReLU()),
        "moving": osciprop.networks.FunctionOfTime(lambda time: jnp.cos(time) * jnp.asarray(x)),
        "labels": osciprop.networks.FunctionOfTime(lambda time: jnp.asarray(found["y"])),
        "narrow": osciprop.networks.FunctionOfTime(lambda time: jnp.zeros((10, 3))),
        "plain": osciprop.networks.FunctionOfTime(lambda time: np.ones((10, 4)) * float(time)),
    }


GRADIENT = "osciprop.estimate_gradient(network, x, y, "


@table(
    row("osciprop.relax(network, x, beta=0.1)", ValueError, "beta is 0.1, but y is not given"),
    row("osciprop.relax(network, x, y)", ValueError, "y is given, but beta is not", "beta=0.1"),
    row("osciprop.relax(network, x, y, beta=[0.1, 0.2])", ValueError, "(2,)", "10 samples"),
    row("osciprop.relax(network, x, y, beta='0.1')", ValueError, "beta", "'0.1'"),
    row("osciprop.relax(network, x, y, beta=np.nan)", ValueError, "beta", "nan"),
    row("osciprop.relax(network, x, y, beta=True)", ValueError, "beta", "True"),
    row("osciprop.relax(network, x, y, beta=osciprop.Constant(0.1))", ValueError, "beta", "Const"),
    row("osciprop.relax(x, network)", TypeError, "network is an array of shape (10, 4)", "Network"),
    row("osciprop.relax(osciprop.Network, x)", TypeError, "network is the class Network"),
    row("osciprop.relax(network, x, relaxation=osciprop.Newton)", TypeError, "Newton()"),
    row("osciprop.relax(network, x, relaxation='newton')", TypeError, "relaxation is 'newton'"),
    row("osciprop.relax(network, x, relaxation=osciprop.Implicit())", TypeError, "relaxation is"),
    row("osciprop.relax(network, x, relaxation=1e-6)", TypeError, "relaxation is 1e-06"),
    row("osciprop.relax(network, x, initial=u[:1])", ValueError, "initial is", "f64[10,6]"),
    row("osciprop.relax(network, x[:5], initial=u)", ValueError, "initial is", "5 samples"),
    row("osciprop.relax(network, x, initial=list(u))", ValueError, "initial is", "rest(x)"),
    row("osciprop.relax(network, x, initial='rest')", ValueError, "initial is", "rest(x)"),
    row("osciprop.relax(network, x, initial=0.0)", ValueError, "initial is", "rest(x)"),
    row("osciprop.relax(hard, x, y, beta=0.1j)", osciprop.HolomorphyError, "Tanh", "CentredEP"),
    row("osciprop.equilibria.stability(network, x, u[0])", ValueError, "u is", "rest(x)"),
    row("osciprop.equilibria.stability(network, x, u, y)", ValueError, "beta is not", "free"),
    row("osciprop.equilibria.stability(network, x, u, tolerance=0)", ValueError, "tolerance"),
    row("osciprop.equilibria.settled_orbit(network, x, y, 0.1)", TypeError, "teaching is 0.1"),
    row(
        "osciprop.equilibria.settled_orbit(network, x, y, osciprop.Constant(0.1))",
        TypeError,
        "teaching is Constant",
        "osciprop.Oscillation(...)",
    ),
    row(
        "osciprop.equilibria.settled_orbit(network, x, y, turning, solver=osciprop.Newton())",
        TypeError,
        "solver is Newton",
        "HarmonicBalance()",
    ),
    row("osciprop.equilibria.jacobian_symmetry(network, x, relaxation='flow')", TypeError, "relax"),
    row("osciprop.equilibria.elsewhere(network, x, u)", TypeError, "solution is", "Solution"),
    row("osciprop.relax(network, moving)", TypeError, "x is a signal (Fun", "osciprop.integrate"),
    row("osciprop.evaluate(network, moving, y)", ValueError, "x_test is a Fun", "value at a time"),
)
def test_equilibria(call, error, words, names):
    answered(call, error, words, names)


@table(
    row("osciprop.integrate(network, x, times=3.0)", ValueError, "times has shape ()"),
    row("osciprop.integrate(network, x, times=[0.0])", ValueError, "times has shape (1,)"),
    row("osciprop.integrate(network, x, times=[1.0, 0.0])", ValueError, "times does not increase"),
    row("osciprop.integrate(network, x, times='0 1')", ValueError, "times is '0 1'"),
    row("osciprop.integrate(network, x, times=[0.0, np.nan])", ValueError, "times holds 1 NaN"),
    row("osciprop.integrate(network, x, y, 0.1, times=[0, 1])", TypeError, "teaching is 0.1"),
    row(
        "osciprop.integrate(network, x, y, osciprop.Oscillation, times=[0, 1])",
        TypeError,
        "teaching is the class Oscillation",
    ),
    row("osciprop.integrate(network, x, None, turning, times=[0, 1])", ValueError, "y is None"),
    row(
        "osciprop.integrate(network, x, y, osciprop.Constant([1.0, 2.0]), times=[0, 1])",
        ValueError,
        "beta has shape (2,)",
        "10 samples",
    ),
    row("osciprop.integrate(hard, x, y, turning, times=[0, 1])", osciprop.HolomorphyError, "Tanh"),
    row("osciprop.integrate(network, x, times=[0, 1], integrator=0.1)", TypeError, "integrator is"),
    row(
        "osciprop.integrate(network, x, times=[0, 1], integrator=diffrax.Heun())",
        TypeError,
        "integrator is Heun",
        "Integrator(",
    ),
    row("osciprop.integrate(network, x, times=[0, 1], noise=1e-3)", TypeError, "noise is 0.001"),
    row(
        "osciprop.integrate(network, x, times=[0, 1], noise=noise, integrator=steps)",
        ValueError,
        "key is None",
        "jax.random.key(0)",
    ),
    row(
        "osciprop.integrate(network, x, times=[0, 1], noise=noise, integrator=steps, key=0)",
        TypeError,
        "key is 0",
        "jax.random.key(0)",
    ),
    row(
        "osciprop.integrate(network, x, times=[0, 1], noise=noise, key=key)",
        ValueError,
        "Tsit5",
        "Euler",
    ),
    row("osciprop.integrate(network, x, times=[0, 1], initial=u[0])", ValueError, "initial is"),
    row(
        "osciprop.integrate(network, x, times=[0, 1], initial=('a', 'b'))", ValueError, "initial is"
    ),
    row("osciprop.integrate(network.rest, x, times=[0, 1])", TypeError, "network is"),
    row("osciprop.integrate(network, narrow, times=[0, 1])", ValueError, "(10, 3)", "(batch, 4)"),
    row("osciprop.integrate(network, plain, times=[0, 1])", TypeError, "x is a signal", "jax.nump"),
    row(
        "osciprop.integrate(network, moving, labels, turning, times=[0, 1])",
        ValueError,
        "y is a signal",
        "one_hot",
    ),
    row("osciprop.networks.FunctionOfTime(3)", TypeError, "function is 3", "function(time)"),
    row("osciprop.networks.Interpolated(x)", TypeError, "path is an array", "AbstractPath"),
)
def test_integration(call, error, words, names):
    answered(call, error, words, names)


@table(
    row(GRADIENT + "'ep')", TypeError, "method is 'ep'", "osciprop."),
    row(
        GRADIENT + "osciprop.HolomorphicEP)", TypeError, "the class HolomorphicEP", "HolomorphicEP("
    ),
    row(GRADIENT + "osciprop.Newton())", TypeError, "method is Newton"),
    row(GRADIENT + "0.1)", TypeError, "method is 0.1"),
    row(GRADIENT + "osciprop.Implicit(), initial=u[0])", ValueError, "initial is", "rest(x)"),
    row(GRADIENT + "osciprop.Implicit(), initial=x)", ValueError, "initial is", "rest(x)"),
    row(GRADIENT + "osciprop.Implicit(), key=0)", TypeError, "key is 0", "jax.random.key(0)"),
    row(
        GRADIENT + "osciprop.gradients.NoisyClassicEP(0.1, noise))",
        ValueError,
        "key is None",
    ),
    row(
        "osciprop.estimate_gradient(network, x, None, osciprop.Implicit())", ValueError, "y is None"
    ),
    row(
        "osciprop.estimate_gradient('net', x, y, osciprop.Implicit())",
        TypeError,
        "network is 'net'",
    ),
    row("osciprop.estimate_gradient(hard, x, y, osciprop.HolomorphicEP())", ValueError, "Tanh"),
    row(
        "osciprop.estimate_gradient(layers, x, y, osciprop.ClassicEP())",
        osciprop.ReciprocityError,
        "synapses[1]",
        "DyadicEP",
    ),
    row("osciprop.gradients.input_gradient(network, x, y, 'implicit')", TypeError, "method is"),
    row(
        "osciprop.estimate_gradient(network, moving, y, osciprop.HolomorphicEP())",
        TypeError,
        "x is a signal (FunctionOfTime)",
        "osciprop.OscillatoryEP",
    ),
    row(
        "osciprop.estimate_gradient(network, x, labels, osciprop.OscillatoryEP())",
        ValueError,
        "y is a signal",
        "one_hot",
    ),
    row(
        "osciprop.gradients.input_gradient(network, x, y, osciprop.BPTT(90), throw=False)",
        ValueError,
        "BPTT",
        "Implicit()",
    ),
    row("osciprop.check_holomorphic(network, x, y, points=2)", ValueError, "points", "2"),
    row("osciprop.check_holomorphic(network, x, y, radii=(0.0,))", ValueError, "radii", "0.0"),
    row("osciprop.check_holomorphic(x, x, y)", TypeError, "network is"),
    row("osciprop.check_holomorphic(network, x, None)", ValueError, "y is None"),
    row(
        "osciprop.analysis.gradient_noise(network, x, y, osciprop.Implicit())", TypeError, "method"
    ),
    row(
        "osciprop.analysis.gradient_noise(network, x, y, osciprop.OscillatoryEP())",
        ValueError,
        "neither noise",
    ),
    row("osciprop.analysis.linear_fluctuations(network, x, 1e-3)", TypeError, "noise is 0.001"),
    row(
        "osciprop.analysis.local_lipschitz(network, x, relaxation='flow')", TypeError, "relaxation"
    ),
    row("osciprop.analysis.power_iteration(np.eye(2), key=0)", TypeError, "key is 0"),
    row("osciprop.analysis.layer_norms('net')", TypeError, "net"),
    row(
        "osciprop.analysis.stability_map(network, x, y, 0.1, [0.5], [0.1])", TypeError, "method is"
    ),
    row(
        "osciprop.analysis.stability_map(network, x, y, lambda a, b: None, [], [0.1])",
        ValueError,
        "alphas is []",
    ),
    row(
        "osciprop.analysis.optimal_amplitude(1.0, 16.0, 0.1, largest=2.0)", TypeError, "bias is 0.1"
    ),
    row("osciprop.analysis.optimal_amplitude('1', 16.0, abs, largest=2.0)", ValueError, "strength"),
    row("osciprop.analysis.choose_contour(network, x, y, 'ep', key=key)", TypeError, "method is"),
    row(
        "osciprop.analysis.gradient_series(network, x, y, amplitude='0.1')", ValueError, "amplitude"
    ),
    row(
        "osciprop.analysis.gradient_series(network, x, y, amplitude=0.1, relaxation='newton')",
        TypeError,
        "relaxation is 'newton'",
    ),
    row(
        "osciprop.analysis.activity_spectrum(network, x, y, amplitude=0.1, points=2)",
        ValueError,
        "points",
    ),
    row(
        "osciprop.analysis.optimistic_objective(layers, x, y, u[0], 0.1)",
        ValueError,
        "u is",
        "rest",
    ),
    row("osciprop.analysis.optimistic_objective(layers, x, y, u, 0.0)", ValueError, "amplitude"),
    row("osciprop.analysis.saddle_objective(layers, x, y, u, 0.1)", TypeError, "dual is Network"),
    row("osciprop.cosine(network, layers)", ValueError, "differ in structure"),
)
def test_gradients_and_what_is_said_of_them(call, error, words, names):
    answered(call, error, words, names)
