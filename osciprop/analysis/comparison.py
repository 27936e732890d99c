"""How close gradients are to each other, and error signals."""

import dataclasses
import math
from types import ModuleType

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, PyTree

from ..errors import is_traced

Scalar = float | Float[Array, ""]
# What is known is computed with NumPy, on the host and in double precision; traced arrays in JAX.
AnyArray = Array | np.ndarray | np.floating


def _paired(a: PyTree, b: PyTree) -> tuple[ModuleType, list[str], list[AnyArray], list[AnyArray]]:
    """The arrays of two gradients as named vectors, and the library to compute with."""
    trees = [eqx.filter(tree, eqx.is_inexact_array) for tree in (a, b)]
    (left, structure), (right, other) = (jax.tree_util.tree_flatten_with_path(t) for t in trees)
    shapes = [[leaf.shape for _, leaf in leaves] for leaves in (left, right)]
    if structure != other or shapes[0] != shapes[1] or not left:
        raise ValueError(
            f"a and b differ in structure, or are empty: arrays of shapes {shapes[0]} and "
            f"{shapes[1]}. Give two gradients of one network, each like "
            "eqx.filter(network, eqx.is_inexact_array)"
        )
    if any(jnp.iscomplexobj(leaf) for _, leaf in left + right):
        raise ValueError("a or b holds complex arrays: gradients by real parameters are real")
    xp = jnp if is_traced((a, b)) else np
    vectors = [
        [xp.asarray(leaf, dtype=float).ravel() for _, leaf in side] for side in (left, right)
    ]
    names = [jax.tree_util.keystr(path).lstrip(".") for path, _ in left]
    return xp, names, vectors[0], vectors[1]


def _norm(xp: ModuleType, vector: AnyArray) -> AnyArray:
    """Euclidean norm, NaN for zero. Scaled, as squares of tiny gradients underflow in float32."""
    peak = xp.max(xp.abs(vector), initial=0.0)
    peak = xp.where(peak > 0, peak, xp.nan)
    return peak * xp.sqrt(xp.sum((vector / peak) ** 2))


def _chords(xp: ModuleType, a: list[AnyArray], b: list[AnyArray]) -> tuple[AnyArray, AnyArray]:
    """Lengths of the difference and of the sum of two unit vectors."""
    left, right = (vector / _norm(xp, vector) for vector in map(xp.concatenate, (a, b)))
    return tuple(xp.sqrt(xp.sum(chord**2)) for chord in (left - right, left + right))


def cosine_distance(a: PyTree, b: PyTree) -> Scalar:
    """`1 - cos` of the angle between two gradients, all arrays together, from 0 to 2.

    Computed as `|a/|a| - b/|b||^2 / 2`, which keeps its digits where `1 - cos` would lose them.

    Args:
        a: A gradient, of the structure of `eqx.filter(network, eqx.is_inexact_array)`.
        b: Another of the same structure.

    Returns:
        A float, computed in double precision; inside `jit` an array, in JAX's default precision.
        NaN if a gradient is zero or not finite.

    Raises:
        ValueError: the structures differ, there are no arrays, or some are complex.

    Example:
        >>> a, b = {"w": jnp.array([1.0, 0.0])}, {"w": jnp.array([1.0, 1e-10])}
        >>> round(1e20 * osciprop.cosine_distance(a, b), 6)
        0.5
    """
    xp, _, left, right = _paired(a, b)
    distance = _chords(xp, left, right)[0] ** 2 / 2
    return distance if isinstance(distance, Array) else float(distance)


def cosine(a: PyTree, b: PyTree) -> Scalar:
    """The cosine between two gradients, all arrays together.

    Close to 1 it loses the digits that `cosine_distance` keeps.

    Args:
        a: A gradient, of the structure of `eqx.filter(network, eqx.is_inexact_array)`.
        b: Another of the same structure.

    Returns:
        A number from -1 to 1, of the kind that `cosine_distance` returns.

    Raises:
        ValueError: as `cosine_distance`.

    Example:
        >>> round(osciprop.cosine({"w": jnp.array([3.0, 4.0])}, {"w": jnp.array([3.0, 0.0])}), 6)
        0.6
    """
    return 1 - cosine_distance(a, b)


def angle(a: PyTree, b: PyTree) -> Scalar:
    """The angle between two gradients, all arrays together, accurate near 0 and near 180 degrees.

    Args:
        a: A gradient, of the structure of `eqx.filter(network, eqx.is_inexact_array)`.
        b: Another of the same structure.

    Returns:
        Degrees, of the kind that `cosine_distance` returns.

    Raises:
        ValueError: as `cosine_distance`.

    Example:
        >>> a, b = {"w": jnp.array([1.0, 0.0])}, {"w": jnp.array([0.0, 2.0])}
        >>> round(osciprop.analysis.angle(a, b), 6)
        90.0
    """
    xp, _, left, right = _paired(a, b)
    degrees = 2 * xp.arctan2(*_chords(xp, left, right)) * (180 / math.pi)
    return degrees if isinstance(degrees, Array) else float(degrees)


def relative_error(estimate: PyTree, reference: PyTree) -> Scalar:
    """`|estimate - reference| / |reference|`, all arrays together.

    Args:
        estimate: A gradient, of the structure of `eqx.filter(network, eqx.is_inexact_array)`.
        reference: What it should be, of the same structure.

    Returns:
        A number of the kind that `cosine_distance` returns; NaN for a zero reference.

    Raises:
        ValueError: as `cosine_distance`.

    Example:
        >>> osciprop.relative_error({"w": jnp.array([3.0])}, {"w": jnp.array([2.0])})
        0.5
    """
    xp, _, left, right = _paired(estimate, reference)
    first, second = xp.concatenate(left), xp.concatenate(right)
    size = _norm(xp, second)
    error = xp.sqrt(xp.sum(((first - second) / size) ** 2))
    return error if isinstance(error, Array) else float(error)


def norm_ratio(estimate: PyTree, reference: PyTree) -> Scalar:
    """`|estimate| / |reference|`, all arrays together.

    Args:
        estimate: A gradient, of the structure of `eqx.filter(network, eqx.is_inexact_array)`.
        reference: What it should be, of the same structure.

    Returns:
        A number of the kind that `cosine_distance` returns; NaN for a zero reference.

    Raises:
        ValueError: as `cosine_distance`.

    Example:
        >>> osciprop.analysis.norm_ratio({"w": jnp.array([3.0])}, {"w": jnp.array([-2.0])})
        1.5
    """
    xp, _, left, right = _paired(estimate, reference)
    scaled = xp.concatenate(left) / _norm(xp, xp.concatenate(right))
    ratio = xp.where(xp.any(scaled != 0), _norm(xp, scaled), 0.0)
    return ratio if isinstance(ratio, Array) else float(ratio)


def cosine_by_layer(a: PyTree, b: PyTree) -> dict[str, float]:
    """The cosine of each array of two gradients, by its place, e.g. `synapses[0].weight`.

    Args:
        a: A gradient, of the structure of `eqx.filter(network, eqx.is_inexact_array)`.
        b: Another of the same structure.

    Returns:
        Cosines by place. Arrays that are zero in both, such as those of time constants, are left
        out; one that is zero in only one of them has no angle: NaN.

    Raises:
        ValueError: as `cosine_distance`, and inside `jit`.

    Example:
        >>> osciprop.analysis.cosine_by_layer(network, network)["synapses[0].weight"]
        1.0
    """
    xp, names, left, right = _paired(a, b)
    if xp is jnp:
        raise ValueError("cosine_by_layer looks for zero arrays, so it cannot run inside jit")
    return {
        name: float(1 - _chords(np, [p], [q])[0] ** 2 / 2)
        for name, p, q in zip(names, left, right, strict=True)
        if np.any(p) or np.any(q)
    }


@dataclasses.dataclass(frozen=True)
class Alignment:
    """Cosines between two sets of error signals, means over samples (see `alignment`).

    Args:
        by_population: One cosine per population.
        overall: The cosine of all populations together.

    Example:
        >>> signal = (np.ones((2, 3)), np.ones((2, 4)))
        >>> round(osciprop.analysis.alignment(signal, signal).overall, 6)
        1.0
    """

    by_population: tuple[float, ...]
    overall: float


def alignment(a: PyTree, b: PyTree) -> Alignment:
    """How well two sets of error signals agree, e.g. `estimate.error_signal` of two methods.

    A sample whose signal is zero in a population has no cosine there and is left out.

    Args:
        a: A state of a network: arrays with a leading batch axis.
        b: Another of the same shapes.

    Returns:
        Cosines by population and of all, means over samples; NaN if all samples are left out.

    Raises:
        ValueError: the shapes differ.

    Example:
        >>> a = osciprop.estimate_gradient(network, x, y, osciprop.ClassicEP(0.01)).error_signal
        >>> b = osciprop.estimate_gradient(network, x, y, osciprop.Implicit()).error_signal
        >>> osciprop.analysis.alignment(a, b).overall > 0.99
        True
    """
    left, right = jax.tree.leaves(a), jax.tree.leaves(b)
    shapes = [[np.shape(leaf) for leaf in side] for side in (left, right)]
    if shapes[0] != shapes[1] or not left:
        raise ValueError(
            f"a and b have arrays of shapes {shapes[0]} and {shapes[1]}: give error signals of one "
            "network and batch"
        )

    def rows(leaf: ArrayLike) -> np.ndarray:
        return np.asarray(leaf, dtype=float).reshape(np.shape(leaf)[0], -1)

    p, q = [rows(leaf) for leaf in left], [rows(leaf) for leaf in right]
    return Alignment(
        tuple(_mean_cosine(one, other) for one, other in zip(p, q, strict=True)),
        _mean_cosine(np.concatenate(p, axis=1), np.concatenate(q, axis=1)),
    )


def _mean_cosine(a: np.ndarray, b: np.ndarray) -> float:
    sizes = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    there = sizes > 0
    if not there.any():
        return float("nan")
    return float(np.mean(np.sum(a * b, axis=1)[there] / sizes[there]))
