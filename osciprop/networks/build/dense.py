"""Builders: the networks people use, from a list of sizes."""

from collections.abc import Sequence
from itertools import pairwise
from reprlib import repr as shortened
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, PRNGKeyArray

from ...errors import check_at_least
from ..activations import AbstractActivation, ShiftedSigmoid
from ..costs import SquaredError, softmax_readout
from ..network import Network
from ..neurons import LeakyIntegrator
from ..populations import Population
from ..synapses import INPUT, Directed, Reciprocal, truncated_normal

# One for all, or one for each of what a builder counts: populations, or weight matrices.
Activations: TypeAlias = AbstractActivation | Sequence[AbstractActivation]
OneOrEach: TypeAlias = ArrayLike | Sequence[ArrayLike]


def one_each(name: str, value: Any, count: int, counted: str) -> list[Any]:
    """`count` values: one for all, or the entries of a list, a tuple or an array, one for each.

    Raises `ValueError` for another number of entries.
    """
    several = isinstance(value, Sequence) or np.ndim(value) > 0
    values = list(value) if several else [value] * count
    if len(values) != count:
        raise ValueError(
            f"{name} has {len(values)} entries for {count} {counted}, {shortened(value)}: give one "
            "for all, or one for each"
        )
    return values


def make_populations(
    sizes: Sequence[int],
    activation: Activations,
    time_constant: OneOrEach,
    bias: OneOrEach,
) -> tuple[Population, ...]:
    """Populations of leaky integrators of the given sizes; other arguments are one or one each."""
    count = len(sizes)
    kinds = one_each("activation", activation, count, "populations")
    constants = one_each("time_constant", time_constant, count, "populations")
    biases = one_each("bias", bias, count, "populations")
    return tuple(
        Population(LeakyIntegrator(kind, constant), jnp.full((size,), level, dtype=float))
        for size, kind, constant, level in zip(sizes, kinds, constants, biases, strict=True)
    )


def _layers(
    sizes: Sequence[int], key: PRNGKeyArray, scales: Sequence[float]
) -> list[Directed | Reciprocal]:
    """Synapses up a stack of sizes: directed from the input, reciprocal between populations."""
    synapses: list[Directed | Reciprocal] = []
    keys = jax.random.split(key, len(sizes) - 1)
    for index, (pre, post) in enumerate(pairwise(sizes)):
        weight = truncated_normal(keys[index], (pre, post), scales[index] * pre**-0.5)
        kind = Directed if index == 0 else Reciprocal
        synapses.append(kind(weight, INPUT if index == 0 else index - 1, index))
    return synapses


def check_sizes(sizes: Sequence[int]) -> None:
    """Raise `ValueError` unless there are at least three sizes, each at least 1."""
    if len(sizes) < 3:
        raise ValueError(
            f"sizes is {list(sizes)}: give the input width, at least one hidden population, "
            "and the number of outputs"
        )
    for size in sizes:
        check_at_least("sizes", size, 1, "every entry is a number of units")


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
            neither one entry nor one for each.

    Source: hep2022, section 4.

    Example:
        >>> net = osciprop.hopfield_mlp([784, 256, 10], key=key)
        >>> [population.size for population in net.populations]
        [256]
    """
    check_sizes(sizes)
    key_readout, key_layers = jax.random.split(key)
    hidden = sizes[1:-1]
    factors = one_each("scale", scale, len(sizes) - 1, "weight matrices")
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
        ValueError: as for `hopfield_mlp`.

    Example:
        >>> net = osciprop.hopfield_regressor([4, 6, 2], key=key)
        >>> [population.size for population in net.populations]
        [6, 2]
    """
    check_sizes(sizes)
    return Network(
        populations=make_populations(sizes[1:], activation, time_constant, bias),
        synapses=tuple(
            _layers(sizes, key, one_each("scale", scale, len(sizes) - 1, "weight matrices"))
        ),
        readout=SquaredError(),
    )
