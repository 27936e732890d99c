"""How long this process has been tracing and compiling, by what JAX reports of itself."""

import functools
import time
from typing import Any

import jax.monitoring

EVENTS = "/jax/core/compile/"
"""How the names of JAX's events begin that time a trace, a lowering, or a compilation."""

REMEMBERED = 1000
"""Spans of time that are kept, of which a longer one may turn out to hold some."""


class Stopwatch:
    """Sums the seconds of compilation in this process, as `total`, from now on.

    Functions are traced inside of others, so that events overlap: every moment counts once.
    """

    def __init__(self) -> None:
        self.total = 0.0
        self._spans: list[tuple[float, float]] = []

    def add(self, event: str, duration: float, **_: Any) -> None:
        """Take note of one of JAX's events, which has just ended."""
        if event.startswith(EVENTS):
            self.count(duration)

    def count(self, duration: float) -> None:
        """Let the last so many seconds be time of compilation, whatever was done in them."""
        end = time.perf_counter()
        begin = end - duration
        while self._spans and self._spans[-1][1] > begin:
            first, last = self._spans.pop()
            self.total -= last - first
            begin = min(begin, first)
        self._spans.append((begin, end))
        self.total += end - begin
        del self._spans[:-REMEMBERED]


@functools.lru_cache(maxsize=1)
def stopwatch() -> Stopwatch:
    """The one of this process."""
    made = Stopwatch()
    # The annotation of JAX differs between its versions.
    register: Any = jax.monitoring.register_event_duration_secs_listener
    register(made.add)
    return made
