"""Records: what goes into JSON comes out again."""

import json
from pathlib import Path

import numpy as np
import pytest

from paper_figures.environment import environment
from paper_figures.files import write_atomically
from paper_figures.record import Record, decode, decode_all, encode, encode_all, load, save

VALUES = {
    "real": np.asarray([1 / 3, -1e-15, 0.0, 2.5e30]),
    "table": np.asarray([[1.0, 2.0], [3.0, np.pi]]),
    "complex": np.exp(1j * np.arange(6)).reshape(2, 3),
    "with_nan": np.asarray([1.0, np.nan]),
    "integers": np.arange(3),
    "number": np.e,
    "point": np.asarray(0.5 - 2j),
    "count": 30,
}


def test_round_trip_keeps_ten_digits() -> None:
    back = decode_all(json.loads(json.dumps(encode_all(VALUES))))
    for name, value in VALUES.items():
        np.testing.assert_allclose(back[name], value, rtol=5e-10, err_msg=name)
    assert back["integers"].dtype.kind == "i"
    assert isinstance(back["count"], int)


def test_rounds_to_ten_significant_digits() -> None:
    assert encode(1e-9 / 3) == 3.333333333e-10


def test_nan_is_null_and_infinity_is_refused() -> None:
    assert encode(np.asarray([np.nan])) == [None]
    assert np.isnan(decode(None))
    with pytest.raises(ValueError, match="infinity"):
        encode(np.asarray([1.0, np.inf]))


def test_file_round_trip(tmp_path: Path) -> None:
    record = Record(
        figure="a/b",
        title="A title",
        source="Somewhere.",
        fast=False,
        settings={"points": 3, "name": "x", "list": [1, 2]},
        environment=environment(),
        wall_time_s=1.5,
        data=encode_all(VALUES),
    )
    path = tmp_path / "a" / "b.json"
    save(record, path)
    assert load(path) == record
    assert [entry.name for entry in path.parent.iterdir()] == ["b.json"]


def test_environment_names_versions_and_device() -> None:
    found = environment()
    assert {"osciprop", "jax", "numpy", "diffrax", "equinox", "python", "device"} <= set(found)
    assert "git_commit" in found


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")

    def fail(temporary: Path) -> None:
        temporary.write_text("half")
        raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError, match="interrupted"):
        write_atomically(path, fail)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
