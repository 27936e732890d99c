"""Layers of maps, of which convolutional networks are built, and the published architectures."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import PRNGKeyArray

from ...errors import check_at_least, check_instance, check_key, shown
from ..pooling import AbstractPooling, MaxPooling, NoPooling, SoftmaxPooling

WIDTH_REMEDY = "the number of maps of the first layer"


@dataclasses.dataclass(frozen=True)
class Maps:
    """A layer of `channels` maps: how they see the layer before.

    Args:
        channels: Number of maps.
        kernel: Side of the kernel in pixels.
        padding: Zeros around the images in pixels: 1 keeps the size under a kernel of 3.
        pooling: What is made of each window of currents.

    Raises:
        ValueError: there is no map, or no pixel in the kernel, or `padding` is negative.
        TypeError: `pooling` is none.

    Example:
        >>> osciprop.networks.Maps(16, pooling=osciprop.networks.SoftmaxPooling()).kernel
        3
    """

    channels: int
    kernel: int = 3
    padding: int = 1
    pooling: AbstractPooling = NoPooling()

    def __post_init__(self) -> None:
        check_at_least("channels", self.channels, 1, "a layer has at least one map")
        check_at_least("kernel", self.kernel, 1, "a kernel has at least one pixel")
        check_at_least("padding", self.padding, 0, "0 keeps to the inside of the images")
        check_instance("pooling", self.pooling, AbstractPooling)


def vgg4(width: int = 128, pooling: AbstractPooling = SoftmaxPooling()) -> tuple[Maps, ...]:
    """The four layers of hep2022, Table 2, for images of 32 x 32: `width`, twice and four times
    that, each pooled; the last is one pixel of 4 `width` maps.

    Args:
        width: Number of maps of the first layer.
        pooling: Of every layer.

    Returns:
        The layers, for `osciprop.hopfield_cnn`.

    Source: hep2022, Table 2.

    Example:
        >>> [layer.channels for layer in osciprop.networks.vgg4(8)]
        [8, 16, 32, 32]
    """
    check_at_least("width", width, 1, WIDTH_REMEDY)
    return (
        Maps(width, pooling=pooling),
        Maps(2 * width, pooling=pooling),
        Maps(4 * width, pooling=pooling),
        Maps(4 * width, padding=0, pooling=pooling),
    )


def vgg6(width: int = 128, pooling: AbstractPooling = SoftmaxPooling()) -> tuple[Maps, ...]:
    """The six layers of hep2022, Fig. 4, for images of 32 x 32; every second one is pooled.

    Args:
        width: Number of maps of the first layer.
        pooling: Of every second layer.

    Returns:
        The layers, for `osciprop.hopfield_cnn`.

    Source: hep2022, Fig. 4.

    Example:
        >>> [layer.channels for layer in osciprop.networks.vgg6(8)]
        [8, 8, 16, 16, 32, 32]
    """
    check_at_least("width", width, 1, WIDTH_REMEDY)
    return (
        Maps(width, pooling=pooling),
        Maps(width),
        Maps(2 * width, pooling=pooling),
        Maps(2 * width, padding=0),
        Maps(4 * width, pooling=pooling),
        Maps(4 * width, padding=0),
    )


def vgg16(width: int = 64, pooling: AbstractPooling = MaxPooling()) -> tuple[Maps, ...]:
    """The thirteen convolutional layers of VGG16 (two_tales2024), five of them pooled; with
    `convolutional_perceptron` and dense layers of 4096, 4096.

    Args:
        width: Number of maps of the first layer.
        pooling: Of the last layer of each of the five groups.

    Returns:
        The layers, for `osciprop.networks.convolutional_perceptron`.

    Source: two_tales2024, section 5.

    Example:
        >>> len(osciprop.networks.vgg16())
        13
    """
    check_at_least("width", width, 1, WIDTH_REMEDY)
    layers: list[Maps] = []
    for factor, count in ((1, 2), (2, 2), (4, 3), (8, 3), (8, 3)):
        layers += [Maps(factor * width)] * (count - 1) + [Maps(factor * width, pooling=pooling)]
    return tuple(layers)


def check_images(
    name: str,
    layers: Sequence[Any],
    kind: type,
    image_shape: tuple[int, int, int],
    classes: int,
    key: PRNGKeyArray,
) -> None:
    """Raise an error for what is no list of such layers, which are the argument of that name, no
    shape of images, or no number of classes.
    """
    check_key("key", key)
    example = f"osciprop.networks.{kind.__name__}(...)"
    if not isinstance(layers, Sequence) or isinstance(layers, str):
        raise TypeError(f"{name} is {shown(layers)}: give a list of {example}")
    if not layers:
        raise ValueError(f"{name} is empty: give at least one {example}")
    for place, layer in enumerate(layers):
        check_instance(f"{name}[{place}]", layer, kind)
    if np.shape(image_shape) != (3,):
        raise ValueError(
            f"image_shape is {shown(image_shape)}: give height, width and channels, such as "
            "(32, 32, 3)"
        )
    for place, size in enumerate(image_shape):
        check_at_least(f"image_shape[{place}]", size, 1, "height, width and channels are numbers")
    check_at_least("classes", classes, 1, "there is one output for each class")
