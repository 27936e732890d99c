"""Where what is presented comes from: batches of samples, or signals without borders."""

import abc
from collections.abc import Iterator
from pathlib import Path
from typing import Any, final

import numpy as np
from jaxtyping import Array, Float

from ..datasets.batches import Batch, Batches
from ..datasets.samples import Data, Samples, as_task, with_batch
from ..files.checkpoint import CheckpointError
from ..files.fingerprint import data_fingerprint, describe
from ..networks.costs import Targets
from ..networks.metrics import AbstractMetric
from ..networks.moving import prepare_moving_pair
from ..networks.network import AbstractNetwork
from ..networks.preparation import output_count, prepare_pair, prepare_targets
from ..networks.signals import AbstractSignal, Clamped, later, value_at
from ..training.evaluation import check_metric
from .journal import Journal
from .simulation import Simulation


class AbstractSupply(abc.ABC):
    """Input and target of every presentation."""

    @abc.abstractmethod
    def example(self, network: AbstractNetwork) -> tuple[Float[Array, "batch ..."], np.ndarray]:
        """A batch of inputs, and all targets that are known, of which the metric tells the kind.

        Raises `ValueError` where they do not fit the network.
        """

    @abc.abstractmethod
    def identity(self) -> dict[str, Any]:
        """Settings that must agree between a checkpoint and a simulation that goes on from it."""

    @abc.abstractmethod
    def shown(
        self, network: AbstractNetwork, number: int, journal: Journal, path: Path | None
    ) -> tuple[Clamped, Targets | AbstractSignal]:
        """What a presentation shows, which may be asked for again until the one after it is."""

    @abc.abstractmethod
    def taken(self, before: int, number: int) -> int:
        """A checksum of what was shown, the presentation included, where somebody else makes it."""


def supply_of(data: Any, simulation: Simulation, batch_size: int, seed: int) -> AbstractSupply:
    """Data of any kind that a simulation takes."""
    pair = isinstance(data, tuple) and len(data) == 2
    if pair and any(isinstance(part, AbstractSignal) for part in data):
        x, y = data
        return Flowing(x, y, simulation, batch_size)
    return Batched(data, batch_size, seed)


@final
class Batched(AbstractSupply):
    """A batch for every presentation: of arrays in an order of their own, or of a stream."""

    def __init__(self, data: Data, batch_size: int, seed: int):
        self._task = as_task(data, batch_size, seed)
        self._batch_size = batch_size
        self._reader: Iterator[Batch] | None = None
        self._ahead: dict[int, Batch] = {}
        self._first: tuple[int, AbstractMetric, int] | None = None

    def example(self, network: AbstractNetwork) -> tuple[Float[Array, "batch ..."], np.ndarray]:
        train, size = self._task.train, self._batch_size
        if isinstance(train, Batches):
            first, known = (train.x[:size], train.y[:size]), train.y
        else:
            first = train.first()
            known = first[1]
        x, _ = prepare_pair(network, *first)
        prepare_targets(network, x, known, len(known))
        outputs = output_count(network, x)
        self._first = len(x), network.metric(np.asarray(known), outputs), outputs
        return x, np.asarray(known)

    def identity(self) -> dict[str, Any]:
        # Batches that somebody else makes are compared as they come.
        train, named = self._task.train, {"name": self._task.name}
        if not isinstance(train, Batches):
            return {"data": named}
        named |= {"train": data_fingerprint({"x": train.x, "y": train.y})}
        return {"data": named, **train.order}

    def shown(
        self, network: AbstractNetwork, number: int, journal: Journal, path: Path | None
    ) -> tuple[Clamped, Targets | AbstractSignal]:
        for old in [known for known in self._ahead if known < number - 1]:
            del self._ahead[old]
        if self._reader is None:
            self._reader = self._opened(number, journal, path)
        if number not in self._ahead:
            try:
                self._ahead[number] = next(self._reader)
            except BaseException:
                self._reader = None  # an iterator that has raised would be at its end
                raise
        x, y = prepare_pair(network, *self._ahead[number])
        assert self._first is not None, "example comes first"
        copies, metric, outputs = self._first
        if len(x) != copies:
            raise ValueError(
                f"the batch of presentation {number} has {len(x)} samples and the first one "
                f"{copies}, each for a copy of the network: give batches of one size, "
                "without a shorter last one"
            )
        check_metric(network, metric, np.asarray(y), outputs)
        return x, y

    def taken(self, before: int, number: int) -> int:
        known = isinstance(self._task.train, Batches)
        return before if known else with_batch(before, self._ahead[number])

    def _opened(self, number: int, journal: Journal, path: Path | None) -> Iterator[Batch]:
        """Batches from that of a presentation on, epoch after epoch."""
        train = self._task.train
        if isinstance(train, Batches):
            epoch, step = divmod(number, train.steps_per_epoch)
            return _from(train, epoch, step)
        batches, taken = _from(train, 0, 0), 0
        for _ in range(number - journal.first):
            taken = with_batch(taken, next(batches))
        if taken != journal.taken:
            raise CheckpointError(
                f"{path}: data give other batches than before: seed the loader's order, or "
                "give osciprop.datasets.Batches"
            )
        return batches


@final
class Flowing(AbstractSupply):
    """Signals, of which every presentation is the next stretch."""

    def __init__(self, x: Any, y: Any, simulation: Simulation, batch_size: int):
        if simulation.transition.has_borders():
            raise ValueError(
                f"transition is {simulation.transition!r}, but data are signals, in which there "
                "are no borders between samples: leave it at osciprop.online.Jump()"
            )
        self._pair, self._batch_size = (x, y), batch_size
        # In double precision: the device may know single only, and a run be long.
        self._length = simulation.presentation * float(simulation.teaching.period)
        self._prepared: tuple[Clamped, Targets | AbstractSignal] | None = None

    def example(self, network: AbstractNetwork) -> tuple[Float[Array, "batch ..."], np.ndarray]:
        self._prepared = prepare_moving_pair(network, *self._pair, 0.0)
        x, y = (value_at(part, 0.0) for part in self._prepared)
        if len(x) != self._batch_size:
            raise ValueError(
                f"batch_size={self._batch_size}, but x has {len(x)} rows, each for a copy of the "
                f"network: give batch_size={len(x)}"
            )
        return x, np.asarray(y)

    def identity(self) -> dict[str, Any]:
        x, y = map(describe, self._pair)
        return {"data": {"name": "signals", "x": x, "y": y}}

    def shown(
        self, network: AbstractNetwork, number: int, journal: Journal, path: Path | None
    ) -> tuple[Clamped, Targets | AbstractSignal]:
        assert self._prepared is not None, "example comes first"
        x, y = self._prepared
        return later(x, number * self._length), later(y, number * self._length)

    def taken(self, before: int, number: int) -> int:
        return before


def _from(samples: Samples, epoch: int, step: int) -> Iterator[Batch]:
    """Batches from a step of an epoch on, epoch after epoch."""
    while True:
        empty = True
        for batch in samples.epoch(epoch, step):
            empty = False
            yield batch
        if empty and not step:
            raise ValueError(f"data gave no batch in epoch {epoch}: {samples!r}")
        epoch, step = epoch + 1, 0
