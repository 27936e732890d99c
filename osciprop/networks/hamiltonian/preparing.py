"""From the sequences that a user holds to arrays that fit a network that moves."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ...datasets.arrays import as_real_array
from ...errors import ContractError, check_finite, check_instance, is_traced
from ..costs import check_targets
from ..moving import Cast
from ..signals import AbstractSignal, signal_shape
from .motions import as_motion
from .passage import Passage, pass_through
from .sequences import Goal, Sequence, check_times, input_at
from .system import AbstractHamiltonian

# How odd a kinetic energy may be, relative to itself.
ODD_LIMIT = 1e-4


def prepare_sequences(network: AbstractHamiltonian, x: Any, y: Any) -> tuple[Sequence, Goal | None]:
    """Inputs and targets as sequences or signals of the network's precision.

    Raises `ValueError` for shapes that do not fit, labels out of range, NaN or infinity;
    `ContractError` for a kinetic energy that is not even.
    """
    as_motion(network.motion)
    dtype = jax.dtypes.canonicalize_dtype(float)
    if isinstance(x, AbstractSignal):
        sequence: Sequence = Cast(x, dtype)
        shape = signal_shape(x)
        if shape.ndim < 1 or not shape.shape[0]:
            raise ValueError(f"x is a signal of shape {shape.shape}: give a batch at each time")
    else:
        array = x if isinstance(x, jax.Array) else as_real_array("x", x)
        if array.ndim < 2 or not array.shape[0]:
            raise ValueError(
                f"x has shape {array.shape}: a network that moves takes sequences, (batch, times, "
                "...), or a signal such as osciprop.networks.FunctionOfTime"
            )
        check_finite("x", array, "remove or impute these values before they reach the network")
        check_times("x", array.shape[1], network.motion)
        sequence = jnp.asarray(array, dtype=dtype)
    first = input_at(sequence, network.motion, 0)
    network.check_input(first)
    _check_contract(network, first)
    return sequence, None if y is None else _prepare_goal(network, first, y)


def _prepare_goal(network: AbstractHamiltonian, first: Array, y: Any) -> Goal:
    batch, outputs = first.shape[0], outputs_of_moving(network, first)
    dtype = jax.dtypes.canonicalize_dtype(float)
    if isinstance(y, AbstractSignal):
        shape = signal_shape(y).shape
        if shape != (batch, outputs):
            raise ValueError(
                f"y is a signal of shape {shape}, but ({batch}, {outputs}) is needed at each time"
            )
        return Cast(y, dtype)
    array = y if isinstance(y, jax.Array) else as_real_array("y", y)
    if array.ndim != 3:
        goal = check_targets(array, batch, outputs)
        return goal if jnp.issubdtype(goal.dtype, jnp.integer) else goal.astype(dtype)
    if array.shape[0] != batch or array.shape[2] != outputs:
        raise ValueError(
            f"y has shape {array.shape}, but ({batch}, times, {outputs}) is needed: one row of "
            "targets for each sample and time"
        )
    check_finite("y", array, "remove or impute these values")
    check_times("y", array.shape[1], network.motion)
    return jnp.asarray(array, dtype=dtype)


def outputs_of_moving(network: AbstractHamiltonian, first: Array) -> int:
    """The number of outputs, for inputs like those at the first time."""
    return int(jax.eval_shape(lambda: network.output(network.start(first).q)).shape[-1])


def _check_contract(network: AbstractHamiltonian, first: Array) -> None:
    """Raise `ContractError` unless time reversal is a symmetry of the kinetic energy."""
    if is_traced((network, first)):
        return
    begun = network.start(first)
    keys = iter(jax.random.split(jax.random.key(0), len(jax.tree.leaves(begun.p))))
    p = jax.tree.map(lambda leaf: jax.random.normal(next(keys), leaf.shape, leaf.dtype), begun.p)
    there = np.asarray(network.kinetic(p))
    back = np.asarray(network.kinetic(jax.tree.map(jnp.negative, p)))
    if there.shape != (first.shape[0],):
        raise ContractError(
            f"{type(network).__name__}.kinetic(p) gives shape {there.shape} for {first.shape[0]} "
            "samples: give one number per sample, by a sum over units alone"
        )
    odd = float(np.max(np.abs(there - back)) / max(float(np.max(np.abs(there))), 1e-30))
    if odd > ODD_LIMIT:
        raise ContractError(
            f"{type(network).__name__}.kinetic(p) is not even: at -p it differs by {odd:.2g} of "
            "itself, so reversed momenta do not retrace a trajectory, and an echo tells no "
            "gradient. Write it with even powers of p alone"
        )


@eqx.filter_jit
def _passage(network: AbstractHamiltonian, x: Sequence, y: Goal | None) -> Passage:
    return pass_through(network, x, y, record=True)


def passage(network: AbstractHamiltonian, x: Any, y: Any = None) -> Passage:
    """Move a network through time, and return its positions at all points of the grid.

    Args:
        network: The network.
        x: Inputs, `(batch, times, ...)`: one entry per point of the network's grid, or a number of
            entries that divides that of its steps, each held for as long as another; or a signal.
        y: Targets: labels `(batch,)`, rows `(batch, outputs)`, sequences `(batch, times, outputs)`,
            or a signal; None for no cost.

    Returns:
        Start, end, cost, and positions `(points, batch, ...)`.

    Raises:
        TypeError: `network` is none that moves.
        ValueError: inputs or targets do not fit.
        ContractError: the network's kinetic energy is not even in the momenta.

    Example:
        >>> net = osciprop.networks.oscillator_network(2, 3, 1, duration=5.0, steps=50, key=key)
        >>> bool(osciprop.networks.passage(net, np.ones((4, 5, 2))).finite)
        True
    """
    check_instance("network", network, AbstractHamiltonian)
    sequence, goal = prepare_sequences(network, x, y)
    return _passage(network, sequence, goal)
