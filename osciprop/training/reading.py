"""The batches of an epoch, read ahead of the updates that they become."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, final

import numpy as np

from ..datasets.batches import Batch, Batches
from ..datasets.prefetching import prefetched
from ..datasets.samples import Samples, Stream, with_batch
from ..files.checkpoint import CheckpointError
from ..gradients import AbstractGradientMethod
from ..networks.costs import check_targets
from ..networks.metrics import AbstractMetric
from ..networks.model import AbstractModel
from .evaluation import check_metric, measured
from .preprocessing import AbstractPreprocessing


@final
class Fitting:
    """Whether batches that somebody else makes fit the network, of which the first one does: that
    one says little about the others.
    """

    def __init__(
        self,
        network: AbstractModel,
        method: AbstractGradientMethod,
        preprocessing: AbstractPreprocessing | None,
        metric: AbstractMetric,
        outputs: int,
        first: Batch,
    ):
        self._network: Any = network
        self._method, self._preprocessing = method, preprocessing
        self._metric, self._outputs = metric, outputs
        self._fits = {_outline(first)}

    def check(self, batch: Batch, step: int) -> None:
        """Raise `ValueError` that names the batch if it does not."""
        x, y = batch
        try:
            # Shapes and types that fitted once do so again, at no cost.
            if _outline(batch) not in self._fits:
                self._method.prepare(self._network, measured(self._preprocessing, x), y)
                self._fits.add(_outline(batch))
            check_targets(y, len(y), self._outputs)
            check_metric(self._network, self._metric, y, self._outputs)
        except (ValueError, TypeError) as error:
            raise ValueError(f"batch {step} of an epoch (counted from 0): {error}") from None


def _outline(batch: Batch) -> tuple[Any, ...]:
    """Shapes of one sample and one target, and their types."""
    x, y = batch
    return x.shape[1:], x.dtype, y.shape[1:], y.dtype


@final
class Reader:
    """The batches of one epoch after the other, of which some have been read and not yet used.

    Each that somebody else makes is looked at as it is read.
    """

    def __init__(self, samples: Samples, fitting: Fitting):
        self._samples, self._fitting = samples, fitting
        self._stream: Iterator[Batch] | None = None
        self._batches: Iterator[Batch] = iter(())
        self._ahead: deque[tuple[int, Batch]] = deque()
        self._read = 0

    @contextmanager
    def reading(self, epoch: int, step: int, seen: int) -> Iterator[None]:
        """While the block runs, `batch` gives those of an epoch from `step` on.

        `seen` is the checksum of the batches before, by which those of a stream are compared that
        is begun anew; one that a block was left in goes on from where it is.
        """
        if isinstance(self._samples, Batches):
            self._restart(step)
            self._batches = self._samples.epoch(epoch, start_step=step)
            # In memory, reading ahead by a thread would cost more than it saves.
            if type(self._samples.x) is np.ndarray:
                yield
            else:
                with prefetched(self._batches) as self._batches:
                    yield
            return
        if self._stream is None:
            self._restart(step)
            self._stream = _rest(self._samples, epoch, step, seen)
        self._batches = self._stream
        yield
        self._stream = None

    def _next(self) -> Batch | None:
        """The next batch that is read, None at the end."""
        try:
            batch = next(self._batches, None)
            if batch is not None and not isinstance(self._samples, Batches):
                self._fitting.check(batch, self._read)
            return batch
        except BaseException:
            self._stream = None  # an iterator that has raised would say that it is at its end
            raise

    def batch(self, step: int) -> Batch | None:
        """The batch of a step: of the next one, or of one after it; None beyond the end."""
        while self._read <= step:
            batch = self._next()
            if batch is None:
                return None
            self._ahead.append((self._read, batch))
            self._read += 1
        return next((batch for number, batch in self._ahead if number == step), None)

    def forget(self, step: int) -> None:
        """Let go of the batches before a step."""
        while self._ahead and self._ahead[0][0] < step:
            self._ahead.popleft()

    def _restart(self, step: int) -> None:
        self._ahead.clear()
        self._read = step


def _rest(stream: Stream, epoch: int, step: int, seen: int) -> Iterator[Batch]:
    """A stream's epoch after the batches that were taken before."""
    batches, found = stream.epoch(epoch), 0
    for batch in islice(batches, step):
        found = with_batch(found, batch)
    if step and found != seen:
        raise CheckpointError(
            f"data give other batches than before the checkpoint, which has had {step} of epoch "
            f"{epoch}: put the loader to that epoch's order, or give osciprop.datasets.Batches"
        )
    return batches
