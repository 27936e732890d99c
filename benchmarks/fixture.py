"""What the measurements use of pytest-benchmark's fixture."""

from collections.abc import Callable
from typing import Any, Protocol


class Benchmark(Protocol):
    """Calls a function often and keeps its times; `extra_info` is stored beside them."""

    extra_info: dict[str, Any]

    def __call__(self, function: Callable[[], object]) -> object:
        """Measure the function."""
