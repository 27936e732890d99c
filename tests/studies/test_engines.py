"""Engines: the same numbers everywhere, from real processes."""

import concurrent.futures
import contextlib
import multiprocessing
import os
import sys
import types
from concurrent.futures.process import BrokenProcessPool

import numpy as np
import pytest
from study_functions import calls, deadly, gradient, marked, same

from osciprop.studies import (
    InProcess,
    OnExecutor,
    Processes,
    Study,
    StudyError,
    StudyWarning,
    engines,
    logspace,
    seeds,
)

AXES = {"amplitude": [1.0, 2.0], "points": [1, 2, 3]}


@pytest.fixture
def as_here(monkeypatch):
    """Workers compile as this process does, whose setting is not among those that travel."""
    monkeypatch.setenv("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")


@pytest.mark.slow
def test_processes_give_the_same_bits(as_here):
    axes = {"amplitude": logspace(0.05, 0.5, 6, vectorised=True), "seed": seeds(1)}
    study = Study(gradient, axes, points_per_block=3)
    alone = study.run(progress=False)
    assert alone["bias"].dtype == np.float64  # precision travels to the workers
    assert same(alone, study.run(engine=Processes(2), progress=False))


@pytest.mark.slow
def test_functions_of_a_notebook_travel_by_value_to_processes_with_environments():
    offset = 5

    def local(a):
        return {"y": a + offset, "pid": os.getpid(), "device": int(os.environ["STUDY_DEVICE"])}

    engine = Processes(environments=[{"STUDY_DEVICE": "7"}])
    results = Study(local, {"a": [1, 2, 3]}).run(engine=engine, progress=False)
    assert results["y"].values.tolist() == [6, 7, 8]
    assert os.getpid() not in results["pid"].values
    assert (results["device"] == 7).all()


@pytest.mark.slow
def test_two_processes_of_which_one_is_killed(tmp_path):
    study = Study(deadly, AXES, constants={"folder": str(tmp_path), "always": False})
    results = study.run(tmp_path / "store", engine=Processes(2), progress=False)
    expected = Study(marked, AXES, constants={"folder": str(tmp_path)}).run(progress=False)
    assert same(results, expected)


class Breaking(concurrent.futures.ThreadPoolExecutor):
    """Refuses one task, as a pool does of which a process has died a moment ago."""

    refused = False

    def submit(self, *arguments):
        if arguments[2].start == (1, 1) and not Breaking.refused:
            Breaking.refused = True
            raise BrokenProcessPool
        return super().submit(*arguments)


def test_what_a_dying_pool_refuses_is_not_lost(tmp_path, monkeypatch):
    @contextlib.contextmanager
    def pool(environments):
        with Breaking(len(environments)) as threads:
            yield threads

    monkeypatch.setattr(engines, "_pool", pool)
    study = Study(marked, AXES, constants={"folder": str(tmp_path)})
    results = study.run(engine=Processes(2), progress=False)
    assert Breaking.refused and bool((results["status"] == 1).all())


class Forgetful(InProcess):
    """Leaves out its last task."""

    def run(self, work, tasks):
        yield from super().run(work, tasks[:-1])


def test_an_engine_that_forgets_points_is_found_out(tmp_path):
    study = Study(marked, AXES, constants={"folder": str(tmp_path)})
    with pytest.raises(StudyError, match="Forgetful ended without 1 of 6 points: run the study"):
        study.run(tmp_path / "store", engine=Forgetful(), progress=False)
    assert (study.run(tmp_path / "store", progress=False)["status"] == 1).all()
    assert len(calls(tmp_path)) == 6


class Losing(InProcess):
    """Loses its workers before the last task."""

    def run(self, work, tasks):
        yield from super().run(work, tasks[:-1])
        raise StudyError("all workers are lost")


@pytest.mark.parametrize("engine", [Forgetful(), Losing()])
def test_what_was_finished_comes_with_the_error(engine, tmp_path):
    study = Study(marked, AXES, constants={"folder": str(tmp_path)})
    with pytest.raises(StudyError) as caught:
        study.run(engine=engine, progress=False)
    assert int((caught.value.results["status"] == 1).sum()) == 5
    assert caught.value.__notes__ == [
        "What was finished is in the attribute `results` of this error."
    ]
    with pytest.raises(StudyError) as caught:
        study.run(tmp_path / "store", engine=engine, progress=False)
    assert caught.value.results is None
    assert caught.value.__notes__ == [f"What was finished is in {tmp_path / 'store'}."]


@pytest.mark.slow
def test_a_killed_process_is_replaced_and_a_block_that_kills_twice_fails_alone(tmp_path):
    study = Study(deadly, AXES, constants={"folder": str(tmp_path), "always": True})
    with pytest.warns(StudyWarning, match="1 of 6 points failed, .*points=1: WorkerDied: .* twice"):
        results = study.run(tmp_path / "store", engine=Processes(1), progress=False)
    assert results["status"].values.tolist() == [[1, 1, 1], [2, 1, 1]]
    assert (tmp_path / "killed").exists() and results["product"].values[0].tolist() == [1, 2, 3]


def test_any_executor_will_do(tmp_path):
    study = Study(marked, AXES, constants={"folder": str(tmp_path)})
    with concurrent.futures.ThreadPoolExecutor(2) as executor:
        results = study.run(engine=OnExecutor(executor), progress=False)
    assert results["product"].values.tolist() == [[1, 2, 3], [2, 4, 6]]


@pytest.mark.slow
def test_loky_will_do(tmp_path):
    loky = pytest.importorskip("loky")
    study = Study(marked, AXES, constants={"folder": str(tmp_path)})
    executor = loky.ProcessPoolExecutor(2)
    try:
        results = study.run(engine=OnExecutor(executor), progress=False)
    finally:
        executor.shutdown()
    assert results["product"].values.tolist() == [[1, 2, 3], [2, 4, 6]]


@pytest.mark.slow
def test_an_executor_that_loses_a_worker_leaves_a_study_to_resume(tmp_path):
    store = tmp_path / "store"
    study = Study(deadly, AXES, constants={"folder": str(tmp_path), "always": False})
    context = multiprocessing.get_context("spawn")
    message = "executor lost a worker .*run the study again"
    with (
        concurrent.futures.ProcessPoolExecutor(1, context) as executor,
        pytest.raises(StudyError, match=message),
    ):
        study.run(store, engine=OnExecutor(executor), progress=False)
    results = study.run(store, progress=False)
    assert results["product"].values.tolist() == [[1, 2, 3], [2, 4, 6]]


@pytest.mark.slow
def test_a_worker_that_cannot_import_the_function_says_so(monkeypatch):
    module = types.ModuleType("only_here")
    exec("def function(a): return {'y': a}", vars(module))
    monkeypatch.setitem(sys.modules, "only_here", module)
    with pytest.raises(
        StudyError, match="cannot load the study .*No module named 'only_here'.*mak"
    ):
        Study(module.function, {"a": [1]}).run(engine=Processes(1), progress=False)


def test_bad_arguments():
    with pytest.raises(TypeError, match="executor is 3: give a concurrent.futures.Executor"):
        OnExecutor(3)
    with pytest.raises(ValueError, match="workers must be an integer of at least 1, got 0"):
        Processes(0)
    with pytest.raises(ValueError, match="workers is 2 and environments holds 1: give one of"):
        Processes(2, environments=[{}])
