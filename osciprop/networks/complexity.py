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


def is_half(leaf: object) -> bool:
    """Whether an array holds floating-point numbers of half precision."""
    kind = getattr(leaf, "dtype", None)
    return kind is not None and jnp.issubdtype(kind, jnp.floating) and kind.itemsize < 4


def to_complex(tree: PyTree) -> PyTree:
    """Every real leaf as a complex array of the same precision; complex leaves as they are."""

    def promote(leaf: Array) -> Array:
        return leaf if jnp.iscomplexobj(leaf) else jax.lax.complex(leaf, jnp.zeros_like(leaf))

    return jax.tree.map(promote, tree)


def complex_like(tree: PyTree, reference: PyTree) -> PyTree:
    """`tree`, made complex if `reference` is.

    Args:
        tree: A pytree of real or complex arrays.
        reference: A pytree: if any of its arrays is complex, all of `tree` become so.

    Returns:
        `tree`, complex if `reference` is.

    Example:
        >>> osciprop.networks.complex_like(jnp.ones(2), jnp.zeros(2, dtype=complex)).dtype.name
        'complex128'
    """
    return to_complex(tree) if is_complex(reference) else tree


def real_dtype(tree: PyTree) -> jnp.dtype:
    """The real floating-point type of a pytree of floating-point arrays (its first leaf)."""
    return jnp.finfo(jax.tree.leaves(tree)[0].dtype).dtype


def matmul(
    activity: Inexact[Array, "*batch inputs"], weight: Inexact[Array, "inputs outputs"]
) -> Inexact[Array, "*batch outputs"]:
    """`activity @ weight` for a real weight: one real product also when the activity is complex.

    Real and imaginary parts are stacked as more rows of one matrix product.

    Args:
        activity: Real or complex, `(..., inputs)`.
        weight: Real, `(inputs, outputs)`.

    Returns:
        The product, `(..., outputs)`; a real one where the activity is real.

    Example:
        >>> osciprop.networks.matmul(jnp.ones((2, 3), dtype=complex), jnp.ones((3, 4))).shape
        (2, 4)
    """
    if not jnp.iscomplexobj(activity):
        return activity @ weight
    parts = jnp.stack([activity.real, activity.imag]) @ weight
    return jax.lax.complex(parts[0], parts[1])


def to_pairs(tree: PyTree) -> PyTree:
    """Every complex leaf of a pytree as the pair (real part, imaginary part); real ones as is."""

    def split(leaf: Array) -> Array | tuple[Array, Array]:
        return (leaf.real, leaf.imag) if jnp.iscomplexobj(leaf) else leaf

    return jax.tree.map(split, tree)


def from_pairs(pairs: PyTree, reference: PyTree) -> PyTree:
    """Undo `to_pairs`; `reference` is any pytree of the original structure and kind."""

    def join(leaf: Array | jax.ShapeDtypeStruct, parts: PyTree) -> Array:
        pair = jnp.issubdtype(leaf.dtype, jnp.complexfloating)
        return jax.lax.complex(*parts) if pair else parts

    return jax.tree.map(join, reference, pairs)
