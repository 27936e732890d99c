"""Every benchmark runs once, at a tiny size: what it measures is called, its times are not kept."""

import importlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import osciprop
from benchmarks import (
    choosing,
    compiling,
    convolutional,
    fitting,
    fixture,
    lanes,
    layer,
    levels,
    loops,
    peers,
    precision,
    scaling,
    studies,
    table,
)

FOLDER = Path(fixture.__file__).parent
SIZES = [12, 8, 8, 10]


class Once:
    """pytest-benchmark's fixture, without repetitions; it need not be installed."""

    def __init__(self) -> None:
        self.extra_info: dict[str, Any] = {}

    def __call__(self, function: Callable[[], object]) -> object:
        return function()


@pytest.fixture(autouse=True)
def as_they_run(monkeypatch, small_programs):
    """Benchmarks are of single precision, with JAX's own promotion."""
    monkeypatch.setattr(jax, "clear_caches", lambda: None)  # other tests go on with theirs
    with jax.enable_x64(False), jax.numpy_dtype_promotion("standard"):
        yield


def test_none_is_left_out():
    called = {
        "choosing",
        "compiling",
        "convolutional",
        "fitting",
        "lanes",
        "layer",
        "levels",
        "loops",
        "peers",
        "precision",
        "scaling",
        "studies",
        "table",
    }
    measured = {"test_dual", "test_gradients", "test_simulation"}
    assert {path.stem for path in FOLDER.glob("*.py")} == called | measured | {
        "fixture",
        "peer_codes",
    }


@pytest.mark.slow
def test_choosing(tmp_path, monkeypatch):
    first = lambda rows, count=1: dict(list(rows.items())[:count])  # noqa: E731
    monkeypatch.setattr(choosing, "SIZES", [64, 12, 4, 10])
    monkeypatch.setattr(choosing, "BATCH", 2)
    monkeypatch.setattr(choosing, "STEPS", 8)
    kinds = {
        kind: (build, first(methods, 2), data)
        for kind, (build, methods, data) in choosing.KINDS.items()
    }
    monkeypatch.setattr(choosing, "KINDS", kinds)
    monkeypatch.setattr(choosing, "AMPLITUDES", np.asarray([0.1]))
    monkeypatch.setattr(choosing, "PERIODS", [100.0])
    for rows in ("BY_AMPLITUDE", "RELAXATIONS"):
        monkeypatch.setattr(choosing, rows, first(getattr(choosing, rows)))
    monkeypatch.setattr(choosing, "BY_PERIOD", first(choosing.BY_PERIOD, 2))
    paths = [f"--numbers={tmp_path / 'numbers.json'}", f"--picture={tmp_path / 'picture.png'}"]
    choosing.main(["--repeats=1", *paths])
    choosing.main(["--redraw", *paths])
    content = json.loads((tmp_path / "numbers.json").read_text())
    assert {row["kind"] for row in content["methods"]} == set(kinds)
    assert all(0 < row["cosine"] <= 1 + 1e-12 for row in content["methods"])
    assert (tmp_path / "picture.png").exists()


@pytest.mark.slow
def test_compiling(monkeypatch, capsys):
    compiling.main(["--inside", "layered"])
    seconds = json.loads(capsys.readouterr().out)
    assert tuple(seconds) == compiling.CALLS and all(second > 0 for second in seconds.values())
    monkeypatch.setattr(compiling, "in_a_new_process", lambda kind, cache: seconds)
    compiling.main([])
    assert "| balanced | kept |" in capsys.readouterr().out


def test_a_new_process_keeps_its_programs_where_it_is_told(monkeypatch):
    def run(command: list[str], *, env: dict[str, str], **_: Any) -> Any:
        assert command[1:] == ["-m", "benchmarks.compiling", "--inside", "layered"]
        words = json.dumps({"folder": env.get("JAX_COMPILATION_CACHE_DIR")})
        return subprocess.CompletedProcess(command, 0, stdout=words)

    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "elsewhere")
    monkeypatch.setattr(subprocess, "run", run)
    assert compiling.in_a_new_process("layered", None) == {"folder": None}
    assert compiling.in_a_new_process("layered", "here") == {"folder": "here"}


@pytest.mark.slow
def test_convolutional(tmp_path, monkeypatch):
    monkeypatch.setattr(convolutional, "PRODUCT", 8)
    path = tmp_path / "numbers.json"
    one = [f"--{name}=1" for name in ("batches", "widths", "steps", "repeats")]
    convolutional.main([*one, "--points=2", f"--output={path}"])
    (row,) = json.loads(path.read_text())["rows"]
    assert row["seconds"] >= 0


@pytest.mark.slow
def test_fitting(monkeypatch, capsys):
    monkeypatch.setattr(fitting, "CASES", (([4, 5, 5, 10], 5, 4),))
    monkeypatch.setattr(fitting, "METHODS", {"hEP": osciprop.HolomorphicEP(0.1, 2)})
    fitting.main(["--repeats=1"])
    assert "| 4-5-5-10 | 5 | `hEP` |" in capsys.readouterr().out


def test_layer(monkeypatch, capsys):
    monkeypatch.setattr(layer, "CASES", (([4, 5, 5, 10], 3),))
    exact = {"exact": (osciprop.Implicit(layer.MIXED), layer.MIXED)}
    monkeypatch.setattr(layer, "METHODS", exact)
    layer.main(["--repeats=1"])
    assert "| 4-5-5-10 | 3 | `exact` |" in capsys.readouterr().out


def test_levels(monkeypatch):
    monkeypatch.setattr(levels, "REPEATS", 1)
    assert levels.microseconds((2, 3), 1) > 0


def test_loops(monkeypatch, capsys):
    monkeypatch.setattr(loops, "BATCH", 1)
    monkeypatch.setattr(loops, "SIDE", 4)
    loops.main()
    assert "ratio" in capsys.readouterr().out


@pytest.mark.slow
def test_peers(capsys):
    peers.main(["--tiny"])
    printed = capsys.readouterr().out
    assert printed.count("| osciprop |") == 6 and "nan" not in printed


@pytest.mark.slow
def test_scaling(capsys):
    scaling.main(["--tiny"])
    printed = capsys.readouterr().out
    assert printed.count("dual propagation") == 1 and "nan" not in printed
    row = {"width": 8, "seconds": 0.5}, {"width": 32, "seconds": 8.0}
    assert scaling.exponent(list(row), "width", "seconds") == pytest.approx(2.0)


@pytest.mark.slow
def test_precision(monkeypatch, capsys):
    monkeypatch.setattr(precision, "SIZES", SIZES)
    monkeypatch.setattr(precision, "BATCH", 2)
    monkeypatch.setattr(precision, "DTYPES", (jnp.bfloat16,))
    monkeypatch.setattr(precision, "METHODS", dict(list(precision.METHODS.items())[:1]))
    precision.main(scales=[0.5])
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert len(rows) == 3
    assert all(np.isfinite(row.get("activity error", 0.0)) for row in rows)


@pytest.mark.slow
def test_studies_and_lanes(monkeypatch, capsys):
    monkeypatch.setattr(studies, "CASES", [([4, 3, 2], 1, (2, 2))])
    studies.main()
    monkeypatch.setattr(lanes, "CASES", [([4, 3, 2], 1)])
    monkeypatch.setattr(lanes, "LANES", (256,))
    monkeypatch.setattr(lanes, "case", lambda *_: lambda amplitude, seed: {"sum": amplitude + seed})
    lanes.main()
    assert capsys.readouterr().out.count("| 4-3-2") == 2


def test_table():
    stats = {"median": 1e-3}
    extra = {"cosine": 1.0, "first call, s": 2.0}
    here, other = "benchmarks/test_gradients.py", "benchmarks/test_dual.py"
    step = {"name": "test_backprop_step", "params": None, "stats": stats}
    rows = [
        {**step, "fullname": other, "stats": {"median": 1.0}},
        {"name": "test_dual_propagation[x]", "fullname": other, "params": {"name": "x"}},
        {**step, "fullname": here},
        {
            "name": "test_gradient[implicit-default]",
            "fullname": here,
            "params": {"name": "implicit", "case": "default"},
            "stats": stats,
            "extra_info": extra,
        },
    ]
    assert "| implicit | default | 1.0 | 1.0 |" in table.table({"benchmarks": rows})


@pytest.mark.parametrize("module", ["test_dual", "test_gradients"])
def test_backprop_steps(module, monkeypatch):
    measured = importlib.import_module(f"benchmarks.{module}")
    monkeypatch.setattr(measured, "SIZES", SIZES)
    measured.test_backprop_step(Once())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::osciprop.GradientAccuracyWarning")
def test_dual(monkeypatch):
    measured = importlib.import_module("benchmarks.test_dual")
    monkeypatch.setattr(measured, "SIZES", SIZES)
    monkeypatch.setattr(measured, "BATCH", 4)
    once = Once()
    measured.test_dual_propagation(once, "one backward sweep")
    assert set(once.extra_info) == {"cosine"}


@pytest.mark.slow
def test_gradients(monkeypatch):
    measured = importlib.import_module("benchmarks.test_gradients")
    monkeypatch.setattr(measured, "SIZES", SIZES)
    monkeypatch.setattr(measured, "BATCH", 4)
    once = Once()
    measured.test_gradient(once, "hEP N=2", "default")
    assert set(once.extra_info) == {"first call, s", "cosine"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["test_simulation", "test_by_hand"])
def test_simulation(name, monkeypatch):
    measured = importlib.import_module("benchmarks.test_simulation")
    monkeypatch.setattr(measured, "CASES", {"tiny": (SIZES, 2)})
    monkeypatch.setattr(measured, "PRESENTATION", 1)
    once = Once()
    getattr(measured, name)(once, "tiny")
    assert once.extra_info["neuron updates"] == 100 * 16 * 2
