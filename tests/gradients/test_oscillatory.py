"""The always-on estimate against the closed-form transfer function, and its diagnostics."""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import batch, dense, flat, potentials_as_vector, relative_error
from mistake_cases import PLAIN_ONLY
from oscillation_cases import EXACT, LINEAR, TANH
from signal_cases import DRIVEN, A, B, Still, merged, transfer, wave

import osciprop
from osciprop.dynamics.dynamics import cost_force, make_dynamics
from osciprop.gradients.oscillatory import OscillatoryEP


def linearised(network, x, y):
    """The free equilibrium, the Jacobian there, dense, and `dC/ds`."""
    free = osciprop.relax(network, x, relaxation=osciprop.AndersonIteration(tolerance=1e-14))
    dynamics = make_dynamics(network, jnp.asarray(x))
    jacobian = dense(lambda u: dynamics.current(0.0, u), free.u)
    return free, jacobian, potentials_as_vector(cost_force(network, free.s, jnp.asarray(y)))


@eqx.filter_jit
def gradient_by_response(network, x, y, free, response):
    """Only the products s0 s1 reach the first harmonic."""
    u = jax.tree.map(lambda leaf: leaf.astype(complex), free.u)
    s, tangent = jax.jvp(network.activity, (u,), (response,))

    @eqx.filter_grad
    def gradient(parameters):
        _, slope = jax.jvp(lambda state: parameters.phi(state, x), (s,), (tangent,))
        return jnp.mean(parameters.cost(free.s, y) - slope.real)

    return gradient(network)


def expected(network, x, y, period: float, at=None):
    """Closed-form first harmonic of the potential over r, `-(i w tau + 1 - H' D)^-1 dC/ds`, and the
    gradient by that response."""
    free, jacobian, force = linearised(network, x, y) if at is None else at
    omega = 2 * np.pi / period
    response = -np.linalg.solve((1 + 1j * omega) * np.eye(len(force)) - jacobian, force)
    leaves, structure = jax.tree.flatten(free.u)
    parts = np.split(response, np.cumsum([leaf.shape[1] for leaf in leaves])[:-1])
    tangent = jax.tree.unflatten(structure, [jnp.asarray(part)[None] for part in parts])
    return response, gradient_by_response(network, jnp.asarray(x), jnp.asarray(y), free, tangent)


def settled(amplitude: float, period: float) -> OscillatoryEP:
    """For as many periods whatever their length, 54 time constants at least: one program."""
    return OscillatoryEP(amplitude, period, settle_periods=9, samples=40, integrator=EXACT)


@pytest.mark.parametrize(
    "case", [LINEAR, pytest.param(TANH, marks=pytest.mark.slow)], ids=["linear", "tanh"]
)
@pytest.mark.filterwarnings("ignore::osciprop.GradientAccuracyWarning")
def test_equals_the_transfer_function(case):
    """Exact at any finite amplitude; the only bias is the lag's."""
    at = linearised(*case)
    for period, amplitude in ((8.0, 0.2), (20.0, 0.05), (20.0, 0.2), (60.0, 0.2)):
        _, gradient = expected(*case, period, at)
        estimate = osciprop.estimate_gradient(*case, settled(amplitude, period))
        assert relative_error(estimate.gradient, gradient) < 1e-6, (period, amplitude)


def test_short_period_warns_with_the_lag():
    """Which is that of the response; of activity and potential it is one in a linear network."""
    response, _ = expected(*LINEAR, 6.0)
    with pytest.warns(osciprop.GradientAccuracyWarning, match=r"period=6 is too short.*lag"):
        estimate = osciprop.estimate_gradient(*LINEAR, settled(0.2, 6.0))
    lag = np.linalg.norm(response.imag) / np.linalg.norm(response.real)
    assert float(estimate.diagnostics.lag) == pytest.approx(lag, rel=1e-6)


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


@pytest.mark.slow
def test_mean_over_the_period_is_the_free_state():
    network, x, y = TANH
    free = osciprop.relax(network, x)
    method = OscillatoryEP(0.2, 40.0, settle_periods=2, samples=24, integrator=EXACT)
    estimate = osciprop.estimate_gradient(network, x, y, method)
    for ours, theirs in zip(estimate.equilibrium.s, free.s, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-8)
    assert float(estimate.loss) == pytest.approx(
        float(network.cost(free.s, jnp.asarray(y))[0]), abs=1e-8
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
    _, reference = expected(network, x, y, 30.0)
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


TARGET = 0.3
EXACT_GRADIENT = {0.1: [0.1698533492, 0.3675500947, 0.1502162329]}


def phasors(frequency: float, target: complex) -> tuple[np.ndarray, complex]:
    """Of the linear network's units under the wave, and of its error."""
    units = transfer(frequency) @ B * A
    return units, units[1] - target


def by_sidebands(frequency: float, omega: float, target: complex) -> np.ndarray:
    """The always-on gradient by the coupling: what of the error comes back at `omega +- frequency`.

    At `omega` 0 the quasi-static one."""
    units, error = phasors(frequency, target)
    above = transfer(omega + frequency)[:, 1] * error
    below = transfer(omega - frequency)[:, 1] * np.conj(error)
    return (np.outer(above, units.conj()) + np.outer(below, units)).real / 4


def test_the_sidebands_are_those_of_the_notes():
    """The true gradient of the driven network, and how far off a static network's is."""
    units, error = phasors(0.1, TARGET)
    back = transfer(0.1)[:, 1] * np.conj(error)
    exact = merged(np.outer(back, units).real / 2)
    np.testing.assert_allclose(exact, EXACT_GRADIENT[0.1], atol=1e-9)
    static = merged(by_sidebands(0.1, 0.0, TARGET))
    off = np.linalg.norm(static - exact) / np.linalg.norm(exact)
    assert off == pytest.approx(0.0598, abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    "target",
    [TARGET, pytest.param(TARGET - 0.2j, marks=pytest.mark.slow)],
    ids=["in phase", "quadrature"],
)
def test_an_input_that_moves_makes_sidebands(target):
    """Over whole cycles of the input, at any amplitude: the products of activities are exact."""
    omega, cycle = 2 * np.pi / 20.0, 5
    x, y = (wave([[phasor]], omega / cycle) for phasor in (A, target))
    method = OscillatoryEP(
        0.3, 20.0, settle_periods=cycle, periods=cycle, samples=12, integrator=EXACT
    )
    estimate = osciprop.estimate_gradient(DRIVEN, x, y, method)
    expected = merged(by_sidebands(omega / cycle, omega, target))
    np.testing.assert_allclose(merged(estimate.gradient.coupling), expected, atol=1e-7)
    assert estimate.accuracy is None and estimate.diagnostics.concerns() == []


@pytest.mark.parametrize(
    "rule",
    [
        osciprop.ErrorSignals(),
        osciprop.gradients.ActivityProducts(),
    ],
    ids=lambda rule: type(rule).__name__,
)
@pytest.mark.filterwarnings("ignore::osciprop.GradientAccuracyWarning")
@pytest.mark.slow
def test_signals_that_stand_still_give_the_clamped_estimate(rule):
    network, x, y = TANH
    method = OscillatoryEP(0.1, 20.0, settle_periods=3, samples=12, rule=rule, integrator=EXACT)
    still = osciprop.estimate_gradient(network, x, y, method)
    moving = osciprop.estimate_gradient(
        network, Still(jnp.asarray(x)), Still(jnp.asarray(y)), method
    )
    assert relative_error(moving.gradient, still.gradient) < 1e-7
    np.testing.assert_allclose(moving.outputs, still.outputs, rtol=1e-7)
    assert float(moving.loss) == pytest.approx(float(still.loss), rel=1e-7)
    assert still.accuracy is not None and moving.accuracy is None


@pytest.mark.slow
def test_loss_and_outputs_are_those_of_the_mean_input():
    """Of the last period, whose mean potential follows the mean input in a linear network."""
    period, frequency = 30.0, 0.01
    method = OscillatoryEP(
        0.1, period, settle_periods=2, rule=osciprop.ErrorSignals(), samples=30, integrator=EXACT
    )
    estimate = osciprop.estimate_gradient(
        DRIVEN, wave([[A]], frequency), wave([[TARGET]], frequency), method
    )
    at = np.exp(1j * frequency * (2 * period + np.arange(30) + 0.5))
    units, _ = phasors(frequency, TARGET)
    outputs = np.mean((units[1] * at).real)
    assert float(estimate.outputs[0, 0]) == pytest.approx(outputs, abs=2e-3)
    loss = (outputs - np.mean(TARGET * at.real)) ** 2 / 2
    assert float(estimate.loss) == pytest.approx(loss, abs=2e-3)
    # Parameters of the input's own synapses learn from the mean input.
    slope = float(estimate.gradient.inputs[0, 1])
    error = float(estimate.error_signal[0, 1])
    assert slope == pytest.approx(-np.mean(A * at.real) * error, rel=1e-9)


@pytest.mark.slow
def test_a_stream_of_periods_sees_the_time_go_on():
    method = OscillatoryEP(0.2, 20.0, periods=2, samples=8, ramp=20.0)
    x, y = wave([[A]], 0.05), wave([[TARGET]], 0.05)
    whole = osciprop.estimate_gradient(DRIVEN, x, y, method)
    running = method.begin(DRIVEN, x)
    for _ in range(3):
        running = method.advance(DRIVEN, x, y, running)
    streamed = method.conclude(DRIVEN, x, y, running)
    np.testing.assert_allclose(flat(streamed.gradient), flat(whole.gradient), rtol=1e-9)


@PLAIN_ONLY
def test_methods_for_what_stands_still_refuse_signals():
    x = wave([[A]], 0.05)
    with pytest.raises(TypeError, match=r"x is a signal \(Wave\).*OscillatoryEP"):
        osciprop.estimate_gradient(DRIVEN, x, np.zeros((1, 1)), osciprop.Implicit())
