"""Builders: the networks people use, from a list of sizes."""

from collections.abc import Sequence
from itertools import pairwise
from reprlib import repr as shortened
from typing import Any, TypeAlias

import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, PRNGKeyArray

from ...errors import (
    check_at_least,
    check_instance,
    check_key,
    check_not_negative,
    check_number,
    check_positive,
    shown,
)
from ..activations import AbstractActivation, ShiftedSigmoid
from ..costs import SquaredError, softmax_readout
from ..draws import split, truncated_normal
from ..joined import Network
from ..neurons import TIME_REMEDY, LeakyIntegrator
from ..populations import Population
from ..synapses import INPUT, Directed, Reciprocal

# One for all, or one for each of what a builder counts: populations, or weight matrices.
Activations: TypeAlias = AbstractActivation | Sequence[AbstractActivation]
OneOrEach: TypeAlias = ArrayLike | Sequence[ArrayLike]

ANGLE_REMEDY = "in degrees: 0 for equal weights, 90 for independent ones"


def one_each(name: str, value: Any, count: int, counted: str) -> list[Any]:
    """`count` values: one for all, or the entries of a list, a tuple or an array, one for each.

    Raises `ValueError` for another number of entries.
    """
    listed = isinstance(value, Sequence) and not isinstance(value, (str, bytes))
    values = list(value) if listed or np.ndim(value) > 0 else [value] * count
    if len(values) != count:
        raise ValueError(
            f"{name} has {len(values)} entries for {count} {counted}, {shortened(value)}: give one "
            "for all, or one for each"
        )
    return values


def scales_of(scale: OneOrEach, count: int) -> list[Any]:
    """The scale of each weight matrix. Raises `ValueError` for what is no number, or negative."""
    factors = one_each("scale", scale, count, "weight matrices")
    for place, factor in enumerate(factors):
        check_not_negative(
            entry("scale", factors, place), factor, "0.5 settles fast, 1 is critical"
        )
    return factors


def entry(name: str, values: Sequence[Any], place: int) -> str:
    """The name of an entry: the argument's own, where all are alike."""
    return name if all(value is values[0] for value in values) else f"{name}[{place}]"


def make_neurons(
    count: int, activation: Activations, time_constant: OneOrEach, bias: OneOrEach
) -> list[tuple[LeakyIntegrator, Any]]:
    """Leaky integrators and their bias for each population; all arguments are one or one each."""
    kinds = one_each("activation", activation, count, "populations")
    constants = one_each("time_constant", time_constant, count, "populations")
    biases = one_each("bias", bias, count, "populations")
    for place in range(count):
        check_instance(entry("activation", kinds, place), kinds[place], AbstractActivation)
        where = entry("time_constant", constants, place)
        check_positive(where, constants[place], TIME_REMEDY)
        check_number(entry("bias", biases, place), biases[place], "0 adds no current")
    return [
        (LeakyIntegrator(kind, constant), level)
        for kind, constant, level in zip(kinds, constants, biases, strict=True)
    ]


def make_populations(
    sizes: Sequence[int],
    activation: Activations,
    time_constant: OneOrEach,
    bias: OneOrEach,
) -> tuple[Population, ...]:
    """Populations of leaky integrators of the given sizes; other arguments are one or one each."""
    neurons = make_neurons(len(sizes), activation, time_constant, bias)
    return tuple(
        Population(neuron, jnp.full((size,), level, dtype=float))
        for size, (neuron, level) in zip(sizes, neurons, strict=True)
    )


def _layers(
    sizes: Sequence[int], key: PRNGKeyArray, scales: Sequence[float]
) -> list[Directed | Reciprocal]:
    """Synapses up a stack of sizes: directed from the input, reciprocal between populations."""
    synapses: list[Directed | Reciprocal] = []
    keys = split(key, len(sizes) - 1)
    for index, (pre, post) in enumerate(pairwise(sizes)):
        weight = truncated_normal(keys[index], (pre, post), scales[index] * pre**-0.5)
        kind = Directed if index == 0 else Reciprocal
        synapses.append(kind(weight, INPUT if index == 0 else index - 1, index))
    return synapses


def check_sizes(sizes: Sequence[int], key: PRNGKeyArray) -> None:
    """Raise `ValueError` unless there are at least three sizes, each at least 1; `TypeError` for
    what is no list of sizes, or no key.
    """
    check_key("key", key)
    check_units("sizes", sizes)
    if len(sizes) < 3:
        raise ValueError(
            f"sizes is {shortened(list(sizes))}: give the input width, at least one hidden "
            "population, and the number of outputs"
        )


def check_units(name: str, sizes: Sequence[int]) -> None:
    """Raise an error for what is no list of numbers of units."""
    if isinstance(sizes, str) or not (isinstance(sizes, Sequence) or np.ndim(sizes) == 1):
        raise TypeError(f"{name} is {shown(sizes)}: give a list of numbers, such as [64, 32, 10]")
    for place, size in enumerate(sizes):
        check_at_least(f"{name}[{place}]", size, 1, "every entry is a number of units")


def hopfield_mlp(
    sizes: Sequence[int],
    *,
    key: PRNGKeyArray,
    activation: Activations = ShiftedSigmoid(),
    time_constant: OneOrEach = 1.0,
    scale: OneOrEach = 0.5,
    bias: OneOrEach = 0.0,
) -> Network:
    """A layered network with reciprocal synapses and a softmax cross-entropy readout (hep2022).

    The last size is a trained readout outside the dynamics. Weights are truncated normal with
    standard deviation `scale / sqrt(inputs)` before the cut: a `scale` of 1 is hep2022's, which is
    close to critical and so relaxes slowly; 0.5 settles in a few time constants.

    Args:
        sizes: Input width, hidden populations, number of classes: `[784, 256, 256, 10]` has two
            populations and a trained readout outside the dynamics.
        key: Source of random numbers, from `jax.random.key`.
        activation: From membrane potential to activity: one, or one per population.
        time_constant: Of the neurons, in units of time: one number, or one per population.
        scale: Standard deviation of the weights times the root of the number of inputs, before the
            cut at two standard deviations: one number, or one per weight matrix, readout last.
        bias: Of the neurons at the beginning: one number, or one per population.

    Returns:
        The network.

    Raises:
        ValueError: there are fewer than three sizes, one is below 1, or another argument has
            neither one entry nor one for each, or numbers out of range.
        TypeError: an activation or the key is none.

    Source: hep2022, section 4.

    Example:
        >>> net = osciprop.hopfield_mlp([784, 256, 10], key=key)
        >>> [population.size for population in net.populations]
        [256]
    """
    check_sizes(sizes, key)
    key_readout, key_layers = split(key, 2)
    hidden = sizes[1:-1]
    factors = scales_of(scale, len(sizes) - 1)
    return Network(
        populations=make_populations(hidden, activation, time_constant, bias),
        synapses=tuple(_layers(sizes[:-1], key_layers, factors[:-1])),
        readout=softmax_readout(
            sizes[-2], sizes[-1], key=key_readout, stddev=factors[-1] * sizes[-2] ** -0.5
        ),
    )


def hopfield_regressor(
    sizes: Sequence[int],
    *,
    key: PRNGKeyArray,
    activation: Activations = ShiftedSigmoid(),
    time_constant: OneOrEach = 1.0,
    scale: OneOrEach = 0.5,
    bias: OneOrEach = 0.0,
) -> Network:
    """Like `hopfield_mlp`, but the last size is a dynamical population with a squared error.

    Args:
        sizes: Input width, hidden populations, number of outputs, which are a population too.
        key: Source of random numbers, from `jax.random.key`.
        activation: From membrane potential to activity: one, or one per population.
        time_constant: Of the neurons, in units of time: one number, or one per population.
        scale: Standard deviation of the weights times the root of the number of inputs, before the
            cut at two standard deviations: one number, or one per weight matrix.
        bias: Of the neurons at the beginning: one number, or one per population.

    Returns:
        The network.

    Raises:
        ValueError, TypeError: as for `hopfield_mlp`.

    Example:
        >>> net = osciprop.hopfield_regressor([4, 6, 2], key=key)
        >>> [population.size for population in net.populations]
        [6, 2]
    """
    check_sizes(sizes, key)
    return Network(
        populations=make_populations(sizes[1:], activation, time_constant, bias),
        synapses=tuple(_layers(sizes, key, scales_of(scale, len(sizes) - 1))),
        readout=SquaredError(),
    )
