"""Fig. 2a: every neuron's activity goes round its free value as the teaching signal rotates.

Source: hep2022, Fig. 2a; toy network, N = 24 points, |beta| = 0.1. Left, the orbits of the four
neurons of hidden layer 1 in the complex plane; right, what is visible, the real part, over two
periods. Ours in double precision, theirs in single precision after at most 100 iterations.
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import osciprop
from osciprop.equilibria.spectra import fourier_coefficients

from .. import published, style
from ..claim import Claim, close, matches
from ..figure import Data, Settings
from ..precision import in_double_precision
from . import toy

NAME = "hep2022/fig2a"
TITLE = "Neural oscillations under a rotating teaching signal (toy network)"
SOURCE = "Laborieux and Zenke 2022, Fig. 2a."

AMPLITUDE = 0.1
SMALL_AMPLITUDE = 0.01
POINTS = 24

# From the text: of the four neurons of hidden layer 1 at |beta| = 0.1.
MAX_REAL = (0.007008, 0.004056, 0.006925, 0.003570)
MAX_IMAG = (0.005875, 0.003725, 0.006309, 0.003030)
# Fourier coefficients c_k, divided by |beta|^k.
FIRST = (-0.05616, 0.03656, -0.06195, 0.02697)
SECOND = (-0.1190, 0.0395, -0.0697, 0.0803)
THIRD = (-0.1798, 0.0098, -0.0367, 0.0688)
FIRST_LAYER_2 = (0.02574, -0.47747, -0.16068, 0.16088)


def settings(fast: bool) -> Settings:
    return {
        "amplitudes": [SMALL_AMPLITUDE, AMPLITUDE],
        "points": POINTS,
        "relaxation": "SequentialIteration",
        "tolerance": toy.TIGHT,
        "precision": "float64",
        "seed": toy.SEED,
    }


@in_double_precision
def compute(fast: bool) -> Data:
    """The same in both sizes: it takes seconds."""
    free = toy.free()
    data: dict[str, np.ndarray] = {}
    for layer, activity in enumerate(free.s, start=1):
        data[f"free_s{layer}"] = np.asarray(activity[0])
    for label, amplitude in (("small", SMALL_AMPLITUDE), ("large", AMPLITUDE)):
        betas = toy.contour(amplitude, POINTS)
        solution = toy.nudged(betas, osciprop.SequentialIteration(tolerance=toy.TIGHT))
        powers = amplitude ** np.arange(4)
        for layer, activity in enumerate(solution.s, start=1):
            coefficients = np.asarray(fourier_coefficients(activity))[:4].real
            data[f"states_{label}_s{layer}"] = np.asarray(activity)
            data[f"taylor_{label}_s{layer}"] = coefficients / powers[:, None]
    return data


def claims(data: Data) -> list[Claim]:
    theirs = published.hep2022_toy()
    shift = data["states_large_s1"] - data["free_s1"]
    taylor = data["taylor_large_s1"]

    def numbers(text: str, target: tuple[float, ...], ours: np.ndarray, digit: float) -> Claim:
        return close(NAME, text, target, tuple(ours.tolist()), digit)

    found = [
        numbers("max of |Re| of the four orbits", MAX_REAL, np.abs(shift.real).max(0), 1e-6),
        numbers("max of |Im| of the four orbits", MAX_IMAG, np.abs(shift.imag).max(0), 1e-6),
        numbers("first Fourier coefficients / |beta|", FIRST, taylor[1], 1e-5),
        numbers("second Fourier coefficients / |beta|^2", SECOND, taylor[2], 1e-4),
        numbers("third Fourier coefficients / |beta|^3", THIRD, taylor[3], 1e-4),
        numbers(
            "first Fourier coefficients / |beta|, layer 2",
            FIRST_LAYER_2,
            data["taylor_large_s2"][1],
            1e-5,
        ),
    ]
    for layer in (1, 2):
        gap = np.abs(data[f"free_s{layer}"] - theirs[f"free_s{layer}"]).max()
        found.append(matches(NAME, f"free state of layer {layer}", float(gap), 1e-6))
    for label, key in (("small", "1e-2"), ("large", "1e-1")):
        for layer in (1, 2):
            gap = np.abs(data[f"states_{label}_s{layer}"] - theirs[f"contour_beta{key}_s{layer}"])
            text = f"{POINTS} contour states of layer {layer}, |beta| = {float(key):g}"
            found.append(matches(NAME, text, float(gap.max()), 1e-5))
    return found


@style.styled
def plot(data: Data) -> Figure:
    figure = style.new_figure(8.0, 3.7)
    plane, time = figure.subplots(1, 2, width_ratios=[1, 1.25])
    shift = 1e3 * (data["states_large_s1"] - data["free_s1"])
    theirs = published.hep2022_toy()
    published_shift = 1e3 * (theirs["contour_beta1e-1_s1"] - theirs["free_s1"])
    _plot_plane(plane, shift)
    _plot_time(time, shift, published_shift)
    figure.legend(*time.get_legend_handles_labels(), loc="outside lower center", ncols=5)
    return figure


def _plot_plane(axes: Axes, shift: np.ndarray) -> None:
    sizes = np.linspace(4, 60, POINTS)
    for look, orbit in zip(style.SERIES, shift.T, strict=True):
        closed = np.append(orbit, orbit[0])
        axes.plot(closed.real, closed.imag, **look.line(), lw=0.8)
        axes.scatter(orbit.real, orbit.imag, s=sizes, color=look.color, marker=look.marker, lw=0)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xlabel(r"Re $\Delta s_i$ ($10^{-3}$)")
    axes.set_ylabel(r"Im $\Delta s_i$ ($10^{-3}$)")
    style.panel_label(axes, "a", r"orbits at $|\beta| = 0.1$, 24 points")


def _plot_time(axes: Axes, shift: np.ndarray, published_shift: np.ndarray) -> None:
    periods = np.arange(2 * POINTS) / POINTS
    for index, look in enumerate(style.SERIES):
        label = f"neuron {index + 1}"
        axes.plot(periods, np.tile(shift[:, index].real, 2), **look.line(), label=label)
    theirs = np.tile(published_shift.real, (2, 1))
    lines = axes.plot(periods, theirs, **{**style.PUBLISHED, "markersize": 4})
    lines[0].set_label("published")
    axes.set_xlabel("time (periods of the teaching signal)")
    axes.set_ylabel(r"Re $\Delta s_i$ ($10^{-3}$)")
    style.panel_label(axes, "b", "the visible part over two periods")
