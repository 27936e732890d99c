"""What a worker does (`evaluation`, `work`): the points of a block together, or one by one."""

import sys

import numpy as np
import pytest
from study_functions import gradient, run

from osciprop.studies import (
    StudyError,
    StudyWarning,
    linspace,
    logspace,
    seeds,
)


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


def test_a_choice_by_a_traced_value_says_what_to_write():
    with pytest.raises(StudyError, match="use jnp.where in place of if.*or leave vectorised out"):
        run(lambda a: {"y": 1.0 if a > 1 else 2.0}, {"a": linspace(0, 2, 3, vectorised=True)})


def gradient_study(vectorised, **keywords):
    axes = {
        "amplitude": logspace(0.05, 0.5, 3, vectorised="amplitude" in vectorised),
        "seed": seeds(2, vectorised="seed" in vectorised),
    }
    return run(gradient, axes, **keywords)


@pytest.fixture(scope="module")
def one_by_one():
    return gradient_study(())


@pytest.mark.parametrize(
    ("vectorised", "memory_limit"),
    [
        pytest.param(("amplitude",), 1, marks=pytest.mark.slow),
        pytest.param(("seed",), None, marks=pytest.mark.slow),
        (("amplitude", "seed"), 20_000),
    ],
)
def test_vectorised_axes_change_no_number(vectorised, memory_limit, one_by_one):
    together = gradient_study(vectorised, memory_limit=memory_limit, points_per_block=4)
    for name in ("loss", "bias"):
        np.testing.assert_allclose(together[name], one_by_one[name], rtol=1e-8, atol=1e-10)


def test_a_function_that_ends_the_program_ends_its_point():
    def ending(a):
        if a == 2:
            sys.exit("no such file")
        return {"y": a}

    with pytest.warns(StudyWarning, match="1 of 3 points failed, .*a=2: SystemExit: no such file"):
        results = run(ending, {"a": [1, 2, 3]})
    assert results["y"].values[[0, 2]].tolist() == [1, 3]
