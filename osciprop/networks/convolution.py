"""Convolutions: what a population of maps sends to another, before and after pooling."""

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
    """`pool(kernel * images)`: a convolution of stride 1, then pooling (hep2022, A.2).

    `kernel` is `(rows, columns, channels in, channels out)`; `padding` pixels of zeros surround
    the images: 1 keeps the size under a kernel of 3 x 3, 0 keeps to the inside. As everywhere in
    deep learning the kernel is not mirrored. Complex images take two real convolutions.

    Args:
        kernel: `(rows, columns, channels in, channels out)`.
        padding: Zeros around the images in pixels.
        pooling: What is made of each window of currents.

    Raises:
        ValueError: the kernel has other dimensions, or `padding` is negative.
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

    def __check_init__(self) -> None:
        check_at_least("padding", self.padding, 0, "0 keeps to the inside of the images")

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
        mirrored = jnp.swapaxes(self.kernel[::-1, ::-1], 2, 3)
        rows, columns = (side - 1 - self.padding for side in self.kernel.shape[:2])
        return _convolve(unpooled, mirrored, rows, columns)

    def _convolved(self, images: Inexact[Array, "batch height width inputs"]) -> Array:
        return _convolve(images, self.kernel, self.padding, self.padding)

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
    above: int,
    beside: int,
) -> Inexact[Array, "batch down across outputs"]:
    """A convolution of stride 1 with so many rows and columns of zeros around the images."""
    if jnp.iscomplexobj(images):
        # Real and imaginary parts as more samples of one real convolution.
        parts = jnp.concatenate([images.real, images.imag])
        real, imaginary = jnp.split(_convolve(parts, kernel, above, beside), 2)
        return jax.lax.complex(real, imaginary)
    return jax.lax.conv_general_dilated(
        images,
        kernel,
        window_strides=(1, 1),
        padding=((above, above), (beside, beside)),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )
