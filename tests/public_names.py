"""Shared by tests: every name that a user can write."""

import importlib
import inspect
from collections.abc import Iterator
from typing import Any

FOLDERS = (
    "analysis",
    "datasets",
    "dynamics",
    "equilibria",
    "gradients",
    "networks",
    "online",
    "plotting",
    "studies",
    "training",
)


def public() -> Iterator[tuple[str, Any]]:
    """Every public function and class, under the name by which a user finds it."""
    seen: set[int] = set()
    for folder in ("", *FOLDERS):
        module = importlib.import_module(f"osciprop.{folder}".rstrip("."))
        for name in sorted(dir(module)):
            value = getattr(module, name)
            own = getattr(value, "__module__", "").startswith("osciprop.")
            if name.startswith("_") or not own or id(value) in seen:
                continue
            if inspect.isclass(value) or inspect.isfunction(value):
                seen.add(id(value))
                yield f"{module.__name__}.{name}", value


PUBLIC = dict(public())
