"""Ends at any moment, of run and retry: another run goes on to the same bits."""

import contextlib
import errno
import os
import random
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from study_functions import ENVIRONMENT, mending

from osciprop.files import durable
from osciprop.studies import Study, StudyError, load_results, running, study_status
from osciprop.studies.folder import FolderArrays

pytestmark = pytest.mark.filterwarnings("ignore:.* points failed:osciprop.studies.StudyWarning")


@pytest.fixture
def quick(monkeypatch):
    """Without what takes most of the time of a short run: waiting for the disk, and asking git."""
    monkeypatch.setattr(durable, "_synchronize", lambda path: None)
    monkeypatch.setattr(running, "environment", lambda folder: {"device": "none"})


class Killed(BaseException):
    """Stands for the end of the process: nothing of the package catches it."""


def ending(monkeypatch, moment: int, kind: Callable[[], BaseException]) -> list[int]:
    """Let the process end at the so-many-th write of a file, before it takes its place."""
    replace, count = os.replace, [0]

    def interrupted(*paths):
        count[0] += 1
        if count[0] == moment:
            raise kind()
        return replace(*paths)

    monkeypatch.setattr(os, "replace", interrupted)
    return count


def study(folder: Path) -> Study:
    """Points of two blocks, of types that widen, of which two fail until they are mended."""
    axes = {"n": [0, 1, 2, 3]}
    return Study(mending, axes, constants={"folder": str(folder)}, points_per_block=2)


def expected(folder: Path):
    (folder / "mended").touch()
    return study(folder).run(progress=False)


def same(one, other) -> bool:
    return one.drop_vars("seconds").drop_attrs().identical(other.drop_vars("seconds").drop_attrs())


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("again", [False, True], ids=["run", "retry"])
def test_an_end_at_every_write_in_turn(tmp_path, monkeypatch, again):
    """Before each file takes its place, in memory: as many runs as a study writes files."""
    moment, ended = 0, True
    while ended:
        moment += 1
        here = tmp_path / str(moment)
        here.mkdir()
        store = here / "store"
        if again:
            study(here).run(store, progress=False)
            assert study_status(store).failed == 2
            (here / "mended").touch()
        with monkeypatch.context() as patch:
            count = ending(patch, moment, Killed)
            with contextlib.suppress(Killed):
                (study(here).retry if again else study(here).run)(store, progress=False)
            ended = count[0] >= moment
        for read in (load_results, study_status):  # it can be read, or holds nothing
            told = ""
            try:
                read(store)
            except StudyError as error:
                told = str(error)
            assert not told or "holds no study" in told
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message=".*computed anew")
            first = study(here).run(store, progress=False)
            assert first["status"].values[[0, 3]].tolist() == [1, 1]
            (here / "mended").touch()
            results = study(here).retry(store, progress=False)
        assert same(results, expected(here))
        assert not list((store / "failures").glob("*.json"))
    assert moment > (10 if again else 20)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("again", [False, True], ids=["run", "retry"])
def test_a_disk_that_is_full_at_every_write_in_turn(tmp_path, monkeypatch, again):
    moment, ended = 0, True
    while ended:
        moment += 3
        here = tmp_path / str(moment)
        here.mkdir()
        store = here / "store"
        if again:
            study(here).run(store, progress=False)
        (here / "mended").touch()
        with monkeypatch.context() as patch:
            full = OSError(errno.ENOSPC, "No space left on device")
            count = ending(patch, moment, lambda full=full: full)
            told = ""
            try:
                (study(here).retry if again else study(here).run)(store, progress=False)
            except StudyError as error:
                told = str(error)
            assert not told or ("No space left on device" in told and "room" in told)
            ended = count[0] >= moment
        results = study(here).retry(store, progress=False)
        assert same(results, expected(here))
        assert not (store / "widening").exists()


@pytest.mark.parametrize("moved", [False, True])
def test_an_end_while_an_array_takes_another_type(tmp_path, monkeypatch, moved):
    """Between the old array's removal and the new one's move, and before anything is moved."""
    store = tmp_path / "store"
    (tmp_path / "mended").touch()

    def killed(self):
        if moved and self._contents.moving:
            import shutil

            shutil.rmtree(store / "results.zarr" / self._contents.moving[0])
        raise Killed

    monkeypatch.setattr(FolderArrays, "_finish_moving", killed)
    with pytest.raises(Killed):
        study(tmp_path).run(store, progress=False)
    monkeypatch.undo()
    results = load_results(store)
    assert results["v"].dtype == np.float64 and results["status"].values.tolist() == [1, 1, 0, 0]
    assert same(study(tmp_path).run(store, progress=False), expected(tmp_path))


PROGRAM = """
import sys, time
from study_functions import slowly
from osciprop.studies import Processes, Study
folder, what, engine = sys.argv[1:]
if __name__ == "__main__":
    study = Study(slowly, {"n": list(range(40))}, constants={"folder": folder})
    options = {"engine": Processes(1)} if engine == "processes" else {}
    getattr(study, what)(folder + "/store", progress=False, **options)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("engine", "kills"), [("here", 3), ("processes", 1)])
def test_kills_at_random_moments(tmp_path, engine, kills):
    """Real ones, of whole programs, between any two of their instructions; then to the end."""
    from study_functions import slowly

    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    store, rng = tmp_path / "store", random.Random(1)

    def until(what: str, killed: bool) -> int:
        words = [sys.executable, script, tmp_path, what, engine]
        with subprocess.Popen(words, env=ENVIRONMENT, stderr=subprocess.PIPE) as program:
            if killed:
                before = done()
                # Once it writes: where that is, is left to chance.
                while program.poll() is None and done() == before:
                    time.sleep(0.01)
                time.sleep(rng.uniform(0.0, 0.2))
                program.send_signal(signal.SIGKILL)
            assert program.stderr is not None
            told = program.stderr.read().decode()
        assert killed or program.returncode == 0, told
        return program.returncode

    def done() -> int:
        return sum(path.stat().st_mtime_ns for path in store.rglob("*") if path.is_file())

    for _ in range(kills):
        until("run", killed=True)
    until("run", killed=False)
    assert study_status(store).failed == 8
    (tmp_path / "mended").touch()
    for _ in range(kills):
        until("retry", killed=True)
    until("run", killed=False)
    until("retry", killed=False)
    alone = Study(slowly, {"n": list(range(40))}, constants={"folder": str(tmp_path)})
    assert same(load_results(store), alone.run(progress=False))
