"""Builders of networks without reciprocal synapses: every connection is directed, with a weight of
its own.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import jax
from jaxtyping import ArrayLike, PRNGKeyArray

from ...errors import check_at_least, check_not_negative
from ..activations import AbstractActivation, Identity, ReLU, ShiftedSigmoid
from ..costs import AbstractCost, SquaredError, softmax_readout
from ..network import Network
from ..synapses import INPUT, Directed, truncated_normal
from .dense import check_sizes, make_populations, one_each


def feedback_mlp(
    sizes: Sequence[int],
    *,
    key: PRNGKeyArray,
    angle: float = 90.0,
    activation: AbstractActivation | Sequence[AbstractActivation] = ShiftedSigmoid(),
    time_constant: ArrayLike | Sequence[ArrayLike] = 1.0,
    scale: ArrayLike | Sequence[float] = 0.5,
    bias: ArrayLike | Sequence[float] = 0.0,
) -> Network:
    """A layered network whose feedback has weights of its own (homeostasis2024).

    `sizes` are input width, hidden populations, and classes, which are a dynamical population too:
    `[784, 256, 256, 10]` has 522 dynamical units and, outside the dynamics, a trained readout
    from the last population to as many classes. `angle`, in degrees, sets the asymmetry to start
    with: feedback is `sin(angle) independent + cos(angle) forward^T`, symmetric at 0 and
    independent at 90. Forward and feedback weights learn separately.

    Weights are truncated normal with standard deviation `scale / sqrt(inputs)` before the cut, one
    `scale` for all or one per size step and one for the readout; 1.137 is the LeCun
    initialisation of the paper. Other arguments as for `osciprop.hopfield_mlp`.

    Raises `ValueError` for fewer than three sizes or a size below 1.

    Args:
        sizes: Input width and all populations; a readout outside the dynamics leads from the last
            one to as many classes, and has a weight matrix of its own.
        key: Source of random numbers, from `jax.random.key`.
        angle: Between forward and (transposed) feedback weights at the beginning, in degrees.
        activation: From membrane potential to activity, in all populations.
        time_constant: Of the neurons, in units of time: one number, or one per population.
        scale: Standard deviation of the weights times the root of the number of inputs, before the
            cut at two standard deviations: one number, or one per weight matrix.
        bias: Of every neuron at the beginning.

    Returns:
        The network.

    Raises:
        ValueError: as for `hopfield_mlp`.

    Source: homeostasis2024, section 4.

    Example:
        >>> net = osciprop.feedback_mlp([4, 6, 5, 3], key=key, angle=60.0)
        >>> 50 < osciprop.gradients.weight_angle(net) < 80
        True
    """
    forward, keys, factors = _chain(sizes, key, scale)
    radians = math.radians(angle)
    feedback = []
    for place, synapse in enumerate(forward[1:]):
        pre, post = synapse.weight.shape
        own = truncated_normal(keys[place], (post, pre), factors[place + 1] * post**-0.5)
        mixed = math.sin(radians) * own + math.cos(radians) * synapse.weight.T
        feedback.append(Directed(mixed, synapse.target, synapse.source))
    return _classifier(sizes, key, factors, [*forward, *feedback], activation, time_constant, bias)


def loop_mlp(
    sizes: Sequence[int],
    *,
    key: PRNGKeyArray,
    activation: AbstractActivation | Sequence[AbstractActivation] = ShiftedSigmoid(),
    time_constant: ArrayLike | Sequence[ArrayLike] = 1.0,
    scale: ArrayLike | Sequence[float] = 0.5,
    bias: ArrayLike | Sequence[float] = 0.0,
) -> Network:
    """A layered network whose output feeds back to its first hidden population (homeostasis2024).

    No synapse has a partner in the other direction (with more than two populations), so no
    learning can make it symmetric. Arguments and errors as for `feedback_mlp`.

    Args:
        sizes: Input width and all populations; a readout outside the dynamics leads from the last
            one to as many classes, and has a weight matrix of its own.
        key: Source of random numbers, from `jax.random.key`.
        activation: From membrane potential to activity, in all populations.
        time_constant: Of the neurons, in units of time: one number, or one per population.
        scale: Standard deviation of the weights times the root of the number of inputs, before the
            cut at two standard deviations: one number, or one per weight matrix.
        bias: Of every neuron at the beginning.

    Returns:
        The network.

    Raises:
        ValueError: as for `hopfield_mlp`.

    Source: homeostasis2024, section 4.

    Example:
        >>> [(s.source, s.target) for s in osciprop.loop_mlp([4, 6, 5, 3], key=key).synapses[1:]]
        [(0, 1), (1, 2), (2, 0)]
    """
    forward, keys, factors = _chain(sizes, key, scale)
    last = len(sizes) - 2
    weight = truncated_normal(keys[0], (sizes[-1], sizes[1]), factors[-2] * sizes[-1] ** -0.5)
    synapses = [*forward, Directed(weight, last, 0)]
    return _classifier(sizes, key, factors, synapses, activation, time_constant, bias)


def feedforward_mlp(
    sizes: Sequence[int],
    *,
    key: PRNGKeyArray,
    activation: AbstractActivation | Sequence[AbstractActivation] = ShiftedSigmoid(),
    time_constant: ArrayLike | Sequence[ArrayLike] = 1.0,
    scale: ArrayLike | Sequence[float] = 0.5,
    bias: ArrayLike | Sequence[float] = 0.0,
) -> Network:
    """A layered network without any feedback: its adjoint is backpropagation.

    Arguments and errors as for `feedback_mlp`, whose forward weights it has at the same key.

    Args:
        sizes: Input width and all populations; a readout outside the dynamics leads from the last
            one to as many classes, and has a weight matrix of its own.
        key: Source of random numbers, from `jax.random.key`.
        activation: From membrane potential to activity, in all populations.
        time_constant: Of the neurons, in units of time: one number, or one per population.
        scale: Standard deviation of the weights times the root of the number of inputs, before the
            cut at two standard deviations: one number, or one per weight matrix.
        bias: Of every neuron at the beginning.

    Returns:
        The network.

    Raises:
        ValueError: as for `hopfield_mlp`.

    Source: nonconservative2026, section 5.

    Example:
        >>> [type(s).__name__ for s in osciprop.feedforward_mlp([4, 6, 3], key=key).synapses]
        ['Directed', 'Directed']
    """
    forward, _, factors = _chain(sizes, key, scale)
    return _classifier(sizes, key, factors, forward, activation, time_constant, bias)


def perceptron(
    sizes: Sequence[int],
    *,
    key: PRNGKeyArray,
    activation: AbstractActivation | Sequence[AbstractActivation] = ReLU(),
    cost: AbstractCost = SquaredError(),
    time_constant: ArrayLike | Sequence[ArrayLike] = 1.0,
    scale: ArrayLike | Sequence[float] = 1.0,
    bias: ArrayLike | Sequence[float] = 0.0,
) -> Network:
    """A multilayer perceptron with a linear output population (two_tales2024).

    `sizes` are input width, hidden populations and outputs. Hidden populations have the
    `activation`, by default `ReLU()`; the output's activity is what the `cost` sees, by default
    `SquaredError()`, else `CrossEntropy()`. No feedback. Weights are truncated normal with standard
    deviation `scale / sqrt(inputs)` before the cut. Other arguments and errors as for
    `feedback_mlp`.

    Args:
        sizes: Input width and all populations: hidden ones, and the linear output.
        key: Source of random numbers, from `jax.random.key`.
        activation: Of the hidden populations.
        cost: What the output population is to lower.
        time_constant: Of the neurons, in units of time: one number, or one per population.
        scale: Standard deviation of the weights times the root of the number of inputs, before the
            cut at two standard deviations: one number, or one per weight matrix.
        bias: Of every neuron at the beginning.

    Returns:
        The network.

    Raises:
        ValueError: as for `hopfield_mlp`.

    Source: two_tales2024, section 5.

    Example:
        >>> net = osciprop.perceptron([4, 6, 3], key=key, cost=osciprop.CrossEntropy())
        >>> [type(population.neuron.activation).__name__ for population in net.populations]
        ['ReLU', 'Identity']
    """
    check_sizes(sizes)
    steps = len(sizes) - 1
    keys = jax.random.split(key, steps)
    hidden = one_each("activation", activation, steps - 1, "populations but the output")
    kinds = [*hidden, Identity()]
    return Network(
        populations=make_populations(sizes[1:], kinds, time_constant, bias),
        synapses=tuple(
            _upwards(sizes, list(keys), one_each("scale", scale, steps, "weight matrices"))
        ),
        readout=cost,
    )


def recurrent_network(
    sizes: Sequence[int],
    *,
    key: PRNGKeyArray,
    symmetric: float = 0.5,
    antisymmetric: float = 0.5,
    activation: AbstractActivation | Sequence[AbstractActivation] = ShiftedSigmoid(),
    time_constant: ArrayLike | Sequence[ArrayLike] = 1.0,
    scale: ArrayLike | Sequence[float] = 0.5,
    bias: ArrayLike | Sequence[float] = 0.0,
) -> Network:
    """One population in which every neuron is joined to every other: `[inputs, units, classes]`.

    The recurrent weights are `symmetric S + antisymmetric K` with a random symmetric S and a random
    antisymmetric K, both normal, with eigenvalues up to about 1 in absolute value: equal shares are
    a random matrix without structure, `symmetric=0` is skew-symmetric, `antisymmetric=0` has an
    energy. `scale` is that of the input and readout weights.

    Raises `ValueError` for another number of sizes, or a negative share.

    Args:
        sizes: Input width, units of the one recurrent population, number of classes.
        key: Source of random numbers, from `jax.random.key`.
        symmetric: Size of the symmetric part of the recurrent weights.
        antisymmetric: Size of the antisymmetric part.
        activation: From membrane potential to activity, in all populations.
        time_constant: Of the neurons, in units of time: one number, or one per population.
        scale: Standard deviation of the weights times the root of the number of inputs, before the
            cut at two standard deviations: one number, or one per weight matrix.
        bias: Of every neuron at the beginning.

    Returns:
        The network.

    Raises:
        ValueError: as for `hopfield_mlp`.

    Example:
        >>> net = osciprop.recurrent_network([4, 8, 3], key=key)
        >>> net.populations[0].size
        8
    """
    if len(sizes) != 3:
        raise ValueError(f"sizes is {list(sizes)}: give inputs, units and classes")
    for size in sizes:
        check_at_least("sizes", size, 1, "every entry is a number of units")
    check_not_negative("symmetric", symmetric, "0 leaves the symmetric part out")
    check_not_negative("antisymmetric", antisymmetric, "0 leaves the antisymmetric part out")
    inputs, units, classes = sizes
    into, outof = one_each("scale", scale, 2, "weight matrices")
    keys = jax.random.split(key, 3)
    normal = jax.random.normal(keys[0], (units, units), dtype=float)
    # Wigner's semicircle: normal symmetric entries of variance 1 / (4 n) have eigenvalues up to 1.
    part = (8 * units) ** -0.5
    weight = symmetric * part * (normal + normal.T) + antisymmetric * part * (normal - normal.T)
    return Network(
        populations=make_populations([units], activation, time_constant, bias),
        synapses=(
            Directed(truncated_normal(keys[1], (inputs, units), into * inputs**-0.5), INPUT, 0),
            Directed(weight, 0, 0),
        ),
        readout=softmax_readout(units, classes, key=keys[2], stddev=outof * units**-0.5),
    )


def _chain(
    sizes: Sequence[int], key: PRNGKeyArray, scale: ArrayLike | Sequence[float]
) -> tuple[list[Directed], list[PRNGKeyArray], list[float]]:
    """Directed synapses up a stack of sizes; keys for feedback, and all scales."""
    check_sizes(sizes)
    factors = one_each("scale", scale, len(sizes), "weight matrices")
    steps = len(sizes) - 1
    keys = list(jax.random.split(key, 2 * steps + 1))
    return _upwards(sizes, keys[:steps], factors), keys[steps : 2 * steps], factors


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
    factors: Sequence[float],
    synapses: Sequence[Directed],
    activation: AbstractActivation | Sequence[AbstractActivation],
    time_constant: ArrayLike | Sequence[ArrayLike],
    bias: ArrayLike | Sequence[float],
) -> Network:
    outputs = sizes[-1]
    readout_key = jax.random.split(key, 2 * len(sizes) - 1)[-1]
    return Network(
        populations=make_populations(sizes[1:], activation, time_constant, bias),
        synapses=tuple(synapses),
        readout=softmax_readout(
            outputs, outputs, key=readout_key, stddev=factors[-1] * outputs**-0.5
        ),
    )
