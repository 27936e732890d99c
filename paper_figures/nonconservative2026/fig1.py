"""Fig. 1: test accuracy on MNIST from a symmetric start, and from a network without feedback.

No figure of its own: the sizes and rates of the published runs could not be recovered, ours are
those of `experiments/nonconservative2026.py`, and the claims are the published contrasts.
"""

from pathlib import Path

from ..claim import Claim
from ..trained import accuracy, runs, seeds

NAME = "nonconservative2026/fig1"
TITLE = "Test accuracy on MNIST of networks without weight symmetry (Fig. 1)"
SOURCE = "Scurria et al. 2026, Fig. 1. Ours: `experiments/nonconservative2026.py`."
FOLDER = "nonconservative2026"
EPOCHS = (1, 5)
EXACT = {"aep": "AEP", "dyadic": "dyadic EP", "holomorphic_aep": "holomorphic AEP"}
WITHIN = 0.5
"""Points of test accuracy, of backpropagation's after the same epochs."""


def claims(checkout: Path) -> list[Claim]:
    found = []
    for epoch in EPOCHS:
        found += [*_feedforward(checkout, epoch), *_symmetric(checkout, epoch)]
    return found


def _text(label: str, start: str, epoch: int, words: str) -> str:
    plural = "s" if epoch > 1 else ""
    return f"{label}, {start}: test accuracy after {epoch} epoch{plural}, %, {words}"


def _feedforward(checkout: Path, epoch: int) -> list[Claim]:
    rows = {
        name: runs(checkout, FOLDER, f"feedforward_{name}") for name in (*EXACT, "vf", "backprop")
    }
    exact = accuracy(rows["backprop"], epoch)
    if exact is None:
        return []
    found = []
    for name, label in EXACT.items():
        ours = accuracy(rows[name], epoch)
        if ours is not None:
            found.append(
                Claim(
                    NAME,
                    _text(label, "no feedback", epoch, seeds(rows[name], rows["backprop"])),
                    "as backpropagation",
                    ours,
                    f"within {WITHIN:g} points of backpropagation's {exact:g}",
                    abs(ours - exact) <= WITHIN,
                )
            )
    ours = accuracy(rows["vf"], epoch)
    if ours is not None:
        found.append(
            Claim(
                NAME,
                _text("VF", "no feedback", epoch, seeds(rows["vf"], rows["backprop"])),
                "fails: hidden weights never move",
                ours,
                f"more than {WITHIN:g} points below backpropagation's {exact:g}",
                ours < exact - WITHIN,
            )
        )
    return found


def _symmetric(checkout: Path, epoch: int) -> list[Claim]:
    rows = {name: runs(checkout, FOLDER, f"symmetric_{name}") for name in ("aep", "ep", "vf")}
    aep, tied, vf = (accuracy(stored, epoch) for stored in rows.values())
    if aep is None or tied is None or vf is None:
        return []
    return [
        Claim(
            NAME,
            _text("AEP, EP, VF", "symmetric start", epoch, seeds(*rows.values())),
            "AEP as good as EP or better, VF behind",
            (aep, tied, vf),
            f"AEP at most {WITHIN:g} points below EP, VF below AEP",
            aep >= tied - WITHIN and vf < aep,
        )
    ]
