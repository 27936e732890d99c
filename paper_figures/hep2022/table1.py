"""Table 1: test accuracy of trained networks, epoch by epoch, without and with noise.

No figure: training takes hours. The runs are those of `experiments/hep2022_table1.py`, which
stores each in a JSON file; claims are made for what is there.
"""

from pathlib import Path

import numpy as np

from .. import published
from ..claim import Claim
from ..trained import runs

NAME = "hep2022/table1"
TITLE = "Test accuracy on MNIST by epoch (table 1)"
SOURCE = (
    "Laborieux and Zenke 2022, Table 1, mean of three runs. Ours: `experiments/hep2022_table1.py`."
)
FOLDER = "hep2022_table1"

PREFIXES = {"no_noise": "", "noise": "noise_"}
"""The halves of the published table, and how the names of their runs start."""

EPOCHS = (1, 2, 3, 4, 5, 10, 20, 50)
"""The epochs that are compared, where they are reached."""

TOLERANCE = 0.5
"""In per cent of the test set; more where our own seeds differ by more."""

SEEDS = 3
"""Of the published means; single runs differ by points."""

CHANCE = 15.0
"""Below this a network of ten classes has learned nothing, which is the claim of such a row."""


def run_name(row: str) -> str:
    """The name of the runs that belong to a row of the published table."""
    half, method = row.split("/")
    return PREFIXES[half] + method


def claims(checkout: Path) -> list[Claim]:
    """Mean test accuracy over the seeds that are there, against the published mean."""
    found = []
    table = {run_name(row): entry for row, entry in published.hep2022()["table1"].items()}
    for name in table:
        stored = runs(checkout, FOLDER, name)
        theirs = table[name]["mean_val_acc_by_epoch_percent"]
        ours = [100 * np.asarray(run["epochs"]["test_accuracy"]) for run in stored]
        for epoch in EPOCHS:
            reached = [accuracy[epoch - 1] for accuracy in ours if len(accuracy) >= epoch]
            if reached:
                found.append(_claim(name, epoch, theirs[epoch - 1], reached))
    return found


def _two_errors(reached: list[float]) -> float:
    """Two standard errors of the difference of ours and their mean, if all our seeds are there.

    Classic EP at 0.4 in noise moves by points from seed to seed and epoch to epoch, theirs too.
    """
    if len(reached) < SEEDS:
        return 0.0
    return 2 * float(np.std(reached, ddof=1)) * (1 / len(reached) + 1 / SEEDS) ** 0.5


def _claim(name: str, epoch: int, theirs: float, reached: list[float]) -> Claim:
    mean = float(np.mean(reached))
    seeds = f"{len(reached)} seed" + ("s" if len(reached) > 1 else "")
    if theirs < CHANCE:
        criterion, passed = f"below {CHANCE:g}: at chance", mean < CHANCE
    else:
        tolerance = max(TOLERANCE, _two_errors(reached))
        criterion = f"within {tolerance:.2g} points, or better ({mean - theirs:+.2f})"
        passed = mean >= theirs - tolerance
    return Claim(
        NAME,
        f"{name}: test accuracy after epoch {epoch}, %, {seeds}",
        theirs,
        round(mean, 2),
        criterion,
        passed,
        "" if passed or len(reached) >= SEEDS else f"{len(reached)} of {SEEDS} seeds so far",
    )
