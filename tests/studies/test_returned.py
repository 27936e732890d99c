"""What a function may return, and what is said of all else."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from study_functions import run

from osciprop.studies import (
    StudyError,
    StudyWarning,
    linspace,
)
from osciprop.studies.returned import ResultError, storable


def test_other_shapes_and_names_are_failures_with_a_remedy():
    with pytest.warns(StudyWarning, match=r"n=3: ResultError: returned 'y' of shape \(3,\), other"):
        run(lambda n: {"y": np.zeros(2 if n < 3 else 3)}, {"n": [1, 2, 3]})
    with pytest.warns(StudyWarning, match=r"returned \['z'\], other points \['y'\]: return the sa"):
        run(lambda n: {"y" if n < 3 else "z": 1.0}, {"n": [1, 2, 3]})


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
    ("value", "dtype"),
    [
        (jnp.asarray(0.1, jnp.bfloat16), np.float32),
        (jnp.asarray(0.5, jnp.float8_e4m3fn), np.float32),
        (jnp.asarray(-3, jnp.int4), np.int8),
        (jnp.asarray(3, jnp.uint4), np.uint8),
        (np.float16(0.1), np.float16),
        (np.array(2.5, ">f4"), np.float32),
        ([1, True, 2.5], np.float64),
        (3 + 1j, np.complex128),
    ],
)
def test_types_that_numpy_has_not_itself_are_kept_in_wider_ones(value, dtype):
    kept = storable("y", value)
    assert kept.dtype == dtype and kept.dtype.isnative
    np.testing.assert_array_equal(kept.astype(complex), np.asarray(value).astype(complex))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (jax.random.key(0), "'y' of type key<fry> .*: return numbers"),
        (np.datetime64("2020-01-01"), "'y' of type datetime64.*: return numbers"),
        (2**70, r"'y' of type int beyond 64 bits: return float\(y\)"),
        ({"a": 1}, "'y' of type object: return numbers"),
        ([2**53 + 1, 0.5], "'y' as a list that float64 cannot hold exactly"),
    ],
)
def test_what_is_no_number_is_refused_by_name(value, message):
    with pytest.raises(ResultError, match=message) as caught:
        storable("y", value)
    assert caught.value.output == "y"
