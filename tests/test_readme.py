"""The README's code runs as it stands, and says the truth."""

import contextlib
import io
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import osciprop
from osciprop.commands import main

README = (Path(__file__).parents[1] / "README.md").read_text()
EXAMPLE, DIRECTED, DUAL, ONLINE, STUDY, OWN_NETWORK, ECHO = re.findall(
    r"```python\n(.*?)```", README, flags=re.DOTALL
)


@pytest.fixture(scope="module")
def ten_lines() -> tuple[dict[str, Any], str]:
    """What the example defines, and what it prints."""
    printed = io.StringIO()
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
        exec(EXAMPLE, names)
    return names, printed.getvalue()


@pytest.mark.page
def test_ten_lines(ten_lines):
    names, printed = ten_lines
    assert "converged" in printed
    claimed = float(re.search(r"# cosine (\S+)", EXAMPLE)[1])
    measured = osciprop.cosine(names["estimate"].gradient, names["exact"].gradient)
    assert measured > claimed - 0.5e-4
    assert len(names["history"].epochs["test_accuracy"]) == 1


@pytest.mark.page
def test_what_goes_on_from_them(ten_lines):
    names = dict(ten_lines[0])
    errors = io.StringIO()
    with contextlib.redirect_stdout(errors):
        exec(DIRECTED, names)
    biased, *exact = [float(line.split()[-1]) for line in errors.getvalue().splitlines()]
    assert biased > 0.1 and max(exact) < 1e-3
    dual = io.StringIO()
    with contextlib.redirect_stdout(dual):
        exec(DUAL, names)
    # Exact after its single sweep.
    assert dual.getvalue().rstrip().endswith("unrest by population 0, 0")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
        exec(ONLINE, names)
    assert "LearningRun: 5 presentations" in printed.getvalue()
    assert np.all(np.isfinite(names["run"].loss))


# Its amplitudes reach too far.
@pytest.mark.page
@pytest.mark.filterwarnings("ignore::osciprop.GradientAccuracyWarning")
def test_a_study(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    names: dict = {"__name__": "__main__"}
    with contextlib.redirect_stderr(io.StringIO()):
        exec(STUDY, names)
    distance = names["results"]["distance"].mean("seed")
    assert (distance.sel(points=4) < distance.sel(points=2)).all()
    assert (tmp_path / "distance" / "study.json").exists()
    assert main(["study", "plot", "distance", "--x", "amplitude", "--y", "distance"]) == 1
    run, plot = re.findall(r"^    osciprop (.*)$", README, flags=re.MULTILINE)
    (tmp_path / "distance.py").write_text(STUDY, encoding="utf-8")
    shutil.rmtree(tmp_path / "distance")
    assert main(shlex.split(run.removesuffix(" --processes 4"))) == 0  # here, which takes less
    assert main(shlex.split(plot)) == 0
    assert (tmp_path / "distance_distance.png").exists()


@pytest.mark.page
def test_your_own_network():
    names: dict = {}
    exec(OWN_NETWORK, names)
    rng = np.random.default_rng(0)
    coupling = rng.normal(size=(4, 4))
    network = names["Pairs"](np.asarray(0.1 * (coupling + coupling.T)))
    x, y = rng.normal(size=(2, 4)), rng.normal(size=(2, 4))
    network = type(network)(jnp.asarray(network.coupling))
    assert osciprop.check_holomorphic(network, x, y).holomorphic
    exact = osciprop.estimate_gradient(network, x, y, osciprop.Implicit()).gradient
    ours = osciprop.estimate_gradient(network, x, y, osciprop.HolomorphicEP(0.1, 10)).gradient
    assert osciprop.relative_error(ours, exact) < 1e-6


def test_an_echo(capsys):
    names = {"jax": jax, "osciprop": osciprop}
    exec(ECHO, names)
    assert "converged, predicted relative error" in capsys.readouterr().out
    given = names["oscillators"], names["drive"], names["goal"]
    exact = osciprop.estimate_gradient(*given, osciprop.gradients.TrajectoryBPTT()).gradient
    found = osciprop.estimate_gradient(*given, names["echo"]).gradient
    assert osciprop.relative_error(found, exact) < 1e-3
