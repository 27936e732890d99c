"""From pixels as they are stored to the input of a network, on the device.

Data sets of images hold bytes, a quarter of what they take as numbers. A preprocessing is an object
that `fit` and `evaluate` apply to each batch after it has reached the device.
"""

import abc
import math
from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray, Shaped

from ..errors import check_finite, check_positive
from ..settings import Module
from ..trees import as_row
from .augmentation import AbstractAugmentation

Samples = Shaped[ArrayLike, "batch ..."]
BYTE = 255.0  # the brightest pixel


class ChannelStatistics(NamedTuple):
    """Mean and standard deviation of each colour channel over a data set, of pixels / 255.

    Args:
        mean: Mean of each channel, of pixels / 255.
        std: Standard deviation of each channel.

    Example:
        >>> osciprop.training.CIFAR_STATISTICS.mean
        (0.4914, 0.4822, 0.4465)
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]


# As hep2022 has them, the first for CIFAR-100 too. (The standard deviations of CIFAR are means of
# those within one image; over the data set they are 0.247, 0.243, 0.262.)
CIFAR_STATISTICS = ChannelStatistics((0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010))
IMAGENET_STATISTICS = ChannelStatistics((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


class AbstractPreprocessing(Module):
    """What happens to a batch of stored samples before it reaches the network.

    Example:
        >>> issubclass(osciprop.training.Flattened, osciprop.training.AbstractPreprocessing)
        True
    """

    @abc.abstractmethod
    def train(self, x: Samples, key: PRNGKeyArray) -> Float[Array, "batch ..."]:
        """The input to train on; `key` is the source of all that is random about it."""

    @abc.abstractmethod
    def evaluate(self, x: Samples) -> Float[Array, "batch ..."]:
        """The input to measure on, without anything random."""


class ImagePreprocessing(AbstractPreprocessing):
    """Images of bytes, augmented in training, then `(x / 255 - mean) / (factor std)` by channel.

    - `statistics`: `CIFAR_STATISTICS`, `IMAGENET_STATISTICS` or those of your data.
    - `augmentations`: applied in their order to raw pixels, in training only. hep2022 uses
      `(HorizontalFlip(), RandomCrop(padding=2))`.
    - `factor`: multiplies the standard deviation; 1.5 is that of hep2022.

    `train` and `evaluate` take uint8 `(batch, height, width, channels)` and return the same shape
    in the precision that JAX has at construction. They raise `ValueError` for another dtype, number
    of axes or of channels; the constructor for statistics that are not finite, or a scale that is
    not above 0.

    Args:
        statistics: Mean and standard deviation by channel.
        augmentations: Applied in their order to raw pixels, in training only.
        factor: Multiplies the standard deviation.

    Raises:
        ValueError: statistics are not finite, or a scale is not above 0.

    Source: hep2022, appendix A.3.

    Example:
        >>> images = np.zeros((2, 4, 4, 3), dtype=np.uint8)
        >>> scaled = osciprop.training.ImagePreprocessing(osciprop.training.CIFAR_STATISTICS)
        >>> scaled.evaluate(images).shape
        (2, 4, 4, 3)
    """

    mean: Float[Array, " channels"]
    scale: Float[Array, " channels"]
    augmentations: tuple[AbstractAugmentation, ...]

    def __init__(
        self,
        statistics: ChannelStatistics,
        augmentations: Sequence[AbstractAugmentation] = (),
        factor: ArrayLike = 1.5,
    ):
        self.mean = jnp.asarray(statistics.mean, dtype=float)
        self.scale = jnp.asarray(factor, dtype=float) * jnp.asarray(statistics.std, dtype=float)
        self.augmentations = tuple(augmentations)
        check_finite("statistics.mean", self.mean, "give one number per channel")
        check_positive("factor * statistics.std", self.scale, "a scale divides the pixels")

    def train(self, x: Samples, key: PRNGKeyArray) -> Float[Array, "batch height width channels"]:
        return self._augmented(self._checked(x), key)

    def evaluate(self, x: Samples) -> Float[Array, "batch height width channels"]:
        return self._normalised(self._checked(x))

    @eqx.filter_jit
    def _augmented(self, images: Array, key: PRNGKeyArray) -> Array:
        for number, augmentation in enumerate(self.augmentations):
            images = augmentation(images, jax.random.fold_in(key, number))
        return self._normalised(images)

    @eqx.filter_jit
    def _normalised(self, images: Array) -> Array:
        return (images.astype(self.mean.dtype) / BYTE - self.mean) / self.scale

    def _checked(self, x: Samples) -> Array:
        x = jnp.asarray(x)
        channels = self.mean.shape[0]
        if x.dtype != jnp.uint8:
            raise ValueError(
                f"x has dtype {x.dtype}, expected raw pixels of dtype uint8: pass images as they "
                "are stored, or leave out the preprocessing for data that are scaled already"
            )
        if x.ndim != 4 or x.shape[-1] != channels:
            raise ValueError(
                f"x has shape {x.shape}, expected (batch, height, width, {channels}), since the "
                f"statistics are those of {channels} channels: reshape x, or give its statistics"
            )
        return x


class Flattened(AbstractPreprocessing):
    """Another preprocessing, with each sample as one row: for networks of dense layers.

    Args:
        preprocessing: What is done before each sample becomes one row.

    Example:
        >>> images = np.zeros((2, 4, 4, 3), dtype=np.uint8)
        >>> scaled = osciprop.training.ImagePreprocessing(osciprop.training.CIFAR_STATISTICS)
        >>> osciprop.training.Flattened(scaled).evaluate(images).shape
        (2, 48)
    """

    preprocessing: AbstractPreprocessing

    def train(self, x: Samples, key: PRNGKeyArray) -> Float[Array, "batch features"]:
        return as_row(self.preprocessing.train(x, key))

    def evaluate(self, x: Samples) -> Float[Array, "batch features"]:
        return as_row(self.preprocessing.evaluate(x))


class RowsAsImages(AbstractPreprocessing):
    """Rows of numbers as images of `image_shape`, `(height, width)` or with channels last: the data
    sets `digits`, `mnist` and `fashion_mnist` for convolutional networks.

    Raises `ValueError` for rows of another length.

    Args:
        image_shape: Height, width and channels of the images.

    Example:
        >>> osciprop.training.RowsAsImages((2, 2, 1)).evaluate(np.ones((5, 4))).shape
        (5, 2, 2, 1)
    """

    image_shape: tuple[int, ...] = eqx.field(static=True)

    def train(self, x: Samples, key: PRNGKeyArray) -> Float[Array, "batch height width channels"]:
        return self.evaluate(x)

    def evaluate(self, x: Samples) -> Float[Array, "batch height width channels"]:
        rows = jnp.asarray(x)
        height, width, *channels = self.image_shape
        shape = (height, width, *(channels or [1]))
        if rows.ndim != 2 or rows.shape[1] != math.prod(shape):
            raise ValueError(
                f"x has shape {rows.shape}, expected (batch, {math.prod(shape)}) for images of "
                f"{shape}: give the data set's own image_shape"
            )
        return rows.reshape(-1, *shape)
