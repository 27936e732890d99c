"""How noisy the always-on gradient must be: theory to hold beside simulations.

To first order in the noise `n` a gradient errs in two ways, nearly independent of each other. The
error signal `d = (1 / (T r)) int s e^{-i omega t} dt` gathers `n / r`, and the gradient errs by
`-d phi / d theta` along `Re d`. And noise that is slow against the teaching signal moves the
equilibrium: the estimate is the gradient at another place, and errs by its derivative along the
mean of `n` over T, whatever the amplitude is. For the readout's own weights, which no error signal
reaches, that is all. Left out are terms smaller by `r^2` for real noise (the teaching signal turns
noise at `-omega` into an error signal), by `r^4` for circular noise. Measured on two small networks
at T = 16, simulations have 4 and 9 % more variance for real noise at r = 0.1, none for circular; at
r = 0.4 it is 27 and 55 % for real, 5 and 33 % for circular noise: there, theory is a lower guide.
Squares of the noise are left out, too.

The noise itself is that of the linearised network (see `fluctuations`, and there up to what size).
"""

import math
from collections.abc import Callable, Iterator

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, ArrayLike, Float, Inexact, Int, PyTree

from ..dynamics.dynamics import cost_force, make_dynamics
from ..equilibria.dense import factorised, solved_by_factors
from ..equilibria.own import OwnRelaxation
from ..equilibria.relaxation import AbstractRelaxation
from ..errors import check_instance
from ..gradients.oscillatory import OscillatoryEP
from ..networks.complexity import real_dtype
from ..networks.costs import Targets
from ..networks.network import AbstractNetwork, State
from ..networks.preparation import prepare_pair
from ..networks.trees import norm
from ..settings import Module
from .fluctuations import (
    ErrorSignalNoise,
    Square,
    check_size,
    each_fluctuations,
    equilibrium,
    groups,
    turn,
)


class GradientNoise(Module):
    """Variances of an always-on estimate, for every parameter: the batch mean's, not a sample's.

    Args:
        contrast: The part that the error signal brings, shaped like the gradient: it falls as
            `1 / (r^2 T)`.
        wander: The part that comes from the equilibrium's slow motion, likewise: it falls as
            `1 / T`, and no amplitude lowers it.
        amplitude: The method's `r`.
        duration: The method's measured periods `T`, in units of time.

    Example:
        >>> parts = {"w": jnp.array([4.0])}, {"w": jnp.array([1.0])}
        >>> noise = osciprop.analysis.GradientNoise(*parts, amplitude=0.5, duration=100.0)
        >>> noise.total(), noise.strength()
        (5.0, 100.0)
    """

    contrast: PyTree[Array]
    wander: PyTree[Array]
    amplitude: float
    duration: float

    @property
    def variance(self) -> PyTree[Array]:
        """The variance of every parameter's gradient, shaped like the gradient."""
        return jax.tree.map(jnp.add, self.contrast, self.wander)

    def total(self) -> float:
        """`E |g - E g|^2`, the variances of all parameters together."""
        return _sum(self.contrast) + _sum(self.wander)

    def strength(self) -> float:
        """`v1` of the variance `v1 / (r^2 T)` that the error signal brings."""
        return _sum(self.contrast) * self.amplitude**2 * self.duration


def _sum(tree: PyTree[Array]) -> float:
    return float(sum(np.sum(np.asarray(leaf, dtype=float)) for leaf in jax.tree.leaves(tree)))


def gradient_noise(
    network: AbstractNetwork,
    x: ArrayLike,
    y: ArrayLike,
    method: OscillatoryEP,
    *,
    relaxation: AbstractRelaxation = OwnRelaxation(),
) -> GradientNoise:
    """Predicted noise of `estimate_gradient(network, x, y, method)`, to leading order.

    The stationary state is assumed: longer settling than the network's memory. Integration steps
    are assumed to be small: Euler-Maruyama with steps `h` has relatively more noise by about
    `h / (2 tau)`, and readings between its steps are interpolated.

    Args:
        network: A network with an energy, of up to about a thousand units.
        x: Inputs `(batch, features)`.
        y: Labels `(batch,)` or rows of targets.
        method: Brings amplitude, period, number of periods, readings per period and both noises.
        relaxation: How the free equilibria are found.

    Returns:
        The variance of every parameter, in two parts.

    Raises:
        ValueError: the method has no noise, or a lock-in that forgets; or as
            `linear_fluctuations`.
        ConvergenceError: as `linear_fluctuations`.

    Example:
        >>> small = osciprop.hopfield_mlp([4, 2, 3], key=key)
        >>> reading = osciprop.MeasurementNoise(0.01)
        >>> method = osciprop.OscillatoryEP(0.1, 10.0, measurement=reading)
        >>> osciprop.analysis.gradient_noise(small, x[:1], y[:1], method).total() > 0
        True
    """
    check_instance("method", method, OscillatoryEP)
    check_instance("relaxation", relaxation, AbstractRelaxation)
    inputs, targets = prepare_pair(network, x, y)
    if method.noise is None and method.measurement is None:
        raise ValueError("method has neither noise nor measurement noise: give one of them")
    memory = float(method.lock_in.memory())
    if memory != 1.0:
        raise ValueError(
            f"method.lock_in forgets a share of {1 - memory:.3g} per period, but the theory is "
            "that of a plain mean: use Cumulative()"
        )
    u = equilibrium(network, inputs, relaxation)
    s = network.activity(u)
    amplitude, period = float(method.teaching.amplitude), float(method.teaching.period)
    omega = jnp.asarray(2 * math.pi / period, dtype=real_dtype(u))
    contrast = wander = jax.tree.map(jnp.zeros_like, eqx.filter(network, eqx.is_inexact_array))
    for places, error, mean, lift in _sources(network, inputs, u, s, method, amplitude, period):
        share = (places.size / inputs.shape[0]) ** 2
        own = jax.tree.map(lambda leaf, at=places: leaf[at], u)
        sub = (network, inputs[places], targets[places], own, omega)
        size = places.size
        more = _along_error(network, sub[1], own, _root(error, size, omega.dtype))
        contrast = jax.tree.map(lambda a, b, k=share: a + k * b, contrast, more)
        more = _along_mean(*sub, _root(mean, 2 * size, omega.dtype), lift)
        wander = jax.tree.map(lambda a, b, k=share: a + k * b, wander, more)
    return GradientNoise(contrast, wander, amplitude, period * method.periods)


def _sources(
    network: AbstractNetwork,
    x: Float[Array, "batch ..."],
    u: State,
    s: State,
    method: OscillatoryEP,
    amplitude: float,
    period: float,
) -> Iterator[tuple[Int[np.ndarray, " samples"], Square, Square, "Lift"]]:
    """Of each independent noise: who sees it, the covariance of `Re d`, that of real and imaginary
    parts of the mean, and what this moves.
    """
    if method.noise is not None:
        for part in each_fluctuations(network, x, method.noise, u):
            counts = (period, method.periods)
            error = part.demodulated(amplitude, *counts, samples=method.samples)
            mean = part.demodulated(
                1.0, *counts, samples=method.samples, harmonic=0, potentials=True
            )
            yield part.samples, error.real, mean.joint, _by_potential
    if method.measurement is not None:
        # White noise: over whole turns its harmonics are independent and have equal power.
        white = float(method.measurement.intensity) ** 2 / (period * method.periods)
        angle = turn(method.measurement.plane)
        units = ravel_pytree(jax.tree.map(lambda leaf: leaf[0], s))[0].size
        for places in groups(method.measurement.sharing, x.shape[0]):
            check_size(places.size, units)
            one = white * np.kron(np.ones((places.size, places.size)), np.eye(units))
            mean = ErrorSignalNoise(one + 0j, angle * one)
            yield places, one / (2 * amplitude**2), mean.joint, _by_reading


def _root(covariance: Square, blocks: int, dtype: jnp.dtype) -> Float[Array, "rows blocks units"]:
    """Rows, in equal blocks, whose outer products add up to a covariance."""
    values, vectors = np.linalg.eigh(covariance)
    # Rows that rounding alone fills, half of them for real noise, would cost as much as others.
    keep = values > 1e-14 * max(values[-1], 1e-300)
    rows = np.sqrt(values[keep])[:, None] * vectors.T[keep]
    return jnp.asarray(rows.reshape(len(rows), blocks, len(values) // blocks), dtype=dtype)


class _Response(Module):
    """What a settled oscillation shows to the lock-in: activity and its first harmonic over r."""

    s: State
    real: State
    imaginary: State


def _respond(
    network: AbstractNetwork,
    x: Float[Array, "batch ..."],
    y: Targets,
    u: State,
    omega: Float[Array, ""],
) -> _Response:
    """`-(i omega - A)^-1 dC/ds` at potentials `u`, which need not be those of equilibrium."""

    def one(x: Array, y: Array, u: PyTree[Array]) -> _Response:
        x, y = x[None], y[None]
        dynamics = make_dynamics(network, x)
        point, unravel = ravel_pytree(jax.tree.map(lambda leaf: leaf[None], u))

        def motion(vector: Array) -> Array:
            return ravel_pytree(dynamics.velocity(0.0, unravel(vector)))[0]

        def push(vector: Array) -> Array:
            state = unravel(vector)
            force = cost_force(network, network.activity(state), y)
            still = jax.tree.map(jnp.zeros_like, state)
            moved = jax.jvp(lambda inflow: network.velocity(state, inflow), (still,), (force,))[1]
            return -ravel_pytree(moved)[0]

        drift = jax.lax.stop_gradient(jax.jacfwd(motion)(point))
        turned = jax.lax.complex(-drift, omega * jnp.eye(point.size, dtype=point.dtype))
        factors = factorised(turned)

        # As real pairs, and as products: the derivative never needs that of the whole matrix.
        def product(pair: tuple[Array, Array]) -> tuple[Array, Array]:
            real, imaginary = (jax.jvp(motion, (point,), (part,))[1] for part in pair)
            return -real - omega * pair[1], omega * pair[0] - imaginary

        def solve(_: object, pair: tuple[Array, Array]) -> tuple[Array, Array]:
            solution = solved_by_factors(*factors, jax.lax.complex(*pair))
            return solution.real, solution.imag

        force = push(point)
        pair = jax.lax.custom_linear_solve(product, (force, jnp.zeros_like(force)), solve)
        s, harmonics = network.activity(unravel(point)), []
        for part in pair:
            harmonics.append(jax.jvp(network.activity, (unravel(point),), (unravel(part),))[1])
        return jax.tree.map(lambda leaf: leaf[0], _Response(s, *harmonics))

    return jax.vmap(one)(x, y, u)


# From a shift, sample by sample, to what it changes in the response.
Lift = Callable[[Callable[[State], _Response], State, Float[Array, "samples units"]], _Response]


def _by_potential(
    respond: Callable[[State], _Response], u: State, shift: Float[Array, "samples units"]
) -> _Response:
    """Noise in the neurons moves where they rest, and with it how they respond."""
    _, unravel = ravel_pytree(jax.tree.map(lambda leaf: leaf[0], u))
    return jax.jvp(respond, (u,), (jax.vmap(unravel)(shift),))[1]


def _by_reading(
    respond: Callable[[State], _Response], u: State, shift: Float[Array, "samples units"]
) -> _Response:
    """Noise of readings is seen in place of the activity, and changes no response."""
    still = jax.tree.map(jnp.zeros_like, respond(u))
    _, unravel = ravel_pytree(jax.tree.map(lambda leaf: leaf[0], still.s))
    return eqx.tree_at(lambda response: response.s, still, jax.vmap(unravel)(shift))


def _cross(network: AbstractNetwork, x: Array, s: State, tangent: State) -> Inexact[Array, ""]:
    """Batch mean of the derivative of phi along a tangent."""
    return jnp.mean(jax.jvp(lambda state: network.phi(state, x), (s,), (tangent,))[1])


@eqx.filter_jit
def _along_error(
    network: AbstractNetwork,
    x: Float[Array, "batch ..."],
    u: State,
    root: Float[Array, "rows batch units"],
) -> PyTree[Array]:
    """Variances of the batch-mean gradient whose error signals vary by `root`."""
    s = network.activity(u)
    _, unravel = ravel_pytree(jax.tree.map(lambda leaf: leaf[0], s))

    def change(row: Array) -> PyTree[Array]:
        tangent = jax.vmap(unravel)(row)
        return eqx.filter_grad(lambda network: _cross(network, x, s, tangent))(network)

    return _sum_of_squares(network, change, root)


@eqx.filter_jit
def _along_mean(
    network: AbstractNetwork,
    x: Float[Array, "batch ..."],
    y: Targets,
    u: State,
    omega: Float[Array, ""],
    root: Float[Array, "rows parts units"],
    lift: Lift,
) -> PyTree[Array]:
    """Variances of the batch-mean gradient whose states are shifted by `root`: real, imaginary."""

    def respond(u: State) -> _Response:
        return _respond(network, x, y, u, omega)

    @eqx.filter_grad
    def real(network: AbstractNetwork, response: _Response) -> Array:
        cost = jnp.mean(network.cost(response.s, y))
        return cost - _cross(network, x, response.s, response.real)

    @eqx.filter_grad
    def imaginary(network: AbstractNetwork, response: _Response) -> Array:
        return -_cross(network, x, response.s, response.imaginary)

    middle, batch = respond(u), x.shape[0]

    # The gradient is analytic in the shift: Re (a + ib)(p + iq) = a p - b q.
    def change(row: Array) -> PyTree[Array]:
        moved = [lift(respond, u, part) for part in (row[:batch], row[batch:])]
        along, across = (
            jax.jvp(lambda response, f=function: f(network, response), (middle,), (tangent,))[1]
            for function, tangent in zip((real, imaginary), moved, strict=True)
        )
        return jax.tree.map(jnp.subtract, along, across)

    return _sum_of_squares(network, change, root)


def _sum_of_squares(
    network: AbstractNetwork,
    change: Callable[[Array], PyTree[Array]],
    root: Float[Array, "rows parts units"],
) -> PyTree[Array]:
    def add(total: PyTree[Array], row: Array) -> tuple[PyTree[Array], None]:
        return jax.tree.map(lambda a, b: a + b**2, total, change(row)), None

    zeros = jax.tree.map(jnp.zeros_like, eqx.filter(network, eqx.is_inexact_array))
    return jax.lax.scan(add, zeros, root)[0]


def signal_to_noise(gradient: PyTree[Array], noise: GradientNoise) -> float:
    """`|g| / sqrt(E |g - E g|^2)`, all parameters together.

    Args:
        gradient: The noise-free gradient.
        noise: What `gradient_noise` predicts for it.

    Returns:
        The ratio; infinite without noise.

    Example:
        >>> parts = {"w": jnp.array([4.0])}, {"w": jnp.array([5.0])}
        >>> noise = osciprop.analysis.GradientNoise(*parts, amplitude=0.5, duration=100.0)
        >>> osciprop.analysis.signal_to_noise({"w": jnp.array([6.0])}, noise)
        2.0
    """
    total = noise.total()
    return float(norm(gradient)) / math.sqrt(total) if total > 0 else math.inf
