"""Archives of arrays: what NumPy writes is read, what is damaged or absurd takes no memory."""

import io
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from damaged_files import damages, outcomes

from osciprop.datasets import DatasetError
from osciprop.datasets.npz import read_arrays, unpacked_size

RNG = np.random.default_rng(0)
ARRAYS = {
    "x": RNG.integers(0, 256, (20, 30), dtype=np.uint8),
    "y": np.arange(20),
    "columns": np.asfortranarray(RNG.normal(size=(3, 4))),
    "big_endian": np.arange(5, dtype=">i4"),
    "none": np.zeros((0, 28), np.uint8),
    "one": np.float32(0.5),
}


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "some.npz"


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_what_numpy_writes_is_read(path, save):
    save(path, **ARRAYS)
    for (name, array), found in zip(ARRAYS.items(), read_arrays(path, [*ARRAYS]), strict=True):
        assert found.dtype == np.asarray(array).dtype and found.shape == np.shape(array), name
        np.testing.assert_array_equal(found, array)
    assert unpacked_size(path, ["x", "y"]) == 600 + 160 + 2 * 128


def member(content: bytes, packing: int = zipfile.ZIP_DEFLATED, name: str = "x.npy") -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", packing) as archive:
        archive.writestr(name, content)
    return stream.getvalue()


def npy(description: str, *, version: int = 1) -> bytes:
    text = description.encode()
    return b"\x93NUMPY" + bytes([version, 0]) + len(text).to_bytes(2, "little") + text


def declared(shape: str, dtype: str = "|u1") -> bytes:
    return npy(f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "some.npz: expected a NumPy .npz archive of the arrays x, found BadZipFile"),
        (b"\x93NUMPY", "BadZipFile"),
        (member(b"", name="y.npy"), "found y: no x"),
        (member(b""), "some.npz: expected .*found"),
        (member(b"12345678"), "found ValueError.*magic"),
        (member(declared("(1099511627776,)")), r"x in .*1099511627776 bytes for uint8 of shape"),
        (member(declared("(3,)") + b"12"), "x in .*expected 3 bytes.*found 2 bytes"),
        (member(declared("(3,)") + b"1234"), "x in .*expected 3 bytes.*found 4 bytes"),
        (member(declared("(-1, -4)") + b"1234"), "found ValueError"),
        (member(declared("(4,)", "|V0")), "x in .*numbers or texts, found an array of |V0"),
        (member(declared("(1,)", "|O") + bytes(8)), "an array of object"),
        (member(declared(f"({70 * '1,'})") + b"1"), "found ValueError"),
        (member(npy("(" * 500)), "some.npz: expected"),
        (member(npy("{}", version=2)), r"format 1.0, found format \(2, 0\)"),
        (member(declared("(3,)") + b"123", zipfile.ZIP_BZIP2), "as NumPy packs it, found packing"),
        (member(declared("(3,)") + b"123", zipfile.ZIP_LZMA), "as NumPy packs it, found packing"),
    ],
)
def test_what_is_wrong_is_named_and_takes_no_memory(path, content, message):
    path.write_bytes(content)
    tracemalloc.start()
    with pytest.raises(DatasetError, match=message):
        read_arrays(path, ["x"])
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()


def test_a_bomb_is_not_unpacked(path, monkeypatch):
    content = member(declared("(30000000,)") + bytes(30_000_000))
    assert len(content) < 200_000
    path.write_bytes(content)
    monkeypatch.setattr("osciprop.datasets.limits.UNPACKED_LIMIT", 1_000_000)
    tracemalloc.start()
    with pytest.raises(DatasetError, match="x in .*at most 1000000 bytes.*store it with numpy.sav"):
        read_arrays(path, ["x"])
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()
    np.savez(path, x=np.zeros(2_000_000, np.uint8))  # what is not packed has no limit
    assert read_arrays(path, ["x"])[0].size == 2_000_000


@pytest.mark.parametrize("place", [20, 24])
def test_sizes_beyond_the_file_are_refused(path, place):
    """The sizes in the archive's list of members, packed and unpacked."""
    content = bytearray(member(declared("(3,)") + b"123", zipfile.ZIP_STORED))
    start = content.index(b"PK\x01\x02") + place
    content[start : start + 4] = b"\xf0\xff\xff\xff"
    path.write_bytes(content)
    tracemalloc.start()
    with pytest.raises(DatasetError, match="x in .*expected .* bytes.*, found"):
        read_arrays(path, ["x"])
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_damage_of_any_kind_is_refused(path, save):
    save(path, **ARRAYS)
    whole = path.read_bytes()

    def read(content: bytes) -> None:
        path.write_bytes(content)
        for array, found in zip(ARRAYS.values(), read_arrays(path, [*ARRAYS]), strict=True):
            np.testing.assert_array_equal(found, array)

    refused, passed = outcomes(read, damages(whole, 100))
    assert refused + passed == 100 and refused >= 40
