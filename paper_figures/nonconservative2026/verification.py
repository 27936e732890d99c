"""The verification table: gradient errors of VF, AEP, holomorphic AEP and dyadic EP by amplitude.

Source: independent verification of nonconservative2026 in double precision: 12 units in three
blocks (`field`), relative error of the gradient of the recurrent weights, for a random asymmetric,
a feedforward and a symmetric network, one each. The scales of its random numbers are not published;
ours (weights of 0.7 / sqrt(12), targets up to 2) were set so that the error of the vector field and
the decay with the number of points agree for the asymmetric network, and hold for all cells.
"""

from dataclasses import asdict, dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from matplotlib.figure import Figure

import osciprop
from osciprop.studies import Axis, Study

from .. import style
from ..claim import Claim
from ..figure import Data, Settings
from ..precision import in_double_precision
from . import field

NAME = "nonconservative2026/verification"
TITLE = "Errors of gradients of non-conservative networks by amplitude"
SOURCE = (
    "Scurria et al. 2026; the numbers are those of an independent verification of its equations on "
    "one network of each kind."
)

AMPLITUDES = (0.001, 0.01, 0.1, 0.5, 1.0)
GAIN, TARGET = 0.7, 2.0
TOLERANCE = 1e-14
SOLVED = 1e-12
"""Of the adjoint equation, relative."""

FACTOR = 3.0
FLOOR = 1e-10
"""Below this relative error round-off shares in the published numbers."""

BAND = (5, 95)
ROWS = {
    "vf": "VF, centred",
    "aep1": "AEP, one-sided",
    "aep2": "AEP, centred",
    "aep4": "holomorphic AEP, N=4",
    "aep8": "holomorphic AEP, N=8",
    "aep16": "holomorphic AEP, N=16",
}
PUBLISHED: dict[str, dict[float, tuple[float, ...]]] = {
    "asymmetric": {
        0.001: (4.4e-1, 2.1e-4, 2.6e-6, 2.5e-11, 9e-12, 9e-12),
        0.01: (4.4e-1, 2.2e-3, 2.6e-4, 1.8e-7, 1e-12, 9e-13),
        0.1: (4.2e-1, 4.0e-2, 2.5e-2, 1.8e-3, 1.7e-5, 3.2e-9),
    },
    "feedforward": {
        0.1: (7.4e-2, 2.5e-2, 8.5e-4, 1.6e-6, 1e-11, 1e-12),
        0.5: (7.7e-2, 1.5e-1, 2.2e-2, 1.0e-3, 4.2e-6, 1.6e-10),
        1.0: (1.3e-1, 3.9e-1, 1.1e-1, 1.7e-2, 1.1e-3, 1.0e-5),
    },
    "symmetric": {0.1: (9.7e-2, 6.8e-2, 5.4e-3, 5.7e-5, 9.6e-9, 3e-13)},
}
"""Columns as `ROWS`."""

PUBLISHED_DYADIC = 1e-13
"""The largest published error of dyadic EP at an amplitude of 1."""


@dataclass(frozen=True)
class SettingsVerification:
    """`draws` networks of each of the `kinds`."""

    draws: int
    kinds: tuple[str, ...]
    points: tuple[int, ...]
    amplitudes: tuple[float, ...] = AMPLITUDES
    gain: float = GAIN
    target: float = TARGET
    seed: int = 0
    relaxation: str = f"AndersonIteration, tolerance {TOLERANCE:g}, 400 steps"
    precision: str = "float64"


FULL = SettingsVerification(200, tuple(field.KINDS), (1, 2, 4, 8, 16))
FAST = SettingsVerification(24, ("asymmetric",), (2, 8))


def settings(fast: bool) -> Settings:
    return asdict(FAST if fast else FULL)


@in_double_precision
def compute(fast: bool) -> Data:
    chosen = FAST if fast else FULL
    keys = jax.random.split(jax.random.PRNGKey(chosen.seed), chosen.draws)
    data: dict[str, Any] = {"amplitudes": np.asarray(chosen.amplitudes)}
    relaxation = osciprop.AndersonIteration(tolerance=TOLERANCE, max_steps=400)
    methods: dict[str, osciprop.gradients.AbstractGradientMethod] = {
        "vf": osciprop.VectorFieldEP(0.1, 2, relaxation),
        **{
            f"aep{points}": osciprop.AsymmetricEP(0.1, points, relaxation)
            for points in chosen.points
        },
    }
    axes = {"kind": chosen.kinds, "method": Axis(methods), "amplitude": chosen.amplitudes}

    def errors(
        kind: str, method: osciprop.gradients.AbstractGradientMethod, amplitude: float
    ) -> dict[str, np.ndarray]:
        return {"errors": _errors(kind, method, amplitude, keys)}

    found = Study(errors, axes).run(progress=False)["errors"]
    for kind in chosen.kinds:
        for name in methods:
            data[f"{kind}_{name}"] = found.sel({"kind": kind, "method": name}).values
        data[f"{kind}_dyadic"] = _errors(kind, osciprop.DyadicEP(1.0, relaxation), 1.0, keys)
    return data


@eqx.filter_jit
def _all_errors(
    kind: str,
    method: osciprop.gradients.AbstractGradientMethod,
    size: Float[Array, ""],
    keys: Array,
) -> Float[Array, " draws"]:
    def one(key: Array) -> Float[Array, ""]:
        network, x, y = field.draw(key, kind, GAIN, TARGET)
        scaled = eqx.tree_at(lambda method: method.amplitude, method, size)
        found = scaled.estimate(network, x, y, None)
        tight = osciprop.AndersonIteration(tolerance=TOLERANCE, max_steps=400)
        exact = osciprop.Implicit(tight, tolerance=SOLVED).estimate(network, x, y, None)
        gap = jnp.linalg.norm(found.gradient.weight - exact.gradient.weight)
        error = gap / jnp.linalg.norm(exact.gradient.weight)
        return jnp.where(found.converged & exact.converged, error, jnp.nan)

    return jax.vmap(one)(keys)


def _errors(
    kind: str, method: osciprop.gradients.AbstractGradientMethod, size: float, keys: Array
) -> np.ndarray:
    """The relative error of every draw; NaN where an equilibrium was not found."""
    return np.asarray(_all_errors(kind, method, jnp.asarray(size), keys))


def _cells(data: Data, kind: str) -> list[tuple[str, float, float, np.ndarray]]:
    """Row, amplitude, published error and ours of all draws, for every comparable cell."""
    found = []
    for size, errors in PUBLISHED[kind].items():
        index = int(np.argmin(np.abs(data["amplitudes"] - size)))
        for name, error in zip(ROWS, errors, strict=True):
            key = f"{kind}_{name}"
            if key in data and error >= FLOOR:
                found.append((name, size, error, data[key][index]))
    return found


def claims(data: Data) -> list[Claim]:
    found = []
    for kind in (kind for kind in PUBLISHED if f"{kind}_vf" in data):
        cells = _cells(data, kind)
        draws = np.asarray([ours for *_, ours in cells])
        inside = []
        for (_, _, error, _), ours in zip(cells, draws, strict=True):
            low, high = np.nanpercentile(ours, BAND)
            inside.append(bool(low <= error <= high))
        found.append(
            Claim(
                NAME,
                f"{kind}: cells of the table within our 5-95 % band of {draws.shape[1]} networks",
                float(len(cells)),
                float(sum(inside)),
                f"at least {0.8 * len(cells):.3g}",
                sum(inside) >= 0.8 * len(cells),
            )
        )
        published = np.asarray([error for _, _, error, _ in cells])
        ratios = np.abs(np.log(draws / published[:, None]))
        nearest = np.exp(np.nanmin(np.where(np.isnan(ratios).any(0), np.nan, ratios.max(0))))
        if draws.shape[1] >= 100:
            found.append(
                Claim(
                    NAME,
                    f"{kind}: largest factor between a cell and that of the network that is "
                    f"nearest, of {draws.shape[1]}",
                    1.0,
                    round(float(nearest), 3),
                    f"at most {FACTOR:g}",
                    bool(nearest <= FACTOR),
                )
            )
        dyadic = float(np.nanmax(data[f"{kind}_dyadic"]))
        found.append(
            Claim(
                NAME,
                f"{kind}: dyadic EP at amplitude 1, largest error of all networks",
                PUBLISHED_DYADIC,
                dyadic,
                "at most 1e-11",
                dyadic <= 1e-11,
            )
        )
    return found


@style.styled
def plot(data: Data) -> Figure:
    kinds = [kind for kind in PUBLISHED if f"{kind}_vf" in data]
    figure = style.new_figure(2.9 * len(kinds) + 1.4, 3.4)
    panels = np.atleast_1d(figure.subplots(1, len(kinds), sharey=True))
    looks = (style.BLACK, style.BLUE, style.RED, style.GREEN, style.PURPLE, style.ORANGE)
    for axes, kind, letter in zip(panels, kinds, "abc", strict=False):
        for (name, label), look in zip(ROWS.items(), looks, strict=True):
            if f"{kind}_{name}" not in data:
                continue
            errors = np.maximum(data[f"{kind}_{name}"], 1e-15)
            # A median over those that converged, where most did.
            there = np.isfinite(errors).mean(axis=1) > 0.5
            sizes = data["amplitudes"][there]
            low, middle, high = np.nanpercentile(errors[there], (BAND[0], 50, BAND[1]), axis=1)
            axes.loglog(sizes, middle, **look.both(), label=label)
            axes.fill_between(sizes, low, high, color=look.color, alpha=0.12, linewidth=0)
            theirs = [(size, row[list(ROWS).index(name)]) for size, row in PUBLISHED[kind].items()]
            marks = {**style.PUBLISHED, "markeredgecolor": look.color, "marker": look.marker}
            axes.loglog(*zip(*theirs, strict=True), **{**marks, "markersize": 9})
        style.panel_label(axes, letter, kind)
        axes.set_xlabel(r"amplitude $|\beta|$")
    panels[0].set_ylabel("relative error of the gradient")
    draws = data[f"{kinds[0]}_vf"].shape[1]
    title = f"filled: ours, median and\n5-95 % of {draws} networks\nopen: published"
    panels[-1].legend(loc="upper left", bbox_to_anchor=(1.02, 1.0), title=title)
    return figure
