"""Stationary and demodulated noise: closed forms, sums done by hand, and simulation."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import linear_network

import osciprop
from osciprop.analysis import fluctuations
from osciprop.analysis.fluctuations import Fluctuations, groups, linear_fluctuations

FINE = osciprop.Integrator(diffrax.SRA1(), diffrax.ConstantStepSize(), dt0=0.1)
LINEAR = linear_network(units=4, inputs=3, norm=0.5)
X = np.random.default_rng(1).normal(size=(1, 3))


def neuron(time_constant: float) -> osciprop.Network:
    """One tanh neuron at rest, without feedback: `tau du = (x - u) dt`."""
    leaky = osciprop.LeakyIntegrator(osciprop.Tanh(), time_constant=time_constant)
    return osciprop.Network(
        populations=(osciprop.Population(leaky, jnp.zeros(1)),),
        synapses=(osciprop.Directed(jnp.ones((1, 1)), osciprop.INPUT, 0),),
        readout=osciprop.SquaredError(),
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "noise", [osciprop.WhiteNoise(0.3), osciprop.ColouredNoise(0.3, 2.0)], ids=["white", "coloured"]
)
def test_stationary_covariance_is_that_of_a_simulation(noise):
    samples = 2000
    (part,) = linear_fluctuations(LINEAR, X, noise)
    x = np.repeat(X, samples, axis=0)
    free = jnp.repeat(osciprop.relax(LINEAR, X).u, samples, axis=0)
    trajectory = osciprop.integrate(
        LINEAR,
        x,
        times=[0.0, 20.0],
        noise=noise,
        key=jax.random.key(0),
        integrator=FINE,
        initial=free,
    )
    away = np.asarray(trajectory.u[-1] - free)
    products = away[:, :, None] * away[:, None]
    standard_error = products.std(axis=0) / np.sqrt(samples)
    assert np.all(np.abs(products.mean(axis=0) - part.potential()) < 3 * standard_error)


def test_one_neuron_in_closed_form():
    slope = 1 - np.tanh(0.7) ** 2
    x = np.array([[0.7]])
    (white,) = linear_fluctuations(neuron(2.0), x, osciprop.WhiteNoise(0.3))
    assert white.potential() == pytest.approx(0.3**2 / (2 * 2.0))
    assert white.activity() == pytest.approx(slope**2 * 0.3**2 / (2 * 2.0))
    # Filtered coloured noise: stddev^2 T_c / (T_c + tau).
    (coloured,) = linear_fluctuations(neuron(2.0), x, osciprop.ColouredNoise(0.3, 3.0))
    assert coloured.potential() == pytest.approx(0.3**2 * 3 / (3 + 2))
    # For long measurements the variance is the spectrum's at the frequency, over r^2 T.
    omega, periods = 2 * np.pi / 20, 10_000
    spectrum = slope**2 * 0.3**2 / (1 + (2 * omega) ** 2)
    found = white.demodulated(0.1, 20.0, periods).covariance[0, 0].real
    assert found == pytest.approx(spectrum / (0.1**2 * 20 * periods), rel=1e-3)


@pytest.mark.parametrize(
    "noise",
    [
        osciprop.WhiteNoise(0.3),
        osciprop.ColouredNoise(0.3, 2.0, plane=osciprop.dynamics.Along(0.4)),
    ],
    ids=["white", "coloured"],
)
@pytest.mark.parametrize("harmonic", [0, 1])
@pytest.mark.parametrize("samples", [5, 16])
def test_demodulated_noise_is_the_double_sum(noise, samples, harmonic):
    """Against the sum over all pairs of readings, each correlated by a power of one propagator."""
    period, periods, amplitude = 7.0, 2, 0.3
    (part,) = linear_fluctuations(LINEAR, X, noise)
    found = part.demodulated(amplitude, period, periods, samples=samples, harmonic=harmonic)
    count = samples * periods
    values, vectors = np.linalg.eig(part.drift)
    inverse = np.linalg.inv(vectors)
    covariance = np.zeros((4, 4), dtype=complex)
    pseudo = np.zeros((4, 4), dtype=complex)
    for j in range(1, count + 1):
        for k in range(1, count + 1):
            ahead = np.exp(values * abs(j - k) * period / samples)
            lagged = (vectors * ahead) @ inverse @ part.stationary
            lagged = part.to_activity @ (lagged if j >= k else lagged.T) @ part.to_activity.T
            angle = 2 * np.pi * harmonic / samples
            covariance += lagged * np.exp(-1j * angle * (j - k))
            pseudo += part.turn * lagged * np.exp(-1j * angle * (j + k))
    scale = (count * amplitude) ** 2
    np.testing.assert_allclose(found.covariance, covariance / scale, atol=1e-12)
    np.testing.assert_allclose(found.pseudo_covariance, pseudo / scale, atol=1e-12)
    np.testing.assert_allclose(found.real + found.imaginary, found.covariance.real, atol=1e-12)


@pytest.mark.parametrize("harmonic", [0, 1])
def test_many_readings_are_the_integral(harmonic):
    (part,) = linear_fluctuations(LINEAR, X, osciprop.ColouredNoise(0.3, 2.0))
    integral = part.demodulated(0.2, 12.0, 2, harmonic=harmonic)
    errors = []
    for samples in (50, 100, 200):
        sampled = part.demodulated(0.2, 12.0, 2, samples=samples, harmonic=harmonic)
        assert np.allclose(sampled.real, integral.real, rtol=0.02)
        errors.append(np.linalg.norm(sampled.real - integral.real))
    slope = np.polyfit(np.log([50, 100, 200]), np.log(errors), 1)[0]
    assert slope == pytest.approx(-2, abs=0.05)


def test_planes():
    real, circular, along = (
        linear_fluctuations(LINEAR, X, osciprop.WhiteNoise(0.3, plane=plane))[0]
        for plane in (
            osciprop.dynamics.RealAxis(),
            osciprop.dynamics.Circular(),
            osciprop.dynamics.Along(np.pi / 2),
        )
    )
    np.testing.assert_allclose(real.stationary, circular.stationary)
    assert (real.turn, circular.turn) == (pytest.approx(1), pytest.approx(0))
    assert along.turn == pytest.approx(-1)
    noise = circular.demodulated(0.1, 10.0)
    np.testing.assert_allclose(noise.real, noise.imaginary)


@pytest.mark.slow
def test_sharing():
    assert [list(group) for group in groups(osciprop.dynamics.PerSample(), 3)] == [[0], [1], [2]]
    assert [list(group) for group in groups(osciprop.dynamics.SharedAcrossBatch(), 3)] == [
        [0, 1, 2]
    ]
    x = np.repeat(X, 2, axis=0)
    shared = osciprop.WhiteNoise(0.3, sharing=osciprop.dynamics.SharedAcrossBatch())
    (pair,) = linear_fluctuations(LINEAR, x, shared)
    (one, _) = linear_fluctuations(LINEAR, x, osciprop.WhiteNoise(0.3))
    np.testing.assert_allclose(pair.potential(), np.tile(one.potential(), (2, 2)))


def test_errors_name_what_to_change(monkeypatch):
    unstable = linear_network(units=4, inputs=3, norm=1.5)
    with pytest.raises(osciprop.ConvergenceError, match="ODE leaves .* 0.0439.* weaker synapses"):
        linear_fluctuations(unstable, X, osciprop.WhiteNoise(0.1), relaxation=osciprop.Newton())
    u = osciprop.relax(unstable, X, relaxation=osciprop.Newton(), throw=False).u
    with pytest.raises(ValueError, match="network is unstable .* rate 0.0439.* weaker synapses"):
        next(fluctuations.each_fluctuations(unstable, jnp.asarray(X), osciprop.WhiteNoise(0.1), u))
    monkeypatch.setattr(fluctuations, "LARGEST_SYSTEM", 7)
    with pytest.raises(ValueError, match=r"8 variables per sample, times 1 .* up to 7"):
        linear_fluctuations(LINEAR, X, osciprop.ColouredNoise(0.1, 1.0))
    (part,) = linear_fluctuations(LINEAR, X, osciprop.WhiteNoise(0.1))
    assert isinstance(part, Fluctuations)
    with pytest.raises(ValueError, match="samples must be an integer of at least 3, got 2"):
        part.demodulated(0.1, 10.0, samples=2)
    with pytest.raises(ValueError, match="amplitude must be a finite number above 0, got 0.0"):
        part.demodulated(0.0, 10.0)
