"""The next items are made in a thread while the current one is used."""

import queue
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from .checks import check_integer

Item = TypeVar("Item")


@dataclass(frozen=True)
class _Made(Generic[Item]):
    item: Item


@dataclass(frozen=True)
class _Ended:
    error: BaseException | None


@contextmanager
def prefetched(items: Iterable[Item], *, ahead: int = 2) -> Iterator[Iterator[Item]]:
    """Iterate over items in their order, while a thread makes the next ones.

    What making an item raises is raised where the item would have come. The thread ends with the
    `with` block, however that is left; if it is in the middle of an item, that one is finished
    first.

    Args:
        items: What to iterate over.
        ahead: How many of them may wait in a queue, at least 1.

    Yields:
        The items.

    Raises:
        ValueError: `ahead` is below 1.

    Example:
        >>> batches = osciprop.datasets.Batches(x, y, 5, seed=0)
        >>> with osciprop.datasets.prefetched(batches.epoch(0)) as samples:
        ...     [len(labels) for _, labels in samples]
        [5, 5]
    """
    size = check_integer("ahead", ahead, 1, None, "let at least one item wait")
    waiting: queue.Queue[_Made[Item] | _Ended] = queue.Queue(size)
    stop = threading.Event()

    def make() -> None:
        error: BaseException | None = None
        try:
            for item in items:
                waiting.put(_Made(item))
                if stop.is_set():
                    return
        except BaseException as raised:  # whatever it is, the consumer is to see it
            error = raised
        waiting.put(_Ended(error))

    # A daemon, so that an item that never comes does not keep the program from ending.
    thread = threading.Thread(target=make, name="osciprop-prefetch", daemon=True)
    thread.start()
    try:
        yield _taken(waiting)
    finally:
        stop.set()
        # An empty queue has room for the item that the thread may be putting, and then it stops.
        while True:
            try:
                waiting.get_nowait()
            except queue.Empty:
                break
        thread.join()


def _taken(waiting: "queue.Queue[_Made[Item] | _Ended]") -> Iterator[Item]:
    while isinstance(message := waiting.get(), _Made):
        yield message.item
    if message.error is not None:
        raise message.error
