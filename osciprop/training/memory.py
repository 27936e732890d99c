"""How much memory a training step takes, from its compiled program and before it runs."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import numpy as np
import optax
from jaxtyping import Array, ArrayLike, PRNGKeyArray, PyTree

from ..gradients import AbstractGradientMethod
from ..networks.costs import Targets
from ..networks.either import count_outputs
from ..networks.metrics import AbstractMetric
from .optimizers import Optimizer, as_optimizer
from .parallel import AbstractPlacement, OneDevice
from .step import TrainingState, begin, train_step


@dataclasses.dataclass(frozen=True)
class MemoryEstimate:
    """Bytes that one training step takes on each device, as its compiled program counts them.

    Not counted are the data set (it stays on the host), JAX itself, and compiled programs.

    Args:
        parameters: Bytes of the network, exact.
        optimizer_state: Bytes of the optimizer's state, exact.
        batch: Bytes of this device's part of the inputs and targets.
        temporaries: Bytes that live within the step, relaxations included, as the compiler plans.
        results: Bytes that it returns beside its arguments: the new state, and the estimate with
            its equilibria.

    Example:
        >>> osciprop.training.MemoryEstimate(1, 2, 3, 4, 5).total
        15
    """

    parameters: int
    optimizer_state: int
    batch: int
    temporaries: int
    results: int

    @property
    def total(self) -> int:
        """The sum: what is held at once while the step runs."""
        return sum(dataclasses.astuple(self))

    def __str__(self) -> str:
        parts = ", ".join(
            f"{name.replace('_', ' ')} {_readable(value)}"
            for name, value in dataclasses.asdict(self).items()
        )
        return f"memory of a training step, per device: {_readable(self.total)} ({parts})"


def _readable(count: int) -> str:
    size, unit = float(count), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f"{size:.4g} {unit}"


def memory_estimate(
    network: Any,
    x: ArrayLike,
    y: ArrayLike,
    method: AbstractGradientMethod,
    optimizer: optax.GradientTransformation,
    *,
    placement: AbstractPlacement = OneDevice(),
) -> MemoryEstimate:
    """The memory of a training step on batches like `x` and `y`, without running one.

    Only shapes and types count: zeros do. Compiles the step, which `osciprop.fit` does not repeat
    for the same network, batch shape, method and optimizer in the same process.

    Args:
        network: The network: `osciprop.Network`, or one of the user's own.
        x: Inputs, `(batch, features)`, or of whatever shape the network takes.
        y: Targets: integer labels `(batch,)`, or rows `(batch, outputs)`.
        method: A gradient method.
        optimizer: Any Optax optimizer.
        placement: Where the arrays live: one device, or several.

    Returns:
        Bytes on each device.

    Raises:
        ValueError: the batch does not fit the network or the devices.

    Example:
        >>> estimate = osciprop.training.memory_estimate
        >>> found = estimate(network, x, y, osciprop.Implicit(), optax.sgd(0.1))
        >>> found.total > found.parameters > 0
        True
    """
    inputs, targets = method.prepare(network, x, y)
    method.check(network)
    metric = network.metric(np.asarray(targets), count_outputs(network, inputs))
    inputs, targets = placement.split((inputs, targets))
    state, method = placement.replicate((begin(network, optimizer), method))
    # As in `fit`, whose program this is.
    called = as_optimizer(optimizer)
    return step_memory(state, inputs, targets, method, called, metric, jax.random.key(0))


def step_memory(
    state: TrainingState,
    x: Array,
    y: Targets,
    method: AbstractGradientMethod,
    optimizer: Optimizer,
    metric: AbstractMetric,
    key: PRNGKeyArray,
) -> MemoryEstimate:
    """Like `memory_estimate`, for arrays that are prepared and placed."""
    step: Any = train_step  # Equinox annotates a compiled function as a plain one
    # JAX keeps what is compiled: calling the step with such arrays does not compile it again.
    compiled = step.lower(state, x, y, method, optimizer, metric, key).compile()
    analysis = compiled.compiled.memory_analysis()
    return MemoryEstimate(
        parameters=_size(eqx.filter(state.network, eqx.is_inexact_array)),
        optimizer_state=_size(state.optimizer_state),
        batch=_size((x, y)),
        temporaries=analysis.temp_size_in_bytes,
        results=analysis.output_size_in_bytes - analysis.alias_size_in_bytes,
    )


def _size(tree: PyTree) -> int:
    """Bytes of all arrays of a pytree on one device."""
    arrays = jax.tree.leaves(eqx.filter(tree, eqx.is_array))
    return sum(
        array.addressable_data(0).nbytes if isinstance(array, jax.Array) else array.nbytes
        for array in arrays
    )
