"""What a function may return, and what is said of all else."""

import numpy as np
import pytest
from study_functions import run

from osciprop.studies import (
    StudyError,
    StudyWarning,
    linspace,
)


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
