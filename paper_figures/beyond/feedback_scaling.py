"""Scaled feedback: what it costs to relax, and which gradients stay exact, by scale and depth.

Not of a paper in this form; the network is that of FRE-RNN (arXiv 2508.11659). Random layered
networks of tanh neurons whose feedback is scaled by `g`, 2 to 10 hidden populations. (a) Sweeps
to the equilibrium; (b) the published rule by layer: its direction, and its size against
`g^(layers above)`; (c) gradient error by scale in double and (d) by depth in single precision,
where contrasts of two states lose what `g^depth` takes.
"""

from dataclasses import asdict, dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import osciprop
from osciprop.networks import ScaledFeedback
from osciprop.studies import Study

from .. import layers, style
from ..claim import Claim, above, below
from ..figure import Data, Settings
from ..precision import in_double_precision

NAME = "beyond/feedback_scaling"
TITLE = "Feedback that is weaker than the way up: exact gradients at the price of a forward pass"
SOURCE = "Ours; the network and the published rule are those of FRE-RNN, arXiv 2508.11659."

INPUTS, UNITS, CLASSES, SAMPLES = 8, 24, 4, 4
WEIGHTS, AMPLITUDE, POINTS = 1.0, 0.1, 6
"""Standard deviation of the weights times the root of their number; the nudges."""

SHOWN_DEPTH, SHOWN_SCALE = 4, 0.1
"""Of panels (b) and (c), and of (d)."""

NEARLY_FORWARD = 0.01
MAX_SWEEPS = 3000
DOUBLE, SINGLE = "float64", "float32"
TOLERANCE = {DOUBLE: 1e-13, SINGLE: 2e-6}

LABELS = {
    "published": "published rule",
    "centred": "rescaled contrast, centred",
    "holomorphic": f"rescaled contrast, N = {POINTS}",
    "aep": f"AEP, N = {POINTS}",
    "dyadic": "dyads",
}


@dataclass(frozen=True)
class SettingsFeedback:
    """`draws` networks for each of the `depths`, hidden populations, and feedback `scales`."""

    draws: int
    depths: tuple[int, ...]
    scales: tuple[float, ...]
    methods: tuple[str, ...] = tuple(LABELS)
    sizes: tuple[int, ...] = (INPUTS, UNITS, CLASSES)
    samples: int = SAMPLES
    weights: float = WEIGHTS
    amplitude: float = AMPLITUDE
    relaxation: str = "SequentialIteration, tolerance 1e-13 and 2e-6"
    seed: int = 0


FULL = SettingsFeedback(10, (2, 4, 10), (0.01, 0.03, 0.1, 0.3, 1.0))
FAST = SettingsFeedback(2, (2,), (0.01, 0.1), ("published", "centred", "dyadic"))


def settings(fast: bool) -> Settings:
    return asdict(FAST if fast else FULL)


def sweeps(precision: str) -> osciprop.SequentialIteration:
    return osciprop.SequentialIteration(tolerance=TOLERANCE[precision], max_steps=MAX_SWEEPS)


def method_of(name: str, precision: str) -> osciprop.gradients.AbstractGradientMethod:
    way = sweeps(precision)
    if name == "published":
        return osciprop.VectorFieldEP(AMPLITUDE, POINTS, way)
    if name == "centred":
        return osciprop.CentredEP(AMPLITUDE, way)
    if name == "holomorphic":
        return osciprop.HolomorphicEP(AMPLITUDE, POINTS, way)
    if name == "aep":
        return osciprop.AsymmetricEP(AMPLITUDE, POINTS, way)
    return osciprop.DyadicEP(1.0, way)


def drawn(key: Array, depth: int, scale: Array) -> tuple[ScaledFeedback, Array, Array]:
    """A network, a batch, and labels."""
    own, inputs, labels = jax.random.split(key, 3)
    network = osciprop.hopfield_mlp(
        [INPUTS, *[UNITS] * depth, CLASSES], key=own, activation=osciprop.Tanh(), scale=WEIGHTS
    )
    x = jax.random.normal(inputs, (SAMPLES, INPUTS), dtype=float)
    y = jax.random.randint(labels, (SAMPLES,), 0, CLASSES)
    return ScaledFeedback(network, scale), x, y


def single(tree: Any) -> Any:
    """The same in single precision."""
    return jax.tree.map(
        lambda leaf: leaf.astype(jnp.float32) if eqx.is_inexact_array(leaf) else leaf, tree
    )


@eqx.filter_jit
def _reference(depth: int, scale: Array, keys: Array) -> tuple[list[Array], Array]:
    """The exact gradient of every draw, by layer, and whether it was found."""

    def one(key: Array) -> tuple[list[Array], Array]:
        exact = osciprop.Implicit(sweeps(DOUBLE), tolerance=1e-12)
        found = exact.estimate(*drawn(key, depth, scale), None)
        return layers.weights(found.gradient.network), found.converged

    return jax.vmap(one)(keys)


@eqx.filter_jit
def _estimated(
    name: str, precision: str, depth: int, scale: Array, keys: Array
) -> tuple[list[Array], Array]:
    """A method's gradient of every draw, by layer, and whether it converged."""

    def one(key: Array) -> tuple[list[Array], Array]:
        network, x, y = drawn(key, depth, scale)
        own, z = (network, x) if precision == DOUBLE else single((network, x))
        found = method_of(name, precision).estimate(own, z, y, None)
        return layers.weights(found.gradient.network), found.converged

    return jax.vmap(one)(keys)


def measured(
    name: str, precision: str, depth: int, scale: float, keys: Array
) -> dict[str, np.ndarray]:
    """Of every draw: relative error, and cosine and relative size of the gradient by layer; NaN
    where a solve failed.
    """
    exact, found_exact = _reference(depth, jnp.asarray(scale), keys)
    own, found_own = _estimated(name, precision, depth, jnp.asarray(scale), keys)
    pairs = [
        [np.asarray(weight, float).reshape(len(keys), -1) for weight in pair]
        for pair in zip(own, exact, strict=True)
    ]
    sizes = np.asarray([[np.linalg.norm(part, axis=1) for part in pair] for pair in pairs])
    products = np.asarray([np.sum(mine * theirs, axis=1) for mine, theirs in pairs])
    apart = np.asarray([np.linalg.norm(mine - theirs, axis=1) for mine, theirs in pairs])
    # Where single precision holds no digit of a layer, its gradient is 0 and has no direction.
    lengths = np.where(sizes > 0, sizes, np.nan)
    found = {
        "error": np.linalg.norm(apart, axis=0) / np.linalg.norm(sizes[:, 1], axis=0),
        "cosine": (products / (lengths[:, 0] * lengths[:, 1])).T,
        "size": (sizes[:, 0] / lengths[:, 1]).T,
    }
    solved = np.asarray(found_own) & np.asarray(found_exact)
    return {
        key: np.where(solved.reshape((-1,) + (1,) * (value.ndim - 1)), value, np.nan)
        for key, value in found.items()
    }


def errors_at(
    depth: int, scale: float, name: str, precision: str, keys: Array
) -> dict[str, np.ndarray]:
    """The relative error of every draw, and the least cosine of its layers."""
    found = measured(name, precision, depth, scale, keys)
    return {"error": found["error"], "cosine": found["cosine"].min(axis=1)}


@eqx.filter_jit
def _sweeps(depth: int, scale: Array, keys: Array) -> Array:
    """Sweeps of every draw, NaN where they do not end."""

    def one(key: Array) -> Array:
        network, x, _ = drawn(key, depth, scale)
        found = osciprop.relax(network, x, relaxation=sweeps(DOUBLE), throw=False)
        return jnp.where(jnp.all(found.converged), found.steps.astype(float), jnp.nan)

    return jax.vmap(one)(keys)


def sweeps_at(depth: int, scale: float, keys: Array) -> dict[str, Array]:
    return {"sweeps": _sweeps(depth, jnp.asarray(scale), keys)}


@in_double_precision
def compute(fast: bool) -> Data:
    return computed(FAST if fast else FULL)


def computed(chosen: SettingsFeedback) -> Data:
    keys = jax.random.split(jax.random.PRNGKey(chosen.seed), chosen.draws)
    axes = {"depth": chosen.depths, "scale": chosen.scales}
    data: dict[str, Any] = {key: np.asarray(values) for key, values in axes.items()}
    found = Study(sweeps_at, axes, constants={"keys": keys}).run(progress=False)
    data["sweeps"] = found["sweeps"].transpose("depth", "scale", ...).values
    for name in chosen.methods:
        for precision in (DOUBLE, SINGLE):
            given = {"name": name, "precision": precision, "keys": keys}
            found = Study(errors_at, axes, constants=given).run(progress=False)
            for key in ("error", "cosine"):
                values = found[key].transpose("depth", "scale", ...).values
                data[f"{name}_{key}_{precision}"] = values
    depth = SHOWN_DEPTH if SHOWN_DEPTH in chosen.depths else chosen.depths[0]
    for scale in (0.03, 0.1, 0.3):
        by_layer = measured("published", DOUBLE, depth, scale, keys)
        data[f"size_at_{scale:g}"] = np.median(by_layer["size"], axis=0)
        data[f"cosine_at_{scale:g}"] = np.min(by_layer["cosine"], axis=0)
    return data


def claims(data: Data) -> list[Claim]:
    weak = int(np.argmin(data["scale"]))
    least = float(data["scale"][weak])
    found = [
        below(
            NAME,
            f"sweeps to 1e-13 at feedback scale {least:g}, most of all depths",
            "nearly feedforward",
            float(np.nanmax(data["sweeps"][:, weak])),
            20,
        ),
        above(
            NAME,
            "published rule: least cosine of a layer, up to 4 hidden populations, scales up to 0.1",
            "that of the exact gradient, but for a term of the order of the scale",
            _least(data["published_cosine_float64"][data["depth"] <= 4], data["scale"] <= 0.1),
            0.99,
        ),
        above(
            NAME,
            "published rule: least relative error, scales up to 0.1",
            "biased by layer",
            _short(float(np.nanmin(data["published_error_float64"][:, data["scale"] <= 0.1]))),
            0.1,
        ),
    ]
    weak_and_flat = np.ix_(data["depth"] <= 4, data["scale"] <= 0.3)
    weak_scales = np.ix_(data["depth"] > 0, data["scale"] <= 0.1)
    everywhere = np.ix_(data["depth"] > 0, data["scale"] > 0)
    for name, place, where in (
        ("holomorphic", weak_and_flat, "up to 4 hidden populations, scales up to 0.3"),
        ("aep", weak_scales, "all depths, scales up to 0.1"),
    ):
        if f"{name}_error_{DOUBLE}" in data:
            found.append(_exact(data, name, DOUBLE, place, where, 1e-6))
    for precision, limit in ((DOUBLE, 1e-9), (SINGLE, 1e-3)):
        found.append(_exact(data, "dyadic", precision, everywhere, "all depths and scales", limit))
    if data["depth"].max() >= 10 and f"holomorphic_error_{SINGLE}" in data:
        lost = np.nanmedian(data[f"holomorphic_error_{SINGLE}"], axis=-1)
        deepest = lost[int(np.argmax(data["depth"])), int(np.argmin(np.abs(data["scale"] - 0.1)))]
        found.append(
            above(
                NAME,
                f"{LABELS['holomorphic']}, {SINGLE}: median error, 10 hidden populations, "
                "scale 0.1",
                "drowns in round-off",
                _short(float(deepest)),
                0.5,
            )
        )
    return found


def _least(values: np.ndarray, kept: np.ndarray) -> float:
    return float(f"{np.nanmin(values[:, kept]):.6f}")


def _exact(data: Data, name: str, precision: str, place: Any, where: str, limit: float) -> Claim:
    values = np.nanmedian(data[f"{name}_error_{precision}"], axis=-1)[place]
    text = f"{LABELS[name]}, {precision}: largest median error, {where}"
    return below(NAME, text, "exact", _short(float(np.nanmax(values))), limit)


def _short(value: float) -> float:
    return float(f"{value:.3g}")


LOOKS = dict(
    zip(
        LABELS,
        (style.BLACK, style.PURPLE, style.RED, style.BLUE, style.ORANGE),
        strict=True,
    )
)
BY_DEPTH = (style.BLACK, style.BLUE, style.RED, style.GREEN, style.PURPLE)


def _errors(axes: Axes, along: np.ndarray, data: Data, precision: str, place: Any) -> None:
    for name, label in LABELS.items():
        values = data.get(f"{name}_error_{precision}")
        if values is not None:
            middle = np.nanmedian(values[place], axis=-1)
            axes.loglog(along, np.maximum(middle, 1e-16), **LOOKS[name].both(), label=label)


@style.styled
def plot(data: Data) -> Figure:
    depths, scales = data["depth"], data["scale"]
    figure = style.new_figure(9.4, 6.6)
    (first, second), (third, fourth) = figure.subplots(2, 2)
    for row, depth in enumerate(depths):
        look = BY_DEPTH[row % len(BY_DEPTH)]
        middle = np.nanmedian(data["sweeps"][row], axis=-1)
        first.loglog(scales, middle, **look.both(), label=f"{depth} hidden")
    first.set_xlabel("feedback scale g")
    first.set_ylabel("sweeps to 1e-13")
    first.legend(loc="upper left")
    style.panel_label(first, "a", "relaxation")

    for scale, look in ((0.3, style.GREEN), (0.1, style.BLUE), (0.03, style.RED)):
        size = data[f"size_at_{scale:g}"]
        above_it = len(size) - 1 - np.arange(len(size))
        second.semilogy(above_it, size, **look.points(), label=f"g = {scale:g}")
        second.semilogy(above_it, scale ** above_it.astype(float), color="0.5", linewidth=0.8)
    second.set_xticks(above_it)
    second.set_xlabel("populations above the weights")
    second.set_ylabel("size of the published rule / exact")
    second.legend(loc="lower left", title="grey: g to that power")
    style.panel_label(second, "b", f"by layer, {SHOWN_DEPTH} hidden populations")

    row = int(np.argmin(np.abs(depths - SHOWN_DEPTH)))
    _errors(third, scales, data, DOUBLE, row)
    third.set_xlabel("feedback scale g")
    third.set_ylabel("relative error of the gradient")
    third.set_ylim(1e-14, 1e6)
    third.legend(loc="upper center", ncols=2, fontsize=7)
    style.panel_label(third, "c", f"double precision, {depths[row]} hidden populations")

    column = int(np.argmin(np.abs(scales - SHOWN_SCALE)))
    _errors(fourth, depths, data, SINGLE, np.s_[:, column])
    fourth.set_xticks(depths, [f"{depth}" for depth in depths])
    fourth.set_xticks([], minor=True)
    fourth.set_xlabel("hidden populations")
    fourth.set_ylabel("relative error of the gradient")
    style.panel_label(fourth, "d", f"single precision, g = {scales[column]:g}")
    return figure
