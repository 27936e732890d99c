"""Convolutions: what a population of maps sends to another, before and after pooling."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Inexact

from ..errors import check_at_least, shown
from ..settings import weights
from .complexity import complex_like
from .pooling import AbstractPooling, NoPooling
from .synapses import AbstractTransform


def as_kernel(value: ArrayLike) -> Array:
    """A converter for fields: a kernel as an array. Raises `ValueError` for other dimensions,
    `TypeError` for what holds no real numbers.
    """
    array = weights(value)
    if not isinstance(array, jax.Array):
        raise TypeError(f"kernel must be an array of real numbers, got {shown(value)}")
    if array.ndim != 4:
        raise ValueError(
            f"kernel has shape {array.shape}: give (rows, columns, channels in, channels out)"
        )
    return array


class Convolution(AbstractTransform):
    """`pool(kernel * images)`: a convolution, then pooling (hep2022, A.2).

    `kernel` is `(rows, columns, channels in, channels out)`; `padding` pixels of zeros surround
    the images: 1 keeps the size under a kernel of 3 x 3, 0 keeps to the inside. As everywhere in
    deep learning the kernel is not mirrored. Complex images take two real convolutions. With a
    `stride` of 2 the kernel is set on every second pixel of each second row, from the first on.

    Args:
        kernel: `(rows, columns, channels in, channels out)`.
        padding: Zeros around the images in pixels.
        pooling: What is made of each window of currents.
        stride: By how many pixels the kernel moves on.

    Raises:
        ValueError: the kernel has other dimensions, `padding` is negative, or `stride` below 1.
        TypeError: the kernel holds no real numbers.

    Source: hep2022, appendix A.2.

    Example:
        >>> convolution = osciprop.networks.Convolution(jnp.ones((3, 3, 1, 2)))
        >>> convolution(jnp.ones((5, 8, 8, 1))).shape
        (5, 8, 8, 2)
    """

    kernel: Float[Array, "rows columns inputs outputs"] = eqx.field(converter=as_kernel)
    padding: int = eqx.field(default=1, static=True)
    pooling: AbstractPooling = NoPooling()
    stride: int = eqx.field(default=1, static=True)

    def __check_init__(self) -> None:
        check_at_least("padding", self.padding, 0, "0 keeps to the inside of the images")
        check_at_least("stride", self.stride, 1, "1 sets the kernel on every pixel")

    def __call__(
        self, images: Inexact[Array, "batch height width inputs"]
    ) -> Inexact[Array, "batch down across outputs"]:
        return self.pooling(self._convolved(images))

    def about(
        self,
        center: Inexact[Array, "batch height width inputs"],
        activity: Inexact[Array, "batch height width inputs"],
    ) -> Inexact[Array, "batch down across outputs"]:
        deviation = self._convolved(activity - complex_like(center, activity))
        return self.pooling(deviation + complex_like(self._convolved(center), deviation))

    def transposed(
        self,
        pre: Inexact[Array, "batch height width inputs"],
        post: Inexact[Array, "batch ..."],
    ) -> Inexact[Array, "batch height width inputs"]:
        pooled, pull = jax.vjp(self.pooling, self._convolved(pre))
        (unpooled,) = pull(post.reshape(pooled.shape))
        # Written out, because inside of loops XLA's CPU compiler knows the derivative of a
        # convolution only in a form several times slower (benchmarks/loops.py).
        sides = pre.shape[1:3]
        reach = tuple(
            self._reach(before, after, taps)
            for before, after, taps in zip(
                sides, unpooled.shape[1:3], self.kernel.shape[:2], strict=True
            )
        )
        blocks = _convolve(unpooled, self._mirrored(), reach)
        return self._interleaved(blocks, sides)

    def _reach(self, before: int, after: int, taps: int) -> tuple[int, int]:
        """Zeros beside currents, so that blocks of pixels come out that cover the images."""
        first, last = self.padding // self.stride, (self.padding + before - 1) // self.stride
        return -(-taps // self.stride) - 1 - first, last - (after - 1)

    def _mirrored(self) -> Float[Array, "rows columns outputs phases"]:
        """The kernel that leads back: of each block of `stride x stride` pixels it makes the
        channels, pixel by pixel.
        """
        step = self.stride
        rows, columns, inputs, outputs = self.kernel.shape
        kernel = jnp.pad(self.kernel, ((0, -rows % step), (0, -columns % step), (0, 0), (0, 0)))
        split = kernel.reshape(-(-rows // step), step, -(-columns // step), step, inputs, outputs)
        turned = split[::-1, :, ::-1].transpose(0, 2, 5, 1, 3, 4)
        return turned.reshape(*turned.shape[:3], step * step * inputs)

    def _interleaved(
        self, blocks: Inexact[Array, "batch down across phases"], sides: tuple[int, ...]
    ) -> Inexact[Array, "batch height width inputs"]:
        """Blocks of pixels as images of these sides, without what lies in the padding."""
        step, inputs = self.stride, self.kernel.shape[2]
        samples, down, across, _ = blocks.shape
        split = blocks.reshape(samples, down, across, step, step, inputs)
        pixels = split.transpose(0, 1, 3, 2, 4, 5)
        pixels = pixels.reshape(samples, down * step, across * step, inputs)
        start = self.padding % step
        return pixels[:, start : start + sides[0], start : start + sides[1]]

    def _convolved(self, images: Inexact[Array, "batch height width inputs"]) -> Array:
        around = (self.padding, self.padding)
        return _convolve(images, self.kernel, (around, around), self.stride)

    def check(self, name: str, activity: Array | jax.ShapeDtypeStruct) -> None:
        channels = self.kernel.shape[2]
        if activity.ndim != 4 or activity.shape[3] != channels:
            raise ValueError(
                f"{name} has shape {activity.shape}, but this convolution takes (batch, height, "
                f"width, {channels}): give images with the channels last"
            )

    def is_holomorphic(self) -> bool:
        return self.pooling.holomorphic


def _convolve(
    images: Inexact[Array, "batch height width inputs"],
    kernel: Float[Array, "rows columns inputs outputs"],
    padding: Sequence[tuple[int, int]],
    stride: int = 1,
) -> Inexact[Array, "batch down across outputs"]:
    """A convolution with so many rows and columns of zeros (before, after) the images."""
    if jnp.iscomplexobj(images):
        # Real and imaginary parts as more samples of one real convolution.
        parts = jnp.concatenate([images.real, images.imag])
        real, imaginary = jnp.split(_convolve(parts, kernel, padding, stride), 2)
        return jax.lax.complex(real, imaginary)
    return jax.lax.conv_general_dilated(
        images,
        kernel,
        window_strides=(stride, stride),
        padding=padding,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
