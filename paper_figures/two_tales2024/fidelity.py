"""Gradients of dual propagation at initialisation, by alpha and beta, against backpropagation.

Source: independent run of two_tales2024's MNIST protocol: cosine to backpropagation of the
gradients of the three weight matrices, and the ratio of their norms. The published network's
weights can be drawn number for number (`network`). DP^T runs five rounds, DP a hundred with the
proximal output; a cell that has grown tenfold has diverged.
"""

import functools
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import osciprop
from osciprop.studies import Study

from .. import style
from ..claim import Claim, close
from ..errors import errors_shown
from ..figure import Data, Settings
from ..precision import in_double_precision
from . import network

NAME = "two_tales2024/fidelity"
TITLE = "Dual propagation against backpropagation, at initialisation"
SOURCE = (
    "Hoier and Zach 2024; the numbers are those of an independent run of the authors' protocol on "
    "the same network and images."
)

ALPHAS = (0.0, 0.25, 0.5, 0.75, 1.0)
TOLERANCE = 0.005
NORM_TOLERANCE = 0.02
"""Relative; the published ratios have two digits after the point."""

GROWN = 10.0
"""A gradient this much too large has diverged."""

Made = Callable[[float, float], osciprop.gradients.AbstractGradientMethod]
"""The method of a beta and an alpha."""

Cell = tuple[float, ...] | None
ADJOINT: dict[float, tuple[Cell, ...]] = {
    0.01: ((0.9999, 0.9999, 1.0), (0.9999,), (0.9999, 0.9999, 1.0), (0.9999,), (0.9999, 0.9999, 1)),
    0.1: (
        (0.9986, 0.9992, 1.0),
        (0.9995, 0.9997, 1.0),
        (0.9997, 0.9998, 1.0),
        (0.9994, 0.9997, 1.0),
        (0.9984, 0.9992, 1.0),
    ),
    0.5: (
        (0.985, 0.990, 1.0),
        (0.995, 0.997, 1.0),
        (0.998, 0.999, 1.0),
        (0.994, 0.997, 1.0),
        (0.985, 0.989, 1.0),
    ),
    0.9: (
        (0.957, 0.969, 1.0),
        (0.988, 0.992, 0.9999),
        (0.996, 0.998, 0.9998),
        (0.988, 0.990, 0.9999),
        (0.968, 0.969, 1.0),
    ),
}
DUAL: dict[float, tuple[Cell, ...]] = {
    0.1: ((0.996, 0.997, 0.997), (0.999,), (0.9997,), (0.999,), (0.998,)),
    0.5: (None, (0.972, 0.967, 0.959), (0.998, 0.999, 1.0), (0.995,), (0.989,)),
    0.9: (None, None, (0.995, 0.997, 0.9994), (0.989,), (0.982,)),
}
"""Cosines for the matrices from the input up, as many as are published; None has diverged."""

NORMS: dict[float, tuple[float | None, ...]] = {
    0.1: (1.28, 1.12, 1.00, 0.91, 0.83),
    0.5: (None, 2.4, 1.07, 0.67, 0.48),
    0.9: (None, None, 1.25, 0.55, 0.34),
}
"""Of DP, for the first matrix."""

NORM_BAND = 0.07
"""Of DP^T, for every alpha and beta, on the published network."""


@dataclass(frozen=True)
class SettingsFidelity:
    """Sizes, amplitudes, and rounds of inference."""

    sizes: tuple[int, ...]
    images: str
    adjoint_betas: tuple[float, ...]
    dual_betas: tuple[float, ...]
    adjoint_rounds: int = 5
    dual_rounds: int = 100
    alphas: tuple[float, ...] = ALPHAS
    seed: int = 0
    precision: str = "float64"


FULL = SettingsFidelity(network.FULL_SIZES, "the first 50 of MNIST", tuple(ADJOINT), tuple(DUAL))
FAST = SettingsFidelity(network.FAST_SIZES, "50 digits", (0.01, 0.5), (0.5,))


def settings(fast: bool) -> Settings:
    return asdict(FAST if fast else FULL)


@errors_shown
@in_double_precision
def compute(fast: bool) -> Data:
    chosen = FAST if fast else FULL
    net = network.initial(chosen.sizes, chosen.seed)
    x, y = network.images(fast)
    exact = osciprop.estimate_gradient(net, x, y, osciprop.Implicit()).gradient
    few, many = network.sweeps(chosen.adjoint_rounds), network.sweeps(chosen.dual_rounds)
    damped = osciprop.equilibria.LipschitzDamping(max_steps=chosen.dual_rounds + 1)

    def adjoint(beta: float, alpha: float) -> osciprop.gradients.AbstractGradientMethod:
        return osciprop.DualPropagationAdjoint(beta, alpha, few)

    def original(
        relaxation: osciprop.equilibria.AbstractRelaxation, beta: float, alpha: float
    ) -> osciprop.gradients.AbstractGradientMethod:
        return osciprop.DualPropagation(beta, alpha, relaxation, osciprop.dynamics.Proximal(beta))

    def by_layer(method: Made, beta: float, alpha: float) -> dict[str, np.ndarray]:
        found = osciprop.estimate_gradient(net, x, y, method(beta, alpha), throw=False)
        cosines, norms = network.by_layer(found.gradient, exact)
        return {"cosine": cosines, "norm": norms}

    rows: dict[str, tuple[Made, tuple[float, ...]]] = {
        "adjoint": (adjoint, chosen.adjoint_betas),
        "dual": (functools.partial(original, many), chosen.dual_betas),
        "damped": (functools.partial(original, damped), (0.5,)),
    }
    data: dict[str, Any] = {"full": not fast}
    for name, (method, betas) in rows.items():
        axes = {"beta": betas, "alpha": chosen.alphas}
        found = Study(by_layer, axes, constants={"method": method}).run(progress=False)
        for beta in betas:
            for measure in ("cosine", "norm"):
                data[f"{name}_{beta:g}_{measure}"] = found[measure].sel(beta=beta).values
    return data


def _diverged(data: Data, key: str) -> list[float]:
    """The alphas at which a row has diverged."""
    norms = data[f"{key}_norm"][:, 0]
    return [alpha for alpha, norm in zip(ALPHAS, norms, strict=True) if not norm < GROWN]


def _cosine_gap(data: Data, key: str, published: tuple[Cell, ...]) -> float:
    gaps = [
        float(np.max(np.abs(ours[: len(theirs)] - np.asarray(theirs))))
        for ours, theirs in zip(data[f"{key}_cosine"], published, strict=True)
        if theirs is not None
    ]
    return max(gaps)


def claims(data: Data) -> list[Claim]:
    found = []
    if data["full"]:
        for name, label, table in (("adjoint", "DP^T", ADJOINT), ("dual", "DP", DUAL)):
            for beta, cells in table.items():
                gap = _cosine_gap(data, f"{name}_{beta:g}", cells)
                text = (
                    f"{label}, beta {beta:g}: all cosines with backpropagation, by alpha and layer"
                )
                found.append(
                    Claim(
                        NAME,
                        text,
                        "the table",
                        f"off by at most {gap:.2g}",
                        f"within {TOLERANCE:g}",
                        gap <= TOLERANCE,
                    )
                )
        for beta, theirs in NORMS.items():
            finite = [place for place, norm in enumerate(theirs) if norm is not None]
            ours = [float(data[f"dual_{beta:g}_norm"][place, 0]) for place in finite]
            reference = [float(theirs[place] or 0.0) for place in finite]
            found.append(
                close(
                    NAME,
                    f"DP, beta {beta:g}: norm of the gradient, in that of backpropagation, alpha "
                    + ", ".join(f"{ALPHAS[place]:g}" for place in finite),
                    reference,
                    [round(value, 3) for value in ours],
                    0.005 + NORM_TOLERANCE * max(reference),
                )
            )
    for beta in (beta for beta in DUAL if f"dual_{beta:g}_norm" in data):
        expected = [a for a, cell in zip(ALPHAS, DUAL[beta], strict=True) if cell is None]
        found.append(_diverges(f"DP, beta {beta:g}", expected, _diverged(data, f"dual_{beta:g}")))
    found.append(_diverges("damped DP, beta 0.5", [0.0], _diverged(data, "damped_0.5")))
    if data["full"]:
        both = data["dual_0.5_norm"][1:, 0] / data["damped_0.5_norm"][1:, 0]
        found.append(
            close(
                NAME,
                "beta 0.5, alpha from 1/4: norm of DP's gradient over that of damped DP's",
                1.0,
                [round(float(ratio), 5) for ratio in both],
                0.01,
            )
        )
        norms = np.concatenate(
            [data[key] for key in data if key.startswith("adjoint_") and "norm" in key]
        )
        worst = float(np.max(np.abs(norms - 1)))
        found.append(
            Claim(
                NAME,
                "DP^T: norm of every gradient, in that of backpropagation",
                "within 7 %",
                f"within {100 * worst:.2g} %",
                f"within {100 * NORM_BAND:g} %",
                worst <= NORM_BAND,
            )
        )
    return found


def _diverges(label: str, expected: list[float], ours: list[float]) -> Claim:
    def words(alphas: list[float]) -> str:
        return ", ".join(f"{alpha:g}" for alpha in alphas) or "none"

    text = f"{label}: alphas at which inference diverges"
    return Claim(NAME, text, words(expected), words(ours), "the same", expected == ours)


@style.styled
def plot(data: Data) -> Figure:
    figure = style.new_figure(9.0, 3.4)
    panels = figure.subplots(1, 2)
    looks = dict(zip((0.01, 0.1, 0.5, 0.9), (style.BLACK, *style.SERIES), strict=False))
    for name, label, filled in (("adjoint", r"DP$^\top$", True), ("dual", "DP", False)):
        for beta, shown in looks.items():
            key = f"{name}_{beta:g}"
            if f"{key}_norm" not in data:
                continue
            stays = np.isin(ALPHAS, _diverged(data, key), invert=True)
            face = {} if filled else {"markerfacecolor": "white"}
            for axes, values in (
                (panels[0], 1 - data[f"{key}_cosine"][:, 0]),
                (panels[1], data[f"{key}_norm"][:, 0]),
            ):
                axes.plot(
                    np.asarray(ALPHAS)[stays],
                    values[stays],
                    color=shown.color,
                    marker=shown.marker,
                    linestyle="-" if filled else "--",
                    label=rf"{label}, $\beta$ = {beta:g}",
                    **face,
                )
    panels[0].set_yscale("log")
    panels[0].set_ylabel("1 - cosine with backpropagation")
    panels[1].set_yscale("log")
    panels[1].set_ylabel("norm, in backpropagation's")
    panels[1].set_yticks([0.3, 0.5, 1.0, 2.0], labels=["0.3", "0.5", "1", "2"])
    panels[1].minorticks_off()
    for axes, letter, title in zip(
        panels, "ab", ("direction of the first layer's gradient", "its size"), strict=True
    ):
        axes.set_xlabel(r"$\alpha$")
        axes.set_xticks(ALPHAS)
        style.panel_label(axes, letter, title)
    figure.legend(
        *panels[0].get_legend_handles_labels(), loc="outside right center", title="(gaps: diverged)"
    )
    return figure
