"""Where training finds its samples: arrays in batches, or batches that somebody else makes."""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeAlias, final

import numpy as np

from .arrays import as_array
from .batches import Batch, Batches
from .checks import Answers, Inputs, check_inputs, check_same_length, check_targets
from .dataset import Dataset

# What a user may give as data: a data set; arrays (x, y), or pairs of them, to train and to test;
# batches, or an iterable of pairs of arrays; or two of these, to train and to test.
Data: TypeAlias = Dataset | Batches | Iterable[Any]


@final
class Stream:
    """Batches that somebody else makes: any iterable of pairs of arrays `(x, y)`.

    A list, a loader or an object of one's own gives an epoch each time that it is iterated over;
    what can be iterated over once, such as a generator, is one epoch. An epoch goes on from a later
    batch to the same numbers if the iterable gives the same batches again.

    Args:
        batches: The iterable; pairs hold samples and targets as `osciprop.datasets.Dataset` does.

    Raises:
        ValueError: it is no iterable; by `epoch`, a batch is no pair of arrays that fit, or what
            can be iterated over once is at its end.

    Example:
        >>> stream = osciprop.datasets.Stream([(x, y), (x, y)])
        >>> [len(labels) for _, labels in stream.epoch(0)]
        [10, 10]
    """

    def __init__(self, batches: Iterable[Any]):
        try:
            iterator = iter(batches)
            # These can be iterated over as well, but there are no batches in them.
            meant = not (hasattr(batches, "__array__") or isinstance(batches, (str, bytes, dict)))
            if isinstance(batches, tuple):
                meant = not any(hasattr(part, "__array__") for part in batches)
        except TypeError:
            meant = False
        if not meant:
            raise ValueError(
                f"data is a {_kind(batches)}: give arrays (x, y), a pair of such pairs to train "
                "and to test, an osciprop.datasets.Dataset, or an iterable of batches (x, y)"
            )
        self._batches = batches
        self._once = iterator is batches
        # Opened already, for the first epoch: making it may start a loader's workers.
        self._opened: Iterator[Any] | None = iterator
        self._first: Batch | None = None
        self._spent = False

    def __repr__(self) -> str:
        return f"Stream({type(self._batches).__name__})"

    @property
    def steps_per_epoch(self) -> int | None:
        """Number of batches in an epoch, None if the iterable does not tell."""
        try:
            return len(self._batches)  # type: ignore[arg-type]
        except TypeError:
            return None

    def first(self) -> Batch:
        """The first batch, which the first epoch will give too."""
        if self._first is None:
            if self._opened is None:
                self._opened = self._anew()
            try:
                self._first = as_batch(next(self._opened), 0)
            except StopIteration:
                raise ValueError(
                    f"data is a {type(self._batches).__name__} without any batch"
                ) from None
        return self._first

    def epoch(self, epoch: int, start_step: int = 0) -> Iterator[Batch]:
        """Iterate over the batches of an epoch, from `start_step` on."""
        first, opened = self._first, self._opened
        self._first = self._opened = None
        if opened is None:
            opened = self._anew()
        self._spent = self._once
        return self._iterate(first, opened, start_step)

    def _iterate(self, first: Batch | None, rest: Iterator[Any], start: int) -> Iterator[Batch]:
        if first is not None and start == 0:
            yield first
        taken = int(first is not None)
        for number, item in enumerate(islice(rest, max(start - taken, 0), None), max(start, taken)):
            yield as_batch(item, number)

    def _anew(self) -> Iterator[Any]:
        if self._spent:
            raise ValueError(
                f"data is a {type(self._batches).__name__}, which can be iterated over once, and "
                "is at its end: for more epochs give a list of batches, a loader, or an object "
                "whose __iter__ makes them anew"
            )
        return iter(self._batches)


Samples: TypeAlias = Batches | Stream


@dataclass(frozen=True)
class Task:
    """What to train on, and what to test on, if anything."""

    name: str
    train: Samples
    test: tuple[Inputs, Answers] | Stream | None


def as_task(data: Data, batch_size: int, seed: int) -> Task:
    """Data of any kind that users have, in batches.

    Raises `ValueError` that says what data may be.
    """
    if isinstance(data, Dataset):
        train = Batches(data.x_train, data.y_train, batch_size, seed=seed)
        return Task(data.name, train, as_pair(data) if len(data.x_test) else None)
    if isinstance(data, tuple) and len(data) == 2 and not _is_array(data[0]):
        first, other = data
        test = None if other is None else _in_pair(other)
        return Task("data", _in_batches(first, batch_size, seed), test)
    return Task("data", _in_batches(data, batch_size, seed), None)


def as_pair(data: Any) -> tuple[Inputs, Answers] | Stream:
    """Samples and targets at once or in batches: what is to be evaluated."""
    if isinstance(data, Dataset):
        if not len(data.x_test):
            raise ValueError(
                f"{data!r} has no test samples: give its x_train and y_train, or others"
            )
        return data.x_test, data.y_test
    return _in_pair(data)


def as_batch(item: Any, number: int) -> Batch:
    """One batch of a stream, checked."""
    if isinstance(item, dict):
        keys = ", ".join(map(repr, list(item)[:4]))
        raise ValueError(
            f"batch {number} is a dict of {keys}: give pairs (x, y), e.g. those of "
            f"[(batch[{next(iter(item), 'x')!r}], batch['label']) for batch in batches]"
        )
    if not isinstance(item, (tuple, list)) or len(item) != 2:
        several = isinstance(item, (tuple, list))
        what = f"has {len(item)} parts" if several else f"is a {type(item).__name__}"
        raise ValueError(f"batch {number} {what}, expected a pair (x, y) of arrays")
    x = check_inputs(f"x of batch {number}", item[0])
    y = check_targets(f"y of batch {number}", item[1])
    check_same_length(f"x of batch {number}", len(x), "y", len(y))
    # Copies, since a loader may write its next batch into the same memory.
    return x.copy(), y.copy()


def _in_batches(data: Any, batch_size: int, seed: int) -> Samples:
    if isinstance(data, (Batches, Stream)):
        return data
    if isinstance(data, tuple) and len(data) == 2:
        return Batches(data[0], data[1], batch_size, seed=seed)
    return Stream(data)


def _in_pair(data: Any) -> tuple[Inputs, Answers] | Stream:
    if isinstance(data, Stream):
        return data
    if isinstance(data, Batches):
        return data.x, data.y
    if isinstance(data, tuple) and len(data) == 2:
        x, y = check_inputs("x_test", data[0]), check_targets("y_test", data[1])
        check_same_length("x_test", len(x), "y_test", len(y))
        return x, y
    return Stream(data)


def _is_array(value: Any) -> bool:
    """Whether a value is samples: an array, a table, or rows of numbers in a list."""
    if isinstance(value, (Batches, Stream, tuple)):
        return False
    if hasattr(value, "__array__") or hasattr(value, "to_numpy") or hasattr(value, "toarray"):
        return True
    if not isinstance(value, list) or not value:
        return False
    if isinstance(value[0], (tuple, list)) and len(value[0]) == 2:  # a batch, or a row of numbers
        return not any(getattr(part, "shape", ()) for part in value[0])
    try:
        return as_array("x", value).dtype.kind in "biuf"
    except ValueError:
        return True  # meant as rows: what is wrong with them is said where they are checked


def _kind(value: Any) -> str:
    if isinstance(value, tuple):
        return f"tuple of {', '.join(map(_kind, value))}"
    shape = getattr(value, "shape", None)
    return type(value).__name__ + (f" of shape {shape}" if shape else "")


def with_batch(seen: int, batch: Batch) -> int:
    """The checksum of batches with one more."""
    for part in batch:
        seen = zlib.crc32(np.ascontiguousarray(part).tobytes(), seen)
    return seen
