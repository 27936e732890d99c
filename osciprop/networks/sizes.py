"""Whether the parts of a network fit each other: what its weights take and give, part by part."""

import dataclasses
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ..errors import check_instance
from ..settings import parameter
from .activations import AbstractActivation
from .costs import AbstractCost, SoftmaxCrossEntropy
from .neurons import AbstractNeuron
from .populations import AbstractPopulation
from .synapses import INPUT, AbstractSynapse, Directed, Reciprocal


def check_parts(
    populations: tuple[AbstractPopulation, ...],
    synapses: tuple[AbstractSynapse, ...],
    readout: AbstractCost,
) -> None:
    """Raise `TypeError` for a part that is none of its kind, `ValueError` without populations."""
    kinds = (
        ("populations", populations, AbstractPopulation),
        ("synapses", synapses, AbstractSynapse),
    )
    for name, parts, kind in kinds:
        if not isinstance(parts, tuple):
            raise TypeError(f"{name} is a {type(parts).__name__}: give a tuple or a list of them")
        for index, part in enumerate(parts):
            check_instance(f"{name}[{index}]", part, kind)
    check_instance("readout", readout, AbstractCost)
    if not populations:
        raise ValueError(
            "populations is empty: give at least one, such as osciprop.Population(...)"
        )
    for index, population in enumerate(populations):
        where = f"populations[{index}].neuron"
        check_instance(where, population.neuron, AbstractNeuron)
        check_instance(f"{where}.activation", population.neuron.activation, AbstractActivation)


def check_sizes(
    populations: tuple[AbstractPopulation, ...],
    synapses: tuple[AbstractSynapse, ...],
    readout: AbstractCost,
) -> None:
    """Raise `ValueError` for a part that does not fit the populations that it belongs to."""
    biases = tuple(population.bias for population in populations)
    types = {
        leaf.dtype.name for leaf in jax.tree.leaves((biases, synapses, readout)) if _floats(leaf)
    }
    if len(types) > 1:
        raise ValueError(
            f"the weights and biases are of the types {', '.join(sorted(types))}: cast them to "
            "one, for instance by jnp.asarray(weight, dtype=float)"
        )
    for index, population in enumerate(populations):
        for field in dataclasses.fields(population.neuron):
            if field.metadata.get("converter") is parameter:
                shape = np.shape(getattr(population.neuron, field.name))
                _check_per_neuron(index, population, field.name, shape)
    for index, synapse in enumerate(synapses):
        _check_synapse(f"synapses[{index}]", synapse, populations)
    _check_readout(readout, populations[-1], len(populations) - 1)


def _floats(leaf: object) -> bool:
    return isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jnp.floating)


def _check_per_neuron(
    index: int, population: AbstractPopulation, name: str, shape: tuple[int, ...]
) -> None:
    try:
        fits = np.broadcast_shapes(shape, population.shape) == population.shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(
            f"populations[{index}] has {population.size} neurons of shape {population.shape}, but "
            f"its {name} has shape {shape}: give one number for all, or one per neuron"
        )


def _check_synapse(
    name: str, synapse: AbstractSynapse, populations: tuple[AbstractPopulation, ...]
) -> None:
    upper = populations[synapse.upper]
    if synapse.lower == INPUT:
        # How many units the input has is not known here, but for dense weights what they give.
        made = upper.shape
        if isinstance(synapse, (Directed, Reciprocal)):
            made = synapse.weight.shape[1:]
        source = "the input"
    else:
        lower = populations[synapse.lower]
        source = f"population {synapse.lower} of shape {lower.shape}"
        activity = jax.ShapeDtypeStruct((1, *lower.shape), lower.bias.dtype)
        try:
            made = synapse.sent(activity)
        except Exception as error:
            raise ValueError(
                f"{name} starts from {source}, which it does not take: {error}. Give a synapse "
                "whose weights have the shape (units of the source, units of the target)"
            ) from error
    if math.prod(made) != upper.size:
        raise ValueError(
            f"{name} leads from {source} to population {synapse.upper} of shape {upper.shape}, but "
            f"makes currents of shape {made}: give one of {upper.size} units at that end"
        )


def _check_readout(readout: AbstractCost, population: AbstractPopulation, place: int) -> None:
    where = f"population {place}, the last, has {population.size} units"
    if isinstance(readout, SoftmaxCrossEntropy):
        weight, bias = np.shape(readout.weight), np.shape(readout.bias)
        if len(weight) != 2 or weight[0] != population.size or bias != weight[1:]:
            raise ValueError(
                f"readout has a weight of shape {weight} and a bias of shape {bias}, but {where}: "
                f"give a weight of shape ({population.size}, classes) and a bias of (classes,)"
            )
        return
    if type(readout).__module__.split(".")[0] == __name__.split(".")[0]:
        return  # the activity itself
    activity = jax.ShapeDtypeStruct((1, population.size), population.bias.dtype)
    try:
        eqx.filter_eval_shape(readout.output, activity)
    except Exception as error:
        raise ValueError(
            f"readout is a {type(readout).__name__} whose output(activity) does not take an "
            f"activity of shape {activity.shape}: {error}; {where}"
        ) from error
