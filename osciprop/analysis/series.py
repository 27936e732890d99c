"""The gradient's own Taylor series in the teaching signal, measured on one circle without noise.

The contrast `-(1 / beta) d phi_tot / d theta` at the equilibria of a teaching signal `beta` is
`sum_k c_k beta^(k - 1)`, `k = 0, 1, ...`: `c_1` is the gradient, and the mean over N points of a
circle of radius r errs by `c_(1 + N) r^N + c_(1 + 2 N) r^(2 N) + ...` (hep2022, section 3). Points
on one circle show the coefficients by their Fourier transform, down to what the solver leaves.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, PyTree

from ..dynamics.dynamics import require_holomorphic
from ..dynamics.teaching import Contour
from ..equilibria.attempts import at_once_or
from ..equilibria.own import OwnRelaxation
from ..equilibria.relaxation import AbstractRelaxation
from ..equilibria.solution import Solution, require_converged
from ..equilibria.spectra import radius_from_decay
from ..errors import check_at_least, check_instance
from ..gradients.contour import by_point, relax_free, relax_nudged
from ..gradients.contrast import contrast
from ..networks.complexity import real_dtype
from ..networks.costs import Targets
from ..networks.network import AbstractNetwork
from ..networks.preparation import prepare_pair
from ..networks.trees import norm
from ..settings import Module

# A coefficient counts where it is this many times larger than those that have to vanish.
CLEAR = 3.0
# Beyond this share of the gradient turning backwards, the circle is no picture of the series.
ANALYTIC = 1e-3


class GradientSeries(Module):
    """Taylor coefficients `c_k` of the batch-mean gradient in `beta`, from one circle.

    Args:
        gradient: `c_1`, shaped like the network.
        products: Entry `[k, l]` is the scalar product of `c_(1 + k) amplitude^k` and
            `c_(1 + l) amplitude^l`, all parameters together, over `|c_1|^2`; `k, l < points / 2`.
        floor: Size of coefficients that vanish for an analytic response: what the solver leaves,
            or the sign that the circle reaches beyond a singularity.
        amplitude: Radius of the circle.
        free: The free equilibrium.
        nudged: The equilibria on the upper half of the circle.

    Source: hep2022, section 3.

    Example:
        >>> series = osciprop.analysis.gradient_series(network, x, y, amplitude=0.4, points=16)
        >>> series.analytic, series.sizes.shape
        (True, (8,))
        >>> series.truncation(np.array([0.1, 0.2]), points=4).shape
        (2,)
    """

    gradient: PyTree[Array]
    products: Float[Array, "orders orders"]
    floor: Float[Array, ""]
    amplitude: Float[Array, ""]
    free: Solution
    nudged: Solution

    @property
    def converged(self) -> Bool[Array, ""]:
        """Whether every equilibrium behind the series was found."""
        return jnp.all(self.free.converged) & jnp.all(self.nudged.converged)

    @property
    def analytic(self) -> bool:
        """Whether all equilibria were found and belong to one analytic response."""
        return bool(self.converged) and float(self.floor) <= ANALYTIC

    @property
    def sizes(self) -> Float[np.ndarray, " orders"]:
        """Sizes of the coefficients on the circle, relative to the gradient's."""
        return np.sqrt(np.diag(np.asarray(self.products, dtype=float)))

    def visible(self) -> int:
        """The last order up to which every coefficient stands clear of `floor`."""
        hidden = ~(self.sizes > CLEAR * float(self.floor))
        return max(int(np.argmax(hidden)) - 1, 0) if hidden.any() else hidden.size - 1

    def radius_of_convergence(self) -> float:
        """Distance of the nearest singularity of the batch's gradient (see `spectra`).

        Infinity where too few coefficients are visible. Of a batch, the gradient sums singularities
        of all samples, so that the nearest may show weakly. Poles are taken for folds: in a linear
        network the radius came out 17 % too small.
        """
        known = self.sizes[: self.visible() + 1]
        if known.size < 3:
            return float("inf")
        # The k-th coefficient of the activity moves the (k - 1)-th power of the gradient.
        padded = np.concatenate([[1.0], known, np.zeros(known.size + 2)])
        return radius_from_decay(padded, self.amplitude, floor=0.0)

    def truncation(
        self, amplitude: Float[np.ndarray, " amplitudes"], points: int
    ) -> Float[np.ndarray, " amplitudes"]:
        """Predicted relative error `|sum_m c_(1 + m N) r^(m N)| / |c_1|` of N `points`.

        Visible coefficients are summed as vectors; where not even the first of them is visible it
        is extrapolated from the last one that is, with the decay towards a fold.
        """
        last, scale = self.visible(), np.asarray(amplitude, dtype=float) / float(self.amplitude)
        orders = np.arange(points, last + 1, points)
        if orders.size:
            powers = scale[:, None] ** orders
            products = np.asarray(self.products, dtype=float)[np.ix_(orders, orders)]
            squares = np.einsum("ri,ij,rj->r", powers, products, powers)
            return np.sqrt(np.maximum(squares, 0.0))
        decay = float(self.amplitude) / self.radius_of_convergence()
        first = self.sizes[last] * ((last + 1) / (points + 1)) ** 1.5 * decay ** (points - last)
        return first * scale**points


@eqx.filter_jit
def _series(
    network: AbstractNetwork, x: Array, y: Targets, contour: Contour, method: AbstractRelaxation
) -> GradientSeries:
    dynamics, free = relax_free(network, x, method, None)
    betas, count = contour.upper()
    nudged = relax_nudged(dynamics, y, betas, free, method)
    states = by_point(nudged.s, betas.shape[0])
    dtype = jax.tree.leaves(states)[0].dtype

    def point(state_and_beta: tuple[PyTree, Array]) -> PyTree[Array]:
        state, beta = state_and_beta
        one = jax.tree.map(lambda leaf: leaf[None], state)
        # The contrast is a real part: that of f and of -i f.
        turned = jnp.asarray([1.0, -1.0j], dtype=dtype)
        return jax.lax.map(
            lambda w: contrast(network, x, y, one, beta[None], -w / beta[None]), turned
        )

    parts = jax.lax.map(point, (states, betas.astype(dtype)))
    angles = 2 * np.pi * np.outer(np.arange(contour.points), np.arange(betas.shape[0]))
    angles = angles / contour.points
    real = real_dtype(free.u)
    rows = jnp.asarray(np.stack([np.cos(angles), np.sin(angles)], axis=-1), dtype=real)
    rows = rows * (count / contour.points).astype(real)[None, :, None]
    circle = jax.tree.map(lambda leaf: jnp.tensordot(rows, leaf, axes=2), parts)
    gradient = jax.tree.map(lambda leaf: leaf[0], circle)
    size = jnp.maximum(norm(gradient), jnp.finfo(real).tiny)
    vectors = [leaf.reshape(leaf.shape[0], -1) / size for leaf in jax.tree.leaves(circle)]
    products = sum(vector @ vector.T for vector in vectors)
    half = contour.points // 2
    # The last order, 1 / beta, is the free state's and not zero; those before it turn backwards.
    backward = jnp.diag(products)[half + half // 2 : -1]
    floor = jnp.sqrt(jnp.max(backward))
    return GradientSeries(
        gradient, products[:half, :half], floor, contour.amplitude.astype(real), free, nudged
    )


def gradient_series(
    network: AbstractNetwork,
    x: ArrayLike,
    y: ArrayLike,
    *,
    amplitude: ArrayLike,
    points: int = 60,
    relaxation: AbstractRelaxation = OwnRelaxation(),
    throw: bool = True,
) -> GradientSeries:
    """The gradient's Taylor coefficients from noise-free equilibria on `|beta| = amplitude`.

    Only the upper half of the points is simulated; half as many coefficients as points are
    resolved.

    Args:
        network: A holomorphic network with an energy.
        x: Inputs `(batch, features)`.
        y: Labels `(batch,)` or rows of targets.
        amplitude: Radius of the circle, above 0.
        points: Number of equilibria on the whole circle, at least 8.
        relaxation: How the free and the nudged equilibria are found.
        throw: Whether to raise for an equilibrium that was not found.

    Returns:
        The coefficients, and the equilibria behind them.

    Raises:
        ConvergenceError: an equilibrium was not found.
        HolomorphyError: the network is not holomorphic.
        ValueError: input does not fit.

    Source: hep2022, section 3.

    Example:
        >>> series = osciprop.analysis.gradient_series(network, x, y, amplitude=0.4, points=16)
        >>> exact = osciprop.estimate_gradient(network, x, y, osciprop.Implicit())
        >>> osciprop.relative_error(series.gradient, exact.gradient) < 1e-6
        True
    """
    check_instance("relaxation", relaxation, AbstractRelaxation)
    inputs, targets = prepare_pair(network, x, y)
    check_at_least("points", points, 8, "fewer points show no decay of the coefficients")
    contour = Contour(amplitude, points)
    require_holomorphic(network)
    series = at_once_or(
        network,
        relaxation,
        lambda chosen: _series(network, inputs, targets, contour, chosen),
        lambda found: found.converged,
    )
    if throw:
        require_converged(series.free, "the free relaxation")
        require_converged(series.nudged, f"the relaxation at amplitude {amplitude}")
    return series
