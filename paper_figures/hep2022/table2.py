"""Table 2: convolutional networks trained by holomorphic EP, beside their reference.

No figure: the runs are those of `experiments/hep2022_cnn.py`. Published accuracies need the full
width, all images and 90 epochs. What holds at any size is that hEP learns like the exact gradient
of the same network.
"""

import re
from pathlib import Path

from ..claim import Claim
from ..trained import Run, accuracy, runs, seeds

NAME = "hep2022/table2"
TITLE = "Test accuracy of convolutional networks (table 2)"
SOURCE = "Laborieux and Zenke 2022, Table 2, best epoch. Ours: `experiments/hep2022_cnn.py`."
FOLDER = "hep2022_cnn"
PUBLISHED = {
    ("cifar10", "hep_N2"): (88.56, 0.18),
    ("cifar10", "backprop"): (88.34, 0.12),
    ("cifar100", "hep_N2"): (61.62, 0.10),
    ("cifar100", "backprop"): (62.01, 0.46),
    ("imagenet32", "hep_N2"): (36.51, 0.27),
    ("imagenet32", "backprop"): (37.19, 0.38),
}
"""Best test accuracy in %, mean and standard deviation of three seeds, after 90 epochs."""

EPOCHS = 90
WITHIN = 1.0
"""Points of accuracy."""

RUN = re.compile(
    r"(?P<data>\w+?)_hep_N2(?P<size>(_width\d+)?(_images\d+)?(_rate[\d.]+)?)_seed\d+\.json"
)


def claims(checkout: Path) -> list[Claim]:
    return _against_reference(checkout) + _published(checkout)


def _against_reference(checkout: Path) -> list[Claim]:
    """hEP beside the exact gradient, in every size of network and data that both were run in."""
    where = checkout / "experiments" / "results" / FOLDER
    matches = [RUN.fullmatch(path.name) for path in sorted(where.glob("*_hep_N2*_seed*.json"))]
    sizes = {(match["data"], match["size"]) for match in matches if match}
    found = []
    for data, size in sorted(sizes):
        learned = runs(checkout, FOLDER, f"{data}_hep_N2{size}")
        exact = runs(checkout, FOLDER, f"{data}_implicit{size}")
        if not exact:
            continue
        epoch = min(len(run["epochs"]["epoch"]) for run in learned + exact)
        ours, reference = accuracy(learned, epoch) or 0.0, accuracy(exact, epoch) or 0.0
        label = f"{data}, {_words(size)}, {seeds(learned, exact)}"
        found.append(
            Claim(
                NAME,
                f"{label}: hEP N = 2, test accuracy after {epoch} epochs, %",
                f"exact gradient: {reference:g}",
                ours,
                f"within {WITHIN:g} point, or better ({ours - reference:+.2f})",
                ours >= reference - WITHIN,
            )
        )
    return found


def _words(size: str) -> str:
    """Of a suffix such as `_width8_images5000`."""
    width, images = re.search(r"width(\d+)", size), re.search(r"images(\d+)", size)
    maps = f"{width[1]} maps in the first layer instead of 128" if width else "128 maps"
    rate = re.search(r"rate([\d.]+)", size)
    slower = f", learning rates times {rate[1]}" if rate else ""
    return f"{maps}, {images[1] if images else 'all'} images{slower}"


def _published(checkout: Path) -> list[Claim]:
    found = []
    for (data, row), (theirs, spread) in PUBLISHED.items():
        stored = runs(checkout, FOLDER, f"{data}_{row}")
        if not stored or any(len(run["epochs"]["epoch"]) < EPOCHS for run in stored):
            continue
        ours = round(100 * _mean_of_best(stored), 2)
        found.append(
            Claim(
                NAME,
                f"{data}, {row}, {seeds(stored)}: best test accuracy, %",
                theirs,
                ours,
                f"within {WITHIN:g} point and two published deviations, or better",
                ours >= theirs - WITHIN - 2 * spread,
            )
        )
    return found


def _mean_of_best(stored: list[Run]) -> float:
    return sum(max(run["epochs"]["test_accuracy"]) for run in stored) / len(stored)
