"""The code of docs/signals.md runs as it stands, and does what the text says."""

import re
from pathlib import Path

import numpy as np
import pytest

import osciprop

PAGE = (Path(__file__).parents[1] / "docs" / "signals.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.mark.page
def test_the_blocks_run_one_after_the_other():
    names: dict = {}
    for block in BLOCKS:
        exec(block, names)
    assert names["trajectory"].s[-1].shape == (41, 2, 3)
    assert osciprop.cosine(names["found"].gradient, names["exact"]) > 0.95
    assert np.isfinite(names["run"].loss).all()
