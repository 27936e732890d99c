"""The bytes of arrays: as files hold them, and as digests take them."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def is_key(value: Any) -> bool:
    """Whether a value is a key of random numbers of JAX's new kind, or several."""
    return isinstance(value, jax.Array | jax.ShapeDtypeStruct) and jnp.issubdtype(
        value.dtype, jax.dtypes.prng_key
    )


def numbers(array: Any) -> np.ndarray:
    """An array of any kind as one of NumPy, keys as the integers behind them."""
    return np.asarray(jax.random.key_data(array) if is_key(array) else array)


def as_bytes(array: np.ndarray) -> memoryview:
    """An array's numbers as bytes in the order of rows, not copied where they lie like this."""
    if array.nbytes == 0:
        return memoryview(b"")
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def update(digest: Any, array: np.ndarray) -> None:
    """Add an array's bytes to a digest of `hashlib`, in pieces if they have to be gathered."""
    if array.ndim == 0 or array.flags.c_contiguous:
        digest.update(as_bytes(array))
        return
    rows = max(1, 2**24 // max(1, array[:1].nbytes))
    for start in range(0, len(array), rows):
        digest.update(as_bytes(array[start : start + rows]))


def is_mapped(array: Any) -> bool:
    """Whether an array's numbers lie in a file."""
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap):
            return True
        array = array.base
    return False
