"""The published data that stand in `paper_figures/published` (its README names the source)."""

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent / "published"


@functools.cache
def hep2022() -> dict[str, Any]:
    """Plotted numbers and hyper-parameters of the figures and tables by name."""
    return json.loads((FOLDER / "hep2022.json").read_text(encoding="utf-8"))


@functools.cache
def hep2022_toy() -> dict[str, np.ndarray]:
    """The toy network of Fig. 2 with its published states and gradient."""
    with np.load(FOLDER / "hep2022_toy.npz") as archive:
        return dict(archive)
