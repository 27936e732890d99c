"""Fig. 3a: the gradient that an always-on network accumulates, period by period (MNIST).

Source: hep2022, Fig. 3a; settings in `rotating`. Their weights, but another batch, which shifts all
curves by a few tenths of a nine.

The cosine is computed from the difference of the unit vectors, which keeps its digits: theirs ends
at 7.2 nines, where `1 - cos` is the round-off of single precision.
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .. import published, style
from ..claim import Claim, above, below, close, matches
from ..figure import Data, Settings
from . import rotating

NAME = "hep2022/fig3a"
TITLE = "The gradient of an always-on network, period by period (MNIST)"
SOURCE = "Laborieux and Zenke 2022, Fig. 3a; from 200 steps on at most five points of each curve."

TOLERANCE = 0.5
OTHER_BATCH = 0.005
SHOWN = (1, 2, 3, 5, 7, 10, 15, 20, 25, 30, 35, 40)
"""The published points that are drawn, in periods."""


def settings(fast: bool) -> Settings:
    return rotating.settings(fast)


def compute(fast: bool) -> Data:
    data = rotating.simulate(fast)
    tables = [
        f"{kind}_{name}"
        for kind in rotating.KINDS
        for name in ("distance", "own_distance", "own_error")
    ]
    scalars = ("lengths", "gradient_norm", "bptt_error", "classic_cosine", "holomorphic_error")
    return rotating.select(data, *scalars, *tables, "turned_lag", "turned_steps", "spread")


def claims(data: Data) -> list[Claim]:
    classic = published.hep2022()["fig3ab"]["period_100_steps"]["cosine_classic_ep"]
    return [
        *_published_claims(data),
        *_spread_claims(data),
        *_precision_claims(data),
        close(
            NAME,
            "cosine of classic EP, N = 1, |beta| = 0.5",
            classic,
            data["classic_cosine"],
            OTHER_BATCH,
            "another batch than the published one",
        ),
        below(
            NAME,
            "relative difference of implicit gradient and BPTT through 400 steps",
            "BPTT is the reference",
            data["bptt_error"],
            1e-8,
        ),
        below(
            NAME,
            "ours: relative error of settled hEP, N = 10, |beta| = 0.5: the limit of long holds",
            "not published",
            data["holomorphic_error"],
            1e-6,
        ),
        *_continuous_claims(data),
    ]


def _published_claims(data: Data) -> list[Claim]:
    """The published simulation in the published precision."""
    found = []
    for length, row in zip(data["lengths"], data["stepped_distance_float32"], strict=True):
        periods, theirs = rotating.published_digits(int(length))
        count = len(row)
        known = dict(zip(periods.tolist(), theirs.tolist(), strict=True))
        target = known.get(count, rotating.MACHINE)
        remark = "" if count in known else "published as 1.0, which is where their axis ends"
        found.append(
            above(
                NAME,
                f"-log10(1 - cos) after {count} periods of {length} steps, float32",
                target,
                float(rotating.digits(row[-1])),
                target - TOLERANCE,
                remark,
            )
        )
    return found


def _spread_claims(data: Data) -> list[Claim]:
    """The published curve among those of other batches."""
    found = []
    for index, length in enumerate(data.get("spread_lengths", ())):
        nines = rotating.digits(data["spread_distance"][:, index])
        theirs = rotating.published_digits(int(length))[1]
        shown = [period for period in rotating.PUBLISHED_PERIODS if period <= nines.shape[1]]
        low, high = nines.min(axis=0), nines.max(axis=0)
        below = max(low[period - 1] - theirs[period] for period in shown)
        above = max(theirs[period] - high[period - 1] for period in shown)
        outside = max(below, above, 0.0)
        found.append(
            Claim(
                NAME,
                f"-log10(1 - cos) after {', '.join(map(str, shown))} periods of {length} steps, "
                f"range of {len(nines)} other batches",
                ", ".join(f"{theirs[period]:.2f}" for period in shown),
                ", ".join(f"{low[p - 1]:.2f} to {high[p - 1]:.2f}" for p in shown),
                "the published values lie in the range",
                outside == 0.0,
                f"outside by at most {outside:.2f}: the authors' batch (a shuffle of another "
                "library) is not among ours"
                if outside
                else "",
            )
        )
    return found


def _precision_claims(data: Data) -> list[Claim]:
    if "stepped_distance_float64" not in data:
        return []
    single, double = (data[f"stepped_distance_{p}"] for p in ("float32", "float64"))
    gap = np.abs(rotating.digits(single) - rotating.digits(double)).max()
    text = "ours: -log10(1 - cos) of all periods, float64 against float32"
    return [matches(NAME, text, float(gap), 0.1)]


def _continuous_claims(data: Data) -> list[Claim]:
    """The integrated rotation, and what limits it."""
    lengths, precision = data["lengths"], rotating.precisions(data)[-1]
    stepped, turned = (
        rotating.digits(data[f"{kind}_distance_{precision}"][:, -1]) for kind in rotating.KINDS
    )
    named = ", ".join(str(length) for length in lengths)
    found = [
        Claim(
            NAME,
            f"ours: continuous rotation, -log10(1 - cos) after the last period, T_osc = {named} "
            f"time constants, {precision}",
            "step by step, ours: " + ", ".join(f"{value:.2f}" for value in stepped),
            ", ".join(f"{value:.2f}" for value in turned),
            "grows with T_osc",
            bool(np.all(np.diff(turned) > 0)),
            "limited by the lag behind a signal that never waits, not by what is left to relax",
        )
    ]
    if np.count_nonzero(lengths >= rotating.SLOW) < 2:
        return found
    errors, distances = (
        data[f"turned_{name}_{precision}"][:, -1] for name in ("own_error", "own_distance")
    )
    lags = data[f"turned_lag_{precision}"][:, -1]
    start = f"ours: continuous rotation, T_osc >= {rotating.SLOW}"
    return [
        *found,
        rotating.power_law(
            NAME,
            f"{start}: the lag goes as this power of the frequency",
            1.0,
            rotating.exponent(lengths, lags),
            0.05,
        ),
        rotating.power_law(
            NAME,
            f"{start}: the gradient's relative error goes as this power, lag squared",
            2.0,
            rotating.exponent(lengths, errors),
            0.1,
        ),
        rotating.power_law(
            NAME,
            f"{start}: 1 - cos goes as this power, the error squared",
            4.0,
            rotating.exponent(lengths, distances),
            0.2,
        ),
    ]


@style.styled
def plot(data: Data) -> Figure:
    figure = style.new_figure(10.0, 4.2)
    stepped, turned, limit = figure.subplots(1, 3)
    _plot_nines(stepped, data, "stepped")
    _plot_nines(turned, data, "turned")
    _plot_limit(limit, data)
    stepped.set_ylabel("cosine with the true gradient")
    style.panel_label(stepped, "a", "step by step, published and ours")
    style.panel_label(turned, "b", "continuous rotation")
    style.panel_label(limit, "c", "last period alone")
    figure.legend(
        *stepped.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=8,
        title=r"period $T_\mathrm{osc}$ in steps (a) or time constants (b)",
        title_fontsize=8,
    )
    return figure


def _plot_nines(axes: Axes, data: Data, kind: str) -> None:
    tables = data[f"{kind}_distance_{rotating.precisions(data)[-1]}"]
    for length, row, look in zip(data["lengths"], tables, rotating.LOOKS, strict=False):
        nines = np.append(0.0, rotating.digits(row))
        axes.plot(np.arange(nines.size), nines, **look.line(), label=str(length))
        if kind == "turned":
            continue
        periods, theirs = rotating.published_digits(int(length))
        kept = np.isin(periods, SHOWN)
        marks = {**style.PUBLISHED, "color": look.color, "markersize": 4.5}
        axes.plot(periods[kept], theirs[kept], **marks)
        for period in set(rotating.PUBLISHED_PERIODS) - set(periods.tolist()):
            axes.plot(period, rotating.MACHINE, **{**marks, "marker": "^"})
    if kind == "stepped":
        _plot_spread(axes, data)
        axes.plot([], [], **style.PUBLISHED, label="published")
        axes.plot([], [], **{**style.PUBLISHED, "marker": "^"}, label="published as 1.0")
    axes.axhline(rotating.MACHINE, color="black", lw=0.8, ls=":", zorder=0)
    axes.set_xlim(0, 41)
    axes.set_ylim(0, 9.5)
    axes.set_yticks(range(10), ["0", *(f"$1-10^{{-{n}}}$" for n in range(1, 10))])
    axes.set_xlabel("periods")


def _plot_spread(axes: Axes, data: Data) -> None:
    for index, length in enumerate(data.get("spread_lengths", ())):
        nines = rotating.digits(data["spread_distance"][:, index])
        color = rotating.LOOKS[list(data["lengths"]).index(length)].color
        periods = np.arange(1, nines.shape[1] + 1)
        low, high = nines.min(axis=0), nines.max(axis=0)
        label = "other batches" if index == 0 else None
        axes.fill_between(periods, low, high, color=color, alpha=0.2, lw=0, label=label)


def _plot_limit(axes: Axes, data: Data) -> None:
    lengths, precision = data["lengths"], rotating.precisions(data)[-1]
    names = {"stepped": "step by step", "turned": "continuous"}
    for (kind, name), look in zip(names.items(), (style.BLACK, style.SKY), strict=True):
        errors = data[f"{kind}_own_error_{precision}"][:, -1]
        axes.loglog(lengths, errors, **look.both(), label=name)
    guide = errors[-1] * (lengths / lengths[-1]) ** -2.0
    axes.loglog(lengths, guide, color="black", lw=0.8, ls=":", label=r"$\propto \omega^2$")
    axes.set_xticks(lengths, [str(length) for length in lengths])
    axes.minorticks_off()
    axes.set_xlabel(r"period $T_\mathrm{osc}$")
    axes.set_ylabel("relative error of the gradient")
    axes.legend(loc="lower left")
