"""Updates of a training run, one after the other: launched, and confirmed while the next one runs.

What an update costs on the host, reading its loss and recording it, is done while the device makes
the following one.
"""

import dataclasses
import math
import warnings
from collections.abc import Callable, Iterable, Iterator

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, PRNGKeyArray

from ..errors import ConvergenceError, GradientAccuracyWarning, NonFiniteLossError
from ..gradients import AbstractGradientMethod, Estimate
from ..networks.network import AbstractNetwork
from .history import record
from .parallel import AbstractPlacement
from .preprocessing import AbstractPreprocessing
from .resuming import TrainingRun
from .step import TrainingState, train_step

# What a user may record beside loss and accuracy: numbers from the state of training.
Monitor = Callable[[AbstractNetwork, np.ndarray, np.ndarray, Estimate], dict[str, float]]

# A call of a compiled function, several times cheaper than JAX's own.
numbered = jax.jit(lambda key, number: jax.random.fold_in(key, number))

AUGMENTATION = np.uint32(2**32 - 1)
"""The last number that can be folded in, since methods draw noise by the number of the update."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What all updates of a run have in common; `dtype` is that of the inputs."""

    method: AbstractGradientMethod
    optimizer: optax.GradientTransformation
    placement: AbstractPlacement
    preprocessing: AbstractPreprocessing | None
    dtype: jnp.dtype
    monitor: Monitor | None
    monitor_every: int
    throw: bool


@dataclasses.dataclass(frozen=True)
class Launched:
    """An update that the device is making, or has made: from `before` to `after`."""

    before: TrainingState
    after: TrainingState
    estimate: Estimate
    measured: Array
    inputs: np.ndarray | Array
    targets: np.ndarray | Array
    x: np.ndarray | Array
    y: np.ndarray


def updates(
    run: TrainingRun, samples: Iterable[tuple[np.ndarray, np.ndarray]], plan: Plan
) -> Iterator[None]:
    """Train on one batch after the other; whenever this yields, an update has become part of the
    run. What is wrong with one is raised before it does.
    """
    launched = None
    for stored, y in samples:
        state = run.state if launched is None else launched.after
        following = launch(state, stored, y, run.key, run.updates + (launched is not None), plan)
        if launched is not None:
            confirm(run, launched, plan)
            yield
        launched = following
    if launched is not None:
        confirm(run, launched, plan)
        yield


def launch(
    state: TrainingState,
    stored: np.ndarray,
    y: np.ndarray,
    source: PRNGKeyArray,
    number: int,
    plan: Plan,
) -> Launched:
    """Start the update of that number. The device may be busy with the one before."""
    # By the number of the update, so that a resumed run sees the noise of an uninterrupted one.
    key = numbered(source, np.uint32(number))
    x: np.ndarray | Array = stored
    if plan.preprocessing is not None:
        drawn = numbered(numbered(source, AUGMENTATION), np.uint32(number))
        x = plan.preprocessing.train(stored, drawn)
    # Arrays of the host go to the device with the call, which costs less than before it.
    inputs = x.astype(plan.dtype, copy=False) if isinstance(x, np.ndarray) else x
    inputs, targets = plan.placement.split((inputs, y))
    after, estimate, measured = train_step(state, inputs, targets, plan.method, plan.optimizer, key)
    return Launched(
        state, plan.placement.replicate(after), estimate, measured, inputs, targets, x, y
    )


def confirm(run: TrainingRun, launched: Launched, plan: Plan) -> None:
    """Wait for an update, look at what came of it, and record it."""
    estimate = launched.estimate
    loss, accuracy, converged = np.asarray(launched.measured).tolist()
    if plan.throw and not converged:
        raise ConvergenceError(
            f"update {run.updates}: {type(plan.method).__name__}: {estimate.diagnostics.failure()}"
        )
    if not math.isfinite(loss):
        raise NonFiniteLossError(
            f"the loss is {loss} at update {run.updates} (epoch {run.epoch}): use a smaller "
            "learning rate, clip the gradient (optax.clip_by_global_norm), or smaller weights"
        )
    network = launched.before.network
    if run.step == 0 and converged:
        inputs = jnp.asarray(launched.inputs)
        predicted = plan.method.accuracy(network, inputs, jnp.asarray(launched.targets), estimate)
        checked = dataclasses.replace(estimate, accuracy=predicted)
        for concern in plan.method.concerns(network, inputs, checked):
            warnings.warn(
                f"epoch {run.epoch}: {type(plan.method).__name__}: {concern}",
                GradientAccuracyWarning,
                stacklevel=4,
            )
    if plan.monitor is not None and run.updates % plan.monitor_every == 0:
        observed = plan.monitor(network, np.asarray(launched.x), launched.y, estimate)
        record(run.history.monitored, {"update": float(run.updates), **observed})
    row = {"loss": loss, "accuracy": accuracy, "converged": converged}
    run.state = launched.after
    record(run.history.steps, row)
    run.step += 1
