"""Studies in this process: what they compute, and what they say about bad input."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray
from study_functions import products, run

import osciprop
from osciprop.studies import (
    Axis,
    InProcess,
    Output,
    Study,
)

AXES = {"amplitude": [0.5, 1.0, 2.0], "points": [1, 2, 4, 8]}


def test_objects_by_name():
    methods = {"short": osciprop.BPTT(40), "long": osciprop.BPTT(50)}

    def loss(method):
        network = osciprop.hopfield_mlp([4, 6, 3], key=jax.random.key(0))
        return {"bias": osciprop.estimate_gradient(network, X, Y, method).gradient.readout.bias}

    X, Y = jnp.ones((1, 4)), jnp.asarray([1])
    results = run(loss, {"method": methods})
    assert results["method"].values.tolist() == ["short", "long"]
    assert np.abs(results["bias"].diff("method")).max() < 1e-3


@pytest.mark.parametrize(
    ("axes", "constants", "error", "message"),
    [
        ({}, {}, ValueError, "axes is empty"),
        ({"a": []}, {}, ValueError, "axis 'a' is empty"),
        ({"a": [1, 1]}, {}, ValueError, "axis 'a' holds 1 more than once"),
        ({"amplitud": [1]}, {}, ValueError, "takes no argument 'amplitud', only a, b: rename"),
        ({"a": [1]}, {"c": 1}, ValueError, "takes no argument 'c'"),
        ({"b": [1]}, {}, ValueError, "argument 'a' is neither an axis nor a constant"),
        ({"a": [1]}, {"a": 2}, ValueError, "'a' is an axis and a constant"),
    ],
)
def test_bad_studies_are_refused_before_they_start(axes, constants, error, message):
    with pytest.raises(error, match=message):
        Study(lambda a, b=0: {"y": a}, axes, constants=constants)


def test_wrong_kinds_of_arguments():
    with pytest.raises(TypeError, match="function is 3: give a function"):
        Study(3, {"a": [1]})
    with pytest.raises(TypeError, match="engine is 2: give InProcess"):
        Study(products, AXES).run(engine=2)
    with pytest.raises(ValueError, match="points_per_block must be an integer of at least 1"):
        Study(products, AXES, points_per_block=0)
    with pytest.raises(ValueError, match=r"outputs\['powers'\].dimensions are \('a', 'b'\), but"):
        run(products, AXES, outputs={"powers": Output(dimensions=("a", "b"))})
    with pytest.raises(ValueError, match="outputs names 'power', but the function returned prod"):
        run(products, AXES, outputs={"power": Output("V")})
    with pytest.raises(TypeError, match=r"outputs\['product'\] is 'V': give an Output"):
        Study(products, AXES, outputs={"product": "V"})
    with pytest.raises(TypeError, match=r"axes is \['a'\]: give a dict"):
        Study(products, ["a"])


@pytest.mark.slow
def test_memory_stays_flat(tmp_path):
    """Points come and go: what is held at the end is the result, not the way there."""
    import gc

    import psutil

    process = psutil.Process()
    held = []

    def function(a, n):
        if n % 10 == 0:
            gc.collect()
            held.append(process.memory_info().rss)
        return {"y": jnp.ones(100_000) * a}

    axes = {"n": list(range(60)), "a": [1.0]}
    Study(lambda a, n: {"y": function(a, n)["y"].sum()}, axes).run(tmp_path / "s", progress=False)
    assert max(held[2:]) - held[2] < 20e6  # each point alone makes 0.8 MB


def test_in_process_is_the_default_engine():
    one = Study(products, AXES).run(progress=False)
    other = Study(products, AXES).run(engine=InProcess(), progress=False)
    xarray.testing.assert_equal(one.drop_vars("seconds"), other.drop_vars("seconds"))


def test_an_axis_of_words_reaches_the_function():
    results = run(lambda word: {"length": len(word)}, {"word": Axis(["a", "abc"])})
    assert results["length"].sel(word="abc") == 3
