"""Demodulation: filters and windows against the Fourier transform."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import osciprop
from osciprop.online.lock_in import LockInFilter

TEACHING = osciprop.Oscillation(0.1, 20.0)


def settled(lock_in: LockInFilter, signal, periods: int = 40):
    """The filters' state after many periods of a known activity."""
    start = lock_in.begin((jnp.zeros((1, 1)),))

    def velocity(time, y, args):
        s = (signal(time).reshape(1, 1),)
        return lock_in.velocity(time, s, y, TEACHING)

    # Scipy-like accuracy is not needed: Tsit5 on the real pairs.
    from osciprop.networks.complexity import from_pairs, to_pairs

    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(lambda t, y, a: to_pairs(velocity(t, from_pairs(y, start), a))),
        diffrax.Tsit5(),
        0.0,
        periods * 20.0,
        None,
        to_pairs(start),
        stepsize_controller=diffrax.PIDController(rtol=1e-9, atol=1e-10),
        max_steps=100_000,
    )
    return from_pairs(jax.tree.map(lambda leaf: leaf[0], solution.ys), start)


@pytest.mark.parametrize("order", [1, *(pytest.param(n, marks=pytest.mark.slow) for n in (2, 3))])
def test_a_pure_response_is_demodulated_exactly(order):
    """s = s0 + r e exp(i w t): mean and error signal, but for the response left in the mean."""
    lock_in = LockInFilter(0.7, order)
    mean, error = 0.6, 0.3 - 0.1j

    def signal(time):
        return mean + error * TEACHING(time)

    filters = settled(lock_in, signal)
    np.testing.assert_allclose(filters.errors[-1][0][0, 0], error, rtol=1e-6)
    np.testing.assert_allclose(lock_in.error(filters)[0][0, 0], error.real, rtol=1e-6)
    # One stage lets through 1/(1 + i w tau) of the response, of size r |e|.
    leak = abs(1 / (1 + 2j * np.pi * 0.7)) ** order * 0.1 * abs(error)
    found = np.asarray(filters.means[-1][0][0, 0])
    np.testing.assert_allclose(abs(found - mean), leak, rtol=1e-5)


@pytest.mark.slow
def test_higher_order_suppresses_the_second_harmonic():
    ripples = []
    for order in (1, 2, 3):
        filters = settled(
            LockInFilter(1.0, order), lambda time: 0.6 + 0.3 * TEACHING(time) + TEACHING(time) ** 2
        )
        ripples.append(abs(np.asarray(filters.errors[-1][0][0, 0]) - 0.3))
    assert ripples[1] < 0.25 * ripples[0] and ripples[2] < 0.25 * ripples[1]


def test_window_over_whole_periods():
    times = np.arange(64) * 40.0 / 64
    beta = 0.1 * np.exp(2j * np.pi * times / 20.0)
    s = (0.5 + (0.2 - 0.3j) * beta + 0.7 * beta**2)[:, None] * np.ones(3)
    mean, error = osciprop.online.demodulate(times, s, TEACHING)
    np.testing.assert_allclose(mean, np.full(3, 0.5), rtol=1e-12)
    np.testing.assert_allclose(error, np.full(3, 0.2 - 0.3j), rtol=1e-12)
    with pytest.raises(ValueError, match="span 1.25 periods"):
        osciprop.online.demodulate(np.arange(40) * 25.0 / 40, s[:40], TEACHING)
    with pytest.raises(ValueError, match="not equally spaced"):
        osciprop.online.demodulate(times**2, s, TEACHING)


def test_refused():
    with pytest.raises(ValueError, match="time_constant must be"):
        LockInFilter(0.0)
    with pytest.raises(ValueError, match="order must be"):
        LockInFilter(1.0, 0)
