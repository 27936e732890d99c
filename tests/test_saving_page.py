"""The code of docs/saving.md runs as it stands, and files say what the page quotes."""

import contextlib
import io
import re
from pathlib import Path

import jax
import numpy as np
import pytest

import osciprop

PAGE = (Path(__file__).parents[1] / "docs" / "saving.md").read_text(encoding="utf-8")
SAVE, LOAD, HEADER, RUN, COMPARE = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


def quoted(text: str) -> bool:
    """Whether the page says so, in whatever lines."""
    return " ".join(text.split()) in " ".join(PAGE.split())


@pytest.mark.page
def test_the_page(tmp_path, monkeypatch, small_programs):
    monkeypatch.chdir(tmp_path)
    names: dict = {}

    def run(block: str) -> str:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
            exec(block, names)
        return printed.getvalue()

    run(SAVE)
    trained = names["network"]
    run(LOAD)
    for one, other in zip(jax.tree.leaves(trained), jax.tree.leaves(names["network"]), strict=True):
        np.testing.assert_array_equal(one, other)
    printed = run(HEADER)
    assert "Network" in printed and ".synapses[0].weight float64 [64, 12]" in printed
    other = osciprop.hopfield_mlp([64, 12, 10], key=jax.random.key(0), activation=osciprop.Tanh())
    with pytest.raises(osciprop.CheckpointError) as caught:
        osciprop.load("digits.osciprop", other)
    assert quoted(f"CheckpointError: {caught.value}")
    run(RUN)
    assert quoted(run(COMPARE))
    content = bytearray(Path("run.checkpoint").read_bytes())
    content[-100] ^= 1
    Path("run.checkpoint").write_bytes(content)
    with pytest.raises(osciprop.CheckpointError) as caught:
        names["train"]()
    assert quoted(str(caught.value))
