"""Chunks as files: what zarr would write and read, and nothing else."""

import numpy as np
import pytest
import zarr

from osciprop.studies.chunks import LARGE, Chunks

ARRAYS = [
    np.asarray([[True, False]]),
    np.arange(6, dtype=np.int8).reshape(2, 3),
    np.asarray([1 + 2j, np.nan]),
    np.arange(LARGE, dtype=">f8"),
    np.random.default_rng(0).normal(size=(4, 100)),
    np.asarray(3.0),
]


@pytest.mark.parametrize("values", ARRAYS, ids=range(len(ARRAYS)))
def test_what_is_written_is_read_and_zarr_reads_it_too(values, tmp_path):
    chunks = Chunks(values.dtype, values.shape)
    content = chunks.encode(values)
    np.testing.assert_array_equal(chunks.decode(content), values)
    array = zarr.create_array(
        tmp_path / "a",
        shape=values.shape,
        chunks=values.shape,
        dtype=values.dtype.newbyteorder("="),
        compressors=chunks.codecs,
    )
    array[...] = values
    place = tmp_path.joinpath("a", "c", *["0"] * values.ndim)
    np.testing.assert_array_equal(chunks.decode(place.read_bytes()), values)
    place.write_bytes(content)
    np.testing.assert_array_equal(np.asarray(array[...]), values)


@pytest.mark.parametrize("values", ARRAYS, ids=range(len(ARRAYS)))
def test_every_flipped_bit_and_every_cut_is_found(values):
    chunks = Chunks(values.dtype, values.shape)
    content = chunks.encode(values)
    for place in range(0, 8 * len(content), max(1, len(content) // 40)):
        flipped = bytearray(content)
        flipped[place // 8] ^= 1 << place % 8
        with pytest.raises(ValueError, match="checksum"):
            chunks.decode(bytes(flipped))
    for length in range(0, len(content), max(1, len(content) // 40)):
        with pytest.raises(ValueError, match="checksum|no chunk"):
            chunks.decode(content[:length])


def test_a_chunk_of_another_array_is_none():
    content = Chunks(np.dtype(float), (2,)).encode(np.ones(2))
    with pytest.raises(ValueError, match=r"no chunk of float64 of shape \(3,\)"):
        Chunks(np.dtype(float), (3,)).decode(content)
