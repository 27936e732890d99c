"""Orbits that harmonic balance does not know are those in which the ODE settles, or flagged."""

from pathlib import Path

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import batch, small_network
from oscillation_cases import TANH

import osciprop
from osciprop.equilibria import HarmonicBalance, Orbit, OrbitSettling, settled_orbit

DATA = Path(__file__).parents[1] / "data"
PRECISE = osciprop.Integrator(diffrax.Dopri8(), osciprop.dynamics.adaptive(1e-12, 1e-12))


def off_the_ode(network, x, y, teaching: osciprop.Oscillation, orbit: Orbit, turns: int = 1):
    """Per sample, how far the ODE is from the orbit so many turns later, begun on it."""
    times = np.asarray(orbit.times) + turns * float(teaching.period)
    begin = jax.tree.map(lambda leaf: leaf[0], orbit.u)
    found = osciprop.integrate(
        network, x, y, teaching, times=[0.0, *times], integrator=PRECISE, initial=begin, throw=False
    )
    off = [
        np.abs(np.asarray(a)[1:] - np.asarray(b)).max(axis=(0, 2))
        for a, b in zip(jax.tree.leaves(found.s), jax.tree.leaves(orbit.s), strict=True)
    ]
    return np.max(off, axis=0)


@pytest.mark.slow
def test_beyond_the_radius_it_is_the_orbit_of_the_ode():
    """The network jumps once a period: an orbit that turns backwards too."""
    teaching, network = osciprop.Oscillation(0.5, 100.0), TANH[0]
    alone = settled_orbit(*TANH, teaching, solver=HarmonicBalance(), throw=False)
    assert float(alone.residual[0]) <= float(alone.tolerance) and not alone.converged[0]
    orbit = settled_orbit(*TANH, teaching)
    assert bool(orbit.converged[0]) and bool(orbit.followed[0])
    assert "1 of them over periods of the ODE" in str(orbit)
    assert off_the_ode(network, *TANH[1:], teaching, orbit) < 1e-7
    coefficients = np.fft.fft(np.asarray(orbit.s[0]), axis=0)
    assert np.abs(coefficients[-1]).max() > 1e-3 * np.abs(coefficients[1]).max()


@pytest.mark.slow
def test_the_samples_beside_it_keep_theirs():
    network, x, y = TANH
    both, targets = np.concatenate([x, 0 * x]), np.concatenate([y, 0 * y])
    teaching = osciprop.Oscillation(0.5, 100.0)
    orbit = settled_orbit(network, both, targets, teaching)
    alone = settled_orbit(network, both[1:], targets[1:], teaching)
    assert orbit.followed.tolist() == [True, False] and bool(orbit.converged.all())
    np.testing.assert_allclose(orbit.s[0][:, 1], alone.s[0][:, 0], atol=1e-9)


@pytest.mark.slow
def test_inside_a_compiled_function_and_in_single_precision():
    single = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), TANH[0])
    teaching = osciprop.Oscillation(0.5, 100.0)
    solve = jax.jit(lambda x: settled_orbit(single, x, TANH[2], teaching, throw=False))
    orbit = solve(jnp.asarray(TANH[1], jnp.float32))
    assert orbit.u[0].dtype == jnp.complex64 and bool(orbit.converged[0])
    precise = settled_orbit(*TANH, teaching)
    np.testing.assert_allclose(orbit.s[0], precise.s[0], atol=1e-3)


@pytest.mark.slow
def test_what_does_not_close_is_the_last_period_of_the_ode():
    amplitude, period, periods = 2.0, 10.0, 5
    teaching = osciprop.Oscillation(amplitude, period)
    solver = OrbitSettling(max_periods=periods)
    with pytest.raises(osciprop.ConvergenceError, match="the orbit"):
        settled_orbit(*TANH, teaching, solver=solver)
    orbit = settled_orbit(*TANH, teaching, solver=solver, throw=False)
    assert not orbit.converged[0] and int(orbit.turns[0]) == 0
    times = np.asarray(orbit.times) + (periods - 1) * period
    free = osciprop.relax(*TANH[:2]).u
    found = osciprop.integrate(
        *TANH, teaching, times=[0.0, *times], integrator=PRECISE, initial=free
    )
    np.testing.assert_allclose(orbit.s[0], found.s[0][1:], atol=1e-6)


def trained() -> tuple[osciprop.Network, np.ndarray, np.ndarray]:
    """64-64-64-10 after 783 updates by the settled oscillation, and a sample whose branch point is
    within an amplitude of 0.1.
    """
    network = osciprop.hopfield_mlp([64, 64, 64, 10], key=jax.random.PRNGKey(1))
    with np.load(DATA / "two_turns.npz") as file:
        leaves = [jnp.asarray(file[f"leaf{place}"], float) for place in range(len(file) - 2)]
        return jax.tree.unflatten(jax.tree.structure(network), leaves), file["x"], file["y"]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::osciprop.GradientAccuracyWarning")
def test_round_a_branch_point_it_closes_after_two_turns():
    case, teaching = trained(), osciprop.Oscillation(0.1, 100.0)
    orbit = settled_orbit(*case, teaching)
    assert bool(orbit.converged[0]) and int(orbit.turns[0]) == 2
    assert off_the_ode(*case, teaching, orbit, 2)[0] < 1e-5
    assert off_the_ode(*case, teaching, orbit, 1)[0] > 0.1
    method = osciprop.SettledOscillation(0.1, 100.0)
    found = osciprop.estimate_gradient(*case, method)
    assert any("closes only after 2 turns" in concern for concern in found.diagnostics.concerns())


@pytest.mark.slow
def test_whatever_the_amplitude_what_converged_is_an_orbit_of_the_ode():
    """80 samples on 20 random networks, amplitudes from a thirtieth to 2, periods of 5 to 60."""
    rng, points = np.random.default_rng(1), 16
    solver = OrbitSettling(HarmonicBalance(points, max_steps=300), max_periods=12)
    converged = followed = 0
    for seed in range(20):
        network = small_network(seed, scale=rng.uniform(0.8, 2.2))
        teaching = osciprop.Oscillation(10 ** rng.uniform(-1.5, 0.3), rng.uniform(5, 60))
        x, y = batch(5, 3, 4, seed=seed)
        orbit = settled_orbit(network, x, y, teaching, solver=solver, throw=False)
        right, by_ode = np.asarray(orbit.converged), np.asarray(orbit.followed)
        off = np.zeros(4)
        for turns in {*orbit.turns.tolist()} - {0}:
            later = off_the_ode(network, x, y, teaching, orbit, int(turns))
            off = np.where(np.asarray(orbit.turns) == turns, later, off)
        # What harmonics beyond the last would add, and what the ODE's steps leave.
        assert (off[right & ~by_ode] < 1e-2).all() and (off[right & by_ode] < 1e-4).all()
        converged, followed = converged + right.sum(), followed + (right & by_ode).sum()
    assert converged > 72 and followed > 5  # the ODE itself does not settle everywhere


def test_bad_settings_are_named():
    with pytest.raises(ValueError, match="max_periods"):
        OrbitSettling(max_periods=0)
