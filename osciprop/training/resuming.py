"""Where a training run stands, as a checkpoint from which it goes on to the same numbers."""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax
from jaxtyping import PRNGKeyArray

from ..datasets.batches import Batches
from ..datasets.samples import Task
from ..files.checkpoint import (
    CheckpointError,
    key_numbers,
    load_checkpoint,
    require_settings,
    save_checkpoint,
)
from ..files.fingerprint import data_fingerprint, describe, describe_constants
from ..gradients import AbstractGradientMethod
from ..networks.model import AbstractModel
from .history import History, cut
from .preprocessing import AbstractPreprocessing
from .step import TrainingState


@dataclasses.dataclass(frozen=True)
class Standing:
    """Where a training run stands: all that passes from one update to the next.

    One object, so that an update becomes part of a run at once, or not at all. `epoch` and `step`
    are those of the next update; so many rows of a history belong to the run: `updates` of its
    steps, `epoch` of its epochs, `observed` of its monitor. `seen` is a checksum of the batches of
    the epoch so far, where somebody else makes them.
    """

    state: TrainingState
    epoch: int = 0
    step: int = 0
    updates: int = 0
    observed: int = 0
    seen: int = 0

    def history(self, recorded: History) -> History:
        """What was recorded, without a row that was interrupted."""
        return History(
            cut(recorded.steps, self.updates),
            cut(recorded.epochs, self.epoch),
            cut(recorded.monitored, self.observed),
        )


def run_settings(
    network: AbstractModel,
    task: Task,
    method: AbstractGradientMethod,
    optimizer: optax.GradientTransformation,
    batch_size: int,
    seed: int,
    key: PRNGKeyArray,
    preprocessing: AbstractPreprocessing | None,
) -> dict[str, Any]:
    """What must agree between a checkpoint and the run that goes on from it.

    Batches that somebody else makes are compared as they come.
    """
    train = task.train
    data, order = {"name": task.name}, {"batch_size": batch_size, "seed": seed}
    if isinstance(train, Batches):
        data |= {"train": data_fingerprint({"x": train.x, "y": train.y})}
        order = train.order
    if isinstance(task.test, tuple):
        data |= {"test": data_fingerprint(dict(zip("xy", task.test, strict=True)))}
    return {
        "data": data,
        **order,
        "key": key_numbers(key),
        "method": describe(method),
        "optimizer": describe(optimizer),
        "network": describe_constants(network),
        "preprocessing": describe(preprocessing),
    }


def save_run(path: Path, run: Standing, recorded: History, settings: dict[str, Any]) -> None:
    """Write a run, with its settings."""
    if jax.process_index():  # all hosts are in the same state: the first one writes
        return
    history = run.history(recorded)
    columns = {part: list(of) for part, of in vars(history).items()}
    numbers = [np.asarray(column) for of in vars(history).values() for column in of.values()]
    counts = {name: getattr(run, name) for name in COUNTS}
    header = {"settings": settings, "counts": counts, "columns": columns}
    save_checkpoint(path, (run.state, numbers), header)


COUNTS = ("epoch", "step", "updates", "observed", "seen")


def resume_run(
    path: Path, state: TrainingState, settings: dict[str, Any]
) -> tuple[Standing, History]:
    """The run in a file, which must have these settings; `state` shows the structure."""
    header = require_settings(path, settings)
    try:
        counts = {name: int(header["counts"][name]) for name in COUNTS}
        columns: dict[str, list[str]] = header["columns"]
        rows = {"steps": "updates", "epochs": "epoch", "monitored": "observed"}
        like = [np.zeros(counts[rows[part]]) for part, of in columns.items() for _ in of]
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path} is no checkpoint of a training run ({error!r} is missing): use another path"
        ) from error
    (state, numbers), _ = load_checkpoint(path, (state, like))
    remaining = iter(numbers)
    parts = {
        part: {name: np.asarray(next(remaining)).tolist() for name in of}
        for part, of in columns.items()
    }
    return Standing(state, **counts), History(**parts)
