"""Blocks of a study on many machines, by Dask distributed."""

import collections
import concurrent.futures
from collections.abc import Generator, Sequence
from typing import Any

from ..errors import check_at_least
from .engines import AbstractEngine, Task, lost
from .errors import StudyError
from .evaluation import Outcome, evaluate, pack
from .extras import missing
from .work import Work

try:
    from distributed import Client, as_completed
    from distributed.scheduler import KilledWorker
except ImportError as error:
    raise missing("distributed", "cluster") from error


CLOSING = 2.0
"""Seconds for the farewell from a scheduler."""


class Dask(AbstractEngine):
    """On the workers of a Dask cluster, which must be able to import osciprop.

    `cluster` is the address of a scheduler, such as `"tcp://host:8786"`, or a `distributed.Client`
    of a cluster of any kind: of this machine (`LocalCluster`), of SLURM (`dask_jobqueue`). Dask
    computes what a lost worker left on another one; a block fails whose workers die when nothing
    else runs. `in_flight` blocks at most are handed over at a
    time.

    Raises `StudyError` when it runs and the scheduler cannot be reached, or is lost.
    """

    def __init__(self, cluster: str | Client, in_flight: int = 256, timeout: float = 30.0):
        if not isinstance(cluster, (str, Client)):
            raise TypeError(
                f"cluster is {cluster!r}: give the address of a scheduler, such as "
                '"tcp://host:8786", or a distributed.Client'
            )
        check_at_least("in_flight", in_flight, 1, "of blocks")
        self.cluster, self.in_flight, self.timeout = cluster, in_flight, timeout

    def run(self, work: Work, tasks: Sequence[Task]) -> Generator[Outcome, None, None]:
        if isinstance(self.cluster, Client):
            yield from self._run(self.cluster, work, tasks)
            return
        try:
            client = Client(self.cluster, timeout=self.timeout, set_as_default=False)
        except (OSError, ValueError) as error:
            raise StudyError(
                f"no Dask scheduler answers at {self.cluster!r} ({error}): start one with "
                "`dask scheduler`, or correct the address"
            ) from error
        try:
            yield from self._run(client, work, tasks)
        finally:
            client.close(timeout=CLOSING)  # which a lost scheduler does not answer

    def _run(
        self, client: Client, work: Work, tasks: Sequence[Task]
    ) -> Generator[Outcome, None, None]:
        # A task of its own, so that it travels to each worker once and is made again if lost.
        if client.scheduler is None:
            raise StudyError("the distributed.Client is closed: give one that is connected")
        address = str(client.scheduler.address)  # asked later, a lost one would be waited for
        payload = client.submit(bytes, pack(work), pure=False)
        left, running = collections.deque(tasks), dict[Any, Task]()
        # Dask blames all that a worker had been given when it died. Who was blamed is tried again
        # alone: so the culprit is known.
        suspects, alone = collections.deque[Task](), False
        results, reached = as_completed([], loop=client.loop), True
        try:
            while left or running or suspects:
                if not left and not running:
                    left.append(suspects.popleft())
                    alone = True
                while left and len(running) < self.in_flight:
                    task = left.popleft()
                    future = client.submit(evaluate, payload, task.block, task.points, pure=False)
                    running[future.key] = task
                    results.add(future)
                future = next(results)
                task, status = running.pop(future.key), future.status
                error = future.exception() if status == "error" else None
                if status == "finished":
                    yield future.result()
                elif status == "lost":  # with its worker: Dask computes it once more
                    running[future.key] = task
                    results.add(future)
                elif isinstance(error, KilledWorker) and not alone:
                    suspects.append(task)
                elif isinstance(error, KilledWorker):
                    yield lost(work, task, f"KilledWorker: {error}")
                elif error is not None:
                    raise StudyError(f"a worker gave up a block: {error}") from error
                else:
                    reached = False
                    raise _lost_scheduler(address, f"a block is {status}")
        except (OSError, concurrent.futures.CancelledError) as error:  # on the way to it
            reached = False
            raise _lost_scheduler(address, str(error)) from error
        finally:
            if reached:  # who is lost would be waited for
                client.cancel([future for future, _ in getattr(results, "futures", {}).items()])


def _lost_scheduler(address: str, why: str) -> StudyError:
    return StudyError(
        f"the Dask scheduler at {address} was lost ({why}): start one, and run the study again"
    )
