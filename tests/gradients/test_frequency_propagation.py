"""Frequency propagation: circuits in closed form, orders of the bias, lag, refusals."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from energy_cases import (
    DAMPED,
    DIODES,
    circuit,
    gradients,
    limits,
    off,
    population,
    slope,
)
from helpers import three_blocks

import osciprop
from osciprop.gradients import (
    FrequencyPropagation,
    FrozenError,
    LiveError,
    Periodic,
    QuasiStatic,
)

INVERSE = 1 / 1.3658935161
"""Response of the circuit's output to a current there."""
LINEAR = [
    *(-0.0794103861, 0.0766858854, -0.0852207897, 0.0431426416, -0.0245268674),
    *(0.0313314527, 0.0043034548, 0.0226314949, 0.0181497836, -0.0049936451),
]
DIODE = [
    *(-0.0703905414, 0.0651597561, -0.0752980526, 0.0381409308, -0.0235285526),
    *(0.0298921093, 0.0031946687, 0.0196940758, 0.0143283945, -0.0043986880),
    0.0619536802,
]


@eqx.filter_jit
def found(case, method):
    return osciprop.estimate_gradient(*case, method, throw=False)


def of_circuit(method, diodes=()) -> np.ndarray:
    energy = found(circuit(diodes), method).gradient.function
    shown = [np.asarray(energy.conductance)] + [np.asarray(energy.saturation)[None]] * bool(diodes)
    return np.concatenate(shown)


def quasi_static(amplitude, error_current, points=64):
    return FrequencyPropagation(
        amplitude,
        error_current=error_current,
        oscillation=QuasiStatic(points),
        relaxation=DAMPED,
    )


def test_frozen_error_is_exact_in_a_linear_circuit_at_any_amplitude():
    for amplitude in (0.1, 1.0, 100.0):
        estimate = found(circuit(), quasi_static(amplitude, FrozenError(), 4))
        gradient = estimate.gradient.function.conductance
        np.testing.assert_allclose(gradient, LINEAR, atol=1e-10)
    response = [0.0975601697, 0.0802271446, 0.3131499862]
    np.testing.assert_allclose(estimate.error_signal[0], response, atol=1e-10)
    np.testing.assert_allclose(estimate.equilibrium.s[0, 2], 0.0722704643, atol=1e-10)


def test_live_error_in_a_linear_circuit():
    """Output error and response by the two factors of a cosine in a denominator."""
    estimate = found(circuit(), quasi_static(0.4, LiveError()))
    xi = 0.4 * INVERSE
    root = 1 / np.sqrt(1 - xi**2)
    factor = 2 / xi**2 * (root - 1)
    assert (root, factor) == pytest.approx((1.0458513518, 1.0692908350), abs=1e-10)
    response = np.asarray([0.0975601697, 0.0802271446, 0.3131499862])
    np.testing.assert_allclose(estimate.error_signal[0], factor * response, atol=1e-9)
    gradient = np.asarray(estimate.gradient.function.conductance)
    assert off(gradient, np.asarray(LINEAR)) == pytest.approx(0.081, abs=5e-4)


@pytest.mark.parametrize(
    ("error_current", "errors"),
    [
        (FrozenError(), {0.1: 2.2e-5, 0.4: 3.5e-4, 1.0: 2.2e-3}),
        pytest.param(LiveError(), {0.1: 4.7e-3, 0.4: 8.1e-2, 1.0: 1.04}, marks=pytest.mark.slow),
    ],
)
def test_errors_in_a_circuit_with_diodes(error_current, errors):
    for amplitude, error in errors.items():
        gradient = of_circuit(quasi_static(amplitude, error_current), DIODES)
        exact = np.asarray(DIODE)
        assert off(gradient[:10], exact[:10]) == pytest.approx(error, rel=2e-2)  # conductances
        if isinstance(error_current, FrozenError):
            # That of the diodes, an exponential of the mean, is twice as far off.
            assert 1.8 < off(gradient, exact) / error < 2.1


@pytest.mark.slow
@pytest.mark.parametrize("diodes", [(), DIODES])
def test_a_rotating_nudge_has_no_bias_of_the_amplitude(diodes):
    exact = np.asarray(DIODE if diodes else LINEAR)
    for amplitude in (0.1, 0.4):
        gradient = of_circuit(osciprop.HolomorphicEP(amplitude, 64, DAMPED), diodes)
        assert off(gradient, exact) < 1e-8


CAPACITANCE = np.asarray([[1.0, -0.2, 0.0], [-0.2, 1.5, -0.3], [0.0, -0.3, 0.8]])


@pytest.mark.slow
def test_capacitors_bias_the_component_in_phase_by_the_square_of_the_frequency():
    case = circuit(capacitance=CAPACITANCE)
    flow, x, _ = case
    hessian = np.asarray(
        jax.hessian(lambda u: flow.energy(u[None], jnp.asarray(x))[0])(jnp.zeros(3))
    )
    precise = osciprop.Integrator(
        stepsize_controller=osciprop.dynamics.adaptive(1e-11, 1e-11), max_steps=100_000
    )
    omegas, errors = np.asarray([0.05, 0.1, 0.2]), []
    for omega in omegas:
        oscillation = Periodic(
            2 * np.pi / omega, settle_periods=max(1, round(10 * omega)), integrator=precise
        )
        method = FrequencyPropagation(0.3, oscillation=oscillation, relaxation=DAMPED)
        estimate = found(case, method)
        slope_of_cost = np.asarray([0.0, 0.0, 0.0722704643 - 0.5])
        expected = -np.linalg.solve(1j * omega * CAPACITANCE + hessian, slope_of_cost)
        np.testing.assert_allclose(estimate.error_signal[0], expected.real, atol=1e-8)
        lag = np.linalg.norm(expected.imag) / np.linalg.norm(expected.real)
        assert float(estimate.diagnostics.lag) == pytest.approx(lag, rel=1e-6)
        assert float(estimate.diagnostics.closure) < 1e-6
        errors.append(off(np.asarray(estimate.gradient.function.conductance), np.asarray(LINEAR)))
    assert slope(omegas, errors) == pytest.approx(2, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("error_current", [FrozenError(), LiveError()])
def test_order_of_the_bias_over_a_population(error_current):
    networks, targets = population(40)
    each = [jax.tree.map(lambda leaf, at=k: leaf[at], networks) for k in range(40)]
    exact = np.asarray([limits(*pair)[0] for pair in zip(each, targets, strict=True)])
    amplitudes = [0.05, 0.1, 0.2]
    errors = [
        off(gradients(networks, targets, quasi_static(r, error_current, 32)), exact)
        for r in amplitudes
    ]
    orders = slope(amplitudes, errors)
    assert np.median(orders) == pytest.approx(2, abs=0.1)
    assert np.mean(np.abs(orders - 2) < 0.5) > 0.9


@pytest.mark.slow
def test_what_it_warns_of():
    case = circuit(capacitance=CAPACITANCE)
    fast = Periodic(3.0, settle_periods=0, samples=8)
    method = FrequencyPropagation(0.3, oscillation=fast, relaxation=DAMPED)
    diagnostics = found(case, method).diagnostics
    lagging, unsettled = diagnostics.concerns()
    assert "period is too short" in lagging and "more settle_periods" in unsettled
    assert "lag" in diagnostics.summary() and diagnostics.failure() == ""
    lost = eqx.tree_at(lambda told: told.solved, diagnostics, jnp.asarray(False))
    assert not bool(lost.converged) and "amplitude 0.3 was not found" in lost.failure()


def test_refusals_by_name():
    with pytest.raises(osciprop.ReciprocityError, match="Network has no energy"):
        osciprop.estimate_gradient(
            three_blocks(), np.ones((1, 4)), np.ones((1, 4)), FrequencyPropagation()
        )
    with pytest.raises(ValueError, match="amplitude must be a finite number above 0"):
        FrequencyPropagation(0.0)
    with pytest.raises(ValueError, match="points"):
        QuasiStatic(3)
    for setting in ({"period": 0.0}, {"settle_periods": -1}, {"samples": 3}):
        with pytest.raises(ValueError, match=next(iter(setting))):
            Periodic(**setting)
    with pytest.raises(TypeError, match="error_current"):
        FrequencyPropagation(error_current=0.1)
