"""Builders of convolutional networks, from a list of layers."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray

from ...errors import check_instance, check_number
from ..activations import HolomorphicTanh, Identity, ReLU
from ..convolution import Convolution
from ..costs import AbstractCost, CrossEntropy, softmax_readout
from ..draws import split, truncated_normal
from ..joined import Network
from ..populations import AbstractPopulation, FeatureMaps
from ..synapses import (
    INPUT,
    AbstractSynapse,
    Directed,
    DirectedProjection,
    FeedbackProjection,
    ReciprocalProjection,
)
from .dense import (
    ANGLE_REMEDY,
    Activations,
    OneOrEach,
    check_units,
    make_neurons,
    make_populations,
    one_each,
    scales_of,
)
from .layers import Maps, check_images


def hopfield_cnn(
    layers: Sequence[Maps],
    *,
    key: PRNGKeyArray,
    image_shape: tuple[int, int, int] = (32, 32, 3),
    classes: int = 10,
    activation: Activations = HolomorphicTanh(),
    time_constant: OneOrEach = 1.0,
    scale: OneOrEach = 1.0,
    bias: OneOrEach = 0.0,
) -> Network:
    """A convolutional network with reciprocal synapses and a softmax readout (hep2022).

    Each of `layers` is a population of feature maps; activity travels up through a convolution and
    pooling, and back down through their transpose. The readout stands outside the dynamics.

    Args:
        layers: The layers of maps, from the input on.
        key: Source of random numbers, from `jax.random.key`.
        image_shape: Height, width and channels of the images.
        classes: Number of classes.
        activation: From membrane potential to activity: one, or one per population.
        time_constant: Of the neurons, in units of time: one number, or one per population.
        scale: Standard deviation of the weights times the root of the number of inputs, before the
            cut at two standard deviations: one number, or one per layer and one for the readout.
        bias: Of the neurons at the beginning: one number, or one per population.

    Returns:
        The network, with a softmax readout.

    Raises:
        ValueError: a layer sees images that are too small for its kernel or pooling, or another
            argument has neither one entry nor one for each.

    Source: hep2022, Table 2 and Fig. 4.

    Example:
        >>> pooled = osciprop.networks.Maps(2, pooling=osciprop.networks.SoftmaxPooling())
        >>> net = osciprop.hopfield_cnn([pooled], key=key, image_shape=(8, 8, 1), classes=3)
        >>> net.populations[0].shape
        (4, 4, 2)
    """
    check_images("layers", layers, Maps, image_shape, classes, key)
    factors = scales_of(scale, len(layers) + 1)
    built = _stack(layers, image_shape, key, activation, time_constant, factors[:-1], bias)
    synapses: list[AbstractSynapse] = [_up(built.up[0], INPUT, 0)]
    synapses += [
        ReciprocalProjection(transform=convolution, source=place, target=place + 1)
        for place, convolution in enumerate(built.up[1:])
    ]
    return _classifier(built, synapses, classes, factors[-1])


def feedback_cnn(
    layers: Sequence[Maps],
    *,
    key: PRNGKeyArray,
    angle: float = 90.0,
    image_shape: tuple[int, int, int] = (32, 32, 3),
    classes: int = 10,
    activation: Activations = HolomorphicTanh(),
    time_constant: OneOrEach = 1.0,
    scale: OneOrEach = 1.0,
    bias: OneOrEach = 0.0,
) -> Network:
    """A convolutional network whose feedback has kernels of its own (homeostasis2024).

    What comes down is the transpose of a convolution and pooling with the feedback's kernel, which
    starts as `sin(angle) independent + cos(angle) forward`: equal to the forward one at 0,
    independent at 90 degrees. Both learn separately.

    Args:
        layers: The layers of maps, from the input on.
        key: Source of random numbers, from `jax.random.key`.
        angle: Between forward and feedback kernels at the beginning, in degrees: 0 for equal ones.
        image_shape: Height, width and channels of the images.
        classes: Number of classes.
        activation: From membrane potential to activity: one, or one per population.
        time_constant: Of the neurons, in units of time: one number, or one per population.
        scale: Standard deviation of the weights times the root of the number of inputs, before the
            cut at two standard deviations: one number, or one per layer, which its feedback takes
            too, and one for the readout.
        bias: Of the neurons at the beginning: one number, or one per population.

    Returns:
        The network, with a softmax readout.

    Raises:
        ValueError: a layer sees images that are too small for its kernel or pooling, or another
            argument has neither one entry nor one for each.

    Source: homeostasis2024, section 4.

    Example:
        >>> layers = [osciprop.networks.Maps(2), osciprop.networks.Maps(3)]
        >>> net = osciprop.networks.feedback_cnn(layers, key=key, image_shape=(6, 6, 1))
        >>> len(net.synapses)
        3
    """
    check_images("layers", layers, Maps, image_shape, classes, key)
    factors = scales_of(scale, len(layers) + 1)
    check_number("angle", angle, ANGLE_REMEDY)
    built = _stack(layers, image_shape, key, activation, time_constant, factors[:-1], bias)
    radians = math.radians(angle)
    synapses: list[AbstractSynapse] = [_up(built.up[0], INPUT, 0)]
    for place, convolution in enumerate(built.up[1:]):
        own = _kernel(built.keys[place], convolution.kernel.shape, factors[place + 1])
        mixed = math.sin(radians) * own + math.cos(radians) * convolution.kernel
        down = Convolution(mixed, convolution.padding, convolution.pooling)
        synapses += [
            _up(convolution, place, place + 1),
            FeedbackProjection(transform=down, source=place + 1, target=place),
        ]
    return _classifier(built, synapses, classes, factors[-1])


def convolutional_perceptron(
    layers: Sequence[Maps],
    *,
    key: PRNGKeyArray,
    hidden: Sequence[int] = (),
    image_shape: tuple[int, int, int] = (32, 32, 3),
    classes: int = 10,
    activation: Activations = ReLU(),
    cost: AbstractCost = CrossEntropy(),
    time_constant: OneOrEach = 1.0,
    scale: OneOrEach = 1.0,
    bias: OneOrEach = 0.0,
) -> Network:
    """A convolutional network without feedback and with a linear output population (two_tales2024).

    After the `layers` of maps come dense populations of the sizes `hidden`, then the output, whose
    activity the `cost` sees.

    Args:
        layers: The layers of maps, from the input on.
        key: Source of random numbers, from `jax.random.key`.
        hidden: Sizes of the dense populations between maps and output.
        image_shape: Height, width and channels of the images.
        classes: Number of classes.
        activation: From membrane potential to activity: one, or one per population but the
            output, which is linear.
        cost: What the output population is to lower.
        time_constant: Of the neurons, in units of time: one number, or one per population.
        scale: Standard deviation of the weights times the root of the number of inputs, before the
            cut at two standard deviations: one number, or one per layer, dense ones and output
            included.
        bias: Of the neurons at the beginning: one number, or one per population.

    Returns:
        The network: the layers, dense populations, and a linear output population.

    Raises:
        ValueError: a layer sees images that are too small for its kernel or pooling, or another
            argument has neither one entry nor one for each.

    Source: two_tales2024, section 5.

    Example:
        >>> layers = [osciprop.networks.Maps(2, pooling=osciprop.networks.MaxPooling())]
        >>> net = osciprop.networks.convolutional_perceptron(layers, key=key, image_shape=(8, 8, 1))
        >>> [population.shape for population in net.populations]
        [(4, 4, 2), (10,)]
    """
    check_images("layers", layers, Maps, image_shape, classes, key)
    check_units("hidden", hidden)
    check_instance("cost", cost, AbstractCost)
    sizes = [*hidden, classes]
    count, maps = len(layers) + len(sizes), len(layers)
    constants = one_each("time_constant", time_constant, count, "populations")
    factors = scales_of(scale, count)
    kinds = [
        *one_each("activation", activation, count - 1, "populations but the output"),
        Identity(),
    ]
    biases = one_each("bias", bias, count, "populations")
    built = _stack(
        layers, image_shape, key, kinds[:maps], constants[:maps], factors[:maps], biases[:maps]
    )
    synapses: list[AbstractSynapse] = [
        _up(convolution, INPUT if place == 0 else place - 1, place)
        for place, convolution in enumerate(built.up)
    ]
    width = built.populations[-1].size
    for place, size in enumerate(sizes, start=len(layers)):
        dense_key = jax.random.fold_in(built.readout_key, place)
        weight = truncated_normal(dense_key, (width, size), factors[place] * width**-0.5)
        synapses.append(Directed(weight, place - 1, place))
        width = size
    dense = make_populations(sizes, kinds[maps:], constants[maps:], biases[maps:])
    return Network(
        populations=(*built.populations, *dense),
        synapses=tuple(synapses),
        readout=cost,
    )


@dataclasses.dataclass(frozen=True)
class _Stack:
    """Populations of maps, the convolutions that lead to each, and keys for what is to come."""

    populations: tuple[AbstractPopulation, ...]
    up: list[Convolution]
    keys: list[PRNGKeyArray]
    readout_key: PRNGKeyArray


def _stack(
    layers: Sequence[Maps],
    image_shape: tuple[int, int, int],
    key: PRNGKeyArray,
    activation: Activations,
    time_constant: OneOrEach,
    scale: Sequence[Any],
    bias: OneOrEach,
) -> _Stack:
    keys = split(key, 2 * len(layers) + 1)
    neurons = make_neurons(len(layers), activation, time_constant, bias)
    shape: tuple[int, ...] = image_shape
    up: list[Convolution] = []
    populations: list[AbstractPopulation] = []
    for place, layer in enumerate(layers):
        kernel = _kernel(
            keys[place], (layer.kernel, layer.kernel, shape[-1], layer.channels), scale[place]
        )
        convolution = Convolution(kernel, layer.padding, layer.pooling)
        after = _shape_after(convolution, shape)
        if min(after) < 1:
            raise ValueError(
                f"layers[{place}] is {layer} and sees images of {shape[0]} x {shape[1]} pixels, of "
                "which nothing is left: use a smaller kernel, more padding, or less pooling"
            )
        shape = after
        neuron, level = neurons[place]
        biases = jnp.full((layer.channels,), level, dtype=float)
        populations.append(FeatureMaps(neuron, biases, shape[0], shape[1]))
        up.append(convolution)
    return _Stack(tuple(populations), up, keys[len(layers) : -1], keys[-1])


def _up(convolution: Convolution, source: int, target: int) -> DirectedProjection:
    return DirectedProjection(transform=convolution, source=source, target=target)


def _kernel(key: PRNGKeyArray, shape: tuple[int, ...], scale: float) -> jax.Array:
    return truncated_normal(key, shape, scale * math.prod(shape[:3]) ** -0.5)


def _shape_after(convolution: Convolution, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of one sample after a convolution; zeros where nothing is left."""
    side = convolution.kernel.shape[0] - 2 * convolution.padding
    if min(shape[:2]) < side:
        return (0, 0, 0)
    images = jax.ShapeDtypeStruct((1, *shape), convolution.kernel.dtype)
    call: Callable[..., Any] = convolution
    return jax.eval_shape(call, images).shape[1:]


def _classifier(
    built: _Stack, synapses: Sequence[AbstractSynapse], classes: int, scale: float
) -> Network:
    units = built.populations[-1].size
    readout = softmax_readout(units, classes, key=built.readout_key, stddev=scale * units**-0.5)
    return Network(populations=built.populations, synapses=tuple(synapses), readout=readout)
