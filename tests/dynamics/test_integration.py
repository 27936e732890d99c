"""Integration in time against closed forms, pathwise, for complex states too."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import batch, linear_network, small_network
from signal_cases import DRIVEN, A, B, Counted, Still, transfer, wave

import osciprop

EXACT = osciprop.Integrator(stepsize_controller=osciprop.dynamics.adaptive(1e-10, 1e-10))


def matrix_exponential(matrix, time):
    values, vectors = np.linalg.eig(matrix)
    return vectors @ np.diag(np.exp(values * time)) @ np.linalg.inv(vectors)


def test_free_relaxation_of_a_linear_network():
    network = linear_network()
    x = np.random.default_rng(0).normal(size=(2, 3))
    times = np.array([0.0, 0.3, 1.0, 4.0])
    trajectory = osciprop.integrate(network, x, times=times, integrator=EXACT)
    decay = np.asarray(network.coupling) - np.eye(4)
    target = np.linalg.solve(-decay, (x @ network.inputs).T).T
    for index, time in enumerate(times):
        expected = target - target @ matrix_exponential(decay, time).T
        np.testing.assert_allclose(trajectory.s[index], expected, atol=1e-8)
    assert "completed" in str(trajectory) and "NOT" not in str(trajectory)


@pytest.mark.parametrize(
    "solver",
    [
        diffrax.Tsit5(),
        pytest.param(diffrax.Dopri8(), marks=pytest.mark.slow),
        pytest.param(diffrax.Kvaerno3(), marks=pytest.mark.slow),
    ],
    ids=lambda solver: type(solver).__name__,
)
def test_rotating_teaching_of_a_linear_unit(solver):
    """One unit, `du/dt = x - u - beta(t) (u - y)`: pathwise, by fine midpoint steps in NumPy."""
    network = linear_network(units=1, inputs=1, norm=1e-9)
    x, y, period = np.array([[0.7]]), np.array([[1.3]]), 5.0
    drive = float(x[0, 0] * network.inputs[0, 0])
    times = np.linspace(0.0, 10.0, 6)
    trajectory = osciprop.integrate(
        network,
        x,
        y,
        osciprop.Oscillation(0.5, period),
        times=times,
        integrator=osciprop.Integrator(solver, osciprop.dynamics.adaptive(1e-9, 1e-9)),
    )
    u, now, step = 0j, 0.0, 1e-3
    rate = lambda t, u: drive - u - 0.5 * np.exp(2j * np.pi * t / period) * (u - 1.3)  # noqa: E731
    expected = [u]
    for _ in range(10_000):
        middle = u + step / 2 * rate(now, u)
        u, now = u + step * rate(now + step / 2, middle), now + step
        whole = round(now / 2, 9) % 1 in (0, 1) and len(expected) < len(times)
        if whole and abs(now - times[len(expected)]) < step / 2:
            expected.append(u)
    np.testing.assert_allclose(np.asarray(trajectory.u)[:, 0, 0], expected, atol=2e-6)


@pytest.mark.slow
def test_time_constants_scale_time():
    x, _ = batch(5, 3, 2)
    slow, fast = (
        osciprop.hopfield_mlp([5, 4, 3], key=jax.random.PRNGKey(0), time_constant=tau)
        for tau in (3.0, 1.0)
    )
    at_slow = osciprop.integrate(slow, x, times=[0.0, 6.0], integrator=EXACT)
    at_fast = osciprop.integrate(fast, x, times=[0.0, 2.0], integrator=EXACT)
    np.testing.assert_allclose(at_slow.s[0][1], at_fast.s[0][1], atol=1e-8)
    # And end in the same equilibrium.
    settled = osciprop.integrate(slow, x, times=[0.0, 300.0], integrator=EXACT)
    for found, expected in zip(settled.s, osciprop.relax(fast, x).s, strict=True):
        np.testing.assert_allclose(found[1], expected, atol=1e-8)


def test_unfinished_integration_raises_or_is_flagged():
    network, x = linear_network(), np.ones((2, 3))
    short = osciprop.Integrator(max_steps=3)
    with pytest.raises(osciprop.ConvergenceError, match="more max_steps"):
        osciprop.integrate(network, x, times=[0.0, 100.0], integrator=short)
    flagged = osciprop.integrate(network, x, times=[0.0, 100.0], integrator=short, throw=False)
    assert not bool(flagged.completed) and "NOT completed" in str(flagged)


def test_bad_times_and_steps():
    network, x = linear_network(), np.ones((2, 3))
    with pytest.raises(ValueError, match="times does not increase"):
        osciprop.integrate(network, x, times=[0.0, 2.0, 1.0])
    with pytest.raises(ValueError, match="at least a start and an end"):
        osciprop.integrate(network, x, times=[0.0])
    with pytest.raises(ValueError, match="dt0 is None"):
        osciprop.Integrator(diffrax.Euler(), diffrax.ConstantStepSize())
    with pytest.raises(ValueError, match="y is None but a teaching signal is given"):
        osciprop.integrate(network, x, None, osciprop.Constant(0.1), times=[0.0, 1.0])


@pytest.mark.slow
def test_progress_bar_changes_nothing(capfd):
    network, x = linear_network(), np.ones((2, 3))
    quiet = osciprop.integrate(network, x, times=[0.0, 1.0, 4.0, 20.0])
    shown = osciprop.integrate(network, x, times=[0.0, 1.0, 4.0, 20.0], progress=True)
    jax.effects_barrier()
    np.testing.assert_array_equal(quiet.s, shown.s)
    assert "%" in capfd.readouterr().err


def test_noise_needs_a_key_and_a_solver_for_it():
    network, x = linear_network(), np.zeros((1, 3))
    noisy = {"times": [0.0, 1.0], "noise": osciprop.WhiteNoise(0.1)}
    with pytest.raises(ValueError, match="key is None"):
        osciprop.integrate(network, x, integrator=osciprop.euler_maruyama(0.1), **noisy)
    with pytest.raises(ValueError, match="Tsit5, which cannot integrate noise"):
        osciprop.integrate(network, x, key=jax.random.key(0), **noisy)
    with pytest.raises(ValueError, match="SRA1, which needs noise"):
        osciprop.integrate(
            network, x, times=[0.0, 1.0], integrator=osciprop.Integrator(diffrax.SRA1())
        )
    adaptive = osciprop.Integrator(diffrax.SRA1(), osciprop.dynamics.adaptive(1e-3, 1e-3))
    with pytest.raises(ValueError, match="brownian is FreshSteps"):
        osciprop.integrate(network, x, key=jax.random.key(0), integrator=adaptive, **noisy)


def test_a_linear_network_follows_a_wave_by_its_transfer_function():
    """From the settled state, with the numbers of substrates.md; the time seen is absolute."""
    x, phasor = wave([[A]], 1.0), transfer(1.0) @ B * A
    np.testing.assert_allclose(
        phasor, [0.2805280528 - 0.5280528053j, 0.1049504950 - 0.2838283828j], atol=1e-10
    )
    times = np.array([2.0, 3.1, 8.0])
    expected = (phasor * np.exp(1j * times)[:, None]).real
    trajectory = osciprop.integrate(
        DRIVEN, x, times=times, initial=jnp.asarray(expected[:1]), integrator=EXACT
    )
    np.testing.assert_allclose(trajectory.s[:, 0], expected, atol=1e-8)


@pytest.mark.slow
def test_a_signal_that_stands_still_is_the_clamped_input_bit_for_bit():
    network, (x, y) = small_network(), batch(5, 3, 2)
    rows, teaching = jnp.asarray(np.eye(3)[y]), osciprop.Oscillation(0.1, 5.0)
    times = [1.0, 2.5, 4.0]
    still = osciprop.integrate(network, x, rows, teaching, times=times)
    moving = osciprop.integrate(network, Still(jnp.asarray(x)), Still(rows), teaching, times=times)
    for a, b in zip(moving.u, still.u, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_another_signal_of_the_same_shape_compiles_nothing():
    def integrated(phasor, frequency):
        x = Counted(jnp.zeros((1, 1)), jnp.asarray([[phasor]]), jnp.asarray(frequency))
        return osciprop.integrate(DRIVEN, x, times=[0.0, 1.0]).s[-1]

    first = integrated(0.3 + 0.1j, 0.5)
    programs = len(Counted.made)
    assert programs > 0
    assert not np.allclose(integrated(0.2j, 0.9), first)
    assert len(Counted.made) == programs


@pytest.mark.slow
def test_noise_rides_on_an_input_that_moves():
    settings = {
        "times": [0.0, 1.0, 2.0],
        "integrator": osciprop.euler_maruyama(0.25),
        "noise": osciprop.WhiteNoise(0.1),
        "key": jax.random.key(0),
    }
    moving = osciprop.integrate(DRIVEN, wave([[A]], 0.0), **settings)
    still = osciprop.integrate(DRIVEN, np.array([[A]]), **settings)
    np.testing.assert_allclose(moving.u, still.u, rtol=1e-12)
