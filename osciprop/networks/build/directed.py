"""Builders of networks without reciprocal synapses: every connection is directed, with a weight of
its own.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from reprlib import repr as shortened

from jaxtyping import PRNGKeyArray

from ...errors import check_instance, check_key, check_not_negative, check_number
from ..activations import Identity, ReLU, ShiftedSigmoid
from ..costs import AbstractCost, SquaredError, softmax_readout
from ..draws import normal, split, truncated_normal
from ..joined import Network
from ..synapses import INPUT, Directed
from .dense import (
    ANGLE_REMEDY,
    Activations,
    OneOrEach,
    check_sizes,
    check_units,
    make_populations,
    one_each,
    scales_of,
)


def feedback_mlp(
    sizes: Sequence[int],
    *,
    key: PRNGKeyArray,
    angle: float = 90.0,
    activation: Activations = ShiftedSigmoid(),
    time_constant: OneOrEach = 1.0,
    scale: OneOrEach = 0.5,
    bias: OneOrEach = 0.0,
) -> Network:
    """A layered network whose feedback has weights of its own (homeostasis2024).

    The published networks have a last population of as many units as there are classes, and a
    trained readout behind it: `[784, 256, 256, 10, 10]`. Feedback starts as
    `sin(angle) independent + cos(angle) forward^T`, symmetric at 0 and independent at 90 degrees;
    forward and feedback weights learn separately. A `scale` of 1.137 is the LeCun initialisation
    of the paper.

    Args:
        sizes: Input width, hidden populations, number of classes, which a readout outside the
            dynamics leads to.
        key: Source of random numbers, from `jax.random.key`.
        angle: Between forward and (transposed) feedback weights at the beginning, in degrees.
        activation: From membrane potential to activity: one, or one per population.
        time_constant: Of the neurons, in units of time: one number, or one per population.
        scale: Standard deviation of the weights times the root of the number of inputs, before the
            cut at two standard deviations: one number, or one per weight matrix of the way up,
            readout last; feedback takes that of its way up.
        bias: Of the neurons at the beginning: one number, or one per population.

    Returns:
        The network.

    Raises:
        ValueError, TypeError: as for `hopfield_mlp`.

    Source: homeostasis2024, section 4.

    Example:
        >>> net = osciprop.feedback_mlp([4, 6, 5, 3], key=key, angle=60.0)
        >>> 50 < osciprop.gradients.weight_angle(net) < 80
        True
    """
    check_number("angle", angle, ANGLE_REMEDY)
    forward, keys, factors = _chain(sizes, key, scale)
    radians = math.radians(angle)
    feedback = []
    for place, synapse in enumerate(forward[1:]):
        pre, post = synapse.weight.shape
        own = truncated_normal(keys[place], (post, pre), factors[place + 1] * post**-0.5)
        mixed = math.sin(radians) * own + math.cos(radians) * synapse.weight.T
        feedback.append(Directed(mixed, synapse.target, synapse.source))
    return _classifier(
        sizes, keys[-1], factors[-1], [*forward, *feedback], activation, time_constant, bias
    )


def loop_mlp(
    sizes: Sequence[int],
    *,
    key: PRNGKeyArray,
    activation: Activations = ShiftedSigmoid(),
    time_constant: OneOrEach = 1.0,
    scale: OneOrEach = 0.5,
    bias: OneOrEach = 0.0,
) -> Network:
    """A layered network whose output feeds back to its first hidden population (homeostasis2024).

    No synapse has a partner in the other direction (with more than two populations), so no
    learning can make it symmetric.

    Args:
        sizes: Input width, hidden populations, number of classes, which a readout outside the
            dynamics leads to.
        key: Source of random numbers, from `jax.random.key`.
        activation: From membrane potential to activity: one, or one per population.
        time_constant: Of the neurons, in units of time: one number, or one per population.
        scale: Standard deviation of the weights times the root of the number of inputs, before the
            cut at two standard deviations: one number, or one per weight matrix of the way up,
            readout last; the loop takes that of the last step up.
        bias: Of the neurons at the beginning: one number, or one per population.

    Returns:
        The network.

    Raises:
        ValueError, TypeError: as for `hopfield_mlp`.

    Source: homeostasis2024, section 4.

    Example:
        >>> loop = osciprop.loop_mlp([4, 6, 5, 4, 3], key=key)
        >>> [(synapse.source, synapse.target) for synapse in loop.synapses[1:]]
        [(0, 1), (1, 2), (2, 0)]
    """
    forward, keys, factors = _chain(sizes, key, scale)
    first, *_, last = sizes[1:-1]
    weight = truncated_normal(keys[0], (last, first), factors[-2] * last**-0.5)
    synapses = [*forward, Directed(weight, len(sizes) - 3, 0)]
    return _classifier(sizes, keys[-1], factors[-1], synapses, activation, time_constant, bias)


def feedforward_mlp(
    sizes: Sequence[int],
    *,
    key: PRNGKeyArray,
    activation: Activations = ShiftedSigmoid(),
    time_constant: OneOrEach = 1.0,
    scale: OneOrEach = 0.5,
    bias: OneOrEach = 0.0,
) -> Network:
    """A layered network without any feedback: its adjoint is backpropagation.

    It has the forward weights of `feedback_mlp` at the same key.

    Args:
        sizes: Input width, hidden populations, number of classes, which a readout outside the
            dynamics leads to.
        key: Source of random numbers, from `jax.random.key`.
        activation: From membrane potential to activity: one, or one per population.
        time_constant: Of the neurons, in units of time: one number, or one per population.
        scale: Standard deviation of the weights times the root of the number of inputs, before the
            cut at two standard deviations: one number, or one per weight matrix, readout last.
        bias: Of the neurons at the beginning: one number, or one per population.

    Returns:
        The network.

    Raises:
        ValueError, TypeError: as for `hopfield_mlp`.

    Source: nonconservative2026, section 5.

    Example:
        >>> [type(s).__name__ for s in osciprop.feedforward_mlp([4, 6, 5, 3], key=key).synapses]
        ['Directed', 'Directed']
    """
    forward, keys, factors = _chain(sizes, key, scale)
    return _classifier(sizes, keys[-1], factors[-1], forward, activation, time_constant, bias)


def perceptron(
    sizes: Sequence[int],
    *,
    key: PRNGKeyArray,
    activation: Activations = ReLU(),
    cost: AbstractCost = SquaredError(),
    time_constant: OneOrEach = 1.0,
    scale: OneOrEach = 1.0,
    bias: OneOrEach = 0.0,
) -> Network:
    """A multilayer perceptron with a linear output population (two_tales2024).

    The last size is a population, whose activity the `cost` sees. There is no feedback and no
    readout.

    Args:
        sizes: Input width, hidden populations, number of outputs, which are a linear population.
        key: Source of random numbers, from `jax.random.key`.
        activation: Of the hidden populations: one, or one each.
        cost: What the output population is to lower.
        time_constant: Of the neurons, in units of time: one number, or one per population.
        scale: Standard deviation of the weights times the root of the number of inputs, before the
            cut at two standard deviations: one number, or one per weight matrix.
        bias: Of the neurons at the beginning: one number, or one per population.

    Returns:
        The network.

    Raises:
        ValueError, TypeError: as for `hopfield_mlp`.

    Source: two_tales2024, section 5.

    Example:
        >>> net = osciprop.perceptron([4, 6, 3], key=key, cost=osciprop.CrossEntropy())
        >>> [type(population.neuron.activation).__name__ for population in net.populations]
        ['ReLU', 'Identity']
    """
    check_sizes(sizes, key)
    check_instance("cost", cost, AbstractCost)
    steps = len(sizes) - 1
    keys = split(key, steps)
    hidden = one_each("activation", activation, steps - 1, "populations but the output")
    kinds = [*hidden, Identity()]
    return Network(
        populations=make_populations(sizes[1:], kinds, time_constant, bias),
        synapses=tuple(_upwards(sizes, keys, scales_of(scale, steps))),
        readout=cost,
    )


def recurrent_network(
    sizes: Sequence[int],
    *,
    key: PRNGKeyArray,
    symmetric: float = 0.5,
    antisymmetric: float = 0.5,
    activation: Activations = ShiftedSigmoid(),
    time_constant: OneOrEach = 1.0,
    scale: OneOrEach = 0.5,
    bias: OneOrEach = 0.0,
) -> Network:
    """One population in which every neuron is joined to every other: `[inputs, units, classes]`.

    The recurrent weights are `symmetric S + antisymmetric K` with a random symmetric S and a random
    antisymmetric K, both normal, with eigenvalues up to about 1 in absolute value: equal shares are
    a random matrix without structure, `symmetric=0` is skew-symmetric, `antisymmetric=0` has an
    energy.

    Args:
        sizes: Input width, units of the one recurrent population, number of classes, which a
            readout outside the dynamics leads to.
        key: Source of random numbers, from `jax.random.key`.
        symmetric: Size of the symmetric part of the recurrent weights.
        antisymmetric: Size of the antisymmetric part.
        activation: From membrane potential to activity.
        time_constant: Of the neurons, in units of time: a number.
        scale: Standard deviation of the weights times the root of the number of inputs, before the
            cut at two standard deviations: one number, or one for the input and one for the
            readout.
        bias: Of the neurons at the beginning.

    Returns:
        The network.

    Raises:
        ValueError: as for `hopfield_mlp`, or there are not three sizes, or a share is negative.
        TypeError: as for `hopfield_mlp`.

    Example:
        >>> net = osciprop.recurrent_network([4, 8, 3], key=key)
        >>> net.populations[0].size
        8
    """
    check_key("key", key)
    check_units("sizes", sizes)
    if len(sizes) != 3:
        raise ValueError(f"sizes is {shortened(list(sizes))}: give inputs, units and classes")
    check_not_negative("symmetric", symmetric, "0 leaves the symmetric part out")
    check_not_negative("antisymmetric", antisymmetric, "0 leaves the antisymmetric part out")
    inputs, units, classes = sizes
    into, outof = scales_of(scale, 2)
    keys = split(key, 3)
    numbers = normal(keys[0], (units, units))
    # Wigner's semicircle: normal symmetric entries of variance 1 / (4 n) have eigenvalues up to 1.
    part = (8 * units) ** -0.5
    weight = symmetric * part * (numbers + numbers.T) + antisymmetric * part * (numbers - numbers.T)
    return Network(
        populations=make_populations([units], activation, time_constant, bias),
        synapses=(
            Directed(truncated_normal(keys[1], (inputs, units), into * inputs**-0.5), INPUT, 0),
            Directed(weight, 0, 0),
        ),
        readout=softmax_readout(units, classes, key=keys[2], stddev=outof * units**-0.5),
    )


def _chain(
    sizes: Sequence[int], key: PRNGKeyArray, scale: OneOrEach
) -> tuple[list[Directed], list[PRNGKeyArray], list[float]]:
    """Directed synapses up to the last population; keys for feedback and readout; all scales."""
    check_sizes(sizes, key)
    factors = scales_of(scale, len(sizes) - 1)
    steps = len(sizes) - 2
    keys = split(key, 2 * steps + 1)
    return _upwards(sizes[:-1], keys[:steps], factors), keys[steps:], factors


def _upwards(
    sizes: Sequence[int], keys: Sequence[PRNGKeyArray], factors: Sequence[float]
) -> list[Directed]:
    """Directed synapses from the input to the first population, and from each to the next."""
    forward = []
    for index, (pre, post) in enumerate(pairwise(sizes)):
        weight = truncated_normal(keys[index], (pre, post), factors[index] * pre**-0.5)
        forward.append(Directed(weight, INPUT if index == 0 else index - 1, index))
    return forward


def _classifier(
    sizes: Sequence[int],
    key: PRNGKeyArray,
    factor: float,
    synapses: Sequence[Directed],
    activation: Activations,
    time_constant: OneOrEach,
    bias: OneOrEach,
) -> Network:
    """Hidden populations with their synapses, and a readout of scale `factor` behind the last."""
    *hidden, classes = sizes[1:]
    stddev = factor * hidden[-1] ** -0.5
    return Network(
        populations=make_populations(hidden, activation, time_constant, bias),
        synapses=tuple(synapses),
        readout=softmax_readout(hidden[-1], classes, key=key, stddev=stddev),
    )
