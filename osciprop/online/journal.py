"""What a simulation of learning records: reports of every presentation, and what a probe saw."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import PyTree

from ..errors import check_at_least
from ..files.checkpoint import load_checkpoint, require_settings, save_checkpoint
from ..networks.network import AbstractNetwork
from ..settings import Module
from .simulation import Observe, Report, SimulationState


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
        accuracy: Likewise.
        recording: What the probe saw; None without one.

    Example:
        >>> "loss" in osciprop.online.LearningRun.__dataclass_fields__
        True
    """

    state: SimulationState
    loss: np.ndarray
    accuracy: np.ndarray
    recording: Recording | None

    @property
    def network(self) -> AbstractNetwork:
        """The trained network."""
        return self.state.network

    def __str__(self) -> str:
        last = slice(-min(len(self.loss), 100), None)
        return (
            f"LearningRun: {self.state.count} presentations; over the last {len(self.loss[last])} "
            f"of this run loss {np.mean(self.loss[last]):.4g}, accuracy "
            f"{np.mean(self.accuracy[last]):.4g}"
        )


@dataclasses.dataclass
class Journal:
    """A simulation so far: its state, and all that was recorded on the way there.

    `rows` holds (presentation, loss, accuracy); `seen` the arrays of the probe, one list per
    recorded presentation. `pending` are reports still on the device.
    """

    state: SimulationState
    rows: list[tuple[int, float, float]] = dataclasses.field(default_factory=list)
    seen: list[list[np.ndarray]] = dataclasses.field(default_factory=list)
    recorded: list[int] = dataclasses.field(default_factory=list)
    pending: list[tuple[SimulationState, Report, list[Any] | None]] = dataclasses.field(
        default_factory=list
    )

    @property
    def newest(self) -> SimulationState:
        """The state after the last presentation, reported on or not."""
        return self.pending[-1][0] if self.pending else self.state

    def settle(self) -> bool:
        """Take the pending reports from the device; False at the first that is not finite, before
        which the journal then ends.
        """
        while self.pending:
            state, report, seen = self.pending[0]
            loss, accuracy = float(report.loss), float(report.accuracy)
            if not (bool(report.completed) and math.isfinite(loss)):
                self.pending.clear()
                return False
            number = state.count - 1
            if seen is not None:
                self.seen.append([np.asarray(leaf) for leaf in seen])
                self.recorded.append(number)
            self.rows.append((number, loss, accuracy))
            self.state = state
            self.pending.pop(0)
        return True

    def result(self, probe: Probe | None, period: float, structure: Any) -> LearningRun:
        """The journal as what a user gets."""
        columns = np.asarray([row[1:] for row in self.rows], dtype=float).reshape(-1, 2)
        recording = None
        if probe is not None:
            recording = _recording(probe, self.recorded, self.seen, period, structure)
        return LearningRun(self.state, columns[:, 0], columns[:, 1], recording)


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
    shapes = [[(list(leaf.shape), str(leaf.dtype)) for leaf in arrays] for arrays in journal.seen]
    header = {
        "settings": settings,
        "rows": journal.rows,
        "recorded": journal.recorded,
        "shapes": shapes,
    }
    save_checkpoint(path, (journal.state, journal.seen), header)


def load_journal(path: Path, like: SimulationState, settings: dict[str, Any]) -> Journal:
    """The journal of a checkpoint. Raises `CheckpointError` if it is of another simulation."""
    header = require_settings(path, settings)
    seen = [[np.zeros(shape, kind) for shape, kind in arrays] for arrays in header["shapes"]]
    (state, arrays), _ = load_checkpoint(path, (like, seen))
    rows = [(int(number), loss, accuracy) for number, loss, accuracy in header["rows"]]
    return Journal(state, rows, arrays, list(header["recorded"]))
