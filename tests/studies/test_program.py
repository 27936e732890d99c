"""Compiled programs: how points share one, and that none outlives its use."""

import gc
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from study_functions import run

from osciprop.studies import Axis, Study, evaluation, linspace, seeds
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
def test_a_worker_holds_its_newest_programs_only(monkeypatch):
    monkeypatch.setattr(evaluation, "KEPT", 1)
    powers = Axis([1, 2], vectorised=False)
    study = Study(iterated, {"power": powers, "seed": seeds(4, vectorised=True)})
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

    axes = {"power": Axis(list(range(1, 8)), vectorised=False), "seed": seeds(4, vectorised=True)}
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


def counting(traces, values):
    """A study of 90 points of a function that notes what it gets for `n`."""

    def function(a, n):
        traces.append(n if isinstance(n, int) else "traced")
        return {"y": a**n}

    return Study(function, {"a": linspace(1, 2, 30, vectorised=True), "n": values})


def test_one_program_serves_numbers_of_which_nothing_was_said():
    traces = []
    results = counting(traces, [1, 2, 3]).run(progress=False)
    assert traces == ["traced"] * 3  # to see that it can be, to count memory, to compile
    np.testing.assert_allclose(results["y"], results["a"] ** results["n"], rtol=1e-12)


def test_a_program_is_made_once_for_each_value_that_is_not_to_be_traced():
    traces = []
    results = counting(traces, Axis([1, 2, 3], vectorised=False)).run(progress=False)
    assert traces == [1, 1, 2, 2, 3, 3]
    np.testing.assert_allclose(results["y"], results["a"] ** results["n"], rtol=1e-12)


def test_sizes_and_words_are_fixed_while_other_numbers_are_traced():
    seen = set()

    def function(a, size, period, word):
        seen.add((type(size) is int, type(period) is float, word))
        return {"y": jnp.sum(jnp.ones(size) * a * period) + len(word), "rows": size}

    axes = {
        "period": [50.0, 100.0],
        "size": [2, 3],
        "word": ["a", "bc"],
        "a": linspace(1, 2, 3, vectorised=True),
    }
    results = run(function, axes)
    assert {(True, False, "a"), (True, False, "bc")} <= seen
    here = results.sel(period=100.0, size=3, word="bc")
    np.testing.assert_allclose(here["y"], 300 * results["a"] + 2)
    assert results["rows"].values[0, :, 0, 0].tolist() == [2, 3]


def test_traced_numbers_keep_the_precision_of_a_function():
    """As plain numbers would: they do not widen what they meet."""

    def function(a, period):
        half = jnp.ones(2, jnp.float32) * period
        return {"y": half.astype(jnp.float64).sum() * a, "half": half}

    axes = {"a": linspace(1, 2, 3, vectorised=True), "period": [0.1, 0.2]}
    assert run(function, axes)["half"].dtype == np.float32


def test_what_can_be_traced_at_one_value_need_not_be_at_another():
    def function(a, n, word):
        if word == "b" and n > 2:  # for which JAX has no answer
            return {"y": a * n}
        return {"y": a + n}

    axes = {"a": linspace(1, 2, 3, vectorised=True), "word": ["a", "b"], "n": [1, 2, 3]}
    results = run(function, axes)
    expected = [[[2, 3, 4], [2, 3, 3]], [[2.5, 3.5, 4.5], [2.5, 3.5, 4.5]]]
    np.testing.assert_allclose(results["y"].values[:2], expected)


def test_what_is_known_keeps_its_precision():
    with jax.enable_x64(False):
        axes = {"a": linspace(1, 2, 3, vectorised=True)}
        results = run(lambda a: {"y": a, "large": 2**40, "fine": 1e300, "list": [1, 2]}, axes)
    assert results["large"].values.tolist() == [2**40] * 3
    assert results["fine"].values.tolist() == [1e300] * 3
    assert results["y"].dtype == np.float32 and results["list"].shape == (3, 2)


@pytest.mark.parametrize("function", [lambda n: 10**-n, lambda n: n**2 * 10**9, lambda n: 1 << n])
def test_whole_numbers_are_those_of_python(function):
    with jax.enable_x64(False):
        axes = {"a": linspace(1, 2, 3, vectorised=True), "n": [2, 40]}
        results = run(lambda a, n: {"y": a, "made": function(n)}, axes)
    wanted = [float(function(n)) for n in (2, 40)]
    np.testing.assert_allclose(results["made"].values.astype(float), [wanted] * 3, rtol=1e-12)
