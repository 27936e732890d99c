"""The code of docs/feedback.md runs as it stands."""

import re
from pathlib import Path

import pytest

import osciprop

PAGE = (Path(__file__).parents[1] / "docs" / "feedback.md").read_text(encoding="utf-8")


@pytest.mark.page
def test_the_block_runs():
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    names: dict = {}
    exec(block, names)
    assert osciprop.relative_error(names["found"].gradient, names["exact"].gradient) < 1e-6
