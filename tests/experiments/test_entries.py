"""Every experiment answers `--help`, and runs from its command line to its table at a tiny size."""

import importlib
import json
from pathlib import Path

import jax
import numpy as np
import pytest

from experiments import adaptive_amplitude
from experiments.studies import running
from osciprop.analysis.contour_choice import ContourChoice
from osciprop.analysis.contour_search import MeasuredCircle

FOLDER = Path(running.__file__).parents[1]
EXPERIMENTS = {path.stem for path in FOLDER.glob("[!_]*.py")} - {"runs"}
STUDIES = {path.stem for path in running.HERE.glob("[!_]*.py")} - {"running"}
ONCE = ["--epochs", "1", "--seeds", "0"]
ARGUMENTS: dict[str, list[str]] = {
    "adaptive_amplitude": [],
    "always_on_in_noise": ["--learning", "implicit, no noise", "--gradients"],
    "digits": [],
    "echoes": [],
    "feedback_scaling": [*ONCE, "--rows", "mnist_two_dyadic"],
    "hep2022_cnn": [*ONCE, "--rows", "backprop", "--width", "1"],
    "hep2022_table1": [*ONCE, "--methods", "hep"],
    "homeostasis2024": [*ONCE, "--part", "table1", "--rows", "table1_N1_0.5"],
    "homeostasis2024_cnn": [*ONCE, "--rows", "adjoint", "--width", "1"],
    "kept_safe": [],
    "late_divergence": ["--epochs", "1", "--rows", "implicit gradient, no noise"],
    "long_runs": [],
    "moving_inputs": [],
    "nonconservative2026": [*ONCE, "--rows", "symmetric_dyadic"],
    "nudges_at_start": [],
    "online_digits": [],
    "own_data": [],
    "predictions": ["--methods", "SettledOscillation", "DyadicEP", "DualPropagation"],
    "residual": [],
    "settling": [],
    "substrate_populations": ["--systems", "phase oscillators"],
    "substrates": [*ONCE, "--rows", "oscillators_dyadic"],
    "tied_blocks": [],
    "trajectory_tasks": [],
    "two_tales2024": [*ONCE, "--rows", "adjoint_0.5"],
    "two_tales2024_vgg16": [*ONCE, "--rows", "backprop", "--width", "1"],
}
"""One row each, whose code is that of all."""
FAST = ["nonconservative2026"]
SLOW = sorted(EXPERIMENTS - set(FAST))


def test_none_is_left_out():
    assert set(ARGUMENTS) == EXPERIMENTS


@pytest.mark.parametrize("name", sorted(EXPERIMENTS))
def test_help(name, capsys):
    with pytest.raises(SystemExit) as stopped:
        importlib.import_module(f"experiments.{name}").main(["--help"])
    assert stopped.value.code == 0
    assert "--tiny" in capsys.readouterr().out


def chosen(network, x, y, method, *, key, points, harmonics):
    """A choice of what was asked for: the search is long, and has tests of its own."""
    circle = MeasuredCircle(0.4, points[0], 0.1, 0.1, 0.2)
    curve = np.ones((1, 1))
    return ContourChoice(
        method=method,
        amplitude=0.4,
        points=points[0],
        truncation=0.1,
        bias=0.1,
        noise=0.1,
        error=0.2,
        radius_of_convergence=1.0,
        candidates=points,
        amplitudes=np.ones(1),
        bias_curve=curve,
        noise_curve=curve,
        circles=(circle,),
        confirmed=True,
    )


@pytest.mark.parametrize("name", [*FAST, *(pytest.param(n, marks=pytest.mark.slow) for n in SLOW)])
@pytest.mark.filterwarnings("ignore::osciprop.GradientAccuracyWarning")
def test_it_runs(name, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(adaptive_amplitude, "choose_contour", chosen)
    main = importlib.import_module(f"experiments.{name}").main
    # Experiments run in single precision, with JAX's own promotion.
    with jax.enable_x64(False), jax.numpy_dtype_promotion("standard"):
        main(["--tiny", "--output", str(tmp_path), *ARGUMENTS[name]])
    (stored,) = tmp_path.rglob("*.json")
    assert json.loads(stored.read_text())
    assert capsys.readouterr().out


@pytest.mark.parametrize("name", sorted(STUDIES))
def test_help_of_a_study(name, capsys):
    with pytest.raises(SystemExit) as stopped:
        running.main(name, ["--help"])
    assert stopped.value.code == 0
    assert "--tiny" in capsys.readouterr().out


@pytest.mark.slow
def test_a_study_runs(capsys):
    """At its first point; `test_studies` calls the functions of all studies."""
    running.main("dual_stability", ["--tiny"])
    assert "<xarray.Dataset>" in capsys.readouterr().out
