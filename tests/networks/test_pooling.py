"""Softmax pooling is a holomorphic maximum, safe for large and complex currents."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import osciprop


def images(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def test_softmax_pooling_is_the_weighted_mean_of_each_window():
    values = images(2, 5, 4, 3)
    pooled = osciprop.networks.SoftmaxPooling(temperature=0.7)(jnp.asarray(values))
    assert pooled.shape == (2, 2, 2, 3)  # the fifth row fills no window
    for row in range(2):
        for column in range(2):
            window = values[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
            weights = np.exp(window / 0.7)
            expected = np.sum(window * weights, axis=(1, 2)) / np.sum(weights, axis=(1, 2))
            np.testing.assert_allclose(pooled[:, row, column], expected, rtol=1e-12)


def test_softmax_pooling_becomes_the_maximum_and_the_mean():
    values = jnp.asarray(images(2, 6, 6, 3))
    largest = osciprop.networks.MaxPooling(size=3)(values)
    errors = [
        float(jnp.max(jnp.abs(osciprop.networks.SoftmaxPooling(temperature, 3)(values) - largest)))
        for temperature in (1.0, 0.1, 0.01, 1e-4)
    ]
    assert errors == sorted(errors, reverse=True) and errors[-1] < 1e-9
    mean = values.reshape(2, 2, 3, 2, 3, 3).mean(axis=(2, 4))
    np.testing.assert_allclose(osciprop.networks.SoftmaxPooling(1e6, 3)(values), mean, atol=1e-5)


@pytest.mark.parametrize(
    "pooling", [osciprop.networks.SoftmaxPooling(), osciprop.networks.MaxPooling()]
)
def test_a_constant_may_be_added_before_or_after(pooling):
    values = jnp.asarray(images(2, 4, 4, 3))
    bias = jnp.asarray([1.0, -2.0, 300.0])
    np.testing.assert_allclose(pooling(values + bias), pooling(values) + bias, rtol=1e-12)


def test_softmax_pooling_is_holomorphic_and_safe_for_large_complex_windows():
    """The mean over a circle is the value at its centre, and no negative harmonics appear."""
    centre = images(1, 2, 2, 1) + 0.3j * images(1, 2, 2, 1, seed=1)
    turn = np.exp(2j * np.pi * np.arange(32) / 32)
    for offset in (0.0, 800.0, -800.0):  # exp(800) overflows
        circle = offset + centre + 0.2 * turn[:, None, None, None] * images(1, 2, 2, 1, seed=2)
        around = (
            np.asarray(osciprop.networks.SoftmaxPooling()(jnp.asarray(circle))).ravel() - offset
        )
        harmonics = np.fft.fft(around) / 32
        alone = osciprop.networks.SoftmaxPooling()(jnp.asarray(offset + centre)) - offset
        np.testing.assert_allclose(harmonics[0], np.ravel(alone)[0], atol=1e-12)
        assert np.abs(harmonics[17:]).max() < 1e-12 < 1e-3 < np.abs(harmonics[1])


def test_gradient_of_softmax_pooling_is_finite_where_one_value_dominates():
    values = jnp.asarray([[[[1e4], [0.0]], [[0.0], [-1e4]]]])
    slope = jax.grad(lambda v: osciprop.networks.SoftmaxPooling()(v).sum())(values)
    np.testing.assert_allclose(slope.ravel(), [1, 0, 0, 0], atol=1e-12)


def test_bad_settings_are_named():
    with pytest.raises(ValueError, match="temperature"):
        osciprop.networks.SoftmaxPooling(temperature=0.0)
    with pytest.raises(ValueError, match="size"):
        osciprop.networks.MaxPooling(size=0)
    with pytest.raises(TypeError, match="SoftmaxPooling"):
        osciprop.networks.MaxPooling()(jnp.ones((1, 2, 2, 1), dtype=complex))
