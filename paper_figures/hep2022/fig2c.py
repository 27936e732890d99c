"""Fig. 2c: one synapse reads its gradient from finite oscillations.

Source: hep2022, Fig. 2c; toy network, N = 24 points, the synapse from neuron 3 of hidden layer 1
to neuron 2 of hidden layer 2 (counted from 0, the entry (3, 2) of w2). Dark, the orbit
(s_i s_j(beta_k) - s_i s_j(0)) / |beta|; light, the same divided by exp(2 pi i k / N); its mean is
the holomorphic estimate of the weight's update -dL/dw.
"""

import numpy as np
from jaxtyping import Complex
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import osciprop
from osciprop.equilibria.spectra import circle

from .. import layers, style
from ..claim import Claim, below, close
from ..figure import Data, Settings
from ..precision import in_double_precision
from . import toy

NAME = "hep2022/fig2c"
TITLE = "From a synapse's oscillation to its gradient (toy network)"
SOURCE = "Laborieux and Zenke 2022, Fig. 2c."

SYNAPSE = (3, 2)
AMPLITUDES = (0.001, 0.01, 0.1, 0.5)
POINTS = 24

PUBLISHED_TRUE = 0.0030898
PUBLISHED_MEAN = (0.0030898, 0.0030900, 0.00308985, 0.00308947)
PUBLISHED_ONE_SIDED = (0.00316, 0.00371, 0.00976, 0.04798)
PUBLISHED_CENTRED = (0.00310, 0.00309, 0.00362, 0.01589)

# What the printed digits and the round-off of single precision leave open.
MEAN_TOLERANCE, ONE_SIDED_TOLERANCE, CENTRED_TOLERANCE = 5e-7, 1e-5, 1.5e-5


def settings(fast: bool) -> Settings:
    return {
        "amplitudes": list(AMPLITUDES),
        "points": POINTS,
        "synapse": list(SYNAPSE),
        "relaxation": "SequentialIteration",
        "tolerance": toy.TIGHT,
        "precision": "float64",
        "seed": toy.SEED,
    }


def orbit(amplitude: float) -> Complex[np.ndarray, " points"]:
    """The synapse's product of activities on the contour, less the free one, over |beta|."""
    pre, post = SYNAPSE
    relaxation = osciprop.SequentialIteration(tolerance=toy.TIGHT)
    states = toy.nudged(toy.contour(amplitude, POINTS), relaxation).s
    free = toy.free().s
    product = np.asarray(states[0][:, pre] * states[1][:, post])
    return (product - float(free[0][0, pre] * free[1][0, post])) / amplitude


def _update(gradient: osciprop.Network) -> float:
    """The synapse's entry of a gradient, as the update -dL/dw."""
    return -float(layers.weights(gradient)[1][SYNAPSE])


@in_double_precision
def compute(fast: bool) -> Data:
    """The same in both sizes: it takes seconds."""
    orbits = np.stack([orbit(amplitude) for amplitude in AMPLITUDES])
    relaxation = osciprop.SequentialIteration(tolerance=toy.TIGHT)
    methods = [osciprop.HolomorphicEP(r, POINTS, relaxation) for r in AMPLITUDES]
    return {
        "amplitudes": np.asarray(AMPLITUDES),
        "orbits": orbits,
        "true_update": _update(toy.true_gradient()),
        "holomorphic_ep": np.asarray([_update(toy.estimate(m).gradient) for m in methods]),
    }


def demodulated(data: Data) -> Complex[np.ndarray, "amplitudes points"]:
    """The orbits, turned back by the phase of the teaching signal."""
    return data["orbits"] / circle(0j, 1.0, POINTS)


def claims(data: Data) -> list[Claim]:
    back = demodulated(data)
    mean, one_sided = back.mean(axis=1), data["orbits"][:, 0].real
    centred = 0.5 * (back[:, 0] + back[:, POINTS // 2]).real
    found = [close(NAME, "true -dL/dw", PUBLISHED_TRUE, data["true_update"], 5e-8)]
    columns = zip(AMPLITUDES, PUBLISHED_MEAN, PUBLISHED_ONE_SIDED, PUBLISHED_CENTRED, strict=True)
    for row, (amplitude, target, target_one, target_two) in enumerate(columns):
        at = f"at |beta| = {amplitude:g}"
        ours_one, ours_two = one_sided[row], centred[row]
        found += [
            close(NAME, f"hEP mean {at}", target, mean[row].real, MEAN_TOLERANCE),
            close(NAME, f"one-sided EP {at}", target_one, ours_one, ONE_SIDED_TOLERANCE),
            close(NAME, f"+-beta mean {at}", target_two, ours_two, CENTRED_TOLERANCE),
        ]
    worst = np.abs(data["holomorphic_ep"] - mean.real).max()
    return [
        *found,
        below(NAME, "imaginary part of the hEP means", "< 1e-6", np.abs(mean.imag).max(), 1e-6),
        below(
            NAME,
            "relative error of hEP at |beta| = 0.5",
            "1e-4",
            abs(mean[-1].real / data["true_update"] - 1),
            2e-4,
        ),
        close(
            NAME,
            "classic EP at |beta| = 0.5 over the true value",
            15.0,
            one_sided[-1] / data["true_update"],
            1.0,
        ),
        below(
            NAME,
            "ours: osciprop.HolomorphicEP against the mean of the orbit, largest difference",
            "equal",
            worst,
            1e-11,
        ),
    ]


@style.styled
def plot(data: Data) -> Figure:
    figure = style.new_figure(8.6, 3.3)
    panels = figure.subplots(1, len(AMPLITUDES))
    back = demodulated(data)
    for index, axes in enumerate(panels):
        _panel(axes, 1e3 * data["orbits"][index], 1e3 * back[index], 1e3 * data["true_update"])
        style.panel_label(axes, "abcd"[index], rf"$|\beta| = {AMPLITUDES[index]:g}$")
        axes.set_xlabel(r"Re ($10^{-3}$)")
    panels[0].set_ylabel(r"Im ($10^{-3}$)")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return figure


def _panel(axes: Axes, orbit: np.ndarray, back: np.ndarray, true: float) -> None:
    closed = np.append(orbit, orbit[0])
    axes.plot(
        closed.real,
        closed.imag,
        color="#004D80",
        marker="o",
        ms=3,
        lw=0.8,
        label=r"$\Delta(s_i s_j)\,/\,|\beta|$",
    )
    axes.plot(
        back.real,
        back.imag,
        color="#56B4E9",
        marker="s",
        ms=3,
        ls="none",
        label=r"demodulated, $\times\, e^{-2\pi i k/N}$",
    )
    axes.plot(
        orbit[0].real,
        orbit[0].imag,
        color="#D55E00",
        marker="^",
        ms=7,
        ls="none",
        mfc="none",
        label=r"classic EP ($k = 0$)",
    )
    mean = back.mean()
    axes.plot(
        mean.real,
        mean.imag,
        color="#E69F00",
        marker="x",
        ms=9,
        mew=2.2,
        ls="none",
        label="mean (hEP)",
    )
    axes.plot(
        true,
        0,
        color="black",
        marker="+",
        ms=11,
        mew=1.0,
        ls="none",
        label=r"true $-dL/dw$",
    )
    axes.set_aspect("equal", adjustable="datalim")
