"""One update: launched, and confirmed while the next one runs.

What an update costs on the host, reading its loss and recording it, is done while the device makes
the following one.
"""

import dataclasses
import math
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray

from ..errors import ConvergenceError, GradientAccuracyWarning, NonFiniteLossError
from ..gradients import AbstractGradientMethod, Estimate
from ..networks.metrics import AbstractMetric
from .optimizers import Optimizer
from .parallel import AbstractPlacement
from .preprocessing import AbstractPreprocessing
from .step import TrainingState, train_step

# What a user may record beside loss and metric: numbers from the state of training.
Monitor = Callable[[Any, np.ndarray, np.ndarray, Any], dict[str, float]]

# A call of a compiled function, several times cheaper than JAX's own.
numbered = jax.jit(lambda key, number: jax.random.fold_in(key, number))

AUGMENTATION = np.uint32(2**32 - 1)
"""The last number that can be folded in, since methods draw noise by the number of the update."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What all updates of a run have in common; `dtype` is that of the inputs."""

    method: AbstractGradientMethod
    optimizer: Optimizer
    metric: AbstractMetric
    placement: AbstractPlacement
    preprocessing: AbstractPreprocessing | None
    dtype: jnp.dtype
    source: PRNGKeyArray
    throw: bool


@dataclasses.dataclass(frozen=True)
class Launched:
    """An update that the device is making, or has made: from `before` to `after`."""

    plan: Plan
    before: TrainingState
    after: TrainingState
    estimate: Estimate
    measured: Array
    inputs: np.ndarray | Array
    targets: np.ndarray | Array
    x: np.ndarray | Array
    y: np.ndarray


@dataclasses.dataclass(frozen=True)
class Update:
    """One update of a training run, made.

    Args:
        number: How many updates there were before it.
        epoch: In which epoch it was made, counted from 0.
        step: How many updates of its epoch there were before it.
        row: What it recorded: `loss`, the metric, and `converged` (1 or 0), of before the update.
        estimate: The gradient behind it, with what the method measured.

    Example:
        >>> net = osciprop.hopfield_mlp([4, 6, 3], key=key)
        >>> training = osciprop.Training(
        ...     net, (x, y), osciprop.Implicit(), optax.sgd(0.1), batch_size=5
        ... )
        >>> [update.number for update in training.updates(epochs=1)]
        [0, 1]
    """

    number: int
    epoch: int
    step: int
    row: dict[str, float]
    estimate: Estimate

    @property
    def loss(self) -> float:
        """Mean cost of the batch, before the update."""
        return self.row["loss"]


def launch(state: TrainingState, stored: Any, y: Any, number: int, plan: Plan) -> Launched:
    """Start the update of that number. The device may be busy with the one before."""
    # By the number of the update, so that a resumed run sees the noise of an uninterrupted one.
    key = numbered(plan.source, np.uint32(number))
    x: np.ndarray | Array = stored
    if plan.preprocessing is not None:
        drawn = numbered(numbered(plan.source, AUGMENTATION), np.uint32(number))
        x = plan.preprocessing.train(stored, drawn)
    # Arrays of the host go to the device with the call, which costs less than before it.
    inputs = x.astype(plan.dtype, copy=False) if isinstance(x, np.ndarray) else x
    inputs, targets = plan.placement.split((inputs, y))
    after, estimate, measured = train_step(
        state, inputs, targets, plan.method, plan.optimizer, plan.metric, key
    )
    after = plan.placement.replicate(after)
    return Launched(plan, state, after, estimate, measured, inputs, targets, x, y)


def confirm(launched: Launched, number: int, epoch: int, step: int) -> Update:
    """Wait for an update and look at what came of it.

    Raises `ConvergenceError` or `NonFiniteLossError` for one that must not become part of a run,
    and warns of what makes its gradient inaccurate, at the first update of an epoch.
    """
    plan, estimate = launched.plan, launched.estimate
    loss, metric, converged, finite = np.asarray(launched.measured).tolist()
    if plan.throw and not converged:
        raise ConvergenceError(
            f"update {number}: {type(plan.method).__name__}: {estimate.diagnostics.failure()}"
        )
    if not math.isfinite(loss) or not finite:
        what = f"the loss is {loss}" if finite else "the new weights are not finite"
        raise NonFiniteLossError(
            f"{what} at update {number} (epoch {epoch}): use a smaller learning rate, clip the "
            "gradient (optax.clip_by_global_norm), or smaller weights"
        )
    if step == 0 and converged:
        network: Any = launched.before.network
        method = plan.method
        inputs = jnp.asarray(launched.inputs)
        predicted = method.accuracy(network, inputs, jnp.asarray(launched.targets), estimate)
        checked = dataclasses.replace(estimate, accuracy=predicted)
        for concern in method.concerns(network, inputs, checked):
            warnings.warn(
                f"epoch {epoch}: {type(method).__name__}: {concern}",
                GradientAccuracyWarning,
                stacklevel=4,
            )
    row = {"loss": loss, plan.metric.name: metric, "converged": converged}
    return Update(number, epoch, step, row, estimate)


def observe(monitor: Monitor, launched: Launched, number: int) -> dict[str, float]:
    """What a user's monitor returns before an update, as a row of numbers.

    Raises `ValueError` for anything else.
    """
    found = monitor(launched.before.network, np.asarray(launched.x), launched.y, launched.estimate)
    if not isinstance(found, Mapping):
        raise ValueError(
            f"monitor returned {found!r} at update {number}, expected a dict of numbers by name"
        )
    row = {"update": float(number)}
    for name, value in found.items():
        try:
            row[str(name)] = float(value)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"monitor returned {value!r} as {name!r} at update {number}, expected one number"
            ) from error
    return row
