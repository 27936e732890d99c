"""Looking at gradients and responses: how close, how analytic, how far to the next singularity."""

import math
from types import ModuleType

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Inexact, PyTree

from .complexity import real_dtype
from .costs import Targets
from .dynamics import require_holomorphic
from .errors import ConvergenceError, check_at_least, is_traced
from .gradients.contour import by_point, relax_free, relax_nudged
from .networks import AbstractNetwork, State
from .prepare import prepare_pair
from .relaxation import AbstractRelaxation, AndersonIteration
from .solution import Solution, require_converged
from .spectra import fourier_coefficients, harmonic_sizes, whole_circle
from .spectra import radius_of_convergence as radius_from_decay
from .teaching import Contour

Scalar = float | Float[Array, ""]
# What is known is computed with NumPy, on the host and in double precision; traced arrays in JAX.
AnyArray = Array | np.ndarray | np.floating

# Where the search for a radius of convergence gives up looking for a singularity.
SMALLEST_AMPLITUDE, LARGEST_AMPLITUDE = 1e-5, 100.0
# Circles of the holomorphy check lie between these potentials, where activations have kinks.
CENTRE_RANGE = 3.0


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
    Gradients have the structure of `eqx.filter(network, eqx.is_inexact_array)`. A float, computed
    in double precision; inside `jit` an array, in JAX's default precision. NaN if a gradient is
    zero or not finite. Raises `ValueError` if the structures differ.
    """
    xp, _, left, right = _paired(a, b)
    distance = _chords(xp, left, right)[0] ** 2 / 2
    return distance if isinstance(distance, Array) else float(distance)


def cosine(a: PyTree, b: PyTree) -> Scalar:
    """The cosine between two gradients, all arrays together (see `cosine_distance`)."""
    return 1 - cosine_distance(a, b)


def angle(a: PyTree, b: PyTree) -> Scalar:
    """The angle between two gradients in degrees, accurate near 0 and near 180."""
    xp, _, left, right = _paired(a, b)
    degrees = 2 * xp.arctan2(*_chords(xp, left, right)) * (180 / math.pi)
    return degrees if isinstance(degrees, Array) else float(degrees)


def relative_error(estimate: PyTree, reference: PyTree) -> Scalar:
    """`|estimate - reference| / |reference|`, all arrays together; NaN for a zero reference."""
    xp, _, left, right = _paired(estimate, reference)
    first, second = xp.concatenate(left), xp.concatenate(right)
    size = _norm(xp, second)
    error = xp.sqrt(xp.sum(((first - second) / size) ** 2))
    return error if isinstance(error, Array) else float(error)


def norm_ratio(estimate: PyTree, reference: PyTree) -> Scalar:
    """`|estimate| / |reference|`, all arrays together; NaN for a zero reference."""
    xp, _, left, right = _paired(estimate, reference)
    scaled = xp.concatenate(left) / _norm(xp, xp.concatenate(right))
    ratio = xp.where(xp.any(scaled != 0), _norm(xp, scaled), 0.0)
    return ratio if isinstance(ratio, Array) else float(ratio)


def cosine_by_layer(a: PyTree, b: PyTree) -> dict[str, float]:
    """The cosine of each array of two gradients, by its place, e.g. `synapses[0].weight`.

    Arrays that are zero in both, such as those of time constants, are left out; one that is zero in
    only one of them has no angle: NaN. Not for use inside `jit` (`ValueError`).
    """
    xp, names, left, right = _paired(a, b)
    if xp is jnp:
        raise ValueError("cosine_by_layer looks for zero arrays, so it cannot run inside jit")
    return {
        name: float(1 - _chords(np, [p], [q])[0] ** 2 / 2)
        for name, p, q in zip(names, left, right, strict=True)
        if np.any(p) or np.any(q)
    }


class Spectrum(eqx.Module):
    """Fourier coefficients of the equilibrium activity on a circle of teaching signals.

    `coefficients` is a state with a leading axis of points: entry `k < points / 2` is
    `c_k amplitude^k` with the Taylor coefficients `c_k` of the activity in `beta`; the last entries
    turn backwards and vanish while the response is analytic. `sizes` are their norms over all units
    and samples. `free` and `nudged` are the two relaxations.
    """

    coefficients: PyTree[Inexact[Array, "points batch ..."]]
    sizes: Float[Array, " points"]
    amplitude: Float[Array, ""]
    free: Solution
    nudged: Solution

    @property
    def converged(self) -> Bool[Array, ""]:
        """Whether every equilibrium behind the spectrum was found."""
        return jnp.all(self.free.converged) & jnp.all(self.nudged.converged)

    def taylor(self, order: int) -> State:
        """`1 / order! d^order s / d beta^order` at the free equilibrium, per sample and unit."""
        check_at_least("order", order, 0, "0 is the free activity, 1 the response to a nudge")
        points = self.sizes.shape[0]
        if order >= points / 2:
            raise ValueError(f"order={order} is not resolved by {points} points: use more")
        return jax.tree.map(
            lambda leaf: leaf[order].real / (self.amplitude**order).astype(real_dtype(leaf)),
            self.coefficients,
        )

    def radius_of_convergence(self) -> float:
        """Distance of the nearest singularity from `beta = 0`, in units of `beta`.

        From the decay of the coefficients of each sample; the smallest counts. At once constant
        ratios show a pole (linear networks), else it is a fold (see
        `osciprop.spectra.radius_of_convergence`): with 60 points mostly within 3 %, in float32 and
        near the real axis within 10 %; more points come closer.
        Infinity if fewer than two harmonics beyond the first stand clear of the solver's tolerance.
        """
        coefficients = [np.asarray(leaf) for leaf in jax.tree.leaves(self.coefficients)]
        powers = [np.abs(leaf.reshape(*leaf.shape[:2], -1)) ** 2 for leaf in coefficients]
        sizes = np.sqrt(sum(power.sum(axis=2, dtype=float) for power in powers))
        tolerance, amplitude = float(self.nudged.tolerance), float(self.amplitude)
        return min(
            radius_from_decay(sample, amplitude, floor=_floor(sample, tolerance))
            for sample in sizes.T
        )


def _floor(sizes: np.ndarray, tolerance: float) -> float:
    """The multiple of the first harmonic below which the solver's tolerance hides the others."""
    return min(max(10 * tolerance / max(sizes[1], 1e-300), 1e-9), 0.1)


@eqx.filter_jit
def _spectrum(
    network: AbstractNetwork, x: Array, y: Targets, contour: Contour, method: AbstractRelaxation
) -> Spectrum:
    dynamics, free = relax_free(network, x, method, None)
    betas, _ = contour.upper()
    nudged = relax_nudged(dynamics, y, betas, free, method)
    circle = whole_circle(by_point(nudged.s, betas.shape[0]), contour.points)
    coefficients = fourier_coefficients(circle)
    return Spectrum(coefficients, harmonic_sizes(circle), contour.amplitude, free, nudged)


def activity_spectrum(
    network: AbstractNetwork,
    x: ArrayLike,
    y: ArrayLike,
    *,
    amplitude: ArrayLike,
    points: int,
    relaxation: AbstractRelaxation | None = None,
    throw: bool = True,
) -> Spectrum:
    """Fourier coefficients of the equilibrium activity on the circle `|beta| = amplitude`.

    `x` is `(batch, features)`, `y` labels or rows; `relaxation` is by default
    `AndersonIteration()`. Only the upper half of the `points` is simulated.

    Raises `ConvergenceError` if an equilibrium was not found, unless `throw=False` (or inside
    `jit`); `HolomorphyError` for a network that is not holomorphic; `ValueError` for unfit input.
    """
    inputs, targets = prepare_pair(network, x, y)
    check_at_least("points", points, 4, "fewer points show no harmonics")
    contour = Contour(amplitude, points)
    require_holomorphic(network)
    method = AndersonIteration() if relaxation is None else relaxation
    spectrum = _spectrum(network, inputs, targets, contour, method)
    if throw:
        require_converged(spectrum.free, "the free relaxation")
        require_converged(spectrum.nudged, f"the relaxation at amplitude {amplitude}")
    return spectrum


def radius_of_convergence(
    network: AbstractNetwork,
    x: ArrayLike,
    y: ArrayLike,
    *,
    points: int = 60,
    amplitude: ArrayLike | None = None,
    relaxation: AbstractRelaxation | None = None,
) -> float:
    """Distance in the `beta` plane of the nearest singularity of the equilibrium from 0.

    Amplitudes beyond it give no exact gradient. Measured on one circle (see
    `Spectrum.radius_of_convergence`): of radius `amplitude`, or of one found by search, starting at
    0.1, on which all equilibria are found and the decay of the harmonics is well resolved. For a
    batch it is that of the sample with the nearest singularity. Infinity if no singularity shows up
    to an amplitude of 100.

    Raises `ConvergenceError` if no circle gives an answer.
    """
    if amplitude is not None:
        return activity_spectrum(
            network, x, y, amplitude=amplitude, points=points, relaxation=relaxation
        ).radius_of_convergence()
    trial, good, bad, radius, wish = 0.1, 0.0, math.inf, math.inf, math.inf
    for _ in range(20):
        spectrum = activity_spectrum(
            network, x, y, amplitude=trial, points=points, relaxation=relaxation, throw=False
        )
        require_converged(spectrum.free, "the free relaxation")
        sizes = np.asarray(spectrum.sizes, dtype=float)
        # Beyond a branch point or pole the response also turns backwards. False for NaN, too.
        if bool(spectrum.converged) and sizes[-1] <= 1e-2 * sizes[1]:
            good, radius = trial, spectrum.radius_of_convergence()
            # The last harmonic shall be small, but stand well above what the tolerance hides.
            last = max(30 * _floor(sizes, float(spectrum.nudged.tolerance)), 1e-6)
            found = math.isfinite(radius)
            wish = radius * last ** (2 / points) if found else min(4 * good, LARGEST_AMPLITUDE)
            if good >= LARGEST_AMPLITUDE or 0.8 < wish / good < 1.25:
                return radius
        else:
            bad = trial
            wish = wish if good else bad / 4
        if wish < SMALLEST_AMPLITUDE or bad < 1.3 * good:
            break
        trial = wish if wish < bad else math.sqrt(good * bad)
    if math.isfinite(radius):
        return radius
    raise ConvergenceError(
        f"no radius of convergence: equilibria were found up to an amplitude of {good:.3g} but not "
        f"at {bad:.3g}, and no singularity shows before. Remedies: another relaxation, e.g. "
        "Newton() or Flow(), more max_steps, a given amplitude"
    )
