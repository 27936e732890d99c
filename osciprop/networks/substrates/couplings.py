"""Symmetric couplings: one number for each pair of units, above the diagonal of a matrix.

So the gradient by a number is that of the pair, and no optimizer can make a coupling one-sided.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact

from ...errors import check_finite, is_traced
from ..complexity import complex_like, matmul, real_dtype
from ..trees import along_samples


def symmetric(pairs: Float[Array, "units units"]) -> Float[Array, "units units"]:
    """The symmetric matrix, with zeros on the diagonal, of numbers above the diagonal."""
    above = jnp.triu(pairs, 1)
    return above + above.T


def differences(
    u: Inexact[Array, "batch units"], pairs: Float[Array, "units units"]
) -> Inexact[Array, " batch"]:
    """`1/2 sum over pairs of D_ij (u_i - u_j)^2`: the energy of diffusive couplings."""
    coupling = symmetric(pairs)
    degree = parameter_like(jnp.sum(coupling, axis=0), u)
    half = jnp.asarray(0.5, dtype=u.dtype)
    return half * jnp.sum(u * (degree * u - matmul(u, coupling)), axis=-1)


def parameter_like(
    parameter: Float[Array, "..."], state: Inexact[Array, "batch ..."]
) -> Inexact[Array, "..."]:
    """A parameter, the same for all samples, in the type of a state and broadcast to its rank."""
    row = along_samples(parameter.astype(real_dtype(state)), state)
    return complex_like(row, state)


def paired_start(
    start: Float[Array, "..."], batch: int, like: Float[Array, " units"]
) -> tuple[Float[Array, "batch units"], Float[Array, "batch units"]]:
    """Where states of two variables per unit begin: one number, or rows that fit `(2, units)`."""
    both = jnp.broadcast_to(start, (2, like.size)).astype(like.dtype)
    first, second = jnp.broadcast_to(both[:, None], (2, batch, like.size))
    return first, second


def check_couplings(name: str, pairs: Float[Array, "..."], units: int | None = None) -> None:
    """Raise `ValueError` unless couplings are a finite square matrix whose numbers below the
    diagonal are zero, or those above once more.
    """
    size = units if units is not None else pairs.shape[0] if pairs.ndim else 0
    if pairs.shape != (size, size) or not size:
        wanted = "(units, units)" if units is None else f"({units}, {units})"
        raise ValueError(f"{name} has shape {pairs.shape}: give a square matrix, {wanted}")
    check_finite(name, pairs, "give a number for each pair of units, above the diagonal")
    if is_traced(pairs):
        return
    matrix = np.asarray(pairs)
    below = np.tril(matrix, -1)
    if below.any() and not np.array_equal(below, np.triu(matrix, 1).T):
        raise ValueError(
            f"{name} is neither symmetric nor zero below the diagonal: a pair of units has one "
            "coupling, and it is read above the diagonal, np.triu(matrix, 1)"
        )


def check_shape(name: str, array: Float[Array, "..."] | None, shape: tuple[int, ...]) -> None:
    """Raise `ValueError` unless a parameter has a shape, or none at all is given."""
    if array is not None and array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}: {shape} fits the units")


def check_fits(name: str, array: Float[Array, "..."] | None, shape: tuple[int, ...]) -> None:
    """Raise `ValueError` unless a parameter broadcasts to a shape, or none at all is given."""
    if array is None:
        return
    try:
        fits = np.broadcast_shapes(array.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"{name} has shape {array.shape}: give one number, or {shape} of them")


def check_features(x: Array, inputs: Array | None, axis: int = 0) -> None:
    """Raise `ValueError` for inputs that are not finite, or not as many per sample as an axis of
    the weights that they meet is long, where there are weights.
    """
    check_finite("x", x, "remove or impute these values before they reach the network")
    if inputs is None:
        return
    features = inputs.shape[axis]
    if x.shape[1:] != (features,):
        raise ValueError(
            f"x has shape {x.shape}, but the network takes {features} features: give "
            f"(batch, {features})"
        )
