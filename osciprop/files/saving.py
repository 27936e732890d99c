"""Networks in files: `save`, and `load` in another process, at another time."""

from pathlib import Path
from typing import Any, TypeVar

import jax
from jaxtyping import PyTree

from ..errors import as_path
from .checkpoint import NAMED, CheckpointError, load_checkpoint, read_header, save_checkpoint
from .composition import name_of
from .contrasts import contrasts
from .fingerprint import describe_around, describe_constants, is_value, without_digest
from .provenance import versions

Tree = TypeVar("Tree")


def save(path: Path | str, network: PyTree) -> None:
    """Save a network, or any pytree of arrays and numbers, in one file.

    The file is written whole or not at all, and holds a checksum. Its first line is JSON: versions,
    the class, each array's place, type and shape, and a description of all that is not stored.

    Args:
        path: The file; one that is there is replaced. Missing folders are made.
        network: The network. Its arrays and numbers are stored, trained or not; classes and static
            fields are described.

    Raises:
        OSError: the file cannot be written; what was there before is kept.
        TypeError: the network holds an array of objects.

    Example:
        >>> osciprop.save("trained.osciprop", network)
        >>> osciprop.load("trained.osciprop", network).synapses[0].weight.shape
        (4, 6)
    """
    header = {
        "class": name_of(type(network)),
        "versions": versions(),
        "constants": describe_constants(network),
    }
    save_checkpoint(as_path("path", path), network, header)


def load(path: Path | str, like: Tree) -> Tree:
    """A network from a file that `osciprop.save` has written.

    All arrays and numbers come from the file: weights, biases, time constants. What a file cannot
    hold comes from `like` and must be what it was when the network was saved: classes, such as
    those of activations, static fields, functions, and the type and shape of each array.

    Args:
        path: The file.
        like: A network of the same structure, with any numbers: one that is built as the saved one
            was, or what `eqx.filter_eval_shape` gives of its builder.

    Returns:
        The network, of the structure of `like`.

    Raises:
        CheckpointError: the file cannot be read, is damaged, or is of another network than `like`;
            the message names what differs.

    Example:
        >>> osciprop.save("trained.osciprop", network)
        >>> like = osciprop.hopfield_mlp([4, 6, 5, 3], key=jax.random.key(1))
        >>> bool((osciprop.load("trained.osciprop", like).synapses[0].weight
        ...     == network.synapses[0].weight).all())
        True
    """
    path = as_path("path", path)
    header = read_header(path)
    if "constants" not in header:
        raise CheckpointError(
            f"{path} holds a run, not a network alone: go on from it with checkpoint=, "
            "and save the network that is returned"
        )
    _require_constants(path, header, like)
    return load_checkpoint(path, like)[0]


def _require_constants(path: Path, header: dict[str, Any], like: PyTree) -> None:
    """Raise `CheckpointError` unless all agrees that is not restored."""
    # Leaves are compared where they are read.
    leaves = {entry["path"] for entry in header["leaves"] if "description" not in entry}
    for place, leaf in jax.tree_util.tree_leaves_with_path(like):
        if is_value(leaf):
            leaves.add(jax.tree_util.keystr(place))
    stored = {place: text for place, text in header["constants"].items() if place not in leaves}
    here = describe_around(like, jax.tree.map(is_value, like))
    here = {place: text for place, text in here.items() if place not in leaves}
    now = versions()
    if _minor(header["versions"]["python"]) != _minor(now["python"]):
        # Another Python makes other bytecode of the same function: its name and values have to do.
        stored = {place: without_digest(text) for place, text in stored.items()}
        here = {place: without_digest(text) for place, text in here.items()}
    if stored["class"] != here["class"]:  # whose parts then differ too
        stored, here = {"class": stored["class"]}, {"class": here["class"]}
    differing = contrasts(stored, here)
    if differing:
        more = f"; and {len(differing) - NAMED} more" if len(differing) > NAMED else ""
        others = [f"{name} {v}" for name, v in header["versions"].items() if now.get(name) != v]
        made = f" It was saved with {', '.join(others)}." if others else ""
        raise CheckpointError(
            f"{path} holds another network than like ({'; '.join(differing[:NAMED])}{more}): build "
            f"like as the saved network was built.{made}"
        )


def _minor(version: str) -> list[str]:
    return version.split(".")[:2]
