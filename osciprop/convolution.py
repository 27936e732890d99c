"""Convolutions: what a population of maps sends to another, before and after pooling."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Inexact

from .errors import check_at_least
from .pooling import AbstractPooling, NoPooling
from .synapses import AbstractTransform


class Convolution(AbstractTransform):
    """`pool(kernel * images)`: a convolution of stride 1, then pooling (hep2022, A.2).

    `kernel` is `(rows, columns, channels in, channels out)`; `padding` pixels of zeros surround
    the images: 1 keeps the size under a kernel of 3 x 3, 0 keeps to the inside. As everywhere in
    deep learning the kernel is not mirrored. Complex images take two real convolutions.

    Raises `ValueError` for a kernel that is not four-dimensional, or a negative `padding`.
    """

    kernel: Float[Array, "rows columns inputs outputs"]
    padding: int = eqx.field(static=True)
    pooling: AbstractPooling

    def __init__(self, kernel: ArrayLike, padding: int = 1, pooling: AbstractPooling | None = None):
        array = jnp.asarray(kernel)
        if array.ndim != 4:
            raise ValueError(
                f"kernel has shape {array.shape}: give (rows, columns, channels in, channels out)"
            )
        check_at_least("padding", padding, 0, "0 keeps to the inside of the images")
        self.kernel, self.padding = array, padding
        self.pooling = NoPooling() if pooling is None else pooling

    def __call__(
        self, images: Inexact[Array, "batch height width inputs"]
    ) -> Inexact[Array, "batch down across outputs"]:
        if not jnp.iscomplexobj(images):
            return self.pooling(self._convolve(images))
        # Real and imaginary parts as more samples of one real convolution.
        parts = self._convolve(jnp.concatenate([images.real, images.imag]))
        real, imaginary = jnp.split(parts, 2)
        return self.pooling(jax.lax.complex(real, imaginary))

    def _convolve(self, images: Float[Array, "batch height width inputs"]) -> Array:
        around = (self.padding, self.padding)
        return jax.lax.conv_general_dilated(
            images,
            self.kernel,
            window_strides=(1, 1),
            padding=(around, around),
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
        )

    def check(self, name: str, activity: Array) -> None:
        channels = self.kernel.shape[2]
        if activity.ndim != 4 or activity.shape[3] != channels:
            raise ValueError(
                f"{name} has shape {activity.shape}, but this convolution takes (batch, height, "
                f"width, {channels}): give images with the channels last"
            )

    def is_holomorphic(self) -> bool:
        return self.pooling.holomorphic
