"""The always-on network of Fig. 3a,b: MNIST, 784-256-256-10, a teaching signal that keeps rotating.

Two simulations. The published one turns `beta` in N steps per period, holds each value for a number
of undamped synchronous iterations, and reads the gradient at the end of each hold. In the other
`beta` rotates continuously and the equations of motion are integrated (`osciprop.OscillatoryEP`).
Both run from rest, never stop, and average the gradient over all periods, the first one included.
"""

import functools
from dataclasses import asdict, dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int, PyTree

import osciprop
from osciprop.datasets import mnist
from osciprop.dynamics.teaching import roots_of_unity
from osciprop.gradients.contrast import contrast
from osciprop.gradients.oscillation import OscillationDiagnostics
from osciprop.networks.complexity import to_complex
from osciprop.networks.trees import norm

from .. import layers, published, style
from ..claim import Claim
from ..figure import Data
from .weights import drawn

Carry = tuple[PyTree, PyTree[Array], Array]
"""State, sum of gradients, and number of periods."""

SIZES = (784, 256, 256, 10)
STDDEV = 0.05
SEED = 2
BATCH = 10
AMPLITUDE = 0.5
POINTS = 10
CONTINUOUS_SAMPLES = 20
TOLERANCE = 1e-6
"""Of the adaptive steps of the continuous rotation, relative and absolute."""

SILENT = -10.0
"""The membrane potential of the published start, an activity of 0 (here 6e-19)."""

KINDS = ("stepped", "turned")
"""The simulations: step by step, and the continuous rotation."""

TIGHT = 1e-13
FLOOR = 1e-12
"""Added under the root of the residual by the authors."""

# Fits of power laws start here: shorter periods are too fast for the network to follow.
SLOW = 200

# -log10(1 - cos) after these periods, where the published curve is missing (200, 300) or rounded to
# 1.0 (400, later than the first period); and the mean log10 residual.
PUBLISHED_PERIODS = (1, 5, 10, 20, 40)
PUBLISHED_DIGITS = {
    200: (3.08, 4.43, 4.97, 5.41, 5.71),
    300: (4.85, 6.15, 6.62, 6.75, 6.92),
    400: (6.5,),
}
PUBLISHED_RESIDUAL = {50: -1.968, 100: -2.500, 200: -3.464, 300: -4.309, 400: -5.089}
MACHINE = 7.2
"""Where the published axis ends, "1 up to machine precision"; later points for 400 are there."""


@dataclass(frozen=True)
class Settings3ab:
    """`holds` are the numbers of steps per value of `beta`, a tenth of a period.

    `draws` is the number of other batches, simulated step by step for `draw_holds`.
    """

    holds: tuple[int, ...]
    periods: int
    precisions: tuple[str, ...]
    draws: int
    draw_holds: tuple[int, ...] = (5, 10)
    sizes: tuple[int, ...] = SIZES
    stddev: float = STDDEV
    seed: int = SEED
    weights: str = "the authors' own, see `weights`"
    batch: str = f"the first {BATCH} training images of MNIST"
    amplitude: float = AMPLITUDE
    points: int = POINTS
    step_by_step: str = "synchronous iteration, damping 1, from activity 0"
    continuous: str = (
        f"OscillatoryEP, Tsit5, adaptive steps, tolerance {TOLERANCE:g}, "
        f"{CONTINUOUS_SAMPLES} samples per period, from potential 0"
    )
    reference: str = f"Implicit, float64, relaxation to {TIGHT:g}"


FULL = Settings3ab(
    holds=(5, 10, 20, 30, 40), periods=40, precisions=("float32", "float64"), draws=12
)
FAST = Settings3ab(holds=(5, 10), periods=10, precisions=("float32",), draws=0)


def settings(fast: bool) -> dict[str, object]:
    return asdict(FAST if fast else FULL)


@eqx.filter_jit
def _step_by_step(
    network: osciprop.Network,
    x: Float[Array, "batch pixels"],
    y: Int[Array, " batch"],
    reference: PyTree[Array],
    hold: Int[Array, ""],
    periods: int,
) -> dict[str, Array]:
    """The published simulation: rows of numbers, one per period, for `hold` steps per value."""
    free = osciprop.dynamics.Dynamics(network, network.drive(x), y, osciprop.Constant())
    silent = jax.tree.map(lambda leaf: jnp.full_like(leaf, SILENT), free.rest(x))
    start = to_complex(silent)
    dtype = jax.tree.leaves(start)[0].dtype
    betas = jnp.asarray(AMPLITUDE * roots_of_unity(POINTS), dtype=dtype)

    def nudged(beta: Array) -> osciprop.dynamics.Dynamics:
        return eqx.tree_at(lambda dynamics: dynamics.teaching, free, osciprop.Constant(beta))

    def point(u: PyTree, beta: Array) -> tuple[PyTree, PyTree]:
        dynamics = nudged(beta)
        u = jax.lax.fori_loop(0, hold, lambda _, state: dynamics.current(0.0, state), u)
        return u, network.activity(u)

    def period(carry: Carry, _: None) -> tuple[Carry, dict[str, Array]]:
        u, total, count = carry
        u, states = jax.lax.scan(point, u, betas)
        own = contrast(network, x, y, states, betas, -1 / (POINTS * betas))
        total = jax.tree.map(jnp.add, total, own)
        now, then = network.activity(u), network.activity(nudged(betas[-1]).current(0.0, u))
        mean = jax.tree.map(lambda leaf: leaf / (count + 1), total)
        row = _row(mean, own, reference, jax.tree.map(jnp.subtract, then, now))
        return (u, total, count + 1), row

    empty = jax.tree.map(jnp.zeros_like, reference)
    _, rows = jax.lax.scan(period, (start, empty, jnp.zeros(())), length=periods)
    return rows


@eqx.filter_jit
def _continuous(
    method: osciprop.OscillatoryEP,
    network: osciprop.Network,
    x: Float[Array, "batch pixels"],
    y: Int[Array, " batch"],
    reference: PyTree[Array],
    periods: int,
) -> dict[str, Array]:
    """The integrated rotation: rows of numbers, one per period."""
    # At the end of every period the teaching signal is back at its amplitude.
    closing = osciprop.dynamics.Dynamics(network, network.drive(x), y, osciprop.Constant(AMPLITUDE))

    def period(running: PyTree, _: None) -> tuple[PyTree, dict[str, Array]]:
        after = method.advance(network, x, y, running)
        estimate = method.conclude(network, x, y, after)
        own = jax.tree.map(jnp.subtract, after.gradient, running.gradient)
        now = network.activity(after.u)
        then = network.activity(closing.current(0.0, after.u))
        row = _row(estimate.gradient, own, reference, jax.tree.map(jnp.subtract, then, now))
        diagnostics = estimate.diagnostics
        assert isinstance(diagnostics, OscillationDiagnostics)
        return after, {**row, "lag": diagnostics.lag, "steps": after.steps}

    _, rows = jax.lax.scan(period, method.begin(network, x), length=periods)
    return rows


def _row(
    mean: PyTree[Array], own: PyTree[Array], reference: PyTree[Array], change: PyTree
) -> dict[str, Array]:
    """What is recorded after a period: of the mean so far, of the period's own estimate, and how
    much one more iteration would change the activity."""
    squares = sum(jnp.sum(jnp.abs(leaf) ** 2, axis=-1) for leaf in jax.tree.leaves(change))
    return {
        "distance": jnp.asarray(osciprop.cosine_distance(mean, reference)),
        "own_distance": jnp.asarray(osciprop.cosine_distance(own, reference)),
        "own_error": jnp.asarray(osciprop.relative_error(own, reference)),
        "residual": jnp.mean(jnp.log10(jnp.sqrt(squares + FLOOR))),
    }


def _cast(tree: PyTree, dtype: DTypeLike) -> PyTree:
    return jax.tree.map(
        lambda leaf: jnp.asarray(leaf, dtype) if eqx.is_inexact_array(leaf) else leaf, tree
    )


def network(seed: int = SEED) -> osciprop.Network:
    """The authors' network of a seed, in single precision whatever the session's setting."""
    with jax.enable_x64(False):
        network = osciprop.hopfield_mlp(SIZES, key=jax.random.PRNGKey(seed))
        return eqx.tree_at(
            lambda net: [*layers.weights(net), net.readout.weight],
            network,
            [jnp.asarray(weight) for weight in drawn(seed, SIZES, STDDEV)],
        )


def batch(index: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels; `DatasetError` where MNIST is out of reach."""
    data = mnist()
    rows = slice(BATCH * index, BATCH * (index + 1))
    return data.x_train[rows], data.y_train[rows].astype(np.int32)


def _reference(x: np.ndarray, y: np.ndarray) -> tuple[PyTree[Array], dict[str, float]]:
    """The true gradient in double precision, and what the static methods say beside it."""
    with jax.enable_x64(True):
        exact = _cast(network(), np.float64)
        relaxation = osciprop.SynchronousIteration(tolerance=TIGHT, max_steps=1000)

        def gradient(method: osciprop.gradients.AbstractGradientMethod) -> PyTree[Array]:
            return osciprop.estimate_gradient(exact, x, y, method).gradient

        true = gradient(osciprop.Implicit(relaxation))
        classic = gradient(osciprop.ClassicEP(AMPLITUDE, relaxation))
        holomorphic = gradient(osciprop.HolomorphicEP(AMPLITUDE, POINTS, relaxation))
        numbers = {
            "gradient_norm": float(norm(true)),
            "bptt_error": float(osciprop.relative_error(gradient(osciprop.BPTT(400)), true)),
            "classic_cosine": float(osciprop.cosine(classic, true)),
            "holomorphic_error": float(osciprop.relative_error(holomorphic, true)),
        }
        return jax.tree.map(np.asarray, true), numbers


def _simulate(
    precision: str, chosen: Settings3ab, x: np.ndarray, y: np.ndarray, true: PyTree[Array]
) -> dict[str, np.ndarray]:
    """Both simulations in one precision, as tables (length of the period, number of periods)."""
    dtype = np.dtype(precision)
    with jax.enable_x64(precision == "float64"):
        net, reference = _cast(network(), dtype), _cast(true, dtype)
        images, labels = jnp.asarray(x, dtype), jnp.asarray(y)
        integrator = osciprop.Integrator(
            stepsize_controller=osciprop.dynamics.adaptive(TOLERANCE, TOLERANCE)
        )
        tables: dict[str, list[np.ndarray]] = {}
        for hold in chosen.holds:
            stepped = _step_by_step(
                net, images, labels, reference, jnp.asarray(hold), chosen.periods
            )
            method = osciprop.OscillatoryEP(
                AMPLITUDE,
                float(POINTS * hold),
                settle_periods=0,
                periods=chosen.periods,
                samples=CONTINUOUS_SAMPLES,
                integrator=integrator,
            )
            turned = _continuous(method, net, images, labels, reference, chosen.periods)
            for kind, rows in zip(KINDS, (stepped, turned), strict=True):
                for name, values in rows.items():
                    tables.setdefault(f"{kind}_{name}_{precision}", []).append(np.asarray(values))
    return {name: np.stack(rows) for name, rows in tables.items()}


def _spread(chosen: Settings3ab) -> np.ndarray:
    """`1 - cos` on other batches, axes (draw, length, period)."""
    relaxation = osciprop.SynchronousIteration(tolerance=1e-6, max_steps=1000)
    found, net = [], network()
    for draw in range(1, chosen.draws + 1):
        x, y = batch(draw)
        images, labels = jnp.asarray(x), jnp.asarray(y)
        true = osciprop.estimate_gradient(net, x, y, osciprop.Implicit(relaxation)).gradient
        rows = [
            _step_by_step(net, images, labels, true, jnp.asarray(hold), chosen.periods)
            for hold in chosen.draw_holds
        ]
        found.append([np.asarray(row["distance"]) for row in rows])
    return np.asarray(found)


@functools.cache
def simulate(fast: bool) -> Data:
    """All numbers of both figures; computed once per process.

    `lengths` are the periods in steps or time constants. Tables are named after the simulation,
    `stepped` or `turned`, the quantity (see `_row`) and the precision.
    """
    chosen = FAST if fast else FULL
    x, y = batch()
    true, numbers = _reference(x, y)
    data: dict[str, np.ndarray | float] = {
        "lengths": POINTS * np.asarray(chosen.holds),
        **numbers,
    }
    for precision in chosen.precisions:
        data |= _simulate(precision, chosen, x, y, true)
    if chosen.draws:
        data["spread_lengths"] = POINTS * np.asarray(chosen.draw_holds)
        data["spread_distance"] = _spread(chosen)
    return data


def digits(distance: np.ndarray) -> np.ndarray:
    """`-log10(1 - cos)`: the number of nines of a cosine."""
    return -np.log10(np.maximum(distance, 1e-30))


def published_digits(length: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of periods and the published nines there; those at the axis's end are left out."""
    if length in PUBLISHED_DIGITS:
        known = np.asarray(PUBLISHED_DIGITS[length])
        return np.asarray(PUBLISHED_PERIODS[: known.size]), known
    stored = published.hep2022()["fig3ab"][f"period_{length}_steps"]
    cosine = np.asarray(stored["cosine_after_period"])
    return np.arange(cosine.size), digits(1 - cosine)


def exponent(lengths: np.ndarray, values: np.ndarray) -> float:
    """The power of the angular frequency that `values` follow where the rotation is slow."""
    slow = lengths >= SLOW
    return -float(np.polyfit(np.log(lengths[slow]), np.log(values[slow]), 1)[0])


def power_law(
    figure: str, text: str, theory: float, ours: float, tolerance: float, reason: str = ""
) -> Claim:
    """A fitted exponent against the one that theory gives."""
    gap = abs(ours - theory)
    criterion = f"within {tolerance:g} (off by {gap:.2g})"
    return Claim(figure, text, f"theory: {theory:g}", ours, criterion, gap <= tolerance, reason)


def select(data: Data, *prefixes: str) -> dict[str, np.ndarray | float]:
    """The entries whose names start with one of the `prefixes`."""
    return {name: value for name, value in data.items() if name.startswith(prefixes)}


def precisions(data: Data) -> list[str]:
    """The precisions that were computed, single first."""
    return [p for p in FULL.precisions if any(name.endswith(p) for name in data)]


LOOKS = (style.BLUE, style.RED, style.GREEN, style.PURPLE, style.ORANGE)
"""One for each length of the period."""
