"""The lag-corrected estimate: its order, its diagnostics, its noise, one compilation per sweep."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import flat, linear_network, relative_error
from oscillation_cases import EXACT, LINEAR, TANH

import osciprop
from osciprop.gradients.around.lag import LagCorrected
from osciprop.gradients.oscillatory import OscillatoryEP

PERIODS = [80.0, 120.0, 180.0]


def always_on(period, **options) -> OscillatoryEP:
    return OscillatoryEP(0.1, period, samples=24, integrator=EXACT, **options)


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    [pytest.param(LINEAR, id="linear"), pytest.param(TANH, id="tanh", marks=pytest.mark.slow)],
)
def test_error_falls_with_the_fourth_power_of_the_period(case):
    network, x, y = case
    reference = osciprop.estimate_gradient(network, x, y, osciprop.Implicit()).gradient
    errors = [
        relative_error(
            osciprop.estimate_gradient(network, x, y, LagCorrected(always_on(period))).gradient,
            reference,
        )
        for period in PERIODS
    ]
    assert min(errors) > 1e-9  # well above what the integration leaves
    slope = np.polyfit(-np.log(PERIODS), np.log(errors), 1)[0]
    assert slope == pytest.approx(4.0, abs=0.2)


@pytest.mark.slow
def test_is_the_extrapolation_of_the_two_periods():
    network, x, y = TANH
    corrected = osciprop.estimate_gradient(network, x, y, LagCorrected(always_on(100.0)))
    short, long = (
        flat(osciprop.estimate_gradient(network, x, y, always_on(period)).gradient)
        for period in (100.0, 200.0)
    )
    np.testing.assert_allclose(flat(corrected.gradient), (4 * long - short) / 3, rtol=1e-7)
    step = np.linalg.norm(long - short) / 3 / np.linalg.norm(flat(corrected.gradient))
    assert float(corrected.diagnostics.correction) == pytest.approx(step, rel=1e-5)
    assert float(corrected.diagnostics.long.period) == 200.0


@pytest.mark.filterwarnings("ignore::osciprop.GradientAccuracyWarning")
@pytest.mark.slow
def test_beta_does_not_jump_between_the_periods():
    """A ramp ends once: begun anew for the longer period, it left an error of 1.6e-3 here."""
    network, x, y = TANH
    method = OscillatoryEP(0.1, 6.0, settle_periods=1, ramp=6.0, integrator=EXACT)
    _, longer = eqx.filter_jit(OscillatoryEP.at_two_periods)(
        method, network, jnp.asarray(x), jnp.asarray(y), None, None
    )
    settled = osciprop.SettledOscillation(0.1, 12.0, solver=osciprop.equilibria.HarmonicBalance(16))
    expected = osciprop.estimate_gradient(network, x, y, settled).gradient
    assert relative_error(longer.gradient, expected) < 2e-4
    with pytest.raises(ValueError, match=r"ramp=6 is longer than the 0 settle_periods of 6"):
        OscillatoryEP(0.1, 6.0, settle_periods=0, ramp=6.0)


@pytest.mark.slow
def test_coloured_noise_goes_on_from_one_period_to_the_next():
    """Noise that hardly changes within both runs shifts the means of both alike."""
    network, x, y = LINEAR
    many = [jnp.asarray(np.repeat(part, 200, axis=0)) for part in (x, y)]
    method = OscillatoryEP(
        0.1,
        10.0,
        settle_periods=1,
        noise=osciprop.ColouredNoise(0.1, correlation_time=3000.0),
        integrator=osciprop.euler_maruyama(0.1),
    )
    runs = eqx.filter_jit(OscillatoryEP.at_two_periods)(
        method, network, *many, None, jax.random.key(0)
    )
    shorter, longer = (np.asarray(jax.tree.leaves(run.equilibrium.s)[0]) for run in runs)
    for unit in range(shorter.shape[1]):
        assert np.corrcoef(shorter[:, unit], longer[:, unit])[0, 1] > 0.95


@pytest.mark.slow
def test_one_trace_per_sweep_of_periods():
    network, x, y = (jnp.asarray(part) if isinstance(part, np.ndarray) else part for part in TANH)

    @eqx.filter_jit
    @eqx.debug.assert_max_traces(max_traces=1)
    def gradient(method):
        return method.estimate(network, x, y, None).gradient

    for period in PERIODS:
        gradient(LagCorrected(always_on(period)))


@pytest.mark.slow
def test_short_periods_pass_if_the_correction_is_enough_and_warn_if_not():
    network, x, y = TANH
    reference = osciprop.estimate_gradient(network, x, y, osciprop.Implicit()).gradient
    # Plain, this period has a lag of more than 0.3 and warns.
    options = {"settle_periods": 4}
    plain, short = always_on(14.0, **options), LagCorrected(always_on(14.0, **options))
    with pytest.warns(osciprop.GradientAccuracyWarning, match="period=14 is too short"):
        before = osciprop.estimate_gradient(network, x, y, plain)
    after = osciprop.estimate_gradient(network, x, y, short)
    assert relative_error(after.gradient, reference) < 0.3 * relative_error(
        before.gradient, reference
    )
    shorter = LagCorrected(always_on(4.0, settle_periods=12))
    with pytest.warns(osciprop.GradientAccuracyWarning, match="period=4 is too short to correct"):
        osciprop.estimate_gradient(network, x, y, shorter)


@pytest.mark.slow
def test_remaining_bias_is_the_predicted_one():
    """For one leaky neuron with feedback the lag is `omega / k`, the bias a quarter of `lag^4`."""
    network, x, y = linear_network(units=1, inputs=1, norm=0.5), np.ones((1, 1)), np.zeros((1, 1))
    reference = osciprop.estimate_gradient(network, x, y, osciprop.Implicit()).gradient
    estimate = osciprop.estimate_gradient(network, x, y, LagCorrected(always_on(100.0)))
    error = relative_error(estimate.gradient, reference)
    assert error == pytest.approx(estimate.diagnostics.remaining_bias(), rel=0.1)
    assert float(estimate.diagnostics.correction) == pytest.approx(
        float(estimate.diagnostics.short.lag) ** 2 / 4, rel=0.1
    )


@pytest.mark.slow
def test_noise_of_the_two_periods_is_independent_and_needs_a_key():
    network, x, y = TANH
    noisy = LagCorrected(
        OscillatoryEP(0.1, 20.0, noise=osciprop.ColouredNoise(0.01, 1.0)),
    )
    with pytest.raises(ValueError, match="key is None"):
        osciprop.estimate_gradient(network, x, y, noisy)
    once, again, other = (
        osciprop.estimate_gradient(network, x, y, noisy, key=jax.random.key(seed))
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(flat(once.gradient), flat(again.gradient))
    assert not np.allclose(flat(once.gradient), flat(other.gradient))


@pytest.mark.slow
def test_divergence_is_an_error():
    network, x, y = LINEAR
    with pytest.raises(osciprop.ConvergenceError, match="LagCorrected.*could not be integrated"):
        osciprop.estimate_gradient(
            network,
            x,
            y,
            LagCorrected(
                OscillatoryEP(
                    40.0,
                    50.0,
                    integrator=osciprop.euler_maruyama(1.0),
                )
            ),
        )
