"""Predicted against measured noise of the always-on estimate, and its scaling."""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import flat, linear_network

import osciprop
from osciprop.analysis.variance import (
    GradientNoise,
    gradient_noise,
    signal_to_noise,
)
from osciprop.gradients.oscillatory import OscillatoryEP

# The default Euler-Maruyama with steps of 0.1 has some 5 % more noise than continuous time.
FINE = osciprop.Integrator(diffrax.SRA1(), diffrax.ConstantStepSize(), dt0=0.25)
REALISATIONS = 300


def tanh_network() -> osciprop.Network:
    return osciprop.hopfield_regressor(
        [3, 4, 3], key=jax.random.PRNGKey(3), activation=osciprop.Tanh(), scale=0.8, bias=0.2
    )


def classifier() -> osciprop.Network:
    return osciprop.hopfield_mlp(
        [3, 4, 3], key=jax.random.PRNGKey(3), activation=osciprop.Tanh(), scale=0.8
    )


X = np.random.default_rng(1).normal(size=(3, 3))
Y = np.random.default_rng(2).normal(size=(3, 4))
LINEAR = (linear_network(units=4, inputs=3, norm=0.5), X[:1], Y[:1])
TANH = (tanh_network(), X[:1], Y[:1, :3])


def always_on(amplitude: float = 0.02, **options) -> OscillatoryEP:
    """Readings, 1 apart, fall on integration steps: between them they would be interpolated."""
    return OscillatoryEP(amplitude, 16.0, integrator=FINE, **options)


@eqx.filter_jit
def _realisations(network, x, y, method, initial, keys):
    def one(key):
        estimate = osciprop.estimate_gradient(
            network, x, y, method, initial=initial, key=key, throw=False
        )
        return jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(estimate.gradient)])

    return jax.vmap(one)(keys)


def deviations(network, x, y, method) -> np.ndarray:
    """Gradients of many noise realisations less their mean: (realisations, parameters)."""
    x, y = jnp.asarray(x), jnp.asarray(y)
    keys = jax.random.split(jax.random.key(1), REALISATIONS)
    initial = osciprop.relax(network, x).u
    gradients = np.asarray(_realisations(network, x, y, method, initial, keys))
    return gradients - gradients.mean(axis=0)


def score(measured: np.ndarray, predicted: float) -> float:
    """By how many standard errors the mean square of deviations differs from a variance."""
    squares = np.sum(measured**2, axis=1) * REALISATIONS / (REALISATIONS - 1)
    return (squares.mean() - predicted) / (squares.std() / np.sqrt(REALISATIONS))


SHARED = osciprop.dynamics.SharedAcrossBatch()
CASES = {
    "linear, white": (*LINEAR, osciprop.WhiteNoise(0.002), None, 0.02),
    "tanh, coloured": (
        *TANH,
        osciprop.ColouredNoise(0.002, 2.0, plane=osciprop.dynamics.Circular()),
        None,
        0.1,  # where the equilibrium's wandering counts, too
    ),
    "classifier, shared by three samples": (
        classifier(),
        X,
        np.array([0, 2, 1]),
        osciprop.WhiteNoise(0.002, sharing=SHARED),
        osciprop.MeasurementNoise(0.002),
        0.02,
    ),
}


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=name) for name, case in CASES.items()],
)
@pytest.mark.slow
def test_variance_is_that_of_simulations(case):
    network, x, y, noise, measurement, amplitude = case
    method = always_on(amplitude, noise=noise, measurement=measurement)
    predicted = gradient_noise(network, x, y, method)
    measured = deviations(network, x, y, method)
    assert abs(score(measured, predicted.total())) < 3.5
    # And parameter by parameter, of many correlated ones.
    variance = flat(predicted.variance)
    moving = variance > 0
    ratio = np.mean(measured[:, moving] ** 2, axis=0) / variance[moving]
    assert np.all(np.abs(ratio - 1) < 5 * np.sqrt(2 / REALISATIONS))
    assert not np.any(measured[:, ~moving])
    # Parameters that no error signal reaches are the readout's: they see the noise's mean.
    readout = moving & (flat(predicted.contrast) == 0)
    assert np.any(readout) == (y.ndim == 1)
    if np.any(readout):
        total = np.sum(variance[readout])
        assert abs(score(measured[:, readout], total)) < 3.5
        assert total < 0.01 * predicted.total()


AMPLITUDES = (0.005, 0.01, 0.02, 0.04)


def test_predicted_noise_falls_with_amplitude_and_intensity():
    def predicted(amplitude, intensity=0.002):
        method = always_on(amplitude, noise=osciprop.WhiteNoise(intensity))
        return gradient_noise(*LINEAR, method)

    quiet = predicted(0.02)
    assert predicted(0.02, 0.004).total() == pytest.approx(4 * quiet.total(), rel=1e-12)
    for noise in map(predicted, AMPLITUDES):
        assert noise.strength() == pytest.approx(quiet.strength(), rel=1e-12)
        assert flat(noise.wander) == pytest.approx(flat(quiet.wander), rel=1e-12)


@pytest.mark.slow
def test_noise_falls_with_amplitude_and_with_the_root_of_time():
    network, x, y = LINEAR
    sizes = []
    for amplitude in AMPLITUDES:
        method = always_on(amplitude, noise=osciprop.WhiteNoise(0.002))
        sizes.append(np.sqrt(np.sum(deviations(network, x, y, method).var(axis=0))))
    slope = np.polyfit(np.log(AMPLITUDES), np.log(sizes), 1)[0]
    assert slope == pytest.approx(-1, rel=0.1)

    method = always_on(noise=osciprop.WhiteNoise(0.002))
    sizes = _sizes_over_time(network, jnp.asarray(x), jnp.asarray(y), method)
    slope = np.polyfit(np.log(np.arange(1, 9)), np.log(sizes), 1)[0]
    assert slope == pytest.approx(-0.5, rel=0.1)
    longer = always_on(noise=osciprop.WhiteNoise(0.002), periods=8)
    ratio = sizes[-1] / np.sqrt(gradient_noise(network, x, y, longer).total())
    assert ratio == pytest.approx(1, abs=0.1)


def _sizes_over_time(network, x, y, method) -> np.ndarray:
    """Standard deviation of the gradient after each of eight periods, from one simulation."""
    initial = osciprop.relax(network, x).u

    @jax.jit
    @jax.vmap
    def gradients(key):
        def period(running, _):
            running = method.advance(network, x, y, running)
            gradient = method.conclude(network, x, y, running).gradient
            return running, jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(gradient)])

        return jax.lax.scan(period, method.begin(network, x, initial, key), length=9)[1]

    measured = gradients(jax.random.split(jax.random.key(2), REALISATIONS))[:, 1:]
    return np.sqrt(np.sum(np.asarray(measured).var(axis=0), axis=-1))


def test_signal_to_noise():
    gradient = {"weight": jnp.array([3.0, 4.0])}
    contrast, wander = {"weight": jnp.array([2.0, 1.0])}, {"weight": jnp.array([0.5, 0.5])}
    noise = GradientNoise(contrast, wander, amplitude=0.1, duration=20.0)
    assert signal_to_noise(gradient, noise) == pytest.approx(5 / np.sqrt(4))
    assert noise.strength() == pytest.approx(3 * 0.1**2 * 20)
    zeros = jax.tree.map(jnp.zeros_like, contrast)
    assert signal_to_noise(gradient, GradientNoise(zeros, zeros, 0.1, 20.0)) == np.inf


def test_a_silent_network_has_no_noise():
    silent = gradient_noise(*LINEAR, always_on(noise=osciprop.WhiteNoise(0.0)))
    assert silent.total() == 0


def test_errors_name_what_to_change():
    network, x, y = TANH
    with pytest.raises(ValueError, match="method has neither noise nor measurement noise"):
        gradient_noise(network, x, y, OscillatoryEP())
    forgetful = always_on(noise=osciprop.WhiteNoise(0.1), lock_in=osciprop.gradients.Leaky(2.0))
    with pytest.raises(ValueError, match=r"method.lock_in forgets .* 0.393 .* Cumulative\(\)"):
        gradient_noise(network, x, y, forgetful)
