"""The code of docs/time.md runs as it stands, and the names of its table are there."""

import re
from pathlib import Path

import pytest

import osciprop

PAGE = (Path(__file__).parents[1] / "docs" / "time.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.mark.page
def test_the_block_runs(capsys):
    (block,) = BLOCKS
    names: dict = {}
    exec(block, names)
    assert "TrajectoryEstimate" in capsys.readouterr().out
    assert osciprop.relative_error(names["found"].gradient, names["exact"].gradient) < 1e-3


def test_every_name_of_the_table_is_there():
    rows = re.findall(r"^\| [^|]+ \| ([^|]+) \|$", PAGE, flags=re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([A-Z]\w+|oscillator_network)`", row)}
    assert len(named) > 10
    assert all(hasattr(osciprop.networks, n) or hasattr(osciprop.gradients, n) for n in named)
