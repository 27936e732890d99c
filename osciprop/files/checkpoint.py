"""Checkpoints: a pytree of arrays and a JSON header in one file, written whole or not at all.

A file is one line of JSON, the arrays' bytes one after the other, and a checksum of all before it,
so that no file reads as another than the one that was written.
"""

import contextlib
import errno
import hashlib
import json
import os
import stat
from collections.abc import Iterator, Mapping
from io import BufferedReader
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray, PyTree

from .contrasts import contrasts
from .durable import replacing
from .leaves import Outline, content, misfit, outline, restored, told

FORMAT = "osciprop checkpoint 2"
_BEGINNING = b'{"format": "osciprop checkpoint '
CHECKSUM = 32
"""Bytes of the checksum."""
NAMED = 5
"""Leaves that do not fit and are named; of more, their number is."""

_REMEDIES = {
    errno.ENOENT: "there is no such file: check the path",
    errno.ENOTDIR: "a part of the path is a file, not a folder: check the path",
    errno.EISDIR: "it is a folder: give the path of a file",
    errno.EACCES: "allow yourself to read it (chmod u+r), or give another path",
    errno.EPERM: "allow yourself to read it, or give another path",
}


class CheckpointError(RuntimeError):
    """A file cannot be read, or belongs to another run or network; the message says which and why.

    Example:
        >>> issubclass(osciprop.CheckpointError, RuntimeError)
        True
    """


def save_checkpoint(path: Path, tree: PyTree, header: dict[str, Any]) -> None:
    """Write `tree` and `header` to `path` atomically.

    A crash, an interrupt or a full disk leaves the previous checkpoint as it was, and no half
    file beside it. Missing parent folders are made. Leaves that are neither arrays nor numbers are
    not stored, but described.

    Raises `OSError` if the file cannot be written, and `TypeError` for arrays of objects.
    """
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    outlines = [_outline(jax.tree_util.keystr(place), leaf) for place, leaf in leaves]
    line = json.dumps({"format": FORMAT, **header, "leaves": outlines}).encode() + b"\n"
    checksum = _checksum(line)
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(line)
        # By Python's own file: NumPy's does not tell of what is lost when the disk is full.
        for _, leaf in leaves:
            part = content(leaf)
            checksum.update(part)
            file.write(part)
        file.write(checksum.digest())


def load_checkpoint(path: Path, like: PyTree) -> tuple[PyTree, dict[str, Any]]:
    """The pytree, of the structure, shapes and types of `like`, and the header of a checkpoint.

    Raises `CheckpointError` if the file cannot be read, is damaged, or holds other leaves.
    """
    expected, structure = jax.tree_util.tree_flatten_with_path(like)
    wanted = {jax.tree_util.keystr(place): leaf for place, leaf in expected}
    with _opened(path) as (file, header):
        _require_leaves(path, header["leaves"], wanted)
        found = {
            stored["path"]: restored(file, stored, wanted[stored["path"]])
            for stored in header["leaves"]
        }
    return jax.tree.unflatten(structure, [found[place] for place in wanted]), header


def read_header(path: Path) -> dict[str, Any]:
    """The JSON header of a checkpoint. Raises `CheckpointError` if the file holds none."""
    with _opened(path) as (_, header):
        return header


def require_settings(path: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """The header of a checkpoint. Raises `CheckpointError` if its `settings` are not these.

    Settings are JSON; those that are objects are compared name by name.
    """
    header = read_header(path)
    if not isinstance(header.get("settings"), dict):
        raise CheckpointError(
            f"{path} holds no run to go on from, but what was saved by itself: use another path"
        )
    differing = contrasts(header["settings"], settings)
    if differing:
        raise CheckpointError(
            f"{path} was made with other settings ({'; '.join(differing)}): use another path, "
            "remove the file, or restore the settings"
        )
    return header


def key_numbers(key: PRNGKeyArray) -> list[int]:
    """The numbers behind a key of random numbers, of JAX's new kind or old."""
    typed = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(key) if typed else key).tolist()


def _outline(place: str, leaf: Any) -> Outline:
    if isinstance(leaf, jax.ShapeDtypeStruct):
        raise TypeError(f"{place or 'the whole'} has a type and a shape, but no numbers to store")
    try:
        return {"path": place, **outline(leaf)}
    except TypeError as error:
        raise TypeError(f"{place or 'the whole'}: {error}") from None


def _require_leaves(path: Path, stored: list[Outline], wanted: Mapping[str, Any]) -> None:
    """Raise `CheckpointError` unless the leaves in a file are those that are expected."""
    there = {entry["path"]: entry for entry in stored}
    wrong = []
    for place in dict.fromkeys([*wanted, *there]):
        if place not in wanted:
            wrong.append(f"{place} is {told(there[place])} in the file and nothing here")
        elif place not in there:
            wrong.append(f"{place} is {told(outline(wanted[place]))} here and nothing in the file")
        elif difference := misfit(there[place], wanted[place]):
            wrong.append(f"{place or 'it'} is {difference}")
    if wrong:
        more = f"; and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
        raise CheckpointError(
            f"{path} does not fit ({'; '.join(wrong[:NAMED])}{more}): give a network, and an "
            "optimizer, of the kind it was saved with, or another path"
        )


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[tuple[BufferedReader, dict[str, Any]]]:
    """A file after its header, which is given too, once the whole has been found undamaged."""
    try:
        kind = path.stat().st_mode
        if stat.S_ISDIR(kind):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(kind):  # a pipe would be waited for
            raise OSError(errno.EINVAL, "it is no ordinary file")
        with path.open("rb") as file:
            _require_undamaged(path, file)
            yield file, _header(path, file.readline())
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, "check the disk, or restore it from a copy")
        raise CheckpointError(
            f"{path} cannot be read ({error.strerror or error}): {remedy}"
        ) from error


def _require_undamaged(path: Path, file: BufferedReader) -> None:
    """Raise `CheckpointError` unless a file's checksum is right; then it is as at its beginning."""
    beginning = file.read(len(_BEGINNING) + 2)
    left = os.fstat(file.fileno()).st_size - CHECKSUM - len(beginning)
    checksum = _checksum(beginning)
    while left > 0 and (piece := file.read(min(left, 2**20))):
        checksum.update(piece)
        left -= len(piece)
    if left or file.read() != checksum.digest():
        if beginning.startswith(_BEGINNING + b'1"'):
            fault = (
                "was written by an earlier version of osciprop, in a format that is not read any "
                "more: go on with that version"
            )
        elif beginning.startswith(_BEGINNING):
            fault = "is damaged, its checksum is wrong: restore it from a copy"
        else:
            fault = (
                "is not an osciprop checkpoint, or its beginning is damaged: check the path, "
                "restore it from a copy"
            )
        raise CheckpointError(f"{path} {fault}, or remove it to start anew")
    file.seek(0)


def _header(path: Path, line: bytes) -> dict[str, Any]:
    header = json.loads(line)
    if header["format"] != FORMAT:
        raise CheckpointError(
            f"{path} is of the format {header['format']!r}, and this version of osciprop reads "
            f"{FORMAT!r}: install a later one"
        )
    return header


def _checksum(beginning: bytes) -> "hashlib.blake2b":
    return hashlib.blake2b(beginning, digest_size=CHECKSUM)
