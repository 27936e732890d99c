"""The code of docs/substrates.md runs as it stands."""

import re
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

import osciprop

PAGE = (Path(__file__).parents[1] / "docs" / "substrates.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.mark.page
def test_the_blocks_run_one_after_the_other(capsys):
    names: dict = {}
    for block in BLOCKS:
        exec(block, names)
    assert len(BLOCKS) == 7
    printed = capsys.readouterr().out
    assert "Basins: 20 of 20 starts converged; 1 equilibrium per sample" in printed
    assert "(5, 6)" in printed and "True" in printed
    exact, found = names["exact"], names["found"]
    assert osciprop.relative_error(found.gradient, exact.gradient) < 1e-4
    levels = np.asarray(names["coarse"].network.conductances) * 15 / 2
    np.testing.assert_allclose(levels, np.round(levels), atol=1e-6)
    assert jnp.isfinite(names["estimate"].loss)


def test_every_name_of_the_page_is_there():
    folders = {"osciprop.gradients": osciprop.gradients, "osciprop.networks": osciprop.networks}
    table = PAGE.split("## Neighbouring rules")[1]
    rules = set(re.findall(r"^\| `(\w+)`(?:, `(\w+)`)?", table, flags=re.MULTILINE))
    assert all(
        hasattr(folders["osciprop.gradients"], name) for row in rules for name in row if name
    )
    systems = re.findall(
        r"^\| [^|]+\| ([^|]+) \|", PAGE.split("## An energy")[0], flags=re.MULTILINE
    )
    named = [name for row in systems[2:] for name in re.findall(r"`(\w+)`", row)]
    assert len(named) > 8 and all(hasattr(folders["osciprop.networks"], name) for name in named)
