"""Which files make a store, and what is noted of them."""

import numpy as np
import pytest

from osciprop.studies import StudyError
from osciprop.studies.arrays import Kind
from osciprop.studies.layout import Contents, digest, holds_results, read_contents, require_sound


def test_contents_are_read_as_they_were_written(tmp_path):
    kind = Kind((2,), np.dtype(np.complex64), ("time",), {"units": "V"})
    contents = Contents({"trace": kind}, {"trace/zarr.json": "abc"}, ["trace"])
    contents.write(tmp_path)
    assert read_contents(tmp_path) == contents
    assert contents.copy() == contents and contents.copy().kinds is not contents.kinds


def test_files_are_compared_with_their_digests(tmp_path):
    import zarr

    zarr.create_group(tmp_path / "results.zarr")
    file = tmp_path / "results.zarr" / "zarr.json"
    require_sound(tmp_path, {}, {})
    place = tmp_path / "beside"
    place.mkdir()
    (place / "zarr.json").write_bytes(file.read_bytes())
    require_sound(tmp_path, {"v/zarr.json": digest(file)}, {"v": place})
    with pytest.raises(StudyError, match="v/zarr.json, which describes 'v'.*metadata are damaged"):
        require_sound(tmp_path, {"v/zarr.json": digest(file)}, {})
    assert not holds_results(tmp_path)
