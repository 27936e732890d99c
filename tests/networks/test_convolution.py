"""Convolutions against a sum written out, and their transpose."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import osciprop
from osciprop.networks.synapses import pull_back


def written_out(images: np.ndarray, kernel: np.ndarray, padding: int) -> np.ndarray:
    """The convolution as a loop over pixels."""
    rows, columns = kernel.shape[:2]
    padded = np.pad(images, ((0, 0), (padding,) * 2, (padding,) * 2, (0, 0)))
    height, width = padded.shape[1] - rows + 1, padded.shape[2] - columns + 1
    result = np.zeros((len(images), height, width, kernel.shape[3]), dtype=images.dtype)
    for row in range(height):
        for column in range(width):
            window = padded[:, row : row + rows, column : column + columns]
            result[:, row, column] = np.einsum("brci,rcio->bo", window, kernel)
    return result


@pytest.mark.parametrize("padding", [0, 1, 2])
def test_convolution_of_complex_images(padding: int):
    rng = np.random.default_rng(0)
    images = rng.normal(size=(2, 5, 6, 3)) + 1j * rng.normal(size=(2, 5, 6, 3))
    kernel = rng.normal(size=(3, 3, 3, 4))
    convolution = osciprop.networks.Convolution(jnp.asarray(kernel), padding)
    expected = written_out(images, kernel, padding)
    np.testing.assert_allclose(convolution(jnp.asarray(images)), expected, atol=1e-12)
    np.testing.assert_allclose(convolution(jnp.asarray(images.real)), expected.real, atol=1e-12)


@pytest.mark.parametrize("stride", [2, 3])
def test_a_stride_leaves_pixels_out(stride: int):
    """What is left of the convolution that moves by one pixel."""
    rng = np.random.default_rng(0)
    images = rng.normal(size=(2, 8, 9, 3)) + 1j * rng.normal(size=(2, 8, 9, 3))
    kernel = rng.normal(size=(3, 3, 3, 4))
    found = osciprop.networks.Convolution(jnp.asarray(kernel), 1, stride=stride)(
        jnp.asarray(images)
    )
    expected = written_out(images, kernel, 1)[:, ::stride, ::stride]
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize(
    ("stride", "kernel", "padding"),
    [(2, (1, 1), 0), (2, (3, 3), 1), (3, (2, 3), 3), (4, (1, 2), 1), (2, (5, 4), 0)],
)
def test_the_transpose_of_strides_is_the_derivative(stride, kernel, padding):
    """Also of images that are no multiple of the stride, and of pixels that nothing looks at."""
    rng = np.random.default_rng(0)
    kernel = jnp.asarray(rng.normal(size=(*kernel, 2, 3)))
    convolution = osciprop.networks.Convolution(kernel, padding, stride=stride)
    pre = jnp.asarray(rng.normal(size=(1, 7, 9, 2)) + 1j * rng.normal(size=(1, 7, 9, 2)))
    shape = convolution(pre).shape
    post = jnp.asarray(rng.normal(size=shape) + 1j * rng.normal(size=shape))
    np.testing.assert_allclose(
        convolution.transposed(pre, post), pull_back(convolution, pre, post), atol=1e-12
    )


def test_the_way_back_is_the_transpose_and_not_hermitian():
    """For a linear convolution `<K a, b> = <a, K^T b>` without any conjugate."""
    rng = np.random.default_rng(0)
    convolution = osciprop.networks.Convolution(rng.normal(size=(3, 3, 2, 4)), 1)
    pre = jnp.asarray(rng.normal(size=(1, 4, 4, 2)) + 1j * rng.normal(size=(1, 4, 4, 2)))
    post = jnp.asarray(rng.normal(size=(1, 4, 4, 4)) + 1j * rng.normal(size=(1, 4, 4, 4)))
    back = convolution.transposed(pre, post)
    np.testing.assert_allclose(jnp.sum(convolution(pre) * post), jnp.sum(pre * back), rtol=1e-12)


@pytest.mark.parametrize(
    ("padding", "pooling"),
    [
        (0, osciprop.networks.NoPooling()),
        (1, osciprop.networks.SoftmaxPooling()),
        (3, osciprop.networks.NoPooling()),
    ],
)
def test_the_transpose_is_the_derivative(padding: int, pooling: osciprop.networks.AbstractPooling):
    """Also of kernels that are not square, and with more zeros than the kernel reaches."""
    rng = np.random.default_rng(0)
    kernel = jnp.asarray(rng.normal(size=(2, 3, 2, 4)))
    convolution = osciprop.networks.Convolution(kernel, padding, pooling)
    pre = jnp.asarray(rng.normal(size=(2, 5, 6, 2)) + 1j * rng.normal(size=(2, 5, 6, 2)))
    post = jnp.asarray(rng.normal(size=convolution(pre).shape), dtype=complex)
    np.testing.assert_allclose(
        convolution.transposed(pre, post), pull_back(convolution, pre, post), atol=1e-12
    )


def test_feedback_through_pooling_depends_on_the_lower_activity():
    """With one's own kernel: the derivative of `pool(K a) . b` by a, by finite differences."""
    rng = np.random.default_rng(0)
    convolution = osciprop.networks.Convolution(
        rng.normal(size=(3, 3, 2, 4)), 1, osciprop.networks.SoftmaxPooling()
    )
    feedback = osciprop.networks.FeedbackProjection(transform=convolution, source=1, target=0)
    lower, upper = (jnp.asarray(rng.normal(size=shape)) for shape in ((1, 4, 4, 2), (1, 2, 2, 4)))
    ((place, current),) = feedback.currents((lower, upper))
    step = 1e-6 * jax.random.normal(jax.random.key(0), lower.shape)
    up, down = (jnp.sum(convolution(lower + sign * step) * upper) for sign in (1, -1))
    assert place == 0 and (feedback.lower, feedback.upper) == (0, 1)
    np.testing.assert_allclose(jnp.sum(current * step), (up - down) / 2, rtol=1e-7)


def test_bad_settings_are_named():
    with pytest.raises(ValueError, match="kernel has shape"):
        osciprop.networks.Convolution(np.ones((3, 3, 2)))
    with pytest.raises(ValueError, match="padding"):
        osciprop.networks.Convolution(np.ones((3, 3, 2, 2)), -1)
    with pytest.raises(ValueError, match="stride"):
        osciprop.networks.Convolution(np.ones((3, 3, 2, 2)), stride=0)
