"""Reading pickled arrays from files that nobody vouches for.

A pickle may name any function and have it called. Data files in this format hold dictionaries,
lists, numbers, text, bytes and NumPy arrays, so nothing but stand-ins for the makings of an array
is looked up, which take their memory once the contents of the array are there.
"""

import math
import os
import pickle
import re
import struct
from collections.abc import Callable
from typing import IO, Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from .errors import DatasetError, damaged


class ForbiddenPickleError(pickle.UnpicklingError):
    """A pickle asks for something that is no part of an array."""


def load_dictionary(file: IO[bytes], origin: str) -> dict[str, Any]:
    """Return the pickled dictionary of a file, written by Python 2 or 3, its keys as text.

    Raises `DatasetError`, naming the file as `origin`, if it is damaged, holds something else, or
    asks for anything that an array is not made of; what it asks for is not run.
    """
    try:
        content = _ArrayUnpickler(_Bounded(file)).load()
        if isinstance(content, dict):
            # Python 2 wrote its texts as bytes.
            return {
                key.decode("latin1") if isinstance(key, bytes) else key: _finished(value)
                for key, value in content.items()
                if isinstance(key, bytes | str)
            }
    except ForbiddenPickleError as error:
        raise DatasetError(
            f"{origin}: {error}. The file was not opened further, for it may be malicious: replace "
            "it with a copy from the data set's own site"
        ) from error
    except Exception as error:  # damaged bytes can be instructions for any mistake
        raise damaged(origin, "a pickled dictionary", f"{type(error).__name__}: {error}") from error
    raise damaged(origin, "a pickled dictionary", f"a {type(content).__name__}")


@final
class _Bounded:
    """A file of which no more is asked for than it holds: memory would be taken for all of it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.size = self._left = file.seek(0, os.SEEK_END)
        file.seek(0)

    def read(self, count: int) -> bytes:
        if count > self._left:
            raise EOFError(f"{count} bytes should follow, and {self._left} do")
        self._left -= count
        return self._file.read(count)

    def readline(self) -> bytes:
        line = self._file.readline()
        if not line.endswith(b"\n"):
            raise EOFError("a line does not end")
        self._left -= len(line)
        return line


# The one in Python: that in C takes memory for as many remembered objects as a number in the file
# says. What takes long here is bytes in one piece, which both of them read alike.
class _ArrayUnpickler(pickle._Unpickler):
    read: Callable[[int], bytes]
    append: Callable[[object], None]

    def __init__(self, file: _Bounded) -> None:
        super().__init__(file, encoding="bytes")
        self._room = file.size
        # What arrays are made with, under the names that it has had in versions of NumPy.
        self._parts: dict[tuple[str, str], Callable[..., Any]] = {
            ("numpy", "ndarray"): _no_array,
            ("numpy", "dtype"): _Type,
            ("_codecs", "encode"): self._encode,
        }
        for core in ("numpy.core", "numpy._core"):
            self._parts[f"{core}.multiarray", "_reconstruct"] = _Array
            self._parts[f"{core}.numeric", "_frombuffer"] = _array

    def find_class(self, module: str, name: str) -> Any:
        found = self._parts.get((module, name))
        if found is None:
            raise ForbiddenPickleError(
                f"the pickle asks for {module}.{name}, which is no part of an array"
            )
        return _Part(found)

    def _load_bytes(self) -> None:
        # As bytes, which serve as well: a bytearray takes its memory before they are there.
        (count,) = struct.unpack("<Q", self.read(8))
        self.append(self.read(count))

    dispatch: ClassVar[Any] = {**pickle._Unpickler.dispatch, pickle.BYTEARRAY8[0]: _load_bytes}

    def _encode(self, text: str, encoding: str) -> bytes:
        """How Python 3 writes bytes into an old format; of its many codecs only the one it uses."""
        if encoding != "latin1":
            raise ForbiddenPickleError(
                f"the pickle asks for the codec {encoding!r}, expected 'latin1'"
            )
        self._room -= len(text)
        if self._room < 0:
            raise ForbiddenPickleError("the pickle makes more bytes than the file holds")
        return text.encode(encoding)


@final
class _Part:
    """What a pickle may call, and nothing else."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)

    def __setstate__(self, _: object) -> None:
        raise ForbiddenPickleError("the pickle changes what makes an array")


@final
class _Type:
    """A type of numbers or texts: its code, and its byte order, which comes later."""

    def __init__(self, code: bytes | str, *_: object) -> None:
        text = code.decode("latin1") if isinstance(code, bytes) else code
        if not re.fullmatch(r"[biufcSU]\d+", text):
            raise ValueError(f"an array of type {text!r}")
        self.dtype = np.dtype(text)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        order: Any = state[1]
        text: Any = order.decode("latin1") if isinstance(order, bytes) else order
        self.dtype = self.dtype.newbyteorder(text)


@final
class _Array:
    """An array: made without contents, which come later."""

    def __init__(self, *_: object) -> None:
        self.values: NDArray[Any] | None = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, by_columns, content = state
        self.values = _array(content, kind, shape, "F" if by_columns else "C")


def _array(content: bytes, kind: _Type, shape: tuple[int, ...], order: Any) -> NDArray[Any]:
    """An array of these bytes, no more and no less."""
    size = math.prod(shape) * kind.dtype.itemsize
    if size != len(content):
        raise ValueError(f"{len(content)} bytes for {kind.dtype} of shape {shape}")
    return np.ndarray(shape, kind.dtype, content, order=order)


def _no_array(*_: object) -> None:
    raise ForbiddenPickleError("the pickle asks for an array of no contents")


def _finished(value: object) -> object:
    return value.values if isinstance(value, _Array) else value
