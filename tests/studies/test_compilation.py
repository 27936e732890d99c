"""The time of compilation, told from that of computing."""

import re

import jax
import jax.numpy as jnp
import pytest
from study_functions import run

from osciprop.studies import Study, linspace, study_status
from osciprop.studies import compilation as module
from osciprop.studies.compilation import EVENTS, Stopwatch


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set by hand."""
    now = [0.0]
    monkeypatch.setattr(module.time, "perf_counter", lambda: now[0])
    return now


def test_moments_inside_of_others_count_once(clock):
    watch = Stopwatch()
    for end, duration in ((1.0, 1.0), (3.0, 1.0), (4.0, 3.5), (10.0, 2.0)):
        clock[0] = end
        watch.add(f"{EVENTS}something", duration)
    assert watch.total == 4.0 + 2.0
    watch.add("/jax/another/event", 5.0)
    assert watch.total == 6.0


def slow_to_compile(scale):
    """A function that is compiled at each of its calls."""

    def function(a):
        return {"y": jax.jit(lambda x: scale * jnp.sin(x) + jnp.cos(x))(a)}

    return function


@pytest.mark.parametrize("vectorised", [True, None])
def test_a_summary_tells_both(tmp_path, capsys, vectorised):
    axes = {"a": linspace(0.0, 1.0, 3, vectorised=vectorised)}
    results = Study(slow_to_compile(2.0), axes).run(tmp_path)
    told = capsys.readouterr().err
    computing, compiling = map(
        float, re.search(r"; (\S+) s of computing and (\S+) s of compilation, on", told).groups()
    )
    assert 0 < computing < compiling
    assert float(results["seconds"].sum()) == pytest.approx(computing, rel=0.01)
    status = study_status(tmp_path)
    assert status.compiling == pytest.approx(compiling, rel=0.01)
    assert f"{compiling:.3g} s of compilation, summed over workers" in str(status)


def test_runs_add_up(tmp_path):
    def function(a):
        if a == 3 and not (tmp_path / "mended").exists():
            raise KeyboardInterrupt
        return slow_to_compile(3.0)(a)

    study = Study(function, {"a": [1, 2, 3]})
    with pytest.raises(KeyboardInterrupt):
        study.run(tmp_path / "s", progress=False)
    before = study_status(tmp_path / "s").compiling
    (tmp_path / "mended").touch()
    study.run(tmp_path / "s", progress=False)
    assert study_status(tmp_path / "s").compiling > before > 0


def test_seconds_are_not_negative():
    results = run(slow_to_compile(4.0), {"a": [1.0, 2.0, 3.0, 4.0]})
    assert (results["seconds"] > 0).all()
