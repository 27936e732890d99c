"""What a simulation of learning records: reports of every presentation, and what a probe saw."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import PyTree

from ..errors import check_at_least, check_callable
from ..files.checkpoint import CheckpointError, load_checkpoint, require_settings, save_checkpoint
from ..networks.network import AbstractNetwork
from ..settings import Module
from .simulation import Observe, SimulationState


class Probe(Module):
    """What to record of a simulation, and when.

    Args:
        observe: Called as `observe(network, u, s, mean, error)`; returns any pytree of arrays.
            `network` holds the weights of the moment, `u` and `s` are the potential and the
            activity, `mean` and `error` what the filters know, pytrees of arrays (batch, units).
        samples: Readings per period.
        start: First presentation to be recorded.
        stop: First presentation that is not.
        every: Every how many-th presentation is recorded.

    Raises:
        ValueError: a number is out of its range.

    Example:
        >>> probe = osciprop.Probe(lambda network, u, s, mean, error: s, start=2)
        >>> probe.wants(1), probe.wants(2)
        (False, True)
    """

    observe: Observe = eqx.field(static=True)
    samples: int = eqx.field(default=32, static=True, kw_only=True)
    start: int = eqx.field(default=0, static=True, kw_only=True)
    stop: float = eqx.field(default=math.inf, converter=float, static=True, kw_only=True)
    every: int = eqx.field(default=1, static=True, kw_only=True)

    def __check_init__(self) -> None:
        check_callable("observe", self.observe, "observe(network, u, s, mean, error)")
        check_at_least("samples", self.samples, 1, "per period")
        check_at_least("start", self.start, 0, "the first presentation is number 0")
        check_at_least("every", self.every, 1, "1 records every presentation")

    def wants(self, presentation: int) -> bool:
        """Whether a presentation is recorded."""
        after = presentation - self.start
        return after >= 0 and presentation < self.stop and after % self.every == 0


@dataclasses.dataclass
class Recording:
    """What a probe saw.

    Args:
        times: `(n,)`, in units of time.
        values: A pytree of arrays `(n, ...)`.

    Example:
        >>> osciprop.online.Recording(np.zeros(2), {"s": np.zeros((2, 3))}).times.shape
        (2,)
    """

    times: np.ndarray
    values: PyTree[np.ndarray]


@dataclasses.dataclass
class LearningRun:
    """The result of `simulate_learning`.

    Args:
        state: Where this run ended: `simulate_learning(..., start=run.state)` goes on from there.
        loss: One number per presentation, by the mean activity at its end, which is that of the
            free network.
        score: The network's metric, likewise.
        metric: What it is called: `accuracy`, or `mean_squared_error` where numbers are learned.
        recording: What the probe saw; None without one.

    Example:
        >>> "loss" in osciprop.online.LearningRun.__dataclass_fields__
        True
    """

    state: SimulationState
    loss: np.ndarray
    score: np.ndarray
    metric: str
    recording: Recording | None

    @property
    def network(self) -> AbstractNetwork:
        """The trained network."""
        return self.state.network

    @property
    def accuracy(self) -> np.ndarray:
        """The score, where that is the accuracy."""
        if self.metric != "accuracy":
            raise ValueError(f"this run has no accuracy: its score is the {self.metric}")
        return self.score

    def __str__(self) -> str:
        last = slice(-min(len(self.loss), 100), None)
        told = f"LearningRun: {self.state.count} presentations"
        if not len(self.loss):
            return told
        return (
            f"{told}; over the last {len(self.loss[last])} of this run loss "
            f"{np.mean(self.loss[last]):.4g}, {self.metric.replace('_', ' ')} "
            f"{np.mean(self.score[last]):.4g}"
        )


@dataclasses.dataclass
class Journal:
    """A simulation so far: its state, and all that was recorded on the way there.

    `state` counts its presentations, and only what was recorded of those belongs to the journal: a
    presentation becomes part of it with the assignment of its state. `rows` holds (loss, score) of
    each; `seen` the arrays of the probe, one list per recorded presentation; `taken` is a checksum
    of the batches so far, where somebody else makes them.
    """

    state: SimulationState
    first: int
    rows: list[tuple[float, float]] = dataclasses.field(default_factory=list)
    seen: list[list[np.ndarray]] = dataclasses.field(default_factory=list)
    recorded: list[int] = dataclasses.field(default_factory=list)
    taken: int = 0

    def add(
        self, state: SimulationState, row: tuple[float, float], seen: list[Any] | None, taken: int
    ) -> None:
        """One presentation more."""
        number = self.state.count
        self.forget_interrupted()
        if seen is not None:
            self.seen.append([np.asarray(leaf) for leaf in seen])
            self.recorded.append(number)
        self.rows.append(row)
        self.state, self.taken = state, taken

    def forget_interrupted(self) -> None:
        """Drop what was recorded of a presentation that did not become part of the journal."""
        number = self.state.count
        del self.rows[number - self.first :]
        while self.recorded and self.recorded[-1] >= number:
            self.recorded.pop()
        del self.seen[len(self.recorded) :]

    def result(
        self, probe: Probe | None, period: float, structure: Any, metric: str
    ) -> LearningRun:
        """The journal as what a user gets."""
        self.forget_interrupted()
        columns = np.asarray(self.rows, dtype=float).reshape(-1, 2)
        recording = None
        if probe is not None:
            recording = _recording(probe, self.recorded, self.seen, period, structure)
        return LearningRun(self.state, columns[:, 0], columns[:, 1], metric, recording)


def _recording(
    probe: Probe, recorded: list[int], seen: list[list[np.ndarray]], period: float, structure: Any
) -> Recording:
    """The probe's arrays in one piece, with the time of every sample."""
    if not seen:
        nothing = [np.zeros(0)] * structure.num_leaves
        return Recording(np.zeros(0), jax.tree.unflatten(structure, nothing))
    periods = seen[0][0].shape[0]
    turns = np.arange(periods)[:, None] + np.arange(1, probe.samples + 1) / probe.samples
    times = [(number * periods + turns.ravel()) * period for number in recorded]
    leaves = [
        np.concatenate([arrays[place].reshape(-1, *arrays[place].shape[2:]) for arrays in seen])
        for place in range(structure.num_leaves)
    ]
    return Recording(np.concatenate(times), jax.tree.unflatten(structure, leaves))


def save_journal(path: Path, journal: Journal, settings: dict[str, Any]) -> None:
    """Write all that is known, so that nothing simulated is lost."""
    journal.forget_interrupted()
    shapes = [[(list(leaf.shape), str(leaf.dtype)) for leaf in arrays] for arrays in journal.seen]
    rows = np.asarray(journal.rows, dtype=float).reshape(-1, 2)
    header = {
        "settings": settings,
        "first": journal.first,
        "presentations": len(rows),
        "taken": journal.taken,
        "recorded": journal.recorded,
        "shapes": shapes,
    }
    save_checkpoint(path, (journal.state, rows, journal.seen), header)


def load_journal(path: Path, like: SimulationState, settings: dict[str, Any]) -> Journal:
    """The journal of a checkpoint. Raises `CheckpointError` if it is of another simulation."""
    header = require_settings(path, settings)
    try:
        first, count, taken = (int(header[name]) for name in ("first", "presentations", "taken"))
        seen = [[np.zeros(shape, kind) for shape, kind in arrays] for arrays in header["shapes"]]
        recorded = [int(number) for number in header["recorded"]]
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{path} is no checkpoint of a simulation ({error!r}): use another path"
        ) from error
    (state, rows, arrays), _ = load_checkpoint(path, (like, np.zeros((count, 2)), seen))
    listed = [(float(loss), float(score)) for loss, score in np.asarray(rows).tolist()]
    return Journal(state, first, listed, arrays, recorded, taken)
