"""The settled orbit, held against integration, transfer functions and its own conditions."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import Field
from oscillation_cases import LINEAR, TANH

import osciprop
from osciprop.dynamics import FreeCompanion, RunningMean
from osciprop.equilibria import HarmonicBalance, Orbit, settled_orbit

RNG = np.random.default_rng(7)
PRECISE = osciprop.Integrator(diffrax.Dopri8(), osciprop.dynamics.adaptive(1e-12, 1e-12))
POINTS = 32


def skewed(units: int, seed: int, gain: float = 0.6) -> Field:
    """An asymmetric network of tanh neurons with time constants from 0.5 to 2."""
    rng = np.random.default_rng(seed)
    weight = gain * rng.normal(size=(units, units)) / np.sqrt(units)
    return Field(
        jnp.asarray(weight),
        jnp.asarray(0.5 * rng.normal(size=units)),
        jnp.asarray(2.0 ** rng.uniform(-1, 1, units)),
    )


def harmonics(states) -> list[np.ndarray]:
    """Fourier coefficients over the points, of every leaf."""
    return [np.fft.fft(np.asarray(leaf), axis=0) / len(leaf) for leaf in jax.tree.leaves(states)]


def integrated(network, x, y, teaching, turns: int, initial=None, points: int = POINTS):
    """Harmonics of the last of `turns` periods."""
    period = float(teaching.period)
    last = np.arange(points) / points * period + (turns - 1) * period
    found = osciprop.integrate(
        network, x, y, teaching, times=[0.0, *last], integrator=PRECISE, initial=initial
    )
    return harmonics(jax.tree.map(lambda leaf: leaf[1:], found.s))


@pytest.mark.parametrize(
    ("network", "turns"),
    [
        pytest.param(LINEAR[0], 6, id="linear", marks=pytest.mark.slow),
        pytest.param(TANH[0], 6, id="tanh", marks=pytest.mark.slow),
        pytest.param(FreeCompanion(skewed(4, 0)), 6, id="companion", marks=pytest.mark.slow),
        pytest.param(
            RunningMean(skewed(4, 0, 0.2), 20.0), 60, id="running mean", marks=pytest.mark.slow
        ),
    ],
)
def test_harmonics_are_those_of_the_integrated_oscillation(network, turns):
    x = RNG.normal(size=(2, 3 if isinstance(network, osciprop.Network | type(LINEAR[0])) else 4))
    y = RNG.normal(size=(2, 3 if network is TANH[0] else 4))
    teaching = osciprop.Oscillation(0.15, 20.0)
    initial = osciprop.relax(network, x).u if isinstance(network, RunningMean) else None
    ours = settled_orbit(network, x, y, teaching, solver=HarmonicBalance(POINTS))
    expected = integrated(network, x, y, teaching, turns, initial)
    for a, b in zip(harmonics(ours.s), expected, strict=True):
        np.testing.assert_allclose(a[:4], b[:4], atol=1e-7, rtol=0)


@pytest.mark.slow
def test_of_sixty_random_networks_all_are_those_of_the_integration():
    """3, 8 and 20 units, asymmetric, any amplitude up to 0.5, periods of 3 to 60.

    At 128 phases: close to the radius of convergence harmonics decay slowly.
    """
    rng, points = np.random.default_rng(3), 128
    for seed in range(20):
        for units in (3, 8, 20):
            network = skewed(units, seed, rng.uniform(0.1, 0.9))
            teaching = osciprop.Oscillation(rng.uniform(0.05, 0.5), rng.uniform(3, 60))
            x, y = np.zeros((1, units)), 0.3 * rng.normal(size=(1, units))
            ours = settled_orbit(network, x, y, teaching, solver=HarmonicBalance(points))
            turns = 2 + int(100 / float(teaching.period))
            other = integrated(network, x, y, teaching, turns, points=points)
            for a, b in zip(harmonics(ours.s), other, strict=True):
                np.testing.assert_allclose(a[:4], b[:4], atol=1e-7, rtol=0)


@pytest.mark.parametrize("period", [2.0, 10.0, 200.0])
def test_the_first_harmonic_is_the_transfer_function(period):
    """Of the linearised network, at any amplitude: `(i omega tau + 1 - W D)^-1` on the force."""
    network, rng = skewed(5, 1), np.random.default_rng(0)
    x, y = np.zeros((1, 5)), 0.3 * rng.normal(size=(1, 5))
    teaching = osciprop.Oscillation(0.3, period)
    orbit = settled_orbit(network, x, y, teaching, solver=HarmonicBalance(POINTS))
    free = osciprop.relax(network, x)
    u, s = (np.asarray(jax.tree.leaves(part)[0])[0] for part in (free.u, free.s))
    slope = 1 - np.tanh(u) ** 2
    omega = 2 * np.pi / period
    matrix = np.diag(1 + 1j * omega * np.asarray(network.time_constant))
    matrix = matrix - np.asarray(network.weight) * slope
    expected = np.linalg.solve(matrix, -(s - y[0]))
    (found,) = harmonics(orbit.u)
    np.testing.assert_allclose(found[1, 0] / 0.3, expected, atol=1e-9)
    # The mean is the free equilibrium, whatever the amplitude.
    np.testing.assert_allclose(found[0, 0], u, atol=1e-9)


@pytest.mark.slow
def test_single_precision_and_its_summary():
    network, x, y = TANH
    single = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), network)
    orbit = settled_orbit(single, x, y, osciprop.Oscillation(0.2, 30.0))
    assert orbit.u[0].dtype == jnp.complex64 and float(orbit.tolerance) < 3e-6
    assert str(orbit).startswith("Orbit: 16 points, 1 of 1 samples converged after ")
    assert isinstance(orbit, Orbit)
    precise = settled_orbit(network, x, y, osciprop.Oscillation(0.2, 30.0))
    np.testing.assert_allclose(orbit.u[0], precise.u[0], atol=1e-5)


@pytest.mark.slow
def test_what_is_not_found_is_an_error_or_flagged():
    network, x, y = TANH
    teaching, short = osciprop.Oscillation(0.3, 20.0), HarmonicBalance(max_steps=2)
    with pytest.raises(osciprop.ConvergenceError, match=r"the orbit did not .* first samples: 0"):
        settled_orbit(network, x, y, teaching, solver=short)
    flagged = settled_orbit(network, x, y, teaching, solver=short, throw=False)
    assert not flagged.converged.any() and np.isfinite(flagged.u[0]).all()
    inside = jax.jit(lambda x: settled_orbit(network, x, y, teaching, solver=short).u[0])
    assert np.isnan(inside(jnp.asarray(x))).all()


def test_bad_settings_are_named():
    with pytest.raises(ValueError, match="points"):
        HarmonicBalance(1)
    with pytest.raises(ValueError, match="tolerance"):
        HarmonicBalance(tolerance=-1.0)
    relu = osciprop.hopfield_regressor([3, 4, 3], key=jax.random.key(0), activation=osciprop.ReLU())
    with pytest.raises(osciprop.HolomorphyError):
        settled_orbit(relu, *TANH[1:], osciprop.Oscillation(0.1, 10.0))
