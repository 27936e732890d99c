"""Table 1, the rows without noise: test accuracy of trained networks, epoch by epoch.

No figure: training takes hours. The runs are those of `experiments/hep2022_table1.py`, which
stores each in a JSON file; claims are made for what is there.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from .. import published
from ..claim import Claim

NAME = "hep2022/table1"
TITLE = "Test accuracy on MNIST by epoch (table 1, no noise)"
SOURCE = (
    "Laborieux and Zenke 2022, Table 1, mean of three runs. Ours: `experiments/hep2022_table1.py`."
)
RUNS = Path("experiments") / "results" / "hep2022_table1"

ROWS = "no_noise/"
"""How the compared rows of the published table start."""

EPOCHS = (1, 2, 3, 5, 10, 20, 50)
"""The epochs that are compared, where they are reached."""

TOLERANCE = 0.5
"""In per cent of the test set."""

Run = dict[str, Any]


def runs(folder: Path) -> dict[str, list[Run]]:
    """The stored runs below a checkout, by method, in the order of the published data."""
    rows = [key for key in published.hep2022()["table1"] if key.startswith(ROWS)]
    names = [row.removeprefix(ROWS) for row in rows]
    found = {name: sorted((folder / RUNS).glob(f"{name}_seed*.json")) for name in names}
    return {
        name: [json.loads(path.read_text(encoding="utf-8")) for path in paths]
        for name, paths in found.items()
        if paths
    }


def claims(folder: Path) -> list[Claim]:
    """Mean test accuracy over the seeds that are there, against the published mean."""
    found = []
    for name, stored in runs(folder).items():
        theirs = published.hep2022()["table1"][ROWS + name]["mean_val_acc_by_epoch_percent"]
        ours = [100 * np.asarray(run["epochs"]["test_accuracy"]) for run in stored]
        for epoch in EPOCHS:
            reached = [accuracy[epoch - 1] for accuracy in ours if len(accuracy) >= epoch]
            if reached:
                found.append(_claim(name, epoch, theirs[epoch - 1], reached))
    return found


def _claim(name: str, epoch: int, theirs: float, reached: list[float]) -> Claim:
    mean = float(np.mean(reached))
    seeds = f"{len(reached)} seed" + ("s" if len(reached) > 1 else "")
    return Claim(
        NAME,
        f"{name}: test accuracy after epoch {epoch}, %, {seeds}",
        theirs,
        round(mean, 2),
        f"within {TOLERANCE:g} points, or better ({mean - theirs:+.2f})",
        mean >= theirs - TOLERANCE,
    )
