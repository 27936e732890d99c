"""Checkpoints: a pytree of arrays and a JSON header in one file, written whole or not at all."""

import json
import re
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray, PyTree

from .durable import replacing

FORMAT = "osciprop checkpoint 1"


class CheckpointError(RuntimeError):
    """A checkpoint cannot be read, or belongs to another run; the message says which and why.

    Example:
        >>> issubclass(osciprop.CheckpointError, RuntimeError)
        True
    """


def save_checkpoint(path: Path, tree: PyTree, header: dict[str, Any]) -> None:
    """Write `tree` and `header` to `path` atomically.

    A crash, an interrupt or a full disk leaves the previous checkpoint as it was, and no half
    file beside it. Missing parent folders are made.
    """
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(json.dumps({"format": FORMAT, **header}).encode() + b"\n")
        eqx.tree_serialise_leaves(file, tree)


def read_header(path: Path) -> dict[str, Any]:
    """The JSON header of a checkpoint. Raises `CheckpointError` if the file holds none."""
    with path.open("rb") as file:
        return _header(path, file.readline())


def require_settings(path: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """The header of a checkpoint. Raises `CheckpointError` if its `settings` are not these."""
    header = read_header(path)
    stored = header.get("settings", {})
    differing = [name for name in settings if stored.get(name) != settings[name]]
    if differing:
        raise CheckpointError(
            f"{path} was made with other settings ("
            + "; ".join(f"{name}: {stored.get(name)} != {settings[name]}" for name in differing)
            + "): use another path, remove the file, or restore the settings"
        )
    return header


def described(settings: PyTree) -> str:
    """A text that differs wherever settings do, by which runs are compared."""
    numbers = [np.asarray(leaf).tolist() for leaf in jax.tree.leaves(settings)]
    # Functions, such as a solver's norm, are printed with an address that no other process has.
    return re.sub(r" at 0x[0-9a-f]+", "", f"{settings} {numbers}")


def key_numbers(key: PRNGKeyArray) -> list[int]:
    """The numbers behind a key of random numbers, of JAX's new kind or old."""
    typed = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(key) if typed else key).tolist()


def load_checkpoint(path: Path, like: PyTree) -> tuple[PyTree, dict[str, Any]]:
    """The pytree, of the structure and shapes of `like`, and the header of a checkpoint.

    Raises `CheckpointError` if the file is damaged or holds arrays of other shapes.
    """
    with path.open("rb") as file:
        header = _header(path, file.readline())
        try:
            return eqx.tree_deserialise_leaves(file, like), header
        except (RuntimeError, ValueError, EOFError, OSError) as error:
            raise CheckpointError(
                f"{path} does not fit this network and optimizer, or is damaged ({error}): remove "
                "it to start anew, or resume with the settings it was made with"
            ) from error


def _header(path: Path, line: bytes) -> dict[str, Any]:
    try:
        header = json.loads(line)
    except ValueError as error:
        raise CheckpointError(f"{path} is not an osciprop checkpoint: no header line") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise CheckpointError(f"{path} is not an osciprop checkpoint of format {FORMAT!r}")
    return header
