"""The program `osciprop`: help, exit statuses, and what it says instead of a traceback."""

import builtins
import subprocess
import sys
import tomllib
import warnings
from pathlib import Path
from types import ModuleType

import pytest

import osciprop
from osciprop.commands import main
from osciprop.commands.datasets import Datasets
from osciprop.commands.study import Run
from osciprop.datasets import DatasetError
from osciprop.errors import ConvergenceError

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_help_of_python_m_osciprop():
    command = [sys.executable, "-m", "osciprop", "--help"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("usage: osciprop ")
    for name in ("study", "train", "figure", "datasets"):
        assert f" {name} " in ended.stdout


HELP = """
import contextlib, io, sys
from osciprop.commands import main
for line in sys.argv[1:]:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
        main(line.split())
heavy = {"jax", "numpy", "equinox", "diffrax", "optax", "zarr", "xarray", "matplotlib", "pooch"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
"""


def test_help_and_wrong_usage_import_nothing_that_computes():
    lines = ["--version", "--help", "study --help", "study run --help", "study plot --help"]
    lines += ["train --help", "figure --help", "datasets --help", "train --epochs many"]
    command = [sys.executable, "-c", HELP, *lines]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr


def test_the_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"osciprop {osciprop.__version__}\n"


def test_completion_for_shells(capsys):
    with pytest.raises(SystemExit) as exited:
        main(["--tyro-print-completion", "bash"])
    assert exited.value.code in (None, 0)
    printed = capsys.readouterr().out
    assert "osciprop" in printed and "datasets" in printed and "--checkpoint" in printed


def test_the_installed_program_is_main():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, name = project["scripts"]["osciprop"].split(":")
    assert getattr(__import__(module, fromlist=[name]), name) is main


@pytest.fixture
def reimported():
    """What is imported again, or for the first time, is gone after the test."""

    def ours() -> dict[str, ModuleType]:
        names = [name for name in sys.modules if name.partition(".")[0] == "osciprop"]
        return {name: sys.modules[name] for name in names}

    before = ours()
    packages = {
        name: dict(vars(module)) for name, module in before.items() if hasattr(module, "__path__")
    }
    yield
    for name in ours():
        del sys.modules[name]
    sys.modules.update(before)
    for name, contents in packages.items():
        vars(before[name]).update(contents)


def without(monkeypatch, library: str) -> None:
    """Let a library be missing, and what was imported with it be imported again."""
    importing = builtins.__import__

    def missing(name, *rest, **options):
        if name.partition(".")[0] == library:
            raise ModuleNotFoundError(f"No module named {library!r}", name=library)
        return importing(name, *rest, **options)

    forgotten = ("osciprop.commands.", *(("osciprop.studies",) if library != "tyro" else ()))
    for name in [name for name in sys.modules if name.startswith(forgotten)]:
        del sys.modules[name]
    monkeypatch.setattr(builtins, "__import__", missing)


@pytest.mark.parametrize(
    ("library", "line", "extra"),
    [
        ("tyro", ["--help"], "commands"),
        ("xarray", ["study", "status", "store"], "commands"),
        ("zarr", ["study", "status", "store"], "commands"),
        ("distributed", ["study", "run", "{study}", "--dask", "a:1"], "cluster"),
    ],
)
def test_a_missing_library(reimported, monkeypatch, tmp_path, capsys, library, line, extra):
    study = tmp_path / "sweep.toml"
    study.write_text('[study]\nfunction = "math:exp"\n[axes]\nx = [1]', encoding="utf-8")
    without(monkeypatch, library)
    assert main([word.format(study=study) for word in line]) == 1
    assert capsys.readouterr().err == (
        f'osciprop: error: this needs {library}: pip install "osciprop[{extra}]"\n'
    )


@pytest.mark.parametrize(
    "error", [ValueError("a\nb"), OSError("a b"), DatasetError("a b"), ConvergenceError("a b")]
)
def test_a_problem_is_told_in_one_line(monkeypatch, capsys, error):
    monkeypatch.setattr(Datasets, "execute", raising(error))
    assert main(["datasets"]) == 1
    assert capsys.readouterr().err == "osciprop: error: a b\n"


def test_an_interrupt(monkeypatch, capsys):
    monkeypatch.setattr(Datasets, "execute", raising(KeyboardInterrupt()))
    assert main(["datasets"]) == 130
    assert capsys.readouterr().err == "osciprop: interrupted\n"


def test_an_interrupt_tells_how_to_go_on(monkeypatch, capsys):
    """Where the same command does, quoted as a shell needs it."""
    monkeypatch.setattr(Run, "execute", raising(KeyboardInterrupt("interrupted after 3 points")))
    assert main(["study", "run", "my sweep.toml", "--processes", "2"]) == 130
    assert capsys.readouterr().err == (
        "osciprop: interrupted after 3 points\n"
        "osciprop: this goes on from there: osciprop study run 'my sweep.toml' --processes 2\n"
    )


def test_a_reader_that_has_gone(tmp_path):
    command = f"{sys.executable} -m osciprop datasets | true; echo ${{PIPESTATUS[0]}}"
    ended = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ended.stdout in ("0\n", "1\n") and ended.stderr == ""


@pytest.mark.parametrize("error", [KeyError("x"), ModuleNotFoundError("No y", name="y")])
def test_a_bug_shows_where(monkeypatch, error):
    monkeypatch.setattr(Datasets, "execute", raising(error))
    with pytest.raises(type(error)):
        main(["datasets"])


@pytest.mark.filterwarnings("default::UserWarning")
def test_a_warning_is_one_line(monkeypatch, capsys):
    def warn(self):
        warnings.warn("look\nhere", UserWarning, stacklevel=1)
        return 0

    monkeypatch.setattr(Datasets, "execute", warn)
    assert main(["datasets"]) == 0
    assert capsys.readouterr().err == "osciprop: warning: look here\n"


def raising(error):
    def execute(self):
        raise error

    return execute
