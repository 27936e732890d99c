"""Where dual propagation is stable: direction and size of its gradient over alpha and beta.

Source: two_tales2024's contrast, DP^T stable for every alpha, DP only about alpha = 1/2, as maps
(the published ones, if there are any, could not be recovered). The network and images of
`fidelity`; a hundred rounds, DP with the authors' proximal output, which does not exist for
(1 - alpha) beta of 1 or more. A cell is left blank there, and where one more sweep would change
the dyads of a layer by more than a twentieth.
"""

import functools
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
from matplotlib.figure import Figure

import osciprop
from osciprop.studies import Axis, Study

from .. import style
from ..claim import Claim, above, below
from ..errors import errors_shown
from ..figure import Data, Settings
from ..precision import in_double_precision
from . import network

NAME = "two_tales2024/stability"
TITLE = "Where dual propagation is stable"
SOURCE = "Hoier and Zach 2024, whose contrast it is; the maps are ours."

SETTLED = 0.05
KINDS = {"adjoint": r"DP$^\top$", "dual": "DP", "damped": "damped DP"}
Made = Callable[[float, float], osciprop.gradients.AbstractGradientMethod | None]
"""The method of an alpha and a beta, if there is one."""

FINITE = 0.3
"""From this amplitude on a nudge counts as finite in the claims."""


@dataclass(frozen=True)
class SettingsStability:
    """The grid, and the rounds of inference."""

    sizes: tuple[int, ...]
    images: str
    alphas: tuple[float, ...]
    betas: tuple[float, ...]
    rounds: int
    settled: float = SETTLED
    seed: int = 0
    precision: str = "float64"


FULL = SettingsStability(
    network.FULL_SIZES,
    "the first 50 of MNIST",
    tuple(round(0.1 * step, 1) for step in range(11)),
    (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5),
    100,
)
FAST = SettingsStability(network.FAST_SIZES, "50 digits", (0.0, 0.5, 1.0), (0.02, 0.1, 1.0), 60)


def settings(fast: bool) -> Settings:
    return asdict(FAST if fast else FULL)


@errors_shown
@in_double_precision
def compute(fast: bool) -> Data:
    chosen = FAST if fast else FULL
    net = network.initial(chosen.sizes, chosen.seed)
    x, y = network.images(fast)
    rounds = network.sweeps(chosen.rounds)
    damped = osciprop.equilibria.LipschitzDamping(max_steps=chosen.rounds + 1)

    def adjoint(alpha: float, beta: float) -> osciprop.gradients.AbstractGradientMethod:
        return osciprop.DualPropagationAdjoint(beta, alpha, rounds, tolerance=SETTLED)

    def original(
        relaxation: osciprop.equilibria.AbstractRelaxation, alpha: float, beta: float
    ) -> osciprop.gradients.AbstractGradientMethod | None:
        if (1 - alpha) * beta >= 1:
            return None  # no output minimises its objective
        proximal = osciprop.dynamics.Proximal(beta)
        return osciprop.DualPropagation(beta, alpha, relaxation, proximal, tolerance=SETTLED)

    kinds: dict[str, Made] = {
        "adjoint": adjoint,
        "dual": functools.partial(original, rounds),
        "damped": functools.partial(original, damped),
    }
    exact = osciprop.estimate_gradient(net, x, y, osciprop.Implicit()).gradient

    def cell(kind: Made, beta: float, alpha: float) -> dict[str, float]:
        method = kind(alpha, beta)
        if method is not None:
            found = osciprop.estimate_gradient(net, x, y, method, throw=False)
            if found.converged:
                gradient = found.gradient
                return {
                    "settled": True,
                    "cosine": float(osciprop.cosine(gradient, exact)),
                    "norm": float(osciprop.analysis.norm_ratio(gradient, exact)),
                }
        return {"settled": False, "cosine": np.nan, "norm": np.nan}

    axes = {"kind": Axis(kinds), "beta": chosen.betas, "alpha": chosen.alphas}
    found = Study(cell, axes).run(progress=False)
    data = {"alphas": np.asarray(chosen.alphas), "betas": np.asarray(chosen.betas)}
    for kind in kinds:
        for measure in ("settled", "cosine", "norm"):
            data[f"{kind}_{measure}"] = found[measure].sel(kind=kind).values
    return data


def claims(data: Data) -> list[Claim]:
    alphas, betas = data["alphas"], data["betas"]
    finite, low, high = betas >= FINITE, alphas < 0.45, alphas > 0.55
    half = int(np.argmin(np.abs(alphas - 0.5)))
    small = int(np.argmin(np.abs(betas - 0.1)))
    found = [
        above(
            NAME,
            "DP^T: part of all alphas and betas at which the dyads settle",
            "all",
            float(data["adjoint_settled"].mean()),
            1.0,
        ),
        below(
            NAME,
            f"DP, alpha below 1/2, beta from {FINITE:g}: part of the cells that settle",
            "unstable",
            round(float(data["dual_settled"][np.ix_(finite, low)].mean()), 3),
            0.5,
        ),
        below(
            NAME,
            "DP^T, beta 0.1: largest deviation of the gradient's norm from backpropagation's",
            "unbiased",
            round(float(np.max(np.abs(data["adjoint_norm"][small] - 1))), 4),
            0.05,
        ),
    ]
    slope = data["dual_norm"][small]
    found.append(
        Claim(
            NAME,
            "DP, beta 0.1: norm of the gradient at alpha 0, 1/2 and 1, in backpropagation's",
            "too large, right, too small",
            [round(float(slope[place]), 3) for place in (0, half, -1)],
            "above 1.1, within 0.02 of 1, below 0.9",
            bool(slope[0] > 1.1 and abs(slope[half] - 1) < 0.02 and slope[-1] < 0.9),
        )
    )
    plain = float(data["dual_settled"][:, high].mean())
    found.append(
        above(
            NAME,
            "damped DP, alpha above 1/2: part of the cells that settle",
            "stabilised",
            round(float(data["damped_settled"][:, high].mean()), 3),
            0.95,
            reason=f"plain sweeps: {plain:.3g}",
        )
    )
    return found


@style.styled
def plot(data: Data) -> Figure:
    figure = style.new_figure(9.0, 5.2)
    panels = figure.subplots(2, 3, sharex=True, sharey=True)
    betas = data["betas"]
    extent = (np.arange(len(data["alphas"])), np.arange(len(betas)))
    shades = {
        "cosine": dict(vmin=0.8, vmax=1.0, cmap="viridis"),
        "norm": dict(vmin=-1.0, vmax=1.0, cmap="PuOr_r"),
    }
    for row, measure in zip(panels, shades, strict=True):
        for axes, (kind, label) in zip(row, KINDS.items(), strict=True):
            values = data[f"{kind}_{measure}"]
            shown = np.log2(values) if measure == "norm" else values
            mesh = axes.pcolormesh(*extent, shown, **shades[measure])
            axes.set_facecolor("#dddddd")
            axes.grid(visible=False)
            # Blank cells are marked too, so that grey print tells them from shades.
            for x, y in zip(*np.nonzero(~data[f"{kind}_settled"].T), strict=True):
                axes.plot(x, y, marker="x", color="#666666", markersize=4)
            if measure == "cosine":
                axes.set_title(label)
            else:
                axes.set_xlabel(r"$\alpha$")
        row[0].set_ylabel(r"$\beta$")
        name = (
            "cosine with backpropagation" if measure == "cosine" else "norm, log$_2$ of the ratio"
        )
        figure.colorbar(
            mesh, ax=list(row), label=name, extend="both" if measure == "norm" else "min"
        )
    every = max(1, len(data["alphas"]) // 5)
    panels[0, 0].set_xticks(extent[0][::every], [f"{a:g}" for a in data["alphas"][::every]])
    panels[0, 0].set_yticks(extent[1], [f"{b:g}" for b in betas])
    return figure
