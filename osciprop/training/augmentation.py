"""Random changes of images that leave what they show: a network is trained on all of them."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, PRNGKeyArray, UInt8

from ..errors import check_at_least
from ..settings import Module

Pixels = UInt8[Array, "batch height width channels"]


class AbstractAugmentation(Module):
    """A random change of raw pixels, drawn for every image anew.

    Example:
        >>> issubclass(osciprop.training.RandomCrop, osciprop.training.AbstractAugmentation)
        True
    """

    @abc.abstractmethod
    def __call__(self, images: Pixels, key: PRNGKeyArray) -> Pixels:
        """Images of the same shape, changed; the same key gives the same changes."""


class HorizontalFlip(AbstractAugmentation):
    """Every image is mirrored, left for right, with probability 1/2.

    Example:
        >>> images = jnp.zeros((2, 4, 4, 3), dtype=jnp.uint8)
        >>> osciprop.training.HorizontalFlip()(images, key).shape
        (2, 4, 4, 3)
    """

    def __call__(self, images: Pixels, key: PRNGKeyArray) -> Pixels:
        flipped = jax.random.bernoulli(key, shape=(images.shape[0], 1, 1, 1))
        return jnp.where(flipped, images[:, :, ::-1], images)


class RandomCrop(AbstractAugmentation):
    """A window of the image's own size out of the image in a black frame.

    The frame is `padding` pixels wide on each side; the window's offset is uniform over the
    `2 padding + 1` places in each direction.

    Args:
        padding: Width of the black frame in pixels, at least 1.

    Raises:
        ValueError: there is no frame.

    Source: hep2022, appendix A.3.

    Example:
        >>> images = jnp.zeros((2, 4, 4, 3), dtype=jnp.uint8)
        >>> osciprop.training.RandomCrop(padding=2)(images, key).shape
        (2, 4, 4, 3)
    """

    padding: int = eqx.field(static=True, default=2)

    def __check_init__(self) -> None:
        check_at_least("padding", self.padding, 1, "leave out RandomCrop to train on whole images")

    def __call__(self, images: Pixels, key: PRNGKeyArray) -> Pixels:
        count, *shape = images.shape
        frame = (self.padding, self.padding)
        framed = jnp.pad(images, ((0, 0), frame, frame, (0, 0)))
        offsets = jax.random.randint(key, (count, 2), 0, 2 * self.padding + 1)

        def window(image: Array, offset: Array) -> Array:
            return jax.lax.dynamic_slice(image, (offset[0], offset[1], 0), shape)

        return jax.vmap(window)(framed, offsets)
