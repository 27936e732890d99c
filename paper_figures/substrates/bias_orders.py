"""What a finite nudge costs each rule of a family: orders of the bias over random networks.

Small networks of tanh neurons joined in pairs, two of them outputs, with random weights, biases and
targets. (a) Equilibrium propagation with a positive, negative and centred nudge, and on circles.
(b) Coupled learning, towards its own limit; (c) towards the gradient of the cost, with contrastive
learning, which has no nudge. (d) Frequency propagation in the limit of low frequencies, with the
error of the free outputs and with that of the moment, beside a rotating nudge at a low frequency,
whose bias is the lag's alone. Medians over networks, quartiles as bands; a state that is not
found within the tolerance counts as an error of any size.
"""

import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import osciprop
from osciprop.equilibria import HarmonicBalance
from osciprop.gradients import (
    AbstractGradientMethod,
    CentredCoupledLearning,
    ContrastiveLearning,
    CoupledLearning,
    FrequencyPropagation,
    FrozenError,
    HolomorphicCoupledLearning,
    LiveError,
    NegativeCoupledLearning,
    NegativeEP,
    QuasiStatic,
    SettledOscillation,
)
from osciprop.networks import complex_like

from .. import style
from ..claim import Claim, above, below, close
from ..figure import Data, Settings
from ..precision import in_double_precision

NAME = "substrates/bias_orders"
TITLE = "Orders of the bias of contrastive rules"
SOURCE = (
    "Orders: Scellier et al. 2023 (arXiv 2312.15103), hep2022; coupled learning: Stern et al. "
    "2021; frequency propagation: Anisetti et al. 2024 (arXiv 2208.08862). Circles of coupled "
    "learning and the comparison are ours."
)

RELAXATION = osciprop.SynchronousIteration(damping=0.4, tolerance=1e-13, max_steps=10_000)

SMALLEST, LARGEST, LEAST = 1e-10, 0.1, 3
"""Errors between which an order is fitted, and how many it takes: smaller ones are those of the
relaxation, larger ones near a singularity.
"""

LOST = 1e6
"""The error that counts where a state was not found."""

TOP = 10.0
"""Errors above are not drawn."""


@dataclass(frozen=True)
class SettingsBiasOrders:
    amplitudes: tuple[float, ...]
    networks: int
    units: int = 6
    outputs: int = 2
    weight: float = 0.5
    period: float = 400.0
    seed: int = 0
    precision: str = "float64"


FULL = SettingsBiasOrders(
    (0.01, 0.018, 0.032, 0.056, 0.075, 0.1, 0.13, 0.18, 0.24, 0.32, 0.42, 0.56), 100
)
FAST = SettingsBiasOrders((0.032, 0.056, 0.1), 12)

Make = Callable[[Any], AbstractGradientMethod]
WAY: Any = {"relaxation": RELAXATION}


def _methods(period: float) -> dict[str, Make]:
    """A method of an amplitude, by name."""

    def propagated(error: Any) -> Make:
        oscillation = QuasiStatic(32)
        return lambda r: FrequencyPropagation(
            r, error_current=error, oscillation=oscillation, **WAY
        )

    def rotating(r: Any) -> AbstractGradientMethod:
        return SettledOscillation(r, period, solver=HarmonicBalance(32), **WAY)

    return {
        "positive": lambda r: osciprop.ClassicEP(r, **WAY),
        "negative": lambda r: NegativeEP(r, **WAY),
        "centred": lambda r: osciprop.CentredEP(r, **WAY),
        "circle4": lambda r: osciprop.HolomorphicEP(r, 4, **WAY),
        "circle8": lambda r: osciprop.HolomorphicEP(r, 8, **WAY),
        "coupled_positive": lambda r: CoupledLearning(r, **WAY),
        "coupled_negative": lambda r: NegativeCoupledLearning(r, **WAY),
        "coupled_centred": lambda r: CentredCoupledLearning(r, **WAY),
        "coupled_circle4": lambda r: HolomorphicCoupledLearning(r, 4, **WAY),
        "frozen": propagated(FrozenError()),
        "live": propagated(LiveError()),
        "rotating": rotating,
    }


ORDERS = {
    "positive": 1,
    "negative": 1,
    "centred": 2,
    "circle4": 4,
    "circle8": 8,
    "coupled_positive": 1,
    "coupled_negative": 1,
    "coupled_centred": 2,
    "coupled_circle4": 4,
    "frozen": 2,
    "live": 2,
}
COUPLED = [name for name in ORDERS if name.startswith("coupled")]


class Pairs(osciprop.AbstractEnergyNetwork):
    """Tanh neurons joined in pairs, the last of them outputs."""

    coupling: Float[Array, " pairs"]
    bias: Float[Array, " units"]
    outputs: int = eqx.field(static=True)

    def rest(self, x: Array) -> Array:
        return jnp.zeros((x.shape[0], self.bias.size))

    def activity(self, u: Array) -> Array:
        return jnp.tanh(u)

    def phi(self, s: Array, x: Array) -> Array:
        first, second = np.triu_indices(self.bias.size, 1)
        coupling, bias = complex_like((self.coupling, self.bias), s)
        pairs = coupling[None] * s[:, first] * s[:, second]
        return jnp.sum(pairs, axis=-1) + jnp.sum(bias[None] * s, axis=-1)

    def cost(self, s: Array, y: Array) -> Array:
        return jnp.sum((self.output(s) - complex_like(y, s)) ** 2, axis=-1) / 2

    def output(self, s: Array) -> Array:
        return s[:, -self.outputs :]

    def output_obstacle(self) -> str:
        return ""


def settings(fast: bool) -> Settings:
    return asdict(FAST if fast else FULL)


def _population(chosen: SettingsBiasOrders) -> tuple[Pairs, Array]:
    random = np.random.default_rng(chosen.seed)
    count, units = chosen.networks, chosen.units
    coupling = random.normal(size=(count, units * (units - 1) // 2))
    networks = Pairs(
        jnp.asarray(chosen.weight * coupling / np.sqrt(units)),
        jnp.asarray(0.5 * random.normal(size=(count, units))),
        chosen.outputs,
    )
    return networks, jnp.asarray(random.uniform(-0.6, 0.6, size=(count, 1, chosen.outputs)))


@eqx.filter_jit
def _gradients(networks: Pairs, targets: Array, method: AbstractGradientMethod) -> Array:
    """The gradient of each network in a row; NaN where a state was not found."""

    def one(network: Pairs, y: Array) -> Array:
        gradient = osciprop.estimate_gradient(network, jnp.zeros((1, 1)), y, method).gradient
        return jnp.concatenate([gradient.coupling, gradient.bias])

    return jax.vmap(one)(networks, targets)


@eqx.filter_jit
def _limits(networks: Pairs, targets: Array) -> tuple[Array, Array]:
    """Gradient of the cost and limit of coupled learning of each network, by the Hessian of the
    energy at the free state.
    """

    def one(network: Pairs, y: Array) -> tuple[Array, Array]:
        x = jnp.zeros((1, 1))
        s = osciprop.relax(network, x, relaxation=RELAXATION).s[0]

        def rule(response: Array) -> Array:
            def along(own: Pairs) -> Array:
                return -jax.jvp(lambda state: own.phi(state[None], x)[0], (s,), (response,))[1]

            gradient = eqx.filter_grad(along)(network)
            return jnp.concatenate([gradient.coupling, gradient.bias])

        bends = jax.hessian(lambda state: network.phi(state[None], x)[0])(s)
        inverse = jnp.linalg.inv(jnp.diag(1 / (1 - s**2)) - bends)[:, -network.outputs :]
        error = s[-network.outputs :] - y[0]
        held = jnp.linalg.solve(inverse[-network.outputs :], error)
        return rule(-inverse @ error), rule(-inverse @ held)

    return jax.vmap(one)(networks, targets)


@in_double_precision
def compute(fast: bool) -> Data:
    chosen = FAST if fast else FULL
    networks, targets = _population(chosen)
    exact, limit = (np.asarray(each) for each in _limits(networks, targets))

    def off(found: np.ndarray, reference: np.ndarray) -> np.ndarray:
        missed = np.linalg.norm(found - reference, axis=-1)
        errors = missed / np.linalg.norm(reference, axis=-1)
        return np.minimum(np.nan_to_num(errors, nan=LOST), LOST)

    errors, from_gradient = {}, {}
    with warnings.catch_warnings():
        # That nudges are large is what the figure shows.
        warnings.simplefilter("ignore", osciprop.GradientAccuracyWarning)
        for name, make in _methods(chosen.period).items():
            found = np.stack(
                [np.asarray(_gradients(networks, targets, make(r))) for r in chosen.amplitudes]
            )
            errors[name] = off(found, (limit if name in COUPLED else exact)[None])
            if name in COUPLED:
                from_gradient[name] = off(found, exact[None])
        hard = np.asarray(_gradients(networks, targets, ContrastiveLearning(**WAY)))

    def cosines(found: np.ndarray) -> np.ndarray:
        sizes = np.linalg.norm(found, axis=-1) * np.linalg.norm(exact, axis=-1)
        return np.sum(found * exact, axis=-1) / sizes

    return {
        "amplitudes": np.asarray(chosen.amplitudes),
        **{f"error_{name}": values for name, values in errors.items()},
        **{f"gradient_{name}": values for name, values in from_gradient.items()},
        "contrastive": off(hard, exact),
        "limit": off(limit, exact),
        "limit_cosine": cosines(limit),
        "contrastive_cosine": cosines(hard),
    }


def _orders(data: Data, name: str) -> np.ndarray:
    """The fitted order of every network with enough errors to tell it."""
    found = []
    for errors in data[f"error_{name}"].T:
        seen = (errors > SMALLEST) & (errors < LARGEST)
        if np.count_nonzero(seen) >= LEAST:
            pair = np.log(data["amplitudes"][seen]), np.log(errors[seen])
            found.append(np.polyfit(*pair, 1)[0])
    return np.asarray(found)


def claims(data: Data) -> list[Claim]:
    found = []
    for name, order in ORDERS.items():
        orders = _orders(data, name)
        text = f"{_label(name)}: order of the bias, median of {orders.size} networks"
        found.append(close(NAME, text, order, round(float(np.median(orders)), 2), 0.06 * order))
    errors = data["error_rotating"]
    worst = np.max(np.abs(errors / errors[0] - 1)[data["amplitudes"] <= 0.1])
    text = "rotating nudge: largest relative change of its error with amplitudes up to 0.1"
    found.append(below(NAME, text, "none: lag alone", float(f"{worst:.2g}"), 1e-2))
    text = "coupled learning: its limit's distance from the gradient, median"
    found.append(
        above(NAME, text, "not the gradient", round(float(np.median(data["limit"])), 3), 0.01)
    )
    text = "the same: cosine of limit and gradient, median"
    cosine = round(float(np.median(data["limit_cosine"])), 4)
    found.append(above(NAME, text, "close to parallel", cosine, 0.9))
    text = "contrastive learning: cosine with the gradient, median"
    cosine = round(float(np.median(data["contrastive_cosine"])), 4)
    found.append(above(NAME, text, "positive", cosine, 0.5))
    place = int(np.argmin(np.abs(data["amplitudes"] - 0.1)))
    frozen, live = (np.median(data[f"error_{name}"][place]) for name in ("frozen", "live"))
    text = "frequency propagation at amplitude 0.1: error with the frozen over the live error"
    found.append(below(NAME, text, "below 1", float(f"{frozen / live:.2g}"), 0.5))
    return found


LABELS = {
    "positive": "EP, positive",
    "negative": "EP, negative",
    "centred": "EP, centred",
    "circle4": "EP, 4 points",
    "circle8": "EP, 8 points",
    "coupled_positive": "CpL, positive",
    "coupled_negative": "CpL, negative",
    "coupled_centred": "CpL, centred",
    "coupled_circle4": "CpL, 4 points",
    "frozen": "frozen error",
    "live": "live error",
    "rotating": "rotating nudge",
}


def _label(name: str) -> str:
    return LABELS[name]


LOOKS = (style.BLUE, style.RED, style.GREEN, style.PURPLE, style.BLACK)


def _draw(axes: Axes, data: Data, prefix: str, names: tuple[str, ...]) -> None:
    for name, look in zip(names, LOOKS, strict=False):
        errors = data[f"{prefix}_{name}"]
        low, middle, high = np.quantile(errors, [0.25, 0.5, 0.75], axis=1)
        shown = middle < TOP
        label = LABELS[name]
        orders = _orders(data, name) if prefix == "error" and name in ORDERS else np.empty(0)
        if orders.size:
            label += f" ({np.median(orders):.1f})"
        r = data["amplitudes"][shown]
        axes.loglog(r, middle[shown], **look.both(), label=label)
        if prefix == "error" or name == names[0]:  # where all are alike, one band is enough
            capped = np.minimum(high[shown], TOP)
            axes.fill_between(r, low[shown], capped, color=look.color, alpha=0.15, linewidth=0)


@style.styled
def plot(data: Data) -> Figure:
    figure = style.new_figure(8.4, 6.6)
    panels = figure.subplots(2, 2).ravel()
    _draw(panels[0], data, "error", ("positive", "negative", "centred", "circle4", "circle8"))
    _draw(panels[1], data, "error", tuple(COUPLED))
    _draw(panels[2], data, "gradient", tuple(COUPLED))
    _draw(panels[3], data, "error", ("frozen", "live", "rotating"))
    for name, label, linestyle in (
        ("limit", "limit of CpL", (0.0, (5.0, 2.0))),
        ("contrastive", "contrastive learning", "-"),
    ):
        level = float(np.median(data[name]))
        panels[2].axhline(level, color="black", linestyle=linestyle, label=label, linewidth=1)
    titles = (
        "equilibrium propagation",
        "coupled learning, to its own limit",
        "coupled learning, to the gradient",
        "frequency propagation",
    )
    for axes, letter, title in zip(panels, "abcd", titles, strict=True):
        style.panel_label(axes, letter, title)
        axes.set_xlabel("nudge" if letter in "bc" else "amplitude")
        axes.set_ylabel("relative error")
        axes.legend()
    panels[0].set_ylim(1e-13, 30)
    panels[2].set_ylim(0.05, 2)
    return figure
