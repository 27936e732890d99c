"""How analytic the response to a teaching signal is, and how far away the nearest singularity."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Inexact, PyTree

from ..dynamics.dynamics import require_holomorphic
from ..dynamics.teaching import Contour
from ..equilibria.attempts import at_once_or
from ..equilibria.own import OwnRelaxation
from ..equilibria.relaxation import AbstractRelaxation
from ..equilibria.solution import Solution, require_converged
from ..equilibria.spectra import (
    fourier_coefficients,
    harmonic_sizes,
    radius_from_decay,
    whole_circle,
)
from ..errors import ConvergenceError, check_at_least, check_instance
from ..gradients.contour import by_point, relax_free, relax_nudged
from ..networks.complexity import real_dtype
from ..networks.costs import Targets
from ..networks.network import AbstractNetwork, State
from ..networks.preparation import prepare_pair
from ..settings import Module

# Where the search for a radius of convergence gives up looking for a singularity.
SMALLEST_AMPLITUDE, LARGEST_AMPLITUDE = 1e-5, 100.0


class Spectrum(Module):
    """Fourier coefficients of the equilibrium activity on a circle of teaching signals.

    Args:
        coefficients: A state with a leading axis of points. Entry `k < points / 2` is
            `c_k amplitude^k` with the Taylor coefficients `c_k` of the activity in `beta`; the last
            entries turn backwards and vanish while the response is analytic.
        sizes: Their norms over all units and samples, `(points,)`.
        amplitude: Radius of the circle.
        free: The free equilibrium.
        nudged: The equilibria on the upper half of the circle.

    Source: hep2022, section 3.

    Example:
        >>> found = osciprop.analysis.activity_spectrum(network, x, y, amplitude=0.4, points=60)
        >>> bool(found.sizes[-1] < 1e-6 * found.sizes[1]), found.taylor(1)[0].shape
        (True, (10, 6))
        >>> 1.0 < found.radius_of_convergence() < 3.0
        True
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
        ratios show a pole (linear networks), else it is a fold (see `radius_from_decay` in
        `osciprop.equilibria.spectra`): with 60 points mostly within 3 %, in float32 and near the
        real axis within 10 %; more points come closer.
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
    relaxation: AbstractRelaxation = OwnRelaxation(),
    throw: bool = True,
) -> Spectrum:
    """Fourier coefficients of the equilibrium activity on the circle `|beta| = amplitude`.

    Only the upper half of the points is simulated.

    Args:
        network: A holomorphic network.
        x: Inputs `(batch, features)`.
        y: Labels `(batch,)` or rows of targets.
        amplitude: Radius of the circle, above 0.
        points: Number of equilibria on the whole circle, at least 4.
        relaxation: How the free and the nudged equilibria are found.
        throw: Whether to raise for an equilibrium that was not found; inside `jit` none is raised.

    Returns:
        The coefficients, and the equilibria behind them.

    Raises:
        ConvergenceError: an equilibrium was not found.
        HolomorphyError: the network is not holomorphic.
        ValueError: input does not fit.

    Source: hep2022, section 3.

    Example:
        >>> found = osciprop.analysis.activity_spectrum(network, x, y, amplitude=0.4, points=60)
        >>> found.sizes.shape
        (60,)
    """
    check_instance("relaxation", relaxation, AbstractRelaxation)
    inputs, targets = prepare_pair(network, x, y)
    check_at_least("points", points, 4, "fewer points show no harmonics")
    contour = Contour(amplitude, points)
    require_holomorphic(network)
    spectrum = at_once_or(
        network,
        relaxation,
        lambda chosen: _spectrum(network, inputs, targets, contour, chosen),
        lambda found: found.converged,
    )
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
    relaxation: AbstractRelaxation = OwnRelaxation(),
) -> float:
    """Distance in the `beta` plane of the nearest singularity of the equilibrium from 0.

    Amplitudes beyond it give no exact gradient. For a batch it is that of the sample with the
    nearest singularity. Measured on one circle (see `Spectrum.radius_of_convergence`).

    Args:
        network: A holomorphic network.
        x: Inputs `(batch, features)`.
        y: Labels `(batch,)` or rows of targets.
        points: Number of equilibria on the whole circle, at least 4.
        amplitude: Radius of the circle. None searches one, from 0.1 on, on which all equilibria are
            found and the decay of the harmonics is well resolved.
        relaxation: How the free and the nudged equilibria are found.

    Returns:
        The distance, in units of `beta`; infinity if no singularity shows up to 100.

    Raises:
        ConvergenceError: no circle gives an answer.
        HolomorphyError: the network is not holomorphic.
        ValueError: input does not fit.

    Source: hep2022, section 3.

    Example:
        >>> 1.0 < osciprop.analysis.radius_of_convergence(network, x, y, amplitude=0.4) < 3.0
        True
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
