"""The code of docs/training.md runs as it stands, and does what the text says."""

import re
from pathlib import Path

import pytest

import osciprop

PAGE = (Path(__file__).parents[1] / "docs" / "training.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.mark.page
def test_the_blocks_run_one_after_the_other():
    names: dict = {}
    for block in BLOCKS:
        exec(block, names)
    assert len(BLOCKS) == 3
    assert osciprop.evaluate(names["network"], *names["data"][1]).r_squared == names["best"] > 0
    assert names["training"].epochs_made == 5
