"""Trained networks: what `experiments` stored, as tables of claims without a figure."""

import json
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from .claim import Claim

Run = dict[str, Any]


class TrainedTable(Protocol):
    """A module of claims about stored runs; it makes none for runs that are not there."""

    NAME: str
    TITLE: str
    SOURCE: str

    def claims(self, checkout: Path) -> list[Claim]:
        """Claims about the runs below a checkout."""


def runs(checkout: Path, folder: str, name: str) -> list[Run]:
    """The stored runs of a row, by seed; `folder` is that of its experiment."""
    where = checkout / "experiments" / "results" / folder
    paths = sorted(where.glob(f"{name}_seed*.json"))
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def accuracy(stored: list[Run], epoch: int) -> float | None:
    """Mean test accuracy after an epoch, in %, of all seeds that are there; None if one of them
    has not reached it, or there is none."""
    reached = [run["epochs"]["test_accuracy"] for run in stored]
    if not reached or any(len(values) < epoch for values in reached):
        return None
    return round(float(100 * np.mean([values[epoch - 1] for values in reached])), 2)


def seeds(*rows: list[Run]) -> str:
    """How many seeds the rows have, in words: the fewest."""
    fewest = min(len(stored) for stored in rows)
    return f"{fewest} seed" + ("s" if fewest > 1 else "")
