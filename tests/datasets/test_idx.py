"""IDX files: as they are and gzipped, damaged, and with absurd sizes."""

import gzip
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from damaged_files import damages, outcomes

from osciprop.datasets import DatasetError
from osciprop.datasets.idx import read_idx


def idx_bytes(array: np.ndarray) -> bytes:
    return header(*array.shape) + array.tobytes()


def header(*sizes: int) -> bytes:
    return bytes([0, 0, 8, len(sizes)]) + np.array(sizes, dtype=">u4").tobytes()


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "some-idx-ubyte"


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 3, 4, 5), (0, 28, 28)])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_any_shape_round_trips(path, shape, pack):
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    path.write_bytes(pack(idx_bytes(array)))
    found = read_idx(path)
    assert found.shape == shape and found.dtype == np.uint8
    np.testing.assert_array_equal(found, array)


def test_floats_are_refused(path):
    path.write_bytes(bytes([0, 0, 0x0D, 1]) + bytes(8))
    with pytest.raises(DatasetError, match="IDX file of unsigned bytes"):
        read_idx(path)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_too_many_dimensions_are_refused(path, pack):
    path.write_bytes(pack(header(*70 * [1]) + b"0"))
    with pytest.raises(DatasetError, match="idx-ubyte: expected .*found ValueError.*fresh copy"):
        read_idx(path)


@pytest.mark.parametrize("sizes", [(2**32 - 1, 28, 28), 60 * (2**32 - 1,), (0, 2**32 - 1)])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_absurd_sizes_take_no_memory(path, sizes, pack):
    path.write_bytes(pack(header(*sizes) + bytes(1000)))
    tracemalloc.start()
    with pytest.raises(DatasetError, match="idx-ubyte: expected"):
        read_idx(path)
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()


def test_what_unpacks_beyond_the_limit_tells_how_to_pass_it_on(path):
    path.write_bytes(gzip.compress(header(2_000_000, 28, 28)))
    with pytest.raises(DatasetError, match="at most 1073741824 bytes when unpacked.*gunzip"):
        read_idx(path)


def test_a_gzip_bomb_is_not_unpacked(path):
    bomb = gzip.compress(header(3) + bytes(30_000_000), compresslevel=1)
    assert len(bomb) < 200_000
    path.write_bytes(bomb)
    tracemalloc.start()
    with pytest.raises(DatasetError, match="expected 11 bytes, as its header says, found 12 bytes"):
        read_idx(path)
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()


def test_a_wrong_checksum_is_noticed(path):
    content = bytearray(gzip.compress(idx_bytes(np.arange(200, dtype=np.uint8)), mtime=0))
    content[-5] ^= 1  # the last four bytes are the length
    path.write_bytes(content)
    with pytest.raises(DatasetError, match="BadGzipFile: CRC"):
        read_idx(path)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_damage_of_any_kind_is_refused(path, pack):
    array = np.random.default_rng(0).integers(0, 256, (20, 28, 28), dtype=np.uint8)
    packed = pack is gzip.compress

    def read(content: bytes) -> None:
        path.write_bytes(content)
        found = read_idx(path)
        # What is not packed has no checksum: other bytes are other pixels.
        if packed:
            np.testing.assert_array_equal(found, array)
        else:
            assert found.tobytes() == content[-found.size :]

    refused, passed = outcomes(read, damages(pack(idx_bytes(array)), 100))
    assert refused + passed == 100 and refused >= 40
