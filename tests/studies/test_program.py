"""Compiled programs: how points share one, and that none outlives its use."""

import gc
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from study_functions import run

from osciprop.studies import Study, linspace, seeds
from osciprop.studies import program as programs
from osciprop.studies.evaluation import Worker
from osciprop.studies.memory_maps import LISTED
from osciprop.studies.work import Work

MEBI = 2**20


@pytest.mark.parametrize(
    ("size", "each", "given", "groups", "lanes"),
    [
        (256, MEBI // 4, None, 4, 64),
        (256, 4 * MEBI, None, 64, 4),
        (256, 5 * MEBI, None, 256, 1),  # three side by side may be slower than one at a time
        (256, 2 * MEBI, 4 * MEBI, 128, 2),  # as told
        (3, 0, None, 1, 3),
        (2, 1, None, 1, 2),
        (100, MEBI // 2, None, 4, 25),  # as few groups, evenly filled
        (5, 10 * MEBI, MEBI, 5, 1),
    ],
)
def test_groups_of_lanes_on_a_processor(monkeypatch, size, each, given, groups, lanes):
    monkeypatch.setattr(programs.jax, "default_backend", lambda: "cpu")
    assert programs.divide(size, each, given) == (groups, lanes)


def test_an_accelerator_takes_more_side_by_side(monkeypatch):
    monkeypatch.setattr(programs.jax, "default_backend", lambda: "gpu")
    assert programs.divide(4096, MEBI, None) == (4, 1024)
    assert programs.divide(4096, 2**29, None) == (2048, 2)


def iterated(power, seed):
    state = jnp.full((8, 8), 0.1) * jnp.asarray(seed, float)
    state = jax.lax.fori_loop(0, 3, lambda _, value: jnp.tanh(value @ value) + power, state)
    return {"y": jnp.sum(state)}


@pytest.mark.slow
def test_a_worker_holds_its_newest_program_only():
    study = Study(iterated, {"power": [1, 2], "seed": seeds(4, vectorised=True)})
    worker = Worker(Work(study.function, study.grid, {}, None))
    first = weakref.ref(worker.program((0, 0)))
    assert worker.program((0, 3)) is first()
    worker.program((1, 0))
    gc.collect()
    assert first() is None


@pytest.mark.slow
@pytest.mark.skipif(not LISTED.exists(), reason="this system lists no memory maps")
def test_many_programs_leave_no_memory_maps_behind():
    listed = []

    def counted(power, seed):
        listed.append(LISTED.read_bytes().count(b"\n"))
        return iterated(power, seed)

    axes = {"power": list(range(1, 8)), "seed": seeds(4, vectorised=True)}
    Study(counted, axes).run(progress=False)
    assert len(listed) == 14  # each value is traced twice, and compiled once
    assert listed[-1] - listed[4] < 50  # kept, they were 30 and more each


def test_ten_thousand_points_are_traced_twice():
    traces = []

    def function(a, b):
        traces.append(1)
        return {"y": jnp.sin(a) * b}

    axes = {"a": linspace(0, 1, 100, vectorised=True), "b": linspace(1, 2, 100, vectorised=True)}
    results = run(function, axes)
    assert len(traces) == 2  # once to count memory, once to compile
    expected = np.sin(results["a"]) * results["b"]
    np.testing.assert_allclose(results["y"], expected, rtol=1e-12)


def test_a_program_is_made_once_for_each_value_not_vectorised():
    traces = []

    def function(a, n):
        traces.append(n)
        return {"y": a**n}

    run(function, {"a": linspace(1, 2, 30, vectorised=True), "n": [1, 2, 3]}, points_per_block=5)
    assert traces == [1, 1, 2, 2, 3, 3]
