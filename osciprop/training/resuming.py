"""Where a training run stands, as a checkpoint from which it goes on to the same numbers."""

import dataclasses
from pathlib import Path
from typing import Any

import jax
from jaxtyping import PRNGKeyArray

from ..datasets import Dataset
from ..files.checkpoint import (
    key_numbers,
    load_checkpoint,
    require_settings,
    save_checkpoint,
)
from ..files.fingerprint import describe
from ..gradients import AbstractGradientMethod
from ..networks.network import AbstractNetwork
from .history import History
from .preprocessing import AbstractPreprocessing
from .step import TrainingState


@dataclasses.dataclass
class TrainingRun:
    """Where a training run stands: `step` updates into `epoch`."""

    state: TrainingState
    history: History
    epoch: int
    step: int
    key: PRNGKeyArray

    @property
    def updates(self) -> int:
        return len(self.history.steps.get("loss", []))


def run_settings(
    network: AbstractNetwork,
    data: Dataset,
    method: AbstractGradientMethod,
    batch_size: int,
    seed: int,
    key: PRNGKeyArray,
    preprocessing: AbstractPreprocessing | None,
) -> dict[str, Any]:
    """What must agree between a checkpoint and the run that goes on from it."""
    return {
        "data": data.name,
        "samples": len(data.x_train),
        "batch_size": batch_size,
        "seed": seed,
        "key": key_numbers(key),
        "method": describe(method),
        "network": str(jax.tree.structure(network)),
        "preprocessing": None if preprocessing is None else describe(preprocessing),
    }


def save_run(path: Path, run: TrainingRun, settings: dict[str, Any]) -> None:
    """Write a run, with its settings."""
    if jax.process_index():  # all hosts are in the same state: the first one writes
        return
    header = {
        "settings": settings,
        "epoch": run.epoch,
        "step": run.step,
        "history": dataclasses.asdict(run.history),
    }
    save_checkpoint(path, run.state, header)


def resume_run(path: Path, run: TrainingRun, settings: dict[str, Any]) -> TrainingRun:
    """The run in a file, which must have these settings; `run` shows the structure."""
    require_settings(path, settings)
    state, header = load_checkpoint(path, run.state)
    history = History(**header["history"])
    return dataclasses.replace(
        run, state=state, history=history, epoch=header["epoch"], step=header["step"]
    )
