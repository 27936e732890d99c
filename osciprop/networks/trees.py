"""Tree algebra: arithmetic of pytrees of arrays, as one vector or sample by sample.

States, gradients and what accompanies them are pytrees of arrays. Where samples count one by one,
every leaf has the batch as its leading axis.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Inexact, PyTree

Rows = Inexact[Array, "batch numbers"]


def scaled(factor: Array | np.ndarray | np.floating, tree: PyTree[Array]) -> PyTree[Array]:
    """A scalar times every array of a pytree, in each array's own type."""
    return jax.tree.map(lambda leaf: factor.astype(leaf.dtype) * leaf, tree)


def along_samples(array: Array, like: Array) -> Array:
    """An array for each sample alike, with axes of one in front of it: to be broadcast to `like`,
    also where ranks are not promoted.
    """
    return array.reshape((1,) * (like.ndim - array.ndim) + array.shape)


def norm(tree: PyTree[Array]) -> Float[Array, ""]:
    """Euclidean norm of all entries of a pytree; 0 of none, as of a network without parameters."""
    if not jax.tree.leaves(tree):
        return jnp.zeros((), dtype=float)
    squares = [jnp.sum(jnp.abs(leaf) ** 2) for leaf in jax.tree.leaves(tree)]
    return jnp.sqrt(jnp.sum(jnp.stack(squares)))


def all_finite(tree: PyTree[Array]) -> Bool[Array, ""]:
    """Whether no entry is NaN or infinite."""
    finite = [jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(tree)]
    return jnp.all(jnp.asarray(finite, dtype=bool))


def as_row(leaf: Inexact[Array, "batch ..."]) -> Rows:
    """All of a sample's numbers in one array as one row."""
    return leaf.reshape(leaf.shape[0], -1)


def as_rows(tree: PyTree[Inexact[Array, "batch ..."]]) -> Rows:
    """All of a sample's numbers as one row, leaf after leaf."""
    return jnp.concatenate([as_row(leaf) for leaf in jax.tree.leaves(tree)], axis=1)


def from_rows(rows: Rows, reference: PyTree[Inexact[Array, "batch ..."]]) -> PyTree[Array]:
    """Undo `as_rows`; `reference` is any pytree of the original structure and shapes."""
    leaves, structure = jax.tree.flatten(reference)
    parts, start = [], 0
    for leaf in leaves:
        width = leaf.size // leaf.shape[0]
        parts.append(rows[:, start : start + width].reshape(leaf.shape))
        start += width
    return jax.tree.unflatten(structure, parts)


def sample_sums(leaf: Inexact[Array, "batch ..."]) -> Inexact[Array, " batch"]:
    """The sum over all of each sample's numbers in one array."""
    return jnp.sum(as_row(leaf), axis=1)


def sample_products(
    a: PyTree[Inexact[Array, "batch ..."]], b: PyTree[Inexact[Array, "batch ..."]]
) -> Inexact[Array, " batch"]:
    """Per sample, the product of two states as vectors; nothing is conjugated."""
    products = jax.tree.map(lambda p, q: sample_sums(p * q), a, b)
    return jnp.sum(jnp.stack(jax.tree.leaves(products)), axis=0)


def sample_norms(tree: PyTree[Inexact[Array, "batch ..."]]) -> Float[Array, " batch"]:
    """Per sample, the Euclidean norm of all its numbers."""
    squares = [sample_sums(jnp.abs(leaf) ** 2) for leaf in jax.tree.leaves(tree)]
    return jnp.sqrt(jnp.sum(jnp.stack(squares), axis=0))


def sample_peaks(tree: PyTree[Inexact[Array, "batch ..."]]) -> Float[Array, " batch"]:
    """Per sample, the largest absolute value of any of its numbers."""
    peaks = [
        jnp.max(jnp.abs(leaf), axis=tuple(range(1, leaf.ndim))) for leaf in jax.tree.leaves(tree)
    ]
    return jnp.max(jnp.stack(peaks), axis=0)


@partial(jax.jit, inline=True)  # one program where it is called outside of any other
def largest_change(before: PyTree, after: PyTree) -> Float[Array, " batch"]:
    """Per sample, the largest difference of any entry of two states.

    Relative to the largest entry of its population in `after`, where that is above 1: round-off
    alone keeps large activities, such as those of ReLU neurons, from an absolute tolerance.
    """

    def of_population(old: Array, new: Array) -> Array:
        return sample_peaks(new - old) / jnp.maximum(sample_peaks(new), 1)

    changes = jax.tree.leaves(jax.tree.map(of_population, before, after))
    return jnp.max(jnp.stack(changes), axis=0)


def choose_samples(
    which: Bool[Array, " batch"],
    yes: PyTree[Inexact[Array, "batch ..."]],
    no: PyTree[Inexact[Array, "batch ..."]],
) -> PyTree[Array]:
    """Each sample from one state or from another."""
    return jax.tree.map(
        lambda a, b: jnp.where(which.reshape((-1,) + (1,) * (a.ndim - 1)), a, b), yes, no
    )


def keep_samples(
    keep: Bool[Array, " batch"],
    tree: PyTree[Inexact[Array, "batch ..."]],
    otherwise: float = 0.0,
) -> PyTree[Array]:
    """A state with `otherwise` for the samples not to keep: not by a product, which keeps NaN."""
    return jax.tree.map(
        lambda leaf: jnp.where(keep.reshape((-1,) + (1,) * (leaf.ndim - 1)), leaf, otherwise), tree
    )
