"""Fig. 4a: the gradient of a deep network against the amplitude of the teaching signal.

Source: hep2022, Fig. 4a: six convolutional layers at random weights, cosine of all of the gradient
with the exact one, by amplitude and number of points, holomorphic (softmax pooling) and not
(maximum pooling, hard sigmoid). Their images are ImageNet's and their precision is single; ours are
CIFAR-10's, and double precision beside single shows what was round-off. Below, layer by layer.
"""

from dataclasses import asdict, dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from osciprop.studies import Study

from .. import published, style
from ..claim import Claim, above, below, matches
from ..figure import Data, Settings
from ..precision import in_double_precision
from . import deep

NAME = "hep2022/fig4a"
TITLE = "Gradient against teaching amplitude (six convolutional layers)"
SOURCE = "Laborieux and Zenke 2022, Fig. 4a (their images: ImageNet 32 x 32)."

POINTS, CONTROL_POINTS, DOUBLE_POINTS = (1, 2, 4, 20), (1, 2), (1, 2, 4)
STORED = {
    "single": "fig4a_softmax_pool_holomorphic_tanh",
    "control": "fig4a_max_pool_hard_tanh",
}
WITHIN = 0.5
"""Of a digit: how close curves of different images and weights are to be."""

TRUNCATED = {1: (0.08, 3.0), 2: (1.0, 14.0), 4: (5.0, 14.0)}
"""Amplitudes at which the published curve of N points falls with the amplitude: truncation, which
does not depend on the precision."""

ROUNDED = (1e-4, 0.02)
"""Amplitudes at which all curves rise with the amplitude: round-off."""

CENTERED = "sums of the contrast are taken about a center, and round less (docs/findings.md)"


@dataclass(frozen=True)
class Settings4a:
    """Every how many of the 50 published amplitudes, by precision and kind of network."""

    stride: int
    control_stride: int
    double_stride: int
    points: tuple[int, ...]
    network: deep.Deep
    seed: int = deep.SEED
    free_steps: int = deep.HOLOMORPHIC.free_steps
    nudged_steps: int = deep.HOLOMORPHIC.nudged_steps


FULL = Settings4a(6, 6, 6, POINTS, deep.FULL)
FAST = Settings4a(12, 0, 24, (1, 2), deep.FAST)


def settings(fast: bool) -> Settings:
    return asdict(FAST if fast else FULL)


def grid() -> np.ndarray:
    """The published amplitudes."""
    return np.asarray(published.hep2022()[STORED["single"]]["abs_beta"])


@in_double_precision
def compute(fast: bool) -> Data:
    chosen = FAST if fast else FULL
    runs = {
        "single": (deep.HOLOMORPHIC, np.float32, chosen.stride, chosen.points),
        "control": (deep.CONTROL, np.float32, chosen.control_stride, CONTROL_POINTS),
        "double": (deep.HOLOMORPHIC, np.float64, chosen.double_stride, DOUBLE_POINTS),
    }
    data: dict[str, np.ndarray] = {}
    for name, (kind, dtype, stride, points) in runs.items():
        if not stride:
            continue
        judge = deep.Judge(chosen.network, kind, dtype)
        counts = [count for count in points if count in chosen.points]
        axes = {"points": counts, "amplitude": grid()[::stride]}
        found = Study(judge.measure, axes).run(progress=False)
        data[f"{name}_amplitudes"] = found["amplitude"].values
        for count in counts:
            data[f"{name}_n{count}"] = found["digits"].sel(points=count).values
    return data


def published_digits(name: str, points: int, amplitudes: np.ndarray) -> np.ndarray:
    """The published curve at some of its amplitudes, as digits."""
    stored = published.hep2022()[STORED[name]]
    where = np.abs(grid()[None, :] - amplitudes[:, None]).argmin(axis=1)
    distance = 1 - np.asarray(stored["cosine_total"][str(points)])[where]
    return -np.log10(np.maximum(distance, 10**-deep.FINEST))


def _curve(data: Data, name: str, points: int) -> tuple[np.ndarray, np.ndarray]:
    return data[f"{name}_amplitudes"], data[f"{name}_n{points}"][:, 0]


def _gap(data: Data, name: str, points: int, low: float, high: float) -> float:
    """The largest difference to the published curve, in digits, in a range of amplitudes."""
    amplitudes, ours = _curve(data, name, points)
    inside = (amplitudes >= low) & (amplitudes <= high)
    theirs = published_digits(name, points, amplitudes)
    return float(np.abs(np.minimum(ours, deep.FINEST) - theirs)[inside].max())


def claims(data: Data) -> list[Claim]:
    found = []
    full = "control_n1" in data
    for points, (low, high) in TRUNCATED.items():
        if full:
            text = f"digits of the cosine, N = {points}, |beta| from {low:g} to {high:g}"
            found.append(matches(NAME, text, _gap(data, "single", points, low, high), WITHIN))
    if full:
        found += _control_claims(data)
    amplitudes, ours = _curve(data, "single", 2)
    rounded = amplitudes <= ROUNDED[1]
    finer = data["double_n2"][data["double_amplitudes"] <= ROUNDED[1], 0]
    text = "N = 2, |beta| <= 0.02: what double precision adds to the digits, at least"
    at_same = np.isin(amplitudes[rounded], data["double_amplitudes"])
    gain = float(np.min(finer - ours[rounded][at_same]))
    return [*found, above(NAME, text, "round-off limits single precision", gain, 1.0)]


def _control_claims(data: Data) -> list[Claim]:
    found = []
    low, high = ROUNDED
    for points in POINTS:
        amplitudes, ours = _curve(data, "single", points)
        inside = (amplitudes >= low) & (amplitudes <= high)
        theirs = published_digits("single", points, amplitudes)
        more = np.round((np.minimum(ours, deep.FINEST) - theirs)[inside], 2)
        text = (
            f"N = {points}, |beta| from {low:g} to {high:g} (round-off): digits more than published"
        )
        criterion = f"at least {-WITHIN:g} at each, or all that single precision shows"
        short = f"{more.min():g} to {more.max():g}"
        found.append(
            Claim(NAME, text, "0", short, criterion, bool(more.min() >= -WITHIN), CENTERED)
        )
    most = max(float(data[f"control_n{points}"][:, 0].max()) for points in CONTROL_POINTS)
    text = "not holomorphic: most digits at any amplitude"
    found.append(below(NAME, text, 2.75, most, 2.75 + WITHIN))
    best = float(_curve(data, "single", 20)[1].max())
    found.append(
        above(NAME, "holomorphic, N = 20: most digits", deep.FINEST, best, deep.FINEST - WITHIN)
    )
    first = [float(data[f"{name}_n1"][:, 1].max()) for name in ("control", "single")]
    text = "first layer, N = 1: most digits, not holomorphic and holomorphic"
    criterion = "at least one digit more"
    found.append(Claim(NAME, text, (0.55, 2.6), first, criterion, first[1] > first[0] + 1))
    return found


LOOKS = dict(zip(POINTS, style.SERIES, strict=False))


@style.styled
def plot(data: Data) -> Figure:
    figure = style.new_figure(10.5, 6.4)
    layers = data["single_n1"].shape[1] - 1
    places = figure.add_gridspec(2, 2 * layers, height_ratios=(1.6, 1))
    first = figure.add_subplot(places[0, :layers])
    second = figure.add_subplot(places[0, layers:], sharex=first, sharey=first)
    _total(first, data, "single")
    if "control_n1" in data:
        for points in CONTROL_POINTS:
            look = LOOKS[points]
            amplitudes, ours = _curve(data, "control", points)
            first.plot(amplitudes, ours, color=look.color, marker=look.marker, ls=":", mfc="white")
            first.plot(
                grid(), published_digits("control", points, grid()), **look.published_curve()
            )
    _total(second, data, "double")
    style.panel_label(first, "a", "single precision; open: not holomorphic")
    style.panel_label(second, "b", "double precision")
    left = None
    for layer in range(layers):
        axes = figure.add_subplot(places[1, 2 * layer : 2 * layer + 2], sharey=left)
        for points in POINTS:
            if f"single_n{points}" in data:
                values = data[f"single_n{points}"][:, 1 + layer]
                axes.semilogx(data["single_amplitudes"], values, ms=3, **LOOKS[points].both())
        axes.set_xlabel(r"$|\beta|$")
        axes.set_xticks([1e-4, 1e-1, 1e2])
        if left is None:
            left = axes
            axes.set_ylabel(r"$-\log_{10}(1 - \cos)$")
        else:
            axes.tick_params(labelleft=False)
        name = "readout" if layer == layers - 1 else f"layer {layer + 1}"
        style.panel_label(axes, "cdefghijk"[layer], name)
    handles, labels = first.get_legend_handles_labels()
    pale = Line2D([], [], **style.BLACK.published_curve())
    figure.legend([*handles, pale], [*labels, "published"], loc="outside lower center", ncols=5)
    return figure


def _total(axes: Axes, data: Data, name: str) -> None:
    for points in POINTS:
        if f"{name}_n{points}" not in data:
            continue
        amplitudes, ours = _curve(data, name, points)
        label = f"N = {points}"
        axes.semilogx(amplitudes, np.maximum(ours, 0), **LOOKS[points].both(), label=label)
        theirs = published_digits("single", points, grid())
        axes.plot(grid(), theirs, **LOOKS[points].published_curve())
    axes.set_xlabel(r"teaching amplitude $|\beta|$")
    axes.set_ylabel(r"all layers: $-\log_{10}(1 - \cos)$")
