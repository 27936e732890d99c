"""Reading pickled arrays from files that nobody vouches for.

A pickle may name any function and have it called. The data files in this format hold dictionaries,
lists, numbers, text, bytes and NumPy arrays, so nothing but the makings of an array is looked up.
"""

import pickle
from collections.abc import Callable
from typing import IO, Any

import numpy as np

from .errors import DatasetError, damaged


class ForbiddenPickleError(pickle.UnpicklingError):
    """A pickle names something that is no part of an array."""


def load_dictionary(file: IO[bytes], origin: str) -> dict[str, Any]:
    """Return the pickled dictionary of a file, written by Python 2 or 3, its keys as text.

    Raises `DatasetError`, naming the file as `origin`, if it is damaged, holds something else, or
    asks for anything that an array is not made of; what it asks for is not run.
    """
    try:
        content = _ArrayUnpickler(file, encoding="bytes").load()
    except ForbiddenPickleError as error:
        raise DatasetError(
            f"{origin}: {error}. The file was not opened further, for it may be malicious: replace "
            "it with a copy from the data set's own site"
        ) from error
    except Exception as error:  # damaged bytes can be instructions for any mistake
        raise damaged(origin, "a pickled dictionary", f"{type(error).__name__}: {error}") from error
    if not isinstance(content, dict):
        raise damaged(origin, "a pickled dictionary", f"a {type(content).__name__}")
    # Python 2 wrote its texts as bytes.
    return {
        key.decode("latin1") if isinstance(key, bytes) else str(key): value
        for key, value in content.items()
    }


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        found = _ALLOWED.get((module, name))
        if found is None:
            raise ForbiddenPickleError(
                f"the pickle asks for {module}.{name}, which is no part of an array"
            )
        return found


def _encode(text: str, encoding: str) -> bytes:
    """How Python 3 writes bytes into an old format; of its many codecs only the one it uses."""
    if encoding != "latin1":
        raise ForbiddenPickleError(f"the pickle asks for the codec {encoding!r}, expected 'latin1'")
    return text.encode(encoding)


def _allowed() -> dict[tuple[str, str], Callable[..., Any]]:
    """What arrays are rebuilt with, under the names that it has had in versions of NumPy."""
    example = np.empty(0, np.uint8)
    # Taken from an array, since NumPy keeps both functions in modules that it calls private.
    reconstruct: Any = example.__reduce_ex__(2)[0]
    from_buffer: Any = example.__reduce_ex__(5)[0]
    names: dict[tuple[str, str], Callable[..., Any]] = {
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
        ("_codecs", "encode"): _encode,
    }
    for core in ("numpy.core", "numpy._core"):
        names[f"{core}.multiarray", "_reconstruct"] = reconstruct
        names[f"{core}.numeric", "_frombuffer"] = from_buffer
    return names


_ALLOWED = _allowed()
