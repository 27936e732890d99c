"""A real Dask cluster: spawned workers, and a scheduler that is lost."""

import json
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from study_functions import ENVIRONMENT, GATE, calls, deadly, gated, gradient, marked, same

from osciprop.studies import Study, StudyError, StudyWarning, logspace, seeds
from osciprop.studies.dask import Dask

AXES = {"amplitude": [1.0, 2.0], "points": [1, 2, 3]}


@pytest.fixture(scope="module")
def client():
    from distributed import Client, LocalCluster

    os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"  # workers compile as this process does
    try:
        with (
            LocalCluster(
                n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
            ) as cluster,
            Client(cluster, set_as_default=False) as client,
        ):
            yield client
    finally:
        del os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"]


@pytest.mark.slow
def test_two_workers_give_the_same_bits(client):
    axes = {"amplitude": logspace(0.05, 0.5, 6, vectorised=True), "seed": seeds(2)}
    study = Study(gradient, axes, points_per_block=3)
    assert same(study.run(progress=False), study.run(engine=Dask(client), progress=False))


@pytest.mark.slow
def test_an_address_will_do(client, tmp_path):
    study = Study(marked, AXES, constants={"folder": str(tmp_path)})
    results = study.run(engine=Dask(client.scheduler.address), progress=False)
    assert results["product"].values.tolist() == [[1, 2, 3], [2, 4, 6]]
    workers = {line.split()[2] for line in (tmp_path / "calls").read_text().splitlines()}
    assert str(os.getpid()) not in workers and 1 <= len(workers) <= 2


def test_no_scheduler_at_an_address():
    study = Study(marked, AXES, constants={"folder": "."})
    with pytest.raises(StudyError, match="no Dask scheduler answers at 'tcp://127.0.0.1:9'"):
        study.run(engine=Dask("tcp://127.0.0.1:9", timeout=0.5), progress=False)


def dask(*arguments):
    """A program of Dask's own, such as its scheduler."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([sys.executable, "-m", "dask", *arguments], env=ENVIRONMENT, **quiet)


@pytest.mark.slow
def test_a_lost_scheduler_leaves_a_study_to_resume(tmp_path):
    told = tmp_path / "scheduler.json"
    options = ["--scheduler-file", str(told), "--no-dashboard"]
    scheduler = dask("scheduler", "--port", "0", "--host", "127.0.0.1", *options)
    worker = dask("worker", "--nthreads", "1", "--no-nanny", "--death-timeout", "600", *options)
    store = tmp_path / "store"
    study = Study(
        gated, {"amplitude": [1.0], "points": list(range(30))}, constants={"folder": str(tmp_path)}
    )

    def stored() -> set[tuple[float, int]]:
        place = store / "results.zarr" / "status" / "c" / "0"
        names = [path.name for path in place.iterdir()] if place.exists() else []
        return {(1.0, int(name)) for name in names if name.isdigit()}

    def kill():
        while not stored():
            time.sleep(0.02)
        scheduler.kill()

    try:
        while not told.exists():
            assert scheduler.poll() is None
            time.sleep(0.05)
        threading.Thread(target=kill, daemon=True).start()
        address = json.loads(told.read_text())["address"]
        with pytest.raises(StudyError, match="Dask scheduler .* was lost .*run the study again"):
            study.run(store, engine=Dask(address, timeout=60.0), progress=False)
    finally:
        for process in (worker, scheduler):
            process.kill()
            process.wait()
    before, kept = len(calls(tmp_path)), stored()
    assert kept and before <= GATE
    (tmp_path / "open").touch()
    resumed = study.run(store, progress=False)
    np.testing.assert_array_equal(resumed["product"], [range(30)])
    assert set(calls(tmp_path)[before:]) == {(1.0, n) for n in range(30)} - kept


@pytest.mark.slow
def test_a_block_that_kills_workers_fails_alone(client, tmp_path):
    study = Study(deadly, AXES, constants={"folder": str(tmp_path), "always": True})
    with pytest.warns(StudyWarning, match="1 of 6 points failed, .*points=1: KilledWorker"):
        results = study.run(engine=Dask(client), progress=False)
    assert results["status"].values.tolist() == [[1, 1, 1], [2, 1, 1]]


def test_bad_arguments():
    with pytest.raises(TypeError, match="cluster is 3: give the address of a scheduler"):
        Dask(3)
