"""Pooling: one current out of a window of currents, inside a convolutional synapse.

Windows do not overlap; rows and columns that fill no window are left out. All three kinds commute
with adding a constant, so that it makes no difference whether a bias stands before or after them.
"""

import abc
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from equinox import AbstractClassVar
from jaxtyping import Array, Inexact

from ..errors import check_at_least, check_positive
from ..settings import Module
from .complexity import complex_like

Images = Inexact[Array, "batch height width channels"]
Pooled = Inexact[Array, "batch rows columns channels"]


class AbstractPooling(Module):
    """A map from images to smaller images, channel by channel.

    Example:
        >>> issubclass(osciprop.networks.MaxPooling, osciprop.networks.AbstractPooling)
        True
    """

    holomorphic: AbstractClassVar[bool]

    @abc.abstractmethod
    def __call__(self, images: Images) -> Pooled:
        """`(batch, height, width, channels)` to `(batch, height // size, width // size, channels)`,
        where `size` is the length of a window's side.
        """


class NoPooling(AbstractPooling):
    """Images as they are.

    Example:
        >>> osciprop.networks.NoPooling()(jnp.ones((1, 4, 4, 1))).shape
        (1, 4, 4, 1)
    """

    holomorphic: ClassVar[bool] = True

    def __call__(self, images: Images) -> Pooled:
        return images


class SoftmaxPooling(AbstractPooling):
    """`sum_j v_j exp(v_j / T) / sum_j exp(v_j / T)` of each window of `size x size` (hep2022).

    Holomorphic, but for poles where the denominator vanishes, which needs imaginary parts that
    differ by `pi T`. It is the maximum as the `temperature` T goes to 0, the mean as it grows. In
    units of the current.

    Args:
        temperature: Of the softmax over each window; towards 0 it becomes the maximum.
        size: Side of the window in pixels.

    Raises:
        ValueError: `temperature` is not positive, or `size` is below 1.

    Source: hep2022, appendix A.2.

    Example:
        >>> osciprop.networks.SoftmaxPooling()(jnp.ones((1, 4, 4, 1))).shape
        (1, 2, 2, 1)
    """

    temperature: float = eqx.field(static=True, default=1.0)
    size: int = eqx.field(static=True, default=2)
    holomorphic: ClassVar[bool] = True

    def __check_init__(self) -> None:
        check_positive("temperature", self.temperature, "1 is hep2022's; small ones take maxima")
        check_at_least("size", self.size, 1, "a window holds at least one pixel")

    def __call__(self, images: Images) -> Pooled:
        values = windows(images, self.size)
        # Shifted by the largest real part: safe in exp, and cancels exactly.
        peak = jax.lax.stop_gradient(jnp.max(values.real, axis=(2, 4), keepdims=True))
        weights = jnp.exp((values - complex_like(peak, values)) / self.temperature)
        return jnp.sum(values * weights, axis=(2, 4)) / jnp.sum(weights, axis=(2, 4))


class MaxPooling(AbstractPooling):
    """The largest of each window of `size x size`; not holomorphic, for real currents only.

    Args:
        size: Side of the window in pixels.

    Raises:
        ValueError: `size` is below 1.
        TypeError: by the call, for complex currents.

    Example:
        >>> osciprop.networks.MaxPooling()(jnp.arange(16.0).reshape(1, 4, 4, 1)).ravel().tolist()
        [5.0, 7.0, 13.0, 15.0]
    """

    size: int = eqx.field(static=True, default=2)
    holomorphic: ClassVar[bool] = False

    def __check_init__(self) -> None:
        check_at_least("size", self.size, 1, "a window holds at least one pixel")

    def __call__(self, images: Images) -> Pooled:
        if jnp.iscomplexobj(images):
            raise TypeError(
                "MaxPooling met complex currents, which have no largest: use SoftmaxPooling for a "
                "complex teaching signal"
            )
        return jnp.max(windows(images, self.size), axis=(2, 4))


def windows(images: Images, size: int) -> Inexact[Array, "batch rows size columns size channels"]:
    """Images cut into windows of `size x size`, on axes 2 and 4."""
    batch, height, width, channels = images.shape
    rows, columns = height // size, width // size
    cut = images[:, : rows * size, : columns * size]
    return cut.reshape(batch, rows, size, columns, size, channels)
