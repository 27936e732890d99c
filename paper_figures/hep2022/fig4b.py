"""Fig. 4b: the gradient of a deep network against the number of points.

Source: hep2022, Fig. 4b: the network of Fig. 4a, three amplitudes, cosine of all of the gradient
with the exact one by number of points. Their images are ImageNet's, ours CIFAR-10's; double
precision beside single shows what was round-off.
"""

from dataclasses import asdict, dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from osciprop.studies import Study

from .. import published, style
from ..claim import Claim, above, below, matches
from ..figure import Data, Settings
from ..precision import in_double_precision
from . import deep

NAME = "hep2022/fig4b"
TITLE = "Gradient against the number of points (six convolutional layers)"
SOURCE = "Laborieux and Zenke 2022, Fig. 4b (their images: ImageNet 32 x 32)."

AMPLITUDES = (0.01, 0.1, 1.0)
WITHIN = 0.5
"""Of a digit: how close numbers of different images and weights are to be."""

SATURATED = 6.0
"""Digits up to which the published numbers show the bias of finite amplitudes."""

PRECISIONS = {"single": np.float32, "double": np.float64}


@dataclass(frozen=True)
class Settings4b:
    """Numbers of points, by precision."""

    single: tuple[int, ...]
    double: tuple[int, ...]
    network: deep.Deep
    amplitudes: tuple[float, ...] = AMPLITUDES
    seed: int = deep.SEED
    free_steps: int = deep.HOLOMORPHIC.free_steps
    nudged_steps: int = deep.HOLOMORPHIC.nudged_steps


FULL = Settings4b((1, 2, 4, 6, 8), (1, 2, 4), deep.FULL)
FAST = Settings4b((1, 2), (2,), deep.FAST)


def settings(fast: bool) -> Settings:
    return asdict(FAST if fast else FULL)


@in_double_precision
def compute(fast: bool) -> Data:
    chosen = FAST if fast else FULL
    data: dict[str, np.ndarray] = {}
    for name, dtype in PRECISIONS.items():
        judge = deep.Judge(chosen.network, deep.HOLOMORPHIC, dtype)
        axes = {"amplitude": AMPLITUDES, "points": getattr(chosen, name)}
        found = Study(judge.measure, axes).run(progress=False)
        data[f"{name}_points"] = found["points"].values
        data[name] = found["digits"].values[..., 0]
    return data


def _published(amplitude: float, points: np.ndarray) -> np.ndarray:
    stored = published.hep2022()["fig4b"]
    column = stored["abs_beta"].index(amplitude)
    cosines = [stored["cosine_total"][str(count)][column] for count in points]
    return -np.log10(np.maximum(1 - np.asarray(cosines), 10**-deep.FINEST))


def claims(data: Data) -> list[Claim]:
    found = []
    points = data["single_points"]
    if len(points) > 2:
        theirs = np.asarray([_published(amplitude, points) for amplitude in AMPLITUDES])
        shortfall = float((theirs - np.minimum(data["single"], deep.FINEST)).max())
        numbers = ", ".join(map(str, points))
        text = f"digits of the cosine, N = {numbers}, all amplitudes: published less ours, largest"
        found.append(below(NAME, text, "0 if alike", shortfall, WITHIN))
        shared = np.isin(points, data["double_points"])
        # Where double precision finds no more digits, the number of points limits, not round-off.
        biased = data["double"] < SATURATED
        gap = np.abs(data["single"] - theirs)[:, shared][biased].max()
        text = f"digits where the bias leaves fewer than {SATURATED:g}: largest difference"
        found.append(matches(NAME, text, float(gap), WITHIN))
    small = float(data["double"][0, -1] - data["single"][0, 1])
    text = "|beta| = 0.01: what double precision adds to the digits"
    found.append(above(NAME, text, "round-off limits single precision", small, 1.0))
    return found


@style.styled
def plot(data: Data) -> Figure:
    figure = style.new_figure(8.0, 3.4)
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    for axes, name, letter in zip(panels, PRECISIONS, "ab", strict=True):
        points = data[f"{name}_points"]
        for amplitude, ours, look in zip(AMPLITUDES, data[name], style.SERIES, strict=False):
            axes.plot(points, ours, **look.both(), label=rf"$|\beta|$ = {amplitude:g}")
            axes.plot(points, _published(amplitude, points), **look.published())
        axes.set_xticks(data["single_points"])
        axes.set_xlabel("number of points $N$")
        axes.set_ylabel(r"$-\log_{10}(1 - \cos)$")
        style.panel_label(axes, letter, f"{name} precision")
    handles, labels = panels[0].get_legend_handles_labels()
    open_mark = Line2D([], [], **style.BLACK.published())
    figure.legend(
        [*handles, open_mark], [*labels, "published"], loc="outside lower center", ncols=4
    )
    return figure
