"""Fourier coefficients on a circle, and radii from their decay, of known functions."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

from osciprop.equilibria.spectra import (
    fourier_coefficients,
    harmonic_sizes,
    radius_from_decay,
    whole_circle,
)

R, N = 0.3, 64
CIRCLE = R * np.exp(2j * np.pi * np.arange(N) / N)


def test_coefficients_are_those_of_taylor():
    found = fourier_coefficients(jnp.asarray(np.exp(CIRCLE))[:, None])[:, 0]
    expected = [R**k / math.factorial(k) for k in range(8)]
    np.testing.assert_allclose(found[:8], expected, atol=1e-15)
    np.testing.assert_allclose(found[N // 2 :], 0, atol=1e-15)


@pytest.mark.parametrize("points", [4, 5, 8])
def test_the_lower_half_is_the_mirror_image(points):
    circle = np.exp(1j * 2 * np.pi * np.arange(points) / points)
    values = jnp.asarray(1 / (2 - circle))[:, None]
    np.testing.assert_allclose(whole_circle(values[: points // 2 + 1], points), values)


@pytest.mark.parametrize("pole", [0.5, 1.0, 4.0])
def test_the_radius_of_a_pole(pole):
    sizes = harmonic_sizes(jnp.asarray(1 / (pole - CIRCLE))[:, None])
    assert radius_from_decay(sizes, R) == pytest.approx(pole, rel=1e-3)


@pytest.mark.parametrize("place", [0.5, 0.8])
def test_the_radius_of_a_fold(place):
    sizes = harmonic_sizes(jnp.asarray(np.sqrt(place - CIRCLE))[:, None])
    assert radius_from_decay(sizes, R) == pytest.approx(place, rel=0.03)


def test_an_affine_response_has_no_singularity():
    sizes = harmonic_sizes(jnp.asarray(1 + 2 * CIRCLE)[:, None])
    assert radius_from_decay(sizes, R) == math.inf
    with pytest.raises(ValueError, match="at least 4 points"):
        radius_from_decay(np.ones(3), R)
