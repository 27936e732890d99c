"""Where the blocks of a study are computed: here, in processes, or on any executor."""

import abc
import collections
import concurrent.futures
import contextlib
import dataclasses
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from ..errors import check_at_least
from .errors import StudyError
from .evaluation import Failure, Outcome, Worker, evaluate, pack
from .grid import Block, Index
from .work import Work


@dataclasses.dataclass(frozen=True)
class Task:
    """Points of a block to compute; None stands for all of them."""

    block: Block
    points: tuple[Index, ...] | None = None


KILLED_TWICE = (
    "WorkerDied: the process that computed this block was killed twice, as the system does when "
    "memory runs out: fewer workers or fewer points_per_block may help"
)


class AbstractEngine(abc.ABC):
    """What runs the tasks of a study. All engines give the same numbers.

    Example:
        >>> issubclass(osciprop.studies.InProcess, osciprop.studies.AbstractEngine)
        True
    """

    @abc.abstractmethod
    def run(self, work: Work, tasks: Sequence[Task]) -> Generator[Outcome, None, None]:
        """The outcome of every task, as they end. Raises `StudyError` where workers are lost."""


class InProcess(AbstractEngine):
    """One block after another, in this process.

    Example:
        >>> study = osciprop.studies.Study(lambda a: {"b": 2 * a}, {"a": [1, 2]})
        >>> study.run(engine=osciprop.studies.InProcess(), progress=False)["b"].values.tolist()
        [2, 4]
    """

    def run(self, work: Work, tasks: Sequence[Task]) -> Generator[Outcome, None, None]:
        worker = Worker(work)
        for task in tasks:
            yield worker.evaluate(task.block, task.points)


class OnExecutor(AbstractEngine):
    """On an executor of the user's own, such as loky's or mpi4py's, which stays the user's to end.

    Its workers must be able to import osciprop, and must not be forked from a process in which JAX
    has started.

    Args:
        executor: A `concurrent.futures.Executor`.
        in_flight: How many blocks at most are handed over at a time, at least 1.

    Raises:
        TypeError: `executor` is none.
        ValueError: `in_flight` is below 1.

    Example:
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> study = osciprop.studies.Study(lambda a: {"b": 2 * a}, {"a": [1, 2]})
        >>> with ThreadPoolExecutor(1) as executor:
        ...     engine = osciprop.studies.OnExecutor(executor)
        ...     study.run(engine=engine, progress=False)["b"].values.tolist()
        [2, 4]
    """

    def __init__(self, executor: concurrent.futures.Executor, in_flight: int = 64):
        if not isinstance(executor, concurrent.futures.Executor):
            raise TypeError(
                f"executor is {executor!r}: give a concurrent.futures.Executor, or use Processes()"
            )
        check_at_least("in_flight", in_flight, 1, "of blocks")
        self.executor, self.in_flight = executor, in_flight

    def run(self, work: Work, tasks: Sequence[Task]) -> Generator[Outcome, None, None]:
        payload, left = pack(work), collections.deque(tasks)
        running: set[concurrent.futures.Future[Outcome]] = set()
        try:
            while left or running:
                while left and len(running) < self.in_flight:
                    task = left.popleft()
                    running.add(self.executor.submit(evaluate, payload, task.block, task.points))
                ended, running = concurrent.futures.wait(
                    running, return_when=concurrent.futures.FIRST_COMPLETED
                )
                for future in ended:
                    yield future.result()
        except (concurrent.futures.BrokenExecutor, concurrent.futures.CancelledError) as error:
            raise StudyError(
                f"the executor lost a worker ({error}): run the study again, on a new executor"
            ) from error
        finally:
            for future in running:
                future.cancel()


class Processes(AbstractEngine):
    """In processes of this machine, spawned for the study.

    A process that is killed is replaced and its block computed again; a block that ends its process
    twice counts as failed. They end with the study, also if it is killed.

    Args:
        workers: How many processes; None for one per core.
        environments: Environment variables of each process, and so their number instead of
            `workers`: one process per GPU is
            `[{"CUDA_VISIBLE_DEVICES": str(i)} for i in range(gpus)]`.

    Raises:
        ValueError: `workers` is below 1, or given beside `environments`, or these are empty.

    Example:
        >>> engine = osciprop.studies.Processes(2)  # study.run(engine=engine)
        >>> len(engine.environments)
        2
    """

    def __init__(
        self,
        workers: int | None = None,
        *,
        environments: Sequence[Mapping[str, str]] | None = None,
    ):
        count = (os.cpu_count() or 1) if workers is None else workers
        if environments is None:
            check_at_least("workers", count, 1, "leave it out for one per core")
            environments = [{}] * count
        elif workers is not None or not environments:
            raise ValueError(
                f"workers is {workers} and environments holds {len(environments)}: give one of "
                "them; environments are one per worker"
            )
        self.environments = [dict(variables) for variables in environments]

    def run(self, work: Work, tasks: Sequence[Task]) -> Generator[Outcome, None, None]:
        payload = pack(work)
        left, suspects = collections.deque(tasks), collections.deque[Task]()
        while left:
            yield from self._until_death(payload, left, suspects, len(self.environments))
        # Who was at work when a process died is tried again alone: so the culprit is known.
        while suspects:
            task, dead = suspects.popleft(), collections.deque[Task]()
            yield from self._until_death(payload, collections.deque([task]), dead, 1)
            if dead:
                yield lost(work, task, KILLED_TWICE)

    def _until_death(
        self,
        payload: bytes,
        left: collections.deque[Task],
        suspects: collections.deque[Task],
        count: int,
    ) -> Generator[Outcome, None, None]:
        """Run what is left until all is done, or a process dies: then what ran is suspect."""
        running: dict[concurrent.futures.Future[Outcome], Task] = {}
        with _pool(self.environments[:count]) as pool:
            try:
                while left or running:
                    # As many as there are processes: what runs when one dies is known.
                    while left and len(running) < count:
                        # It stays left if it cannot be handed over: a process may just have died.
                        future = pool.submit(evaluate, payload, left[0].block, left[0].points)
                        running[future] = left.popleft()
                    ended, _ = concurrent.futures.wait(
                        running, return_when=concurrent.futures.FIRST_COMPLETED
                    )
                    for future in ended:
                        outcome = future.result()
                        del running[future]
                        yield outcome
            except BrokenProcessPool:
                suspects.extend(running.values())


def lost(work: Work, task: Task, message: str) -> Outcome:
    """The outcome of a block whose workers died, for the reason that the message gives."""
    points = tuple(task.block.points()) if task.points is None else task.points
    failures = tuple(Failure(p, work.grid.label(p), message, "") for p in points)
    return Outcome(task.block, {}, failures, dict.fromkeys(points, 0.0), "", "")


@contextlib.contextmanager
def _pool(
    environments: Sequence[Mapping[str, str]],
) -> Iterator[concurrent.futures.ProcessPoolExecutor]:
    """Spawned processes that end with the block, however it is left, and with this process."""
    context = multiprocessing.get_context("spawn")
    stop, hold = context.Pipe(duplex=False)
    variables = context.SimpleQueue()
    for environment in environments:
        variables.put(environment)
    pool = concurrent.futures.ProcessPoolExecutor(
        len(environments), context, initializer=_begin, initargs=(stop, variables)
    )
    try:
        try:
            pool.submit(os.getpid).result()
        except BrokenProcessPool as error:
            raise StudyError(
                "worker processes end as soon as they start: in a script, put what runs the study "
                'under `if __name__ == "__main__":`, because each worker imports the script'
            ) from error
        yield pool
    finally:
        hold.close()  # what `_watch` waits for
        pool.shutdown(wait=True, cancel_futures=True)
        stop.close()
        variables.close()


def _begin(stop: Any, variables: Any) -> None:
    """Prepare a worker: its environment, and its end with the process that it works for."""
    os.environ.update(variables.get())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is for the parent to handle
    threading.Thread(target=_watch, args=(stop,), daemon=True).start()


def _watch(stop: Any) -> None:
    """End this worker, whatever it computes, when its parent closes the pipe or dies."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    multiprocessing.connection.wait([stop, parent.sentinel])
    os._exit(1)
