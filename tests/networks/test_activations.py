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
}
U = np.linspace(-3.0, 4.0, 41)


@pytest.mark.parametrize("activation", list(FORMULAS), ids=str)
def test_formula(activation):
    expected = FORMULAS[activation](U)
    np.testing.assert_allclose(activation(jnp.asarray(U)), expected, atol=1e-12)


@pytest.mark.parametrize("activation", [a for a in FORMULAS if a.holomorphic], ids=str)
def test_complex_values_are_the_analytic_continuation(activation):
    """The complex derivative along i is i times that along 1 (Cauchy and Riemann)."""
    u = jnp.asarray(U[::4] + 0.1j)
    step = jnp.full_like(u, 1e-6)
    along = (activation(u + step) - activation(u - step)) / 2e-6
    across = (activation(u + 1j * step) - activation(u - 1j * step)) / 2e-6
    np.testing.assert_allclose(across, 1j * np.asarray(along), atol=1e-6)


@pytest.mark.parametrize("activation", list(FORMULAS), ids=str)
def test_the_primitive_is_the_integral(activation):
    if isinstance(activation, osciprop.HolomorphicTanh):
        with pytest.raises(NotImplementedError, match="primitive"):
            activation.primitive(jnp.asarray(0.0))
        return
    slope = jax.vmap(jax.grad(activation.primitive))(jnp.asarray(U + 1e-3))
    np.testing.assert_allclose(slope, activation(jnp.asarray(U + 1e-3)), atol=1e-12)
    assert np.isfinite(activation.primitive(jnp.asarray([-1e3, 1e3]))).all()


def test_large_potentials_neither_overflow_nor_lose_their_slope():
    for activation in FORMULAS:
        slope = jax.vmap(jax.grad(activation))(jnp.asarray([-1e4, 1e4]))
        assert np.all(np.isfinite(slope))
