"""What points return beside each other: names that collide, types that differ."""

import numpy as np
import pytest
import xarray
from study_functions import run

from osciprop.studies import Output, Study, StudyError, StudyWarning, linspace, load_results


def returning(*values):
    """A study whose points return these values."""
    return Study(lambda n: {"v": values[n]}, {"n": list(range(len(values)))})


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ((1, 2**31), np.int64),
        ((np.int8(1), 300), np.int64),
        ((np.int8(1), np.int16(300), np.int8(3)), np.int16),
        ((np.float32(0.1), 1e39), np.float64),
        ((1, 0.5), np.float64),
        ((0.5, 1), np.float64),
        ((1.0, 2j, 3), np.complex128),
        ((True, 2, 0.5, 1j), np.complex128),
        ((np.int32(1), np.float32(0.1)), np.float64),
        ((1, 2**63), np.uint64),
        (([1, 2], [0.5, 1]), np.float64),
        ((np.array([1], ">i2"), np.array([2], ">f8")), np.float64),
    ],
)
@pytest.mark.parametrize("kept", [False, True])
def test_types_widen_and_no_value_changes(tmp_path, values, dtype, kept):
    study = returning(*values)
    results = study.run(tmp_path / "s" if kept else None, progress=False)
    assert results["v"].dtype == dtype
    assert (results["status"] == 1).all()
    for n, value in enumerate(values):
        np.testing.assert_array_equal(results["v"].values[n], value)
    if kept:
        assert load_results(tmp_path / "s").identical(results)
        assert study.run(tmp_path / "s", progress=False)["v"].identical(results["v"])
        with xarray.open_zarr(tmp_path / "s" / "results.zarr", consolidated=False) as stored:
            np.testing.assert_array_equal(stored["v"], results["v"])
        assert not (tmp_path / "s" / "widening").exists()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((2**53 + 1, 0.5), "returned 'v' of type float64, other points of int64, and no type"),
        ((0.5, 2**53 + 1), "returned 'v' of type int64, other points of float64, and no type"),
        ((-1, 2**63), "returned 'v' of type uint64, other points of int64, and no type"),
        ((1, "two"), "returned 'v' of type <U3: return num.*; at other points it is int64"),
        ((1, 2**70), r"'v' of type int beyond 64 bits: return float\(v\); at other .*int64"),
        ((1.5, None), "returned 'v' of type object: return numbers.*; at other points it is float"),
        (([1], [[1], [2, 3]]), "'v' of type list .*inhomogeneous.*; at other points it is int64"),
        (([1, 2], [2**53 + 1, 0.5]), "'v' as a list that float64 cannot hold exactly: name them"),
        ((1.0, np.longdouble(2)), "'v' of type float128: return double precision; at other"),
        ((1.0, np.ma.masked_array([1.0], [True])), r"'v' as masked array: fill it, as in v.fil"),
    ],
)
def test_what_fits_in_no_type_is_refused_and_harms_nothing(tmp_path, values, message):
    with pytest.warns(StudyWarning, match=f"1 of 2 points failed, the first at n=1: .*{message}"):
        results = returning(*values).run(tmp_path / "s", progress=False)
    assert results["status"].values.tolist() == [1, 2]
    np.testing.assert_array_equal(results["v"].values[0], values[0])


def test_points_of_one_block_may_differ(tmp_path):
    values = (1, 0.5, np.float32(0.1), 2, 1j)
    study = Study(lambda n: {"v": values[n]}, {"n": list(range(5))}, points_per_block=5)
    results = study.run(tmp_path / "s", progress=False)
    assert results["v"].values.tolist() == [1, 0.5, np.float32(0.1), 2, 1j]
    assert load_results(tmp_path / "s").identical(results)


def test_programs_may_differ():
    axes = {"a": linspace(0, 1, 3, vectorised=True), "word": ["x", "y"]}
    results = run(lambda a, word: {"v": a > 0.2 if word == "x" else 2 * a}, axes)
    assert results["v"].values.T.tolist() == [[0.0, 1.0, 1.0], [0.0, 1.0, 2.0]]


NAMES = {"a": [1, 2], "time": [0.1, 0.2]}


@pytest.mark.parametrize(
    ("returned", "outputs", "message"),
    [
        (
            {"v": [1, 2]},
            {"v": Output(dimensions=("time",))},
            "'time' of the output 'v' has the n.*an ax",
        ),
        (
            {"v": [1, 2], "w": 1},
            {"v": Output(dimensions=("w",))},
            "'w' of .*'v' has the name of an out",
        ),
        ({"v": [1, 2]}, {"v": Output(dimensions=("v",))}, "'v' of .*'v' has the name of an output"),
        ({"v": [1, 2]}, {"v": Output(dimensions=("status",))}, "has the name of the study's own"),
        (
            {"v": [1, 2], "w": [1, 2, 3]},
            {"v": Output(dimensions=("x",)), "w": Output(dimensions=("x",))},
            "'x' of the output 'w' has the length 3, and 2 in 'v': rename it, as in Output",
        ),
        ({"v": [1, 2], "v_axis0": 1}, {}, "'v_axis0' of the output 'v' has the name of an output"),
    ],
)
def test_names_that_collide_are_refused_at_the_first_point(tmp_path, returned, outputs, message):
    study = Study(lambda a, time: returned, NAMES, outputs=outputs)
    for store in (None, tmp_path / "s"):
        with pytest.raises(ValueError, match=message):
            study.run(store, progress=False)
    assert load_results(tmp_path / "s")["status"].values.tolist() == [[0, 0], [0, 0]]


def test_a_dimension_may_be_shared():
    outputs = {"v": Output(dimensions=("x",)), "w": Output(dimensions=("x",))}
    results = run(lambda a: {"v": [a, 1], "w": [2, a]}, {"a": [1, 2]}, outputs=outputs)
    assert results["v"].dims == results["w"].dims == ("a", "x")


def test_axes_in_another_order_are_another_study(tmp_path):
    Study(lambda a, b: {"v": a}, {"a": [1, 2], "b": [3, 4]}).run(tmp_path, progress=False)
    with pytest.raises(StudyError, match="order of axes: a, b != b, a"):
        Study(lambda a, b: {"v": a}, {"b": [3, 4], "a": [1, 2]}).run(tmp_path, progress=False)
