"""What all blocks of a study have in common."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from .grid import Grid


@dataclasses.dataclass(frozen=True)
class Work:
    """A function, where it is evaluated, and the memory that points side by side may take."""

    function: Callable[..., Mapping[str, Any]]
    grid: Grid
    constants: Mapping[str, Any]
    memory_limit: int | None
