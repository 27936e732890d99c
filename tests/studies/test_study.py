"""Studies in this process: what they compute, and what they say about bad input."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray
from study_functions import gradient, products

import osciprop
from osciprop.studies import (
    Axis,
    InProcess,
    Output,
    Study,
    StudyError,
    StudyInterrupted,
    StudyWarning,
    linspace,
    logspace,
    seeds,
)

AXES = {"amplitude": [0.5, 1.0, 2.0], "points": [1, 2, 4, 8]}


def run(*arguments, **keywords):
    return Study(*arguments, **keywords).run(progress=False)


def test_results_are_those_of_the_function_at_every_point():
    results = run(products, AXES, constants={"seed": 3})
    assert results["product"].dims == ("amplitude", "points")
    for amplitude in AXES["amplitude"]:
        for points in AXES["points"]:
            here = results.sel(amplitude=amplitude, points=points)
            expected = products(amplitude, points, 3)
            assert here["product"] == expected["product"]
            assert here["phase"] == expected["phase"]
            assert bool(here["large"]) == expected["large"]
            np.testing.assert_array_equal(here["powers"], expected["powers"])
    assert results["phase"].dtype == complex
    assert results["large"].dtype == bool
    assert results["count"].dtype == np.int64
    assert (results["status"] == 1).all() and (results["seconds"] > 0).all()


def test_units_dimensions_and_provenance_are_attached():
    axes = {"amplitude": linspace(0.1, 1, 2, unit="V"), "points": [2]}
    outputs = {"powers": Output("V", ("order",)), "product": Output("V")}
    results = run(products, axes, outputs=outputs)
    assert results["amplitude"].attrs["units"] == "V"
    assert results["powers"].dims == ("amplitude", "points", "order")
    assert results["powers"].attrs["units"] == results["product"].attrs["units"] == "V"
    (made,) = json.loads(results.attrs["runs"])
    assert made["osciprop"] == osciprop.__version__ and made["jax"] == jax.__version__
    assert "cpu" in made["device"] and {"git_commit", "python", "started"} <= set(made)
    assert json.loads(results.attrs["settings"])["axes"]["points"]["values"] == [2]


def gradient_study(vectorised, **keywords):
    axes = {
        "amplitude": logspace(0.05, 0.5, 5, vectorised="amplitude" in vectorised),
        "seed": seeds(3, vectorised="seed" in vectorised),
    }
    return run(gradient, axes, **keywords)


@pytest.fixture(scope="module")
def one_by_one():
    return gradient_study(())


@pytest.mark.parametrize(
    ("vectorised", "memory_limit"),
    [(("amplitude",), 1), (("seed",), None), (("amplitude", "seed"), 20_000)],
)
def test_vectorised_axes_change_no_number(vectorised, memory_limit, one_by_one):
    together = gradient_study(vectorised, memory_limit=memory_limit, points_per_block=4)
    for name in ("loss", "bias"):
        np.testing.assert_allclose(together[name], one_by_one[name], rtol=1e-8, atol=1e-10)


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


def test_objects_by_name():
    methods = {"centred": osciprop.HolomorphicEP(0.1, 2), "exact": osciprop.Implicit()}

    def loss(method):
        network = osciprop.hopfield_mlp([4, 6, 3], key=jax.random.key(0))
        return {"bias": osciprop.estimate_gradient(network, X, Y, method).gradient.readout.bias}

    X, Y = jnp.ones((1, 4)), jnp.asarray([1])
    results = run(loss, {"method": methods})
    assert results["method"].values.tolist() == ["centred", "exact"]
    assert np.abs(results["bias"].diff("method")).max() < 1e-3


def test_a_failing_point_is_recorded_and_the_rest_goes_on():
    def function(a):
        if a == 2:
            raise ArithmeticError("no such root")
        return {"y": a, "whole": int(a), "sure": True}

    with pytest.warns(StudyWarning, match="1 of 3 points failed, the first at a=2: Arithmetic"):
        results = run(function, {"a": [1, 2, 3]})
    np.testing.assert_array_equal(results["y"], [1, np.nan, 3])
    np.testing.assert_array_equal(results["whole"], [1, np.nan, 3])
    np.testing.assert_array_equal(results["sure"], [1, np.nan, 1])
    assert results["status"].values.tolist() == [1, 2, 1]


def test_a_failing_point_of_a_compiled_call_is_found():
    import equinox as eqx

    def function(a):
        return {"y": eqx.error_if(2 * a, a > 2.5, "too large")}

    with pytest.warns(StudyWarning, match="1 of 3 points failed, the first at a=3: .*too large"):
        results = run(function, {"a": linspace(1, 3, 3, vectorised=True)})
    np.testing.assert_array_equal(results["y"], [2, 4, np.nan])


def test_other_shapes_and_names_are_failures_with_a_remedy():
    with pytest.warns(StudyWarning, match=r"n=3: ResultError: returned 'y' of shape \(3,\), other"):
        run(lambda n: {"y": np.zeros(2 if n < 3 else 3)}, {"n": [1, 2, 3]})
    with pytest.warns(StudyWarning, match=r"returned \['z'\], other points \['y'\]: return the sa"):
        run(lambda n: {"y" if n < 3 else "z": 1.0}, {"n": [1, 2, 3]})
    with pytest.warns(StudyWarning, match="returned 'y' of type float64, other points of int64"):
        run(lambda n: {"y": n if n < 3 else 0.5}, {"n": [1, 2, 3]})


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (3.0, "the study's function returned float 3.0: return a dict"),
        ({}, "returned dict {}: return a dict of numbers"),
        ({"a": 1.0}, "returned 'a', a name of an axis: call it otherwise"),
        ({"status": 1.0}, "returned 'status', a name of the study itself"),
        ({"y": "word"}, "returned 'y' of type <U4: return numbers"),
        ({"two words": 1}, "returned the name 'two words': use identifiers"),
    ],
)
@pytest.mark.parametrize("vectorised", [False, True])
def test_what_cannot_be_stored_is_named(returned, message, vectorised):
    if vectorised and returned == {"y": "word"}:
        pytest.skip("JAX itself refuses words")
    with pytest.raises(StudyError, match=f"2 of 2 points failed, the first at a=0: .*{message}"):
        run(lambda a: returned, {"a": linspace(0, 1, 2, vectorised=vectorised)})


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


def test_a_choice_by_a_traced_value_says_what_to_write():
    with pytest.raises(StudyError, match="use jnp.where in place of if.*or leave vectorised out"):
        run(lambda a: {"y": 1.0 if a > 1 else 2.0}, {"a": linspace(0, 2, 3, vectorised=True)})


def test_an_interrupt_keeps_what_was_computed():
    def function(a):
        if a == 3:
            raise KeyboardInterrupt
        return {"y": 2.0 * a}

    with pytest.raises(StudyInterrupted, match="interrupted after 2 points") as caught:
        run(function, {"a": [1, 2, 3, 4]})
    np.testing.assert_array_equal(caught.value.results["y"], [2, 4, np.nan, np.nan])


def test_the_summary_and_the_bar(capsys):
    Study(products, AXES).run()
    shown = capsys.readouterr().err
    assert "12/12" in shown and "point/s" in shown
    assert "12 points done, 0 failed; " in shown and "slowest amplitude=" in shown


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
