"""Noise: stationary covariances, directions in the complex plane, and what it refuses."""

import functools

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from helpers import batch, linear_network, small_network

import osciprop

KEY = jax.random.key(3)
# Strong order 1.5 for additive noise: its bias is far below the sampling error of these tests.
FINE = osciprop.Integrator(diffrax.SRA1(), diffrax.ConstantStepSize(), dt0=0.125)
NOISES = {
    "white": osciprop.WhiteNoise(0.3),
    "slow": osciprop.ColouredNoise(0.4, 2.0),
    "fast": osciprop.ColouredNoise(0.4, 0.3),
}


def drift(network) -> np.ndarray:
    """The Jacobian of a linear network's velocity."""
    return np.asarray(network.coupling + network.coupling.T) / 2 - np.eye(len(network.coupling))


def lyapunov(network, noise) -> np.ndarray:
    """The stationary covariance of the potential, `A P + P A^T + Q = 0`."""
    matrix = drift(network)
    size = len(matrix)
    if isinstance(noise, osciprop.WhiteNoise):
        power = float(noise.intensity) ** 2 * np.eye(size)
        return scipy.linalg.solve_continuous_lyapunov(matrix, -power)
    rate = 1 / float(noise.correlation_time)
    zero, one = np.zeros((size, size)), np.eye(size)
    whole = np.block([[matrix, one], [zero, -rate * one]])
    power = np.block([[zero, zero], [zero, 2 * rate * float(noise.stddev) ** 2 * one]])
    return scipy.linalg.solve_continuous_lyapunov(whole, -power)[:size, :size]


def simulated(network, noise, teaching=None, samples: int = 3000) -> osciprop.dynamics.Trajectory:
    """Many samples from their noise-free equilibrium 0 on: at first, soon after, after long."""
    nudged = {} if teaching is None else {"y": np.zeros((samples, 4)), "teaching": teaching}
    return osciprop.integrate(
        network,
        np.zeros((samples, 3)),
        times=[0.0, 2.0, 25.0],
        noise=noise,
        key=KEY,
        integrator=FINE,
        **nudged,
    )


@functools.cache
def stationary(name: str) -> osciprop.dynamics.Trajectory:
    return simulated(linear_network(), NOISES[name])


def deviations(network, noise, teaching=None, samples: int = 3000) -> np.ndarray:
    """Potentials of many samples after long."""
    return np.asarray(simulated(network, noise, teaching, samples).u[-1])


def assert_within_errors(measured: np.ndarray, expected: np.ndarray, samples: int) -> None:
    """Each entry of a covariance within 3 standard errors (of a Gaussian sample)."""
    variances = np.diag(expected)
    errors = np.sqrt((np.outer(variances, variances) + expected**2) / samples)
    assert np.all(np.abs(measured - expected) < 3 * errors)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["white", "slow", "fast"])
def test_stationary_covariance_is_the_lyapunov_solution(name):
    found = np.asarray(stationary(name).u[-1])
    expected = lyapunov(linear_network(), NOISES[name])
    assert_within_errors(found.T @ found / len(found), expected, len(found))


@pytest.mark.slow
def test_circular_noise_has_half_its_power_on_each_axis():
    network, noise = linear_network(), osciprop.WhiteNoise(0.3, plane=osciprop.dynamics.Circular())
    found = deviations(network, noise, osciprop.Constant(0.0 + 0.0j))
    half = lyapunov(network, noise) / 2
    for part in (found.real, found.imag):
        assert_within_errors(part.T @ part / len(part), half, len(part))
    cross = found.real.T @ found.imag / len(found)
    errors = np.sqrt(np.outer(np.diag(half), np.diag(half)) / len(found))
    assert np.all(np.abs(cross) < 3.5 * errors)


@pytest.mark.slow
def test_noise_on_the_real_axis_leaves_the_imaginary_part_alone():
    """In a linear network, whose parts do not mix."""
    found = deviations(
        linear_network(), osciprop.WhiteNoise(0.3), osciprop.Constant(0.0 + 0.0j), samples=20
    )
    assert np.abs(found.imag).max() == 0 and np.abs(found.real).min() > 0


def test_a_complex_diffusion_is_not_conjugated():
    """Pathwise: the same numbers, turned by an angle, in a hand-written Euler-Maruyama scheme."""
    network, angle, step, steps = linear_network(), 0.7, 0.125, 16
    x, y = np.random.default_rng(0).normal(size=(2, 3)), np.zeros((2, 4))
    settings = {
        "times": [0.0, step * steps],
        "integrator": osciprop.euler_maruyama(step),
        "key": KEY,
        "teaching": osciprop.Constant(0.0 + 0.0j),
    }
    real, turned = (
        osciprop.integrate(network, x, y, noise=osciprop.WhiteNoise(0.3, plane=plane), **settings)
        for plane in (osciprop.dynamics.Along(0.0), osciprop.dynamics.Along(angle))
    )
    quiet = np.zeros((2, 4))
    for _ in range(steps):
        quiet = quiet + step * (x @ np.asarray(network.inputs) + quiet @ drift(network))
    noise = np.asarray(real.u[-1]) - quiet
    assert np.abs(noise.imag).max() == 0
    np.testing.assert_allclose(
        np.asarray(turned.u[-1]) - quiet, np.exp(1j * angle) * noise, rtol=1e-9
    )


@pytest.mark.slow
def test_coloured_noise_is_stationary_and_forgets():
    """Its own variance and autocorrelation."""
    path = stationary("slow")
    first, last = np.asarray(path.noise[0]).ravel(), np.asarray(path.noise[1]).ravel()
    error = 0.16 * np.sqrt(2 / first.size)
    assert abs(np.mean(first**2) - 0.16) < 3 * error
    assert abs(np.mean(last**2) - 0.16) < 3 * error
    assert abs(np.mean(first * last) - 0.16 * np.exp(-1)) < 3 * error


def test_measurement_noise_averages_as_white_noise_does():
    """Readings spaced by d have the variance intensity^2 / d."""
    noise = osciprop.MeasurementNoise(0.3)
    s = jnp.zeros((10, 50, 8), dtype=complex)
    found = np.asarray(noise.read(s, jnp.asarray(2.0), key=KEY))
    power = np.mean(np.abs(found) ** 2)
    assert abs(power - 0.09 / 2) < 3 * 0.045 / np.sqrt(found.size)
    few = np.asarray(noise.read(s[:, :3], jnp.asarray(2.0), key=KEY))
    np.testing.assert_array_equal(few, found[:, :3])


@pytest.mark.slow
def test_shared_noise_is_the_same_for_all_samples():
    noise = osciprop.WhiteNoise(0.3, sharing=osciprop.dynamics.SharedAcrossBatch())
    found = deviations(linear_network(), noise, samples=5)
    np.testing.assert_allclose(found, np.tile(found[:1], (5, 1)), rtol=1e-12)
    assert np.std(found[0]) > 0


def test_refused():
    with pytest.raises(ValueError, match="intensity must be a finite number, not negative"):
        osciprop.WhiteNoise(-0.1)
    with pytest.raises(ValueError, match="stddev must be"):
        osciprop.ColouredNoise(-0.1, 1.0)
    with pytest.raises(ValueError, match="correlation_time must be"):
        osciprop.ColouredNoise(0.1, 0.0)
    with pytest.raises(ValueError, match="intensity must be"):
        osciprop.MeasurementNoise(float("nan"))
    network, (x, y) = small_network(), batch(5, 3, samples=2)
    circular = osciprop.WhiteNoise(0.1, plane=osciprop.dynamics.Circular())
    with pytest.raises(ValueError, match="plane is Circular, but the states are real"):
        osciprop.integrate(
            network,
            x,
            times=[0.0, 1.0],
            noise=circular,
            key=KEY,
            integrator=osciprop.euler_maruyama(0.1),
        )
    with pytest.raises(ValueError, match="key is None"):
        method = osciprop.OscillatoryEP(0.1, 20.0, noise=osciprop.WhiteNoise(0.1))
        osciprop.estimate_gradient(network, x, y, method)
