"""The code of docs/layers.md runs as it stands."""

import re
from pathlib import Path

import jax
import numpy as np
import pytest

PAGE = (Path(__file__).parents[1] / "docs" / "layers.md").read_text(encoding="utf-8")


@pytest.mark.page
def test_the_block_runs(capsys):
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    names: dict = {}
    with jax.numpy_dtype_promotion("standard"):  # Optax needs it
        exec(block, names)
    assert 0 < float(names["loss"]) < 0.97 * np.log(3)  # chance is log 3
    assert capsys.readouterr().out
