"""Runs: what survives a killed parent and a full disk, and which folders are refused."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import portalocker
import pytest
from study_functions import ENVIRONMENT, GATE, calls, gated, marked, products, run, voluminous

from osciprop.studies import Output, Study, StudyError, StudyInterrupted, StudyWarning

AXES = {"amplitude": [0.5, 1.0, 2.0], "points": [1, 2, 3]}

PARENT = """
import sys
from study_functions import gated
from osciprop.studies import Processes, Study

if __name__ == "__main__":
    axes = {"amplitude": [1.0, 2.0], "points": list(range(10))}
    study = Study(gated, axes, constants={"folder": sys.argv[1]})
    study.run(sys.argv[1] + "/store", engine=Processes(1), progress=False)
"""


@pytest.mark.slow
def test_a_killed_parent_loses_nothing_and_leaves_no_workers(tmp_path):
    script = tmp_path / "run.py"
    script.write_text(PARENT)
    parent = subprocess.Popen([sys.executable, script, tmp_path], env=ENVIRONMENT)
    status = tmp_path / "store" / "results.zarr" / "status" / "c" / "0"
    while not (status / "5").exists():
        assert parent.poll() is None
        time.sleep(0.02)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    worker = int((tmp_path / "calls").read_text().split()[2])
    while Path(f"/proc/{worker}").exists():  # forever, if the worker outlives its parent
        time.sleep(0.02)
    stored = [int(path.name) for path in status.iterdir() if path.name.isdigit()]
    before = len(calls(tmp_path))
    assert 6 <= len(stored) <= before <= GATE
    (tmp_path / "open").touch()

    axes = {"amplitude": [1.0, 2.0], "points": list(range(10))}
    study = Study(gated, axes, constants={"folder": str(tmp_path)})
    results = study.run(tmp_path / "store", progress=False)
    np.testing.assert_array_equal(results["product"], np.outer([1.0, 2.0], range(10)))
    again = calls(tmp_path)[before:]
    assert not {(1.0, point) for point in stored} & set(again)
    assert len(again) == 20 - len(stored)


FULL = """
import sys
from study_functions import voluminous
from osciprop.studies import Study, StudyError

study = Study(voluminous, {"amplitude": [1.0, 2.0], "points": list(range(10))})
try:
    study.run(sys.argv[1] + "/small/store", progress=False)
except StudyError as error:
    print(error)
    sys.exit(5)
"""


@pytest.mark.slow
def test_a_full_disk_loses_nothing(tmp_path):
    """On a file system of 300 kB of its own, with room made afterwards by copying to another."""
    unshare = shutil.which("unshare")
    mount = f'mount -t tmpfs -o size=300k tmpfs "{tmp_path}/small"'
    alone = [unshare or "", "--user", "--map-root-user", "--mount", "sh", "-c"]
    (tmp_path / "small").mkdir()
    if unshare is None or subprocess.run([*alone, mount], capture_output=True).returncode:
        pytest.skip("no small file system can be mounted here (unshare --user --mount)")
    (tmp_path / "run.py").write_text(FULL)
    python = f'"{sys.executable}" "{tmp_path}/run.py" "{tmp_path}"'
    keep = f'cp -r "{tmp_path}/small/store" "{tmp_path}/kept"'
    ended = subprocess.run(
        [*alone, f"{mount} && {python}; code=$?; {keep}; exit $code"],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 5, ended.stderr
    assert "No space left on device" in ended.stdout and "make room" in ended.stdout

    study = Study(voluminous, {"amplitude": [1.0, 2.0], "points": list(range(10))})
    store = tmp_path / "kept"
    done = sum(1 for path in (store / "results.zarr" / "status" / "c").rglob("*") if path.is_file())
    assert 1 <= done < 20
    resumed = study.run(store, progress=False)
    np.testing.assert_array_equal(resumed["noise"], study.run(progress=False)["noise"])
    assert (resumed["status"] == 1).all()


def test_an_error_while_writing_is_told_and_harms_nothing(tmp_path, monkeypatch):
    """As above where no file system can be mounted: files of at most 20 kB."""
    import resource

    study = Study(voluminous, {"amplitude": [1.0], "points": [1, 2]})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        with pytest.raises(StudyError, match="could not be written to .*File too large.*make room"):
            study.run(tmp_path / "store", progress=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resumed = study.run(tmp_path / "store", progress=False)
    np.testing.assert_array_equal(resumed["noise"], study.run(progress=False)["noise"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(axes={"amplitude": [0.5], "points": [1]}), "axes.amplitude: .*0.5, 1.0, 2.0"),
        (dict(constants={"seed": 1}), "constants.seed: None != 1"),
        (dict(points_per_block=3), "points_per_block: 1 != 3"),
        (dict(outputs={"product": Output("V")}), "outputs.product: None != "),
    ],
)
def test_other_settings_are_refused(tmp_path, change, message):
    Study(products, AXES).run(tmp_path, progress=False)
    changed = {"axes": AXES} | change
    with pytest.raises(StudyError, match=f"was made with other settings .*{message}.*use another"):
        Study(products, changed.pop("axes"), **changed).run(tmp_path, progress=False)


def test_arrays_among_the_constants_count_with_their_values(tmp_path):
    def study(weight):
        return Study(lambda a, w: {"y": a * w.sum()}, {"a": [1.0]}, constants={"w": weight})

    study(np.ones(3)).run(tmp_path, progress=False)
    study(np.ones(3)).run(tmp_path, progress=False)
    with pytest.raises(StudyError, match="constants.w"):
        study(np.full(3, 2.0)).run(tmp_path, progress=False)


def test_a_changed_function_is_reported(tmp_path):
    Study(lambda a: {"y": a}, {"a": [1]}).run(tmp_path, progress=False)
    with pytest.warns(StudyWarning, match="function of the study in .* has changed"):
        Study(lambda a: {"y": 2 * a}, {"a": [1]}).run(tmp_path, progress=False)


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(StudyError, match="holds thesis.tex, but no study: give a new or empty"):
        Study(products, AXES).run(tmp_path, progress=False)


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StudyError, match="file/store cannot be written .*give a folder that can"):
        Study(products, AXES).run(tmp_path / "file" / "store", progress=False)


def test_one_process_at_a_time(tmp_path):
    with (tmp_path / ".lock").open("w") as lock:
        portalocker.lock(lock, portalocker.LOCK_EX)
        with pytest.raises(StudyError, match="another process runs the study in"):
            Study(products, AXES).run(tmp_path, progress=False)


@pytest.mark.parametrize("there", [True, False])
def test_what_a_lock_is_a_link_to_stays_as_it_is(tmp_path, there):
    thesis = tmp_path / "thesis"
    if there:
        thesis.write_text("precious")
    store = tmp_path / "store"
    store.mkdir()
    (store / ".lock").symlink_to(thesis)
    Study(products, AXES).run(store, progress=False)
    assert thesis.read_text() == ("precious" if there else "")
    (store / ".lock").unlink()
    (store / ".lock").hardlink_to(thesis)
    Study(products, AXES).run(store, progress=False)
    assert thesis.read_text() == ("precious" if there else "")


def test_a_file_system_without_locks_is_named(tmp_path, monkeypatch):
    def refuse(*_):
        raise portalocker.LockException("No locks available")

    monkeypatch.setattr(portalocker, "lock", refuse)
    with pytest.raises(StudyError, match="cannot be held .*No locks available.*give a folder on a"):
        Study(products, AXES).run(tmp_path, progress=False)


def test_a_store_may_be_used_again_as_soon_as_a_run_has_ended(tmp_path):
    def fails(amplitude, points):
        raise KeyboardInterrupt

    with pytest.raises(StudyInterrupted):
        Study(fails, AXES).run(tmp_path, progress=False)
    with pytest.raises(StudyError, match="other settings"):
        Study(products, AXES).run(tmp_path, progress=False)


EQUAL = {
    "nan": lambda: float("nan"),
    "array": lambda: np.array([np.nan, 1.0]),
    "set": lambda: {"a", "b", 3.0},
    "dict": lambda: {"a": {1, 2}, "b": [float("nan")]},
    "generator": lambda: np.random.default_rng(3),
    "function": lambda: lambda x: x + 1,
}


@pytest.mark.parametrize("kind", EQUAL)
def test_constants_are_compared_by_value(tmp_path, kind):
    def study(value):
        return Study(lambda a, c: {"y": a}, {"a": [1.0]}, constants={"c": value})

    study(EQUAL[kind]()).run(tmp_path, progress=False)
    study(EQUAL[kind]()).run(tmp_path, progress=False)
    for other in EQUAL:
        if other != kind:
            with pytest.raises(StudyError, match="constants.c"):
                study(EQUAL[other]()).run(tmp_path, progress=False)


@pytest.mark.parametrize(("one", "other"), [(1, 1.0), (1, True), (0.0, -0.0), ("1", 1)])
def test_constants_of_other_types_are_others(tmp_path, one, other):
    def study(value):
        return Study(lambda a, c: {"y": a}, {"a": [1.0]}, constants={"c": value})

    study(one).run(tmp_path, progress=False)
    with pytest.raises(StudyError, match="constants.c"):
        study(other).run(tmp_path, progress=False)


def test_the_order_of_constants_does_not_count(tmp_path):
    def study(**constants):
        return Study(lambda a, b, c: {"y": a}, {"a": [1.0]}, constants=constants)

    study(b=1, c=2).run(tmp_path, progress=False)
    study(c=2, b=1).run(tmp_path, progress=False)


def test_what_a_killed_run_left_unfinished_is_no_other_study(tmp_path):
    (tmp_path / ".part-abcstudy.json").touch()
    results = Study(products, AXES).run(tmp_path, progress=False)
    assert bool((results["status"] == 1).all())


def test_every_run_names_the_devices_that_computed(tmp_path):
    study = Study(marked, AXES, constants={"folder": str(tmp_path)}, points_per_block=2)
    store = tmp_path / "store"
    results = study.run(store, progress=False)
    study.run(store, progress=False)
    first, second = json.loads((store / "study.json").read_text())["runs"]
    assert first["devices"] == [first["device"]] and "devices" not in second
    assert json.loads(results.attrs["runs"])[0]["devices"] == first["devices"]
    alone = study.run(progress=False)
    assert json.loads(alone.attrs["runs"])[0]["devices"] == first["devices"]


def test_an_interrupt_keeps_what_was_computed():
    def function(a):
        if a == 3:
            raise KeyboardInterrupt
        return {"y": 2.0 * a}

    with pytest.raises(StudyInterrupted, match="interrupted after 2 points") as caught:
        run(function, {"a": [1, 2, 3, 4]})
    np.testing.assert_array_equal(caught.value.results["y"], [2, 4, np.nan, np.nan])


def test_a_function_that_reads_other_values_is_told(tmp_path):
    def make(factor, log):
        def measure(a):
            log.append(a)
            return {"b": factor * a}

        return measure

    log = []
    for _ in range(2):
        Study(make(2, log), {"a": [1, 2]}).run(tmp_path, progress=False)
    with pytest.warns(StudyWarning, match="what the function reads, factor, of the study"):
        Study(make(3, log), {"a": [1, 2]}).run(tmp_path, progress=False)
