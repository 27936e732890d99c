"""Fig. 3b: how far the always-on network is from equilibrium at the end of a period (MNIST).

Source: hep2022, Fig. 3b; settings in `rotating`. The residual is the L2 norm of the change of all
activities in one more iteration at the last teaching value, per sample; its log10 is averaged over
samples and periods.
"""

import numpy as np
from matplotlib.figure import Figure

from .. import style
from ..claim import Claim, close
from ..figure import Data, Settings
from . import rotating

NAME = "hep2022/fig3b"
TITLE = "Distance from equilibrium of an always-on network (MNIST)"
SOURCE = (
    "Laborieux and Zenke 2022, Fig. 3b. The simulation is that of Fig. 3a, and its time is counted "
    "there where one command computes both."
)

TOLERANCE = 0.5
SLOPE_TOLERANCE = 0.15


def settings(fast: bool) -> Settings:
    return rotating.settings(fast)


def compute(fast: bool) -> Data:
    data = rotating.simulate(fast)
    return rotating.select(data, "lengths", "stepped_residual", "turned_residual")


def _slope(lengths: np.ndarray, residuals: np.ndarray) -> float:
    """Decades that 10 more steps per teaching value gain."""
    return -float(np.polyfit(lengths / (10 * rotating.POINTS), residuals, 1)[0])


def _published(lengths: np.ndarray) -> np.ndarray:
    return np.asarray([rotating.PUBLISHED_RESIDUAL[int(length)] for length in lengths])


def claims(data: Data) -> list[Claim]:
    lengths = data["lengths"]
    theirs = _published(lengths)
    named = ", ".join(str(length) for length in lengths)
    found = []
    for precision in rotating.precisions(data):
        ours = data[f"stepped_residual_{precision}"].mean(axis=1)
        found += [
            close(
                NAME,
                f"mean log10 residual at periods of {named} steps, {precision}",
                tuple(theirs.tolist()),
                tuple(ours.tolist()),
                TOLERANCE,
            ),
            close(
                NAME,
                f"decades gained by 10 more steps per value, linear fit, {precision}",
                _slope(lengths, theirs),
                _slope(lengths, ours),
                SLOPE_TOLERANCE,
            ),
        ]
    return [*found, *_continuous_claims(data)]


def _continuous_claims(data: Data) -> list[Claim]:
    lengths, precision = data["lengths"], rotating.precisions(data)[-1]
    if np.count_nonzero(lengths >= rotating.SLOW) < 2:
        return []
    residuals = 10 ** data[f"turned_residual_{precision}"].mean(axis=1)
    return [
        rotating.power_law(
            NAME,
            f"ours: continuous rotation, T_osc >= {rotating.SLOW}: the residual goes as this power "
            "of the frequency",
            1.0,
            rotating.exponent(lengths, residuals),
            0.05,
            "the lag: the activity always moves",
        )
    ]


@style.styled
def plot(data: Data) -> Figure:
    figure = style.new_figure(5.4, 3.6)
    axes = figure.subplots()
    lengths, precision = data["lengths"], rotating.precisions(data)[-1]
    names = {"stepped": "ours, step by step", "turned": "ours, continuous rotation"}
    for (kind, name), look in zip(names.items(), (style.BLUE, style.ORANGE), strict=True):
        residuals = 10 ** data[f"{kind}_residual_{precision}"].mean(axis=1)
        axes.semilogy(lengths, residuals, **look.both(), label=name)
    marks = {**style.PUBLISHED, "markersize": 8}
    axes.semilogy(lengths, 10 ** _published(lengths), **marks, label="published")
    axes.set_xlim(0, 420)
    axes.set_xticks([0, 100, 200, 300, 400])
    axes.set_xlabel(r"period $T_\mathrm{osc}$, steps or time constants")
    axes.set_ylabel(r"residual $\|\Delta\sigma\|_2$ at the end of a period")
    axes.legend(loc="lower left")
    return figure
