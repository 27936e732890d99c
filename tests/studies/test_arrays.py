"""Arrays over all points, in memory and in a folder (`arrays`, `folder`): the same in both."""

import numpy as np
import pytest

from osciprop.studies import Axis, StudyError
from osciprop.studies.arrays import AbstractArrays, Kind, MemoryArrays
from osciprop.studies.evaluation import Failure
from osciprop.studies.folder import FolderArrays
from osciprop.studies.grid import make_grid

GRID = make_grid({"a": Axis([1, 2, 3]), "word": Axis(["x", "y"])}, 1)
BLOCKS = list(GRID.blocks())
TRACE = Kind((2,), np.dtype(float), ("time",), {"units": "V"})


@pytest.fixture(params=["memory", "folder"])
def arrays(request, tmp_path) -> AbstractArrays:
    made = MemoryArrays(GRID) if request.param == "memory" else FolderArrays.create(GRID, tmp_path)
    made.define({"trace": TRACE})
    return made


def test_what_is_written_is_read_and_the_rest_is_blank(arrays):
    arrays.write("trace", BLOCKS[3], np.full((1, 1, 2), 0.5))
    assert arrays.variables == ["trace"] and arrays.kind("trace") == TRACE
    np.testing.assert_array_equal(arrays.read("trace", BLOCKS[3]), [[[0.5, 0.5]]])
    whole = arrays.survey("trace").values
    assert whole.shape == (3, 2, 2)
    assert np.isnan(whole).sum() == 10 and (whole[1, 1] == 0.5).all()
    np.testing.assert_array_equal(arrays.blank("trace", BLOCKS[0]), [[[np.nan, np.nan]]])


def test_what_is_read_is_a_copy(arrays):
    arrays.survey("trace").values[:] = 1
    assert np.isnan(arrays.survey("trace").values).all()


def test_failures_belong_to_their_block(arrays):
    failure = Failure((0, 1), "a=1, word=y", "ValueError: no", "Traceback")
    arrays.note_failures(BLOCKS[1], [failure])
    assert arrays.failures(BLOCKS[0]) == []
    assert arrays.failures(BLOCKS[1]) == [failure]
    arrays.note_failures(BLOCKS[1], [])
    assert arrays.failures(BLOCKS[1]) == []


def test_a_folder_is_opened_as_it_was_left(tmp_path):
    arrays = FolderArrays.create(GRID, tmp_path)
    arrays.define({"trace": TRACE})
    arrays.write("trace", BLOCKS[3], np.full((1, 1, 2), 0.5))
    for mode in ("r", "r+"):
        again = FolderArrays.open(GRID, tmp_path, mode=mode)
        assert again.variables == ["trace"] and again.kind("trace") == TRACE
        np.testing.assert_array_equal(again.survey("trace").values, arrays.survey("trace").values)
    with pytest.raises(StudyError, match="cannot be read"):
        FolderArrays.open(GRID, tmp_path / "nowhere")
