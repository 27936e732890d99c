"""The code of pages about hosts, clusters and large images, with stand-ins for what is not here."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import osciprop
from osciprop.datasets import Dataset
from osciprop.studies import load_results

DOCS = Path(__file__).resolve().parents[1] / "docs"


def blocks(name: str) -> list[str]:
    page = (DOCS / f"{name}.md").read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.page
@pytest.mark.filterwarnings("ignore::osciprop.GradientAccuracyWarning")
def test_scale_with_one_host(monkeypatch, capsys):
    calls = []
    monkeypatch.setattr(
        osciprop.training, "connect_hosts", lambda *given, **named: calls.append((given, named))
    )
    names: dict[str, Any] = {}
    for block in blocks("scale"):
        exec(block, names)
    assert calls == [(("10.0.0.1:1234",), {"hosts": 2, "index": 0})]
    assert len(names["history"].epochs["test_accuracy"]) == 5
    # Twice what the page says: tests run in double precision.
    assert "parameters 2.055 MiB, optimizer state 4.11 MiB, batch 306.6 KiB" in (
        capsys.readouterr().out
    )


@pytest.mark.page
@pytest.mark.filterwarnings("ignore::osciprop.GradientAccuracyWarning")
def test_images_with_a_few_of_noise(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (6, 32, 32, 3)).astype(np.uint8)
    labels = random.integers(0, 10, 6)
    few = Dataset("noise", images[:4], labels[:4], images[4:], labels[4:], num_classes=10)
    monkeypatch.setattr(osciprop.datasets, "cifar10", lambda: few)
    (block,) = blocks("images")
    names: dict[str, Any] = {}
    exec(
        block.replace("width=32", "width=4").replace("batch_size=128", "batch_size=4"),
        names,
    )
    assert len(names["history"].epochs["test_accuracy"]) == 10
    assert (tmp_path / "cifar10.checkpoint").exists()


# Its largest amplitudes reach too far.
@pytest.mark.page
@pytest.mark.filterwarnings("ignore::osciprop.GradientAccuracyWarning")
def test_a_study_by_processes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, on_slurm = blocks("studies")
    exec(first, {"__name__": "__main__"})
    error = load_results("runs/error")["error"].mean("seed")
    assert float(error.sel(points=8)[0]) < float(error.sel(points=2)[0])
    # It needs a cluster of its own; that what it uses of osciprop exists is tests/test_names.py.
    compile(on_slurm, "on_slurm.py", "exec")
