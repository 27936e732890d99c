"""Complex states of real networks: real weights stay real, and solvers see real pairs.

A complex activity times a real matrix is two real products, never a complex one; and Diffrax and
Optimistix integrate and solve over real numbers, so a complex pytree reaches them as (Re, Im).
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Inexact, PyTree


def is_complex(tree: PyTree) -> bool:
    """Whether any leaf of a pytree is complex."""
    return any(jnp.iscomplexobj(leaf) for leaf in jax.tree.leaves(tree))


def to_complex(tree: PyTree) -> PyTree:
    """Every real leaf as a complex array of the same precision; complex leaves as they are."""

    def promote(leaf: Array) -> Array:
        return leaf if jnp.iscomplexobj(leaf) else jax.lax.complex(leaf, jnp.zeros_like(leaf))

    return jax.tree.map(promote, tree)


def like(tree: PyTree, reference: PyTree) -> PyTree:
    """`tree`, made complex if `reference` is."""
    return to_complex(tree) if is_complex(reference) else tree


def real_dtype(tree: PyTree) -> jnp.dtype:
    """The real floating-point type of a pytree of floating-point arrays (its first leaf)."""
    return jnp.finfo(jax.tree.leaves(tree)[0].dtype).dtype


def matmul(
    activity: Inexact[Array, "*batch inputs"], weight: Inexact[Array, "inputs outputs"]
) -> Inexact[Array, "*batch outputs"]:
    """`activity @ weight` for a real weight: one real product also when the activity is complex.

    Real and imaginary parts are stacked as more rows of one matrix product.
    """
    if not jnp.iscomplexobj(activity):
        return activity @ weight
    parts = jnp.stack([activity.real, activity.imag]) @ weight
    return jax.lax.complex(parts[0], parts[1])


def to_pairs(tree: PyTree) -> PyTree:
    """A complex pytree as the pair (real parts, imaginary parts); a real pytree as it is."""
    if not is_complex(tree):
        return tree
    return jax.tree.map(jnp.real, tree), jax.tree.map(jnp.imag, tree)


def from_pairs(pairs: PyTree, reference: PyTree) -> PyTree:
    """Undo `to_pairs`; `reference` is any pytree of the original structure and kind."""
    if not is_complex(reference):
        return pairs
    return jax.tree.map(jax.lax.complex, *pairs)
