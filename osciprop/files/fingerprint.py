"""Values as short texts that other processes can compare, and that people can read."""

import dataclasses
import hashlib
import math
import re
from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

import equinox as eqx
import jax
import numpy as np
from jaxtyping import PyTree

from .arrays import is_mapped, update
from .composition import composition, digest_of, fields_of, name_of

LONGEST = 1000
"""Characters of a description before its digest; a longer one is cut in the middle."""

SAMPLE = 2**26
"""Bytes that are read, about, of an array that is mapped to a file."""


def describe(value: Any) -> str:
    """What a value is made of, as a text to read that ends with a digest of all of it.

    Two descriptions, also of two processes, are equal exactly where the values do the same, as far
    as that can be seen (`composition`).
    """
    text = composition(value)
    return f"{_shortened(_readable(text))} #{digest_of(text)}"


@runtime_checkable
class Trainable(Protocol):
    """A network that knows which of its leaves training changes."""

    def trainable(self) -> PyTree[bool]:
        """A pytree like the network, of True and False."""


def describe_constants(network: PyTree) -> dict[str, str]:
    """All that training does not change, place by place: `{".readout": "SquaredError #..."}`.

    Which classes a network is made of, its static fields, the values of the leaves for which
    `network.trainable()` is False, and of the others type and shape. In a pytree without
    `trainable`, training changes every array and number.
    """
    if isinstance(network, Trainable):
        changing = network.trainable()
    else:
        changing = jax.tree.map(is_value, network)
    return describe_around(network, changing)


def describe_around(tree: PyTree, changing: PyTree[bool]) -> dict[str, str]:
    """What a pytree is made of, place by place, but for the values of its `changing` leaves."""
    kept = eqx.filter(tree, changing, inverse=True)
    marked = jax.tree.map(
        lambda value, leaf: _Free.of(leaf) if value is None and leaf is not None else leaf,
        kept,
        tree,
        is_leaf=lambda value: value is None,
    )
    return dict(_places(marked, ""))


def is_value(leaf: Any) -> bool:
    """Whether a leaf is an array or a number, or stands for an array."""
    numbers = bool, int, float, complex
    return eqx.is_array_like(leaf) or isinstance(leaf, (*numbers, jax.ShapeDtypeStruct))


def without_digest(description: str) -> str:
    """What of a description is to be read."""
    return re.sub(r" #[0-9a-f]{16}$", "", description)


def data_fingerprint(arrays: PyTree[np.ndarray]) -> str:
    """Shapes and types of arrays, with a digest of their content.

    An array that is mapped to a file of more than 64 MiB counts with every second, or third ...,
    of its rows, so that about so much is read; the text says "sampled" then.
    """
    told, digest = [], hashlib.blake2b(digest_size=8)
    for path, leaf in jax.tree_util.tree_leaves_with_path(arrays):
        array = np.asanyarray(leaf)
        every = max(1, math.ceil(array.nbytes / SAMPLE)) if array.ndim and is_mapped(array) else 1
        note = f" sampled in every row of {every}" if every > 1 else ""
        place = jax.tree_util.keystr(path)
        told.append(f"{place} {array.dtype}{list(array.shape)}{note}".lstrip())
        digest.update(told[-1].encode())
        update(digest, array[::every] if every > 1 else array)
    return f"{', '.join(told)} #{digest.hexdigest()}"


@dataclasses.dataclass(frozen=True)
class _Free:
    """Stands for a leaf of any values."""

    dtype: str
    shape: tuple[int, ...]

    @classmethod
    def of(cls, leaf: Any) -> "_Free":
        known = isinstance(leaf, jax.Array | jax.ShapeDtypeStruct | np.ndarray | np.generic)
        return cls(str(leaf.dtype), leaf.shape) if known else cls(type(leaf).__name__, ())


def _places(value: Any, place: str) -> Iterator[tuple[str, str]]:
    """Each place of a pytree, named as JAX names leaves, and what is there."""
    whole = place or "class"
    if isinstance(value, _Free):
        yield whole, f"trained {value.dtype}{list(value.shape)}"
    elif isinstance(value, eqx.Module):
        yield whole, name_of(type(value))
        for name, part in fields_of(value):
            yield from _places(part, f"{place}.{name}")
    elif isinstance(value, tuple) and (fields := getattr(type(value), "_fields", None)):
        yield whole, name_of(type(value))
        for name, part in zip(fields, value, strict=True):
            yield from _places(part, f"{place}.{name}")
    elif type(value) in (tuple, list) and any(map(_has_places, value)):
        yield whole, f"{type(value).__name__} of {len(value)}"
        for number, part in enumerate(value):
            yield from _places(part, f"{place}[{number}]")
    elif type(value) is dict and any(map(_has_places, value.values())):
        yield whole, f"dict of {len(value)}"
        for key, part in value.items():
            yield from _places(part, f"{place}[{key!r}]")
    else:
        yield whole, describe(value)


def _has_places(value: Any) -> bool:
    return isinstance(value, (_Free, eqx.Module, tuple, list, dict)) or eqx.is_array(value)


def _readable(text: str) -> str:
    """The text without the digests inside it and without the modules of names."""
    text = re.sub(r" #[0-9a-f]{16}", "", text)
    return re.sub(r"\b[A-Za-z_][\w.]*:(?=[A-Za-z_<])|<locals>\.", "", text)


def _shortened(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return f"{text[: LONGEST * 3 // 4]} ... {text[-LONGEST // 4 :]}"
