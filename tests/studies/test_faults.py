"""What survives: the parent killed, the disk full."""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from study_functions import ENVIRONMENT, GATE, calls, gated, voluminous

from osciprop.studies import Study, StudyError

PARENT = """
import sys
from study_functions import gated
from osciprop.studies import Processes, Study

if __name__ == "__main__":
    axes = {"amplitude": [1.0, 2.0], "points": list(range(10))}
    study = Study(gated, axes, constants={"folder": sys.argv[1]})
    study.run(sys.argv[1] + "/store", engine=Processes(1), progress=False)
"""


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
