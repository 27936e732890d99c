"""Builders of residual networks: reciprocal skips between populations that are no neighbours."""

import dataclasses
import math
from collections.abc import Sequence

import jax
from jaxtyping import Array, Float, PRNGKeyArray

from ...errors import (
    check_at_least,
    check_instance,
    check_not_negative,
    check_number,
)
from ..activations import AbstractActivation, ClippedReLU, Identity, ShiftedSigmoid
from ..convolution import Convolution
from ..costs import AbstractCost, SquaredError
from ..draws import split, truncated_normal, uniform
from ..joined import Network
from ..populations import AbstractPopulation, FeatureMaps, Population
from ..skips import GAIN_REMEDY, Skip
from ..synapses import (
    INPUT,
    AbstractSynapse,
    AbstractTransform,
    DirectedProjection,
    Reciprocal,
    ReciprocalProjection,
)
from .dense import Activations, OneOrEach, hopfield_mlp, make_neurons
from .layers import WIDTH_REMEDY, check_images

SCALE_REMEDY = "0.6 is that of arXiv 2509.26003"


def residual_mlp(
    sizes: Sequence[int],
    *,
    key: PRNGKeyArray,
    span: int = 2,
    gain: float = 0.5,
    activation: Activations = ShiftedSigmoid(),
    time_constant: OneOrEach = 1.0,
    scale: OneOrEach = 0.5,
    bias: OneOrEach = 0.0,
) -> Network:
    """A layered network as of `hopfield_mlp`, with a reciprocal skip past every few populations.

    A skip leads from the first hidden population to the one that is `span` further on, the next one
    starts where it ends. It is the identity times `gain`, which is not learned, where both have one
    size; else a dense synapse that is, of normal weights of standard deviation
    `gain / sqrt(units)`.

    Args:
        sizes: Input width, hidden populations, number of classes, as for `hopfield_mlp`.
        key: Source of random numbers, from `jax.random.key`.
        span: How many weight matrices each skip passes by, at least 2.
        gain: What skips multiply an activity by, up and down. Around each one goes a loop: with
            activations of slope 1, gains near 1 have no stable equilibrium.
        activation: From membrane potential to activity: one, or one per population.
        time_constant: Of the neurons, in units of time: one number, or one per population.
        scale: As for `hopfield_mlp`, of all weights but those of the skips.
        bias: Of the neurons at the beginning: one number, or one per population.

    Returns:
        The network, with a softmax readout; its last synapses are the skips.

    Raises:
        ValueError: there are too few hidden populations for one skip, or an argument is none that
            `hopfield_mlp` takes.
        TypeError: an activation or the key is none.

    Source: FRE-RNN, arXiv 2508.11659, which has three skips past ten hidden populations, of
        weights that are learned; identities: He et al. 2016.

    Example:
        >>> net = osciprop.networks.residual_mlp([4, 6, 6, 6, 5, 5, 3], key=key)
        >>> [(synapse.source, synapse.target) for synapse in net.synapses[5:]]
        [(0, 2), (2, 4)]
    """
    check_at_least("span", span, 2, "1 would lead to the next population")
    check_number("gain", gain, GAIN_REMEDY)
    plain = hopfield_mlp(
        sizes,
        key=key,
        activation=activation,
        time_constant=time_constant,
        scale=scale,
        bias=bias,
    )
    hidden = list(sizes[1:-1])
    starts = range(0, len(hidden) - span, span)
    if not starts:
        raise ValueError(
            f"sizes has {len(hidden)} hidden populations, but a skip of span {span} needs "
            f"{span + 1}: give more of them"
        )
    skips: list[AbstractSynapse] = []
    for start, place in enumerate(starts):
        units = hidden[place], hidden[place + span]
        if units[0] == units[1]:
            skips.append(
                ReciprocalProjection(transform=Skip(gain), source=place, target=place + span)
            )
        else:
            own = jax.random.fold_in(key, start + len(sizes))
            weight = truncated_normal(own, units, abs(gain) * units[0] ** -0.5)
            skips.append(Reciprocal(weight, place, place + span))
    return Network(plain.populations, (*plain.synapses, *skips), plain.readout)


@dataclasses.dataclass(frozen=True)
class Block:
    """Some layers of `channels` maps, and a skip from what comes before the first to the last.

    Args:
        channels: Number of maps of each layer.
        layers: Number of layers.
        stride: By how many pixels the kernels of the last layer move on, and those of the skip.
        kernel: Side of the layers' kernels in pixels, odd; zeros around the images keep their size.

    Raises:
        ValueError: a number is below 1, or `kernel` is even.

    Example:
        >>> osciprop.networks.Block(16, stride=1).layers
        2
    """

    channels: int
    layers: int = 2
    stride: int = 2
    kernel: int = 3

    def __post_init__(self) -> None:
        check_at_least("channels", self.channels, 1, "a layer has at least one map")
        check_at_least("layers", self.layers, 1, "a block has at least one layer")
        check_at_least("stride", self.stride, 1, "1 keeps the size of the images")
        check_at_least("kernel", self.kernel, 1, "a kernel has at least one pixel")
        if self.kernel % 2 == 0:
            raise ValueError(
                f"kernel is {self.kernel}: give an odd one, such as 3, under which images keep "
                "their size"
            )


def resnet13(width: int = 128) -> tuple[Block, ...]:
    """The four blocks of Hopfield-ResNet13, for images of 32 x 32: `width` maps, twice, four times
    and again four times as many, each block halving the images.

    With the skips and the dense weights of the output these are 13 arrays of weights, whence the
    name, and nine populations.

    Args:
        width: Number of maps of the first block.

    Returns:
        The blocks, for `osciprop.networks.hopfield_resnet`.

    Raises:
        ValueError: `width` is below 1.

    Source: arXiv 2509.26003 and its code (BrainSeek-Lab, `ConvHopfieldResEnergy32`).

    Example:
        >>> [block.channels for block in osciprop.networks.resnet13(8)]
        [8, 16, 32, 32]
    """
    check_at_least("width", width, 1, WIDTH_REMEDY)
    return tuple(Block(factor * width) for factor in (1, 2, 4, 4))


def hopfield_resnet(
    blocks: Sequence[Block] = resnet13(),
    *,
    key: PRNGKeyArray,
    image_shape: tuple[int, int, int] = (32, 32, 3),
    classes: int = 10,
    activation: AbstractActivation = ClippedReLU(),
    cost: AbstractCost = SquaredError(),
    time_constant: OneOrEach = 1.0,
    scale: float = 0.6,
    skip: float = 0.7,
    output: float = 0.8,
    bias: float = 0.5,
) -> Network:
    """A residual Hopfield network: Hopfield-ResNet13 by default (arXiv 2509.26003).

    Every layer is a population of maps, joined to the next by a reciprocal convolution. Past each
    block leads a reciprocal skip, to its last layer: the identity times `skip`, not learned, where
    both ends have one shape, else a convolution of 1 x 1 with the block's stride, which is. A
    linear output population, whose activity the `cost` sees, is joined to the last maps by dense
    reciprocal weights. For complex teaching signals give
    `osciprop.networks.SoftClippedReLU()` as the activation.

    Args:
        blocks: The blocks of layers, from the input on.
        key: Source of random numbers, from `jax.random.key`.
        image_shape: Height, width and channels of the images.
        classes: Number of classes.
        activation: From membrane potential to activity, of all populations but the output.
        cost: What the output population is to lower.
        time_constant: Of the neurons, in units of time: one number, or one per population, output
            included.
        scale: Of the convolutions of layers: their weights, and all others, are drawn uniformly
            between plus and minus `scale / sqrt(inputs)`.
        skip: Of the convolutions of 1 x 1, likewise; and what identities multiply an activity by.
        output: Of the dense weights, likewise.
        bias: Of the biases, likewise.

    Returns:
        The network; its last synapses are the skips.

    Raises:
        ValueError: there are no blocks, or a number is out of range.
        TypeError: a block, the activation, the cost or the key is none.

    Source: arXiv 2509.26003: activation, cost and all four scales as in the authors' code, which
        draws the biases of the output from a narrower interval (0.0074 for 0.011).

    Example:
        >>> blocks = osciprop.networks.resnet13(width=2)
        >>> net = osciprop.networks.hopfield_resnet(blocks, key=key)
        >>> [population.shape for population in net.populations][-3:]
        [(4, 4, 8), (2, 2, 8), (10,)]
        >>> len([synapse for synapse in net.synapses])
        13
    """
    check_images("blocks", blocks, Block, image_shape, classes, key)
    check_instance("activation", activation, AbstractActivation)
    check_instance("cost", cost, AbstractCost)
    for name, number in (("scale", scale), ("skip", skip), ("output", output), ("bias", bias)):
        check_not_negative(name, number, SCALE_REMEDY)
    count = sum(block.layers for block in blocks) + 1
    neurons = make_neurons(count, [activation] * (count - 1) + [Identity()], time_constant, 0.0)
    keys = iter(split(key, 3 * count))
    populations: list[AbstractPopulation] = []
    synapses: list[AbstractSynapse] = []
    skips: list[AbstractSynapse] = []
    shape, place = tuple(image_shape), INPUT
    for block in blocks:
        before, start = shape, place
        for layer in range(block.layers):
            stride = block.stride if layer == block.layers - 1 else 1
            size = (block.kernel, block.kernel, shape[2], block.channels)
            up = Convolution(_uniform(next(keys), size, scale), block.kernel // 2, stride=stride)
            synapses.append(_joined(up, place, place + 1))
            # Zeros around it keep the size: what is left are the pixels it is set on.
            shape = (-(-shape[0] // stride), -(-shape[1] // stride), block.channels)
            place += 1
            width = bias * math.prod(size[:3]) ** -0.5
            neuron, _ = neurons[place]
            maps = FeatureMaps(neuron, _between(next(keys), shape[2:], width), *shape[:2])
            populations.append(maps)
        past: AbstractTransform = Skip(skip)
        if shape != before:
            kernel = _uniform(next(keys), (1, 1, before[2], block.channels), skip)
            past = Convolution(kernel, 0, stride=block.stride)
        skips.append(_joined(past, start, place))
    units = math.prod(shape)
    synapses.append(Reciprocal(_uniform(next(keys), (units, classes), output), place, place + 1))
    biases = _between(next(keys), (classes,), bias * units**-0.5)
    populations.append(Population(neurons[-1][0], biases))
    return Network(tuple(populations), (*synapses, *skips), cost)


def _joined(transform: AbstractTransform, source: int, target: int) -> AbstractSynapse:
    """Reciprocal, but for what comes from the clamped input."""
    kind = DirectedProjection if source == INPUT else ReciprocalProjection
    return kind(transform=transform, source=source, target=target)


def _uniform(key: PRNGKeyArray, shape: tuple[int, ...], scale: float) -> Float[Array, "..."]:
    """Weights whose last axis are the outputs, of the scale over the root of their inputs."""
    return _between(key, shape, scale * math.prod(shape[:-1]) ** -0.5)


def _between(key: PRNGKeyArray, shape: tuple[int, ...], width: float) -> Float[Array, "..."]:
    return uniform(key, shape, -width, width)
