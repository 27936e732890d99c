"""What a study shows while it runs, and its summary at the end."""

import collections
import dataclasses

from ..progress import progress_bar
from .evaluation import Outcome
from .grid import Grid, Index


@dataclasses.dataclass
class Summary:
    """What a run of a study did.

    Times are in seconds, and sums over workers: `computing` of all points, `compiling` of the
    programs that each worker compiled for itself.
    """

    grid: Grid
    stored: int
    done: int = 0
    failed: int = 0
    computing: float = 0.0
    compiling: float = 0.0
    slowest: tuple[float, Index] | None = None
    workers: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    devices: set[str] = dataclasses.field(default_factory=set)

    def add(self, outcome: Outcome, failed: int) -> None:
        """Count a block of which so many points failed."""
        count = len(outcome.seconds)
        self.done += count - failed
        self.failed += failed
        self.compiling += outcome.compiling
        if outcome.worker:
            self.workers[outcome.worker] += count
            self.devices.add(outcome.device)
        for point, seconds in outcome.seconds.items():
            self.computing += seconds
            if self.slowest is None or seconds > self.slowest[0]:
                self.slowest = seconds, point

    def __str__(self) -> str:
        text = f"{self.done} points done, {self.failed} failed"
        if self.stored:
            text += f", {self.stored} stored before"
        if self.slowest and self.workers:
            seconds, point = self.slowest
            text += (
                f"; {self.computing:.3g} s of computing and {self.compiling:.3g} s of compilation"
                f", on {', '.join(sorted(self.devices))} by {len(self.workers)} "
                f"worker{'s, summed' * (len(self.workers) > 1)}; slowest "
                f"{self.grid.label(point)} ({seconds:.3g} s)"
            )
        return text


class Bar:
    """Progress over points, with rate, time left, failures, and points by worker."""

    def __init__(self, total: int, stored: int, shown: bool):
        self._bar = progress_bar(total, unit="point", initial=stored, shown=shown)

    def show(self, summary: Summary, count: int) -> None:
        """Advance by so many points."""
        parts = [f"failed {summary.failed}"] if summary.failed else []
        workers = summary.workers.most_common()
        if len(workers) > 1:
            parts += [f"{name.split('.')[0]} {number}" for name, number in sorted(workers)[:8]]
        self._bar.set_postfix_str(", ".join(parts), refresh=False)
        self._bar.update(count)

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()
