"""One chunk of a zarr array as a file, guarded by a checksum, and compressed if it is large.

The bytes are those that zarr itself writes and reads with the same codecs. Here they are made chunk
by chunk, since what zarr adds to each, some tenths of a millisecond, is most of the time of a store
of many small ones.
"""

from collections.abc import Sequence

import google_crc32c
import numpy as np
from numcodecs.zstd import Zstd
from zarr.codecs import Crc32cCodec, ZstdCodec

LARGE = 512
"""Bytes from which on a chunk is compressed."""

CHECKSUM = 4
"""Bytes of a checksum."""


class Chunks:
    """The chunks of an array, all of one type and shape."""

    def __init__(self, dtype: np.dtype, shape: tuple[int, ...]):
        self.shape = shape
        self._stored = dtype.newbyteorder("<")
        self._zstd = Zstd() if dtype.itemsize * int(np.prod(shape)) >= LARGE else None

    @property
    def codecs(self) -> Sequence[ZstdCodec | Crc32cCodec]:
        """What zarr makes the same bytes with."""
        return (Crc32cCodec(),) if self._zstd is None else (ZstdCodec(), Crc32cCodec())

    def encode(self, values: np.ndarray) -> bytes:
        """A chunk as the content of its file."""
        content = np.ascontiguousarray(values, self._stored).tobytes()
        if self._zstd is not None:
            content = bytes(self._zstd.encode(content))
        return content + _checksum(content)

    def decode(self, content: bytes) -> np.ndarray:
        """The chunk that a file holds. Raises `ValueError` if it is not what was written."""
        inner = content[:-CHECKSUM]
        if content[-CHECKSUM:] != _checksum(inner):
            raise ValueError("it does not match its checksum")
        try:
            plain = inner if self._zstd is None else self._zstd.decode(inner)
            return np.frombuffer(plain, self._stored).reshape(self.shape)
        except (RuntimeError, ValueError) as error:
            what = f"{self._stored} of shape {self.shape}"
            raise ValueError(f"it is no chunk of {what} ({error})") from error


def _checksum(content: bytes) -> bytes:
    return int(google_crc32c.value(content)).to_bytes(CHECKSUM, "little")
