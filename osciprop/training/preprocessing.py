"""From pixels as they are stored to the input of a network, on the device.

Data sets of images hold bytes, a quarter of what they take as numbers. A preprocessing is an object
that `fit` and `evaluate` apply to each batch after it has reached the device.
"""

import abc
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, PRNGKeyArray, Shaped

from ..errors import check_finite, check_positive
from ..networks.trees import as_row
from ..settings import Module, Number, Numbers, number, numbers
from .augmentation import AbstractAugmentation, Pixels

Samples = Shaped[ArrayLike, "batch ..."]
BYTE = 255.0  # the brightest pixel


class ChannelStatistics(Module):
    """Mean and standard deviation of each colour channel over a data set, of pixels / 255.

    Args:
        mean: Mean of each channel, of pixels / 255.
        std: Standard deviation of each channel.

    Example:
        >>> osciprop.training.CIFAR_STATISTICS.mean
        array([0.4914, 0.4822, 0.4465])
    """

    mean: Numbers = eqx.field(converter=numbers)
    std: Numbers = eqx.field(converter=numbers)


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

    `train` and `evaluate` take uint8 `(batch, height, width, channels)` and return numbers of the
    same shape in JAX's precision.

    Args:
        statistics: Mean and standard deviation by channel: `CIFAR_STATISTICS`,
            `IMAGENET_STATISTICS`, or those of your data.
        augmentations: Applied in their order to raw pixels, in training only. hep2022 uses
            `(HorizontalFlip(), RandomCrop(padding=2))`.
        factor: Multiplies the standard deviation.

    Raises:
        ValueError: the mean is not finite, or a scale not above 0; by `train` and `evaluate`,
            images have another dtype, number of axes or of channels.

    Source: hep2022, appendix A.3.

    Example:
        >>> images = np.zeros((2, 4, 4, 3), dtype=np.uint8)
        >>> scaled = osciprop.training.ImagePreprocessing(osciprop.training.CIFAR_STATISTICS)
        >>> scaled.evaluate(images).shape
        (2, 4, 4, 3)
    """

    statistics: ChannelStatistics
    augmentations: tuple[AbstractAugmentation, ...] = eqx.field(default=(), converter=tuple)
    factor: Number = eqx.field(default=1.5, converter=number)

    def __check_init__(self) -> None:
        check_finite("statistics.mean", self.statistics.mean, "give one number per channel")
        scale = self.factor * self.statistics.std
        check_positive("factor * statistics.std", scale, "a scale divides the pixels")

    def train(self, x: Samples, key: PRNGKeyArray) -> Float[Array, "batch height width channels"]:
        return augmented_images(self, self._checked(x), key)

    def evaluate(self, x: Samples) -> Float[Array, "batch height width channels"]:
        return normalised_images(self, self._checked(x))

    def _checked(self, x: Samples) -> Pixels:
        x = jnp.asarray(x)
        channels = len(self.statistics.mean)
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


@eqx.filter_jit
def augmented_images(
    preprocessing: ImagePreprocessing, images: Pixels, key: PRNGKeyArray
) -> Float[Array, "batch height width channels"]:
    """Images to train on."""
    for index, augmentation in enumerate(preprocessing.augmentations):
        images = augmentation(images, jax.random.fold_in(key, index))
    return normalised_images(preprocessing, images)


@eqx.filter_jit
def normalised_images(
    preprocessing: ImagePreprocessing, images: Pixels
) -> Float[Array, "batch height width channels"]:
    """Bytes as numbers around 0, by channel."""
    mean, std = preprocessing.statistics.mean, preprocessing.statistics.std
    return (images.astype(mean.dtype) / BYTE - mean) / (preprocessing.factor * std)


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

    Args:
        image_shape: Height and width of the images, and channels, if not 1.

    Raises:
        ValueError: `image_shape` is no two or three positive integers; by `train` and `evaluate`,
            rows have another length.

    Example:
        >>> osciprop.training.RowsAsImages((2, 2, 1)).evaluate(np.ones((5, 4))).shape
        (5, 2, 2, 1)
    """

    image_shape: tuple[int, ...] = eqx.field(static=True)

    def __check_init__(self) -> None:
        shape = self.image_shape
        several = isinstance(shape, tuple) and len(shape) in (2, 3)
        if not several or any(not isinstance(size, int | np.integer) or size < 1 for size in shape):
            raise ValueError(
                f"image_shape is {shape!r}: give (height, width), or (height, width, channels)"
            )

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
