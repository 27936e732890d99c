"""Training: gradients from any method, updates from any Optax optimizer.

`fit` runs epochs over a data set, records a history, shows a bar, and can be interrupted at any
moment and resumed to the very same numbers.
"""

import dataclasses
import math
import re
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, PRNGKeyArray, PyTree
from tqdm import tqdm

from .checkpoint import load_checkpoint, require_settings, save_checkpoint
from .datasets import Batches, Dataset, prefetched
from .errors import ConvergenceError, GradientAccuracyWarning, check_at_least
from .gradients import AbstractGradientMethod, Estimate
from .memory import step_memory
from .networks import AbstractNetwork
from .parallel import AbstractPlacement, OneDevice
from .prepare import prepare_pair
from .preprocessing import AbstractPreprocessing
from .relaxation import AbstractRelaxation, AndersonIteration, relax
from .training import TrainingState, begin, correct, train_step

# What a user may record beside loss and accuracy: numbers from the state of training.
Monitor = Callable[[AbstractNetwork, np.ndarray, np.ndarray, Estimate], dict[str, float]]


class NonFiniteLossError(RuntimeError):
    """Training was stopped because the loss is NaN or infinite."""


@dataclasses.dataclass
class History:
    """What a training run recorded.

    `steps` maps a name (`loss`, `accuracy`, `converged`) to one number per update; `epochs` to one
    per epoch (`epoch`, mean `train_loss` and `train_accuracy` over the epoch's updates, and
    `test_loss`, `test_accuracy`, `test_converged` after it); `monitored` to one per call of the
    monitor (`update`, and what the monitor returns).
    """

    steps: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    epochs: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    monitored: dict[str, list[float]] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        if not self.epochs:
            return f"History: {len(self.steps.get('loss', []))} updates"
        last = ", ".join(f"{name} {values[-1]:.4g}" for name, values in self.epochs.items())
        return f"History: {len(self.steps.get('loss', []))} updates; last: {last}"


def _record(columns: dict[str, list[float]], row: dict[str, float]) -> None:
    for name, value in row.items():
        columns.setdefault(name, []).append(float(value))


class Evaluation(eqx.Module):
    """Mean cost, accuracy, and the fraction of samples whose relaxation converged."""

    loss: float
    accuracy: float
    converged: float


def evaluate(
    network: AbstractNetwork,
    x: np.ndarray,
    y: np.ndarray,
    *,
    relaxation: AbstractRelaxation | None = None,
    batch_size: int = 500,
    preprocessing: AbstractPreprocessing | None = None,
) -> Evaluation:
    """Mean cost and accuracy of a network on data, at its free equilibria.

    `y` holds integer labels (the accuracy counts the largest score) or target rows (the accuracy
    counts where both have their largest entry). Samples whose relaxation did not converge count as
    they stand, and `converged` says how many did. `preprocessing` is applied to each batch of `x`,
    as its `evaluate` says.
    """
    check_at_least("batch_size", batch_size, 1, "evaluate at least one sample at a time")
    method = AndersonIteration() if relaxation is None else relaxation
    losses, hits, settled = 0.0, 0, 0
    for start in range(0, len(x), batch_size):
        inputs = _measured(preprocessing, x[start : start + batch_size])
        targets = y[start : start + batch_size]
        solution = relax(network, inputs, relaxation=method, throw=False)
        cost, correct = _score(network, solution.s, prepare_pair(network, inputs, targets)[1])
        losses += float(cost)
        hits += int(correct)
        settled += int(np.count_nonzero(solution.converged))
    return Evaluation(losses / len(x), hits / len(x), settled / len(x))


def _measured(preprocessing: AbstractPreprocessing | None, x: np.ndarray) -> np.ndarray | Array:
    return x if preprocessing is None else preprocessing.evaluate(x)


@eqx.filter_jit
def _score(network: AbstractNetwork, s: PyTree, y: Array) -> tuple[Array, Array]:
    return jnp.sum(network.cost(s, y)), jnp.sum(correct(network.output(s), y))


def fit(
    network: AbstractNetwork,
    data: Dataset,
    method: AbstractGradientMethod,
    optimizer: optax.GradientTransformation,
    *,
    epochs: int,
    batch_size: int = 20,
    seed: int = 0,
    monitor: Monitor | None = None,
    monitor_every: int = 100,
    checkpoint: Path | str | None = None,
    checkpoint_every: int = 1000,
    evaluation: AbstractRelaxation | None = None,
    preprocessing: AbstractPreprocessing | None = None,
    devices: AbstractPlacement | None = None,
    progress: bool = True,
    throw: bool = True,
) -> tuple[AbstractNetwork, History]:
    """Train a network; returns the trained network and the history.

    `seed` decides the order of samples in every epoch, and the noise of methods that have any.
    `monitor(network, x, y, estimate)` is called
    every `monitor_every` updates, before the update, and what it returns is recorded. `evaluation`
    is the relaxation used on the test set after each epoch. `preprocessing` makes the network's
    inputs of the stored samples, on the device: by its `train` for updates, with a key that depends
    on `seed` and the number of the update alone, and by its `evaluate` for the test set. Data sets
    of uint8 images need one. A monitor gets the preprocessed `x`. `devices=osciprop.DataParallel()`
    spreads every batch over several devices; the numbers are those of one device up to the order
    of sums. With `progress`, the memory that a step takes (`memory_estimate`) is shown before it.

    With `checkpoint`, a file is written every `checkpoint_every` updates, after every epoch, and on
    an interrupt or error; if it exists, training goes on from it and gives the same numbers as an
    uninterrupted run, on as many devices; on another number, up to the order of sums.

    Raises `NonFiniteLossError` as soon as the loss is not finite, `ConvergenceError` if an estimate
    did not converge (with `throw=False` training goes on, and the history's `converged` column
    tells), `CheckpointError` if the checkpoint belongs to a run with other settings, `ValueError`
    if the devices cannot share a batch equally.
    """
    check_at_least("epochs", epochs, 1, "train for at least one epoch")
    prepare_pair(network, _measured(preprocessing, data.x_train[:1]), data.y_train[:1])
    method.check(network)
    placement = OneDevice() if devices is None else devices
    placement.check_batch(batch_size)
    batches = Batches(data.x_train, data.y_train, batch_size, seed=seed)
    run = _Run(begin(network, optimizer), History(), 0, 0, jax.random.key(seed))
    settings = _settings(network, data, method, batch_size, seed, preprocessing)
    path = None if checkpoint is None else Path(checkpoint)
    if path is not None and path.exists():
        run = _resume(path, run, settings)
    run.state, method = placement.replicate((run.state, method))
    plan = _Plan(method, optimizer, placement, monitor, monitor_every, throw)
    if progress and run.epoch < epochs:
        first = _measured(preprocessing, data.x_train[:batch_size]), data.y_train[:batch_size]
        inputs, targets = placement.split(prepare_pair(network, *first))
        memory = step_memory(run.state, inputs, targets, method, optimizer, run.key)
        tqdm.write(str(memory), file=sys.stderr)
    bar = tqdm(
        total=epochs * batches.steps_per_epoch,
        initial=run.epoch * batches.steps_per_epoch + run.step,
        disable=not progress,
        unit="update",
    )
    try:
        with bar:
            while run.epoch < epochs:
                with prefetched(batches.epoch(run.epoch, start_step=run.step)) as samples:
                    for stored, y in samples:
                        x = _augmented(preprocessing, stored, run)
                        _update(run, x, y, plan)
                        bar.update()
                        bar.set_postfix(loss=f"{run.history.steps['loss'][-1]:.3f}", refresh=False)
                        if path is not None and run.updates % checkpoint_every == 0:
                            _save(path, run, settings)
                trained = placement.local(run.state.network)
                test = evaluate(
                    trained,
                    data.x_test,
                    data.y_test,
                    relaxation=evaluation,
                    preprocessing=preprocessing,
                )
                _finish_epoch(run, test, batches.steps_per_epoch)
                if path is not None:
                    _save(path, run, settings)
    except BaseException:
        if path is not None:
            _save(path, run, settings)  # the state before the update that failed
        raise
    return placement.local(run.state.network), run.history


@dataclasses.dataclass
class _Run:
    """Where a training run stands: `step` updates into `epoch`."""

    state: TrainingState
    history: History
    epoch: int
    step: int
    key: PRNGKeyArray

    @property
    def updates(self) -> int:
        return len(self.history.steps.get("loss", []))


def _augmented(
    preprocessing: AbstractPreprocessing | None, x: np.ndarray, run: _Run
) -> np.ndarray | Array:
    if preprocessing is None:
        return x
    # The last number that can be folded in, since methods draw noise by the number of the update.
    key = jax.random.fold_in(jax.random.fold_in(run.key, 2**32 - 1), run.updates)
    return preprocessing.train(x, key)


@dataclasses.dataclass(frozen=True)
class _Plan:
    """What all updates of a run have in common."""

    method: AbstractGradientMethod
    optimizer: optax.GradientTransformation
    placement: AbstractPlacement
    monitor: Monitor | None
    monitor_every: int
    throw: bool


def _update(run: _Run, x: np.ndarray | Array, y: np.ndarray, plan: _Plan) -> None:
    inputs, targets = plan.placement.split(prepare_pair(run.state.network, x, y))
    # By the number of the update, so that a resumed run sees the noise of an uninterrupted one.
    key = jax.random.fold_in(run.key, run.updates)
    state, estimate, accuracy = train_step(
        run.state, inputs, targets, plan.method, plan.optimizer, key
    )
    loss, converged = float(estimate.loss), bool(estimate.converged)
    if plan.throw and not converged:
        raise ConvergenceError(
            f"update {run.updates}: {type(plan.method).__name__}: {estimate.diagnostics.failure()}"
        )
    if not math.isfinite(loss):
        raise NonFiniteLossError(
            f"the loss is {loss} at update {run.updates} (epoch {run.epoch}): use a smaller "
            "learning rate, clip the gradient (optax.clip_by_global_norm), or smaller weights"
        )
    if run.step == 0 and converged:
        for concern in plan.method.concerns(run.state.network, inputs, estimate):
            warnings.warn(
                f"epoch {run.epoch}: {type(plan.method).__name__}: {concern}",
                GradientAccuracyWarning,
                stacklevel=3,
            )
    if plan.monitor is not None and run.updates % plan.monitor_every == 0:
        observed = plan.monitor(run.state.network, np.asarray(x), y, estimate)
        _record(run.history.monitored, {"update": float(run.updates), **observed})
    row = {"loss": loss, "accuracy": float(accuracy), "converged": float(converged)}
    run.state = plan.placement.replicate(state)
    _record(run.history.steps, row)
    run.step += 1


def _finish_epoch(run: _Run, test: Evaluation, steps: int) -> None:
    row = {
        "epoch": float(run.epoch + 1),
        "train_loss": float(np.mean(run.history.steps["loss"][-steps:])),
        "train_accuracy": float(np.mean(run.history.steps["accuracy"][-steps:])),
        "test_loss": test.loss,
        "test_accuracy": test.accuracy,
        "test_converged": test.converged,
    }
    _record(run.history.epochs, row)
    run.epoch, run.step = run.epoch + 1, 0


def _settings(
    network: AbstractNetwork,
    data: Dataset,
    method: AbstractGradientMethod,
    batch_size: int,
    seed: int,
    preprocessing: AbstractPreprocessing | None,
) -> dict[str, Any]:
    """What must agree between a checkpoint and the run that goes on from it."""
    return {
        "data": data.name,
        "samples": len(data.x_train),
        "batch_size": batch_size,
        "seed": seed,
        "method": _described(method),
        "network": str(jax.tree.structure(network)),
        "preprocessing": None if preprocessing is None else _described(preprocessing),
    }


def _described(settings: PyTree) -> str:
    """A text that differs wherever the settings do: what is printed shows no values of arrays."""
    numbers = [np.asarray(leaf).tolist() for leaf in jax.tree.leaves(settings)]
    # Functions, such as a solver's norm, are printed with an address that no other process has.
    return re.sub(r" at 0x[0-9a-f]+", "", f"{settings} {numbers}")


def _save(path: Path, run: _Run, settings: dict[str, Any]) -> None:
    if jax.process_index():  # all hosts are in the same state: the first one writes
        return
    header = {
        "settings": settings,
        "epoch": run.epoch,
        "step": run.step,
        "history": dataclasses.asdict(run.history),
    }
    save_checkpoint(path, run.state, header)


def _resume(path: Path, run: _Run, settings: dict[str, Any]) -> _Run:
    require_settings(path, settings)
    state, header = load_checkpoint(path, run.state)
    history = History(**header["history"])
    return dataclasses.replace(
        run, state=state, history=history, epoch=header["epoch"], step=header["step"]
    )
