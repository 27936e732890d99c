"""The always-on estimate against the closed-form transfer function, and its diagnostics."""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import batch, dense, flat, linear_network, potentials_as_vector, relative_error

import osciprop
from osciprop.dynamics.dynamics import cost_force, make_dynamics
from osciprop.gradients.oscillatory import OscillatoryEP

EXACT = osciprop.Integrator(stepsize_controller=osciprop.dynamics.adaptive(1e-11, 1e-12))


def tanh_network(seed: int = 3) -> osciprop.Network:
    return osciprop.hopfield_regressor(
        [3, 4, 3], key=jax.random.PRNGKey(seed), activation=osciprop.Tanh(), scale=0.8, bias=0.2
    )


def transfer_function(network, x, y, period: float):
    """Closed-form first harmonic of the potential over r: `-(i w tau + 1 - H' D)^-1 dC/ds`."""
    free = osciprop.relax(network, x, relaxation=osciprop.AndersonIteration(tolerance=1e-14))
    dynamics = make_dynamics(network, jnp.asarray(x))
    jacobian = dense(lambda u: dynamics.current(0.0, u), free.u)
    force = potentials_as_vector(cost_force(network, free.s, jnp.asarray(y)))
    size = len(force)
    omega = 2 * np.pi / period
    return -np.linalg.solve((1 + 1j * omega) * np.eye(size) - jacobian, force), free


def expected_gradient(network, x, y, period: float):
    """The gradient by that response: only the products s0 s1 reach the first harmonic."""
    response, free = transfer_function(network, x, y, period)
    leaves, structure = jax.tree.flatten(free.u)
    parts = np.split(response, np.cumsum([leaf.shape[1] for leaf in leaves])[:-1])
    tangent_u = jax.tree.unflatten(structure, [jnp.asarray(part)[None] for part in parts])
    u = jax.tree.map(lambda leaf: leaf.astype(complex), free.u)
    s, tangent = jax.jvp(network.activity, (u,), (tangent_u,))
    inputs, targets = jnp.asarray(x), jnp.asarray(y)

    @eqx.filter_grad
    def gradient(parameters):
        _, slope = jax.jvp(lambda state: parameters.phi(state, inputs), (s,), (tangent,))
        explicit = parameters.cost(free.s, targets)
        return jnp.mean(explicit - slope.real)

    return gradient(network)


LINEAR = (
    linear_network(units=4, inputs=3, norm=0.5),
    np.random.default_rng(1).normal(size=(1, 3)),
    np.random.default_rng(2).normal(size=(1, 4)),
)
TANH = (
    tanh_network(),
    np.random.default_rng(1).normal(size=(1, 3)),
    np.random.default_rng(2).normal(size=(1, 3)),
)


@pytest.mark.parametrize(
    "case", [LINEAR, pytest.param(TANH, marks=pytest.mark.slow)], ids=["linear", "tanh"]
)
@pytest.mark.filterwarnings("ignore::osciprop.GradientAccuracyWarning")
def test_equals_the_transfer_function(case):
    """Exact at any finite amplitude; the only bias is the lag's."""
    network, x, y = case
    for period in (8.0, 20.0, 60.0):
        expected = expected_gradient(network, x, y, period)
        for amplitude in (0.05, 0.2):
            # All settle for as many periods, 72 time constants at least: one program for all.
            method = OscillatoryEP(
                amplitude, period, settle_periods=9, samples=40, integrator=EXACT
            )
            estimate = osciprop.estimate_gradient(network, x, y, method)
            assert relative_error(estimate.gradient, expected) < 1e-6, (period, amplitude)


@pytest.mark.parametrize("case", [LINEAR, TANH], ids=["linear", "tanh"])
@pytest.mark.slow
def test_lag_bias_is_of_second_order(case):
    network, x, y = case
    reference = osciprop.estimate_gradient(network, x, y, osciprop.Implicit()).gradient
    periods = [100.0, 200.0, 400.0]
    estimates = [
        osciprop.estimate_gradient(
            network, x, y, OscillatoryEP(0.1, period, samples=24, integrator=EXACT)
        )
        for period in periods
    ]
    errors = [relative_error(estimate.gradient, reference) for estimate in estimates]
    slope = np.polyfit(-np.log(periods), np.log(errors), 1)[0]
    assert slope == pytest.approx(2.0, abs=0.1)
    # The lag meter itself is of first order, about omega tau.
    lags = [float(estimate.diagnostics.lag) for estimate in estimates]
    assert np.polyfit(-np.log(periods), np.log(lags), 1)[0] == pytest.approx(1.0, abs=0.05)


def test_mean_over_the_period_is_the_free_state():
    network, x, y = TANH
    free = osciprop.relax(network, x)
    method = OscillatoryEP(0.2, 40.0, settle_periods=2, samples=24, integrator=EXACT)
    estimate = osciprop.estimate_gradient(network, x, y, method)
    for ours, theirs in zip(estimate.equilibrium.s, free.s, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-8)
    assert float(estimate.loss) == pytest.approx(
        float(osciprop.estimate_gradient(network, x, y, osciprop.Implicit()).loss), abs=1e-8
    )


@pytest.mark.slow
def test_time_constants_change_the_lag_only():
    x, y = batch(5, 3, 3)
    build = lambda tau: osciprop.hopfield_mlp(  # noqa: E731
        [5, 6, 4, 3], key=jax.random.PRNGKey(0), time_constant=tau
    )
    fast = osciprop.estimate_gradient(build(1.0), x, y, OscillatoryEP(0.2, 400.0))
    mixed = osciprop.estimate_gradient(build((2.0, 0.5)), x, y, OscillatoryEP(0.2, 400.0))
    assert relative_error(mixed.gradient, fast.gradient) < 2e-3
    slow = osciprop.estimate_gradient(build(4.0), x, y, OscillatoryEP(0.2, 1600.0))
    assert float(slow.diagnostics.lag) == pytest.approx(float(fast.diagnostics.lag), rel=0.02)


@pytest.mark.filterwarnings("ignore::osciprop.GradientAccuracyWarning")
@pytest.mark.slow
def test_stream_of_periods_equals_the_estimate():
    network, x, y = TANH
    method = OscillatoryEP(0.2, 30.0, settle_periods=1, periods=3)
    whole = osciprop.estimate_gradient(network, x, y, method)
    inputs, targets = jnp.asarray(x), jnp.asarray(y)
    running = method.begin(network, inputs)
    for _ in range(4):
        running = method.advance(network, inputs, targets, running)
    streamed = method.conclude(network, inputs, targets, running)
    np.testing.assert_allclose(flat(streamed.gradient), flat(whole.gradient), rtol=1e-10)


@pytest.mark.slow
def test_leaky_lock_in_forgets_and_is_unbiased_from_the_start():
    network, x, y = TANH
    inputs, targets = jnp.asarray(x), jnp.asarray(y)
    reference = expected_gradient(network, x, y, 30.0)
    found = []
    for lock_in in (osciprop.gradients.Cumulative(), osciprop.gradients.Leaky(1.0)):
        method = OscillatoryEP(0.2, 30.0, settle_periods=0, lock_in=lock_in)
        running, gradients = method.begin(network, inputs), []
        for _ in range(6):
            running = method.advance(network, inputs, targets, running)
            gradients.append(jax.tree.map(lambda a, w=running.weight: a / w, running.gradient))
        found.append((gradients[0], relative_error(gradients[-1], reference)))
    (first, cumulative), (leaky_first, leaky) = found
    np.testing.assert_allclose(flat(leaky_first), flat(first), rtol=1e-12)
    # The transient of the first period keeps its weight in the cumulative mean only.
    assert leaky < 0.2 * cumulative


@pytest.mark.slow
def test_fixed_steps_of_any_solver():
    network, x, y = TANH
    reference = osciprop.estimate_gradient(network, x, y, osciprop.Implicit()).gradient
    for solver in (diffrax.Euler(), diffrax.Dopri5()):
        integrator = osciprop.Integrator(solver, diffrax.ConstantStepSize(), dt0=0.5)
        method = OscillatoryEP(0.2, 200.0, integrator=integrator)
        estimate = osciprop.estimate_gradient(network, x, y, method)
        assert relative_error(estimate.gradient, reference) < 5e-3


@pytest.mark.filterwarnings("ignore::osciprop.GradientAccuracyWarning")
@pytest.mark.slow
def test_ramp_excites_smaller_transients():
    network, x, y = TANH
    free = osciprop.relax(network, x).u
    step = OscillatoryEP(0.2, 20.0, settle_periods=1)
    ramp = OscillatoryEP(0.2, 20.0, settle_periods=1, ramp=20.0)
    closures = [
        float(osciprop.estimate_gradient(network, x, y, method, initial=free).diagnostics.closure)
        for method in (step, ramp)
    ]
    assert max(closures) < 0.05


@pytest.mark.filterwarnings("ignore::osciprop.GradientAccuracyWarning")
def test_short_period_warns_with_the_lag():
    network, x, y = TANH
    with pytest.warns(osciprop.GradientAccuracyWarning, match=r"period=6 is too short.*lag"):
        osciprop.estimate_gradient(network, x, y, OscillatoryEP(0.1, 6.0, settle_periods=8))


@pytest.mark.filterwarnings("ignore::osciprop.GradientAccuracyWarning")
def test_amplitude_beyond_the_singularity_warns(toy):
    with pytest.warns(osciprop.GradientAccuracyWarning, match="amplitude=0.8"):
        osciprop.estimate_gradient(*toy, OscillatoryEP(0.8, 2000.0))


def test_divergence_is_an_error():
    _network, _x, _y = TANH
    coarse = osciprop.Integrator(diffrax.Euler(), diffrax.ConstantStepSize(), dt0=1.0)
    bad = OscillatoryEP(40.0, 50.0, integrator=coarse)
    linear, inputs, targets = LINEAR
    with pytest.raises(osciprop.ConvergenceError, match="smaller amplitude"):
        osciprop.estimate_gradient(linear, inputs, targets, bad)
