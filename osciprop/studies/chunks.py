"""One chunk of a zarr array as a file: compressed, and guarded by a checksum.

The bytes are those that zarr itself writes and reads with the codecs `CODECS`. Here they are made
chunk by chunk, since what zarr adds to each, some tenths of a millisecond, is most of the time of a
store of many small ones.
"""

import google_crc32c
import numpy as np
from numcodecs.zstd import Zstd
from zarr.codecs import Crc32cCodec, ZstdCodec

CODECS = (ZstdCodec(), Crc32cCodec())
_ZSTD, _CHECKSUM = Zstd(), 4


def encode(values: np.ndarray) -> bytes:
    """A chunk as the content of its file."""
    little = values.dtype.newbyteorder("<")
    packed = bytes(_ZSTD.encode(np.ascontiguousarray(values, little).tobytes()))
    return packed + _checksum(packed)


def decode(content: bytes, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    """The chunk that a file holds. Raises `ValueError` if it is not what was written."""
    packed = content[:-_CHECKSUM]
    if content[-_CHECKSUM:] != _checksum(packed):
        raise ValueError("it does not match its checksum")
    try:
        plain = _ZSTD.decode(packed)
        return np.frombuffer(plain, dtype.newbyteorder("<")).reshape(shape)
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"it is no chunk of {dtype} of shape {shape} ({error})") from error


def _checksum(packed: bytes) -> bytes:
    return int(google_crc32c.value(packed)).to_bytes(_CHECKSUM, "little")
