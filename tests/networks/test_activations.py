"""Activations against their formulas, and their integrals against numerical quadrature."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import osciprop

FORMULAS = {
    osciprop.Identity(): lambda u: u,
    osciprop.Tanh(): np.tanh,
    osciprop.ShiftedSigmoid(): lambda u: 1 / (1 + np.exp(-4 * u + 2)),
    osciprop.ShiftedSigmoid(3.0, 1.0): lambda u: 1 / (1 + np.exp(-3 * u + 1)),
    osciprop.HolomorphicTanh(): lambda u: (
        u / 2 / (1 + np.exp(-u)) + (1 - u / 2) / (1 + np.exp(-(u - 2)))
    ),
    osciprop.HardSigmoid(): lambda u: np.minimum(np.maximum(0, u / 2), 1),
    osciprop.ReLU(): lambda u: np.maximum(0, u),
    osciprop.networks.ClippedReLU(1.5): lambda u: np.minimum(np.maximum(0, u), 1.5),
    osciprop.networks.SoftClippedReLU(2.0, 3.0): lambda u: (
        np.log1p(np.exp(3 * u)) / 3 - np.log1p(np.exp(3 * (u - 2))) / 3
    ),
}
WITHOUT_PRIMITIVE = (osciprop.HolomorphicTanh, osciprop.networks.SoftClippedReLU)
U = np.linspace(-3.0, 4.0, 41)


@pytest.mark.parametrize("activation", list(FORMULAS), ids=str)
def test_formula(activation):
    expected = FORMULAS[activation](U)
    np.testing.assert_allclose(activation(jnp.asarray(U)), expected, atol=1e-12)


@pytest.mark.parametrize("activation", list(FORMULAS), ids=str)
def test_the_primitive_is_the_integral(activation):
    if isinstance(activation, WITHOUT_PRIMITIVE):
        with pytest.raises(NotImplementedError, match="primitive"):
            activation.primitive(jnp.asarray(0.0))
        return
    slope = jax.vmap(jax.grad(activation.primitive))(jnp.asarray(U + 1e-3))
    np.testing.assert_allclose(slope, activation(jnp.asarray(U + 1e-3)), atol=1e-12)
    assert np.isfinite(activation.primitive(jnp.asarray([-1e3, 1e3]))).all()


@pytest.mark.parametrize("activation", [a for a in FORMULAS if a.holomorphic], ids=str)
def test_holomorphic_ones_are(activation):
    """On a circle there are no negative frequencies, and the mean is the value at its centre."""
    centre = np.array([0.1, 0.5, -0.7])
    circle = centre[:, None] + 0.3 * np.exp(2j * np.pi * np.arange(64) / 64)
    coefficients = np.fft.fft(np.asarray(activation(jnp.asarray(circle))), axis=1) / 64
    np.testing.assert_allclose(coefficients[:, 0], activation(jnp.asarray(centre)), atol=1e-12)
    assert np.abs(coefficients[:, 40:]).max() < 1e-10
    assert np.isfinite(activation(jnp.asarray([-1e4 + 0.5j, 1e4 + 0.5j]))).all()


def test_the_controls_are_not_holomorphic():
    assert not osciprop.HardSigmoid().holomorphic and not osciprop.ReLU().holomorphic
    assert not osciprop.networks.ClippedReLU().holomorphic


@pytest.mark.parametrize("sharpness", [1.0, 10.0, 1000.0])
def test_the_soft_clip_is_the_hard_one_but_for_its_bends(sharpness):
    potentials = jnp.asarray(np.linspace(-5.0, 12.0, 341))
    hard = osciprop.networks.ClippedReLU()(potentials)
    soft = osciprop.networks.SoftClippedReLU(sharpness=sharpness)
    assert np.abs(soft(potentials) - hard).max() <= np.log(2) / sharpness * (1 + 1e-9)
    slope = jax.vmap(jax.grad(soft))(potentials)
    assert slope.min() >= 0 and slope.max() <= 1


def test_a_clip_needs_room():
    with pytest.raises(ValueError, match="ceiling"):
        osciprop.networks.ClippedReLU(0.0)
    with pytest.raises(ValueError, match="ceiling"):
        osciprop.networks.SoftClippedReLU(ceiling=-1.0)
    with pytest.raises(ValueError, match="sharpness"):
        osciprop.networks.SoftClippedReLU(sharpness=0.0)


def test_large_potentials_neither_overflow_nor_lose_their_slope():
    far = jnp.asarray([-1e4, 1e4])
    for activation in FORMULAS:
        slope = jax.vmap(jax.grad(activation))(far)
        assert np.isfinite(activation(far)).all() and np.isfinite(slope).all()
