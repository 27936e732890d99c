"""Angles between dual propagation's gradient and backpropagation's, layer by layer, in training.

Source: two_tales2024, angle maps of DP^T at `alpha = 0`, layer by update, for a large and a small
amplitude of the nudge. The authors trained VGG16 on CIFAR-100; here a perceptron of ReLU neurons
with cross-entropy is trained on MNIST by DP^T itself, its inference one backward sweep, which is
exact at `alpha = 0`. (a, b) Angles of each layer's weights on the batch of the update; (c) their
median over training and the band that holds 80 % of them. The last layer's are rounding: its
gradient is exact at any amplitude.
"""

from dataclasses import asdict, dataclass

import jax
import numpy as np
import optax
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

import osciprop
from osciprop.datasets import digits, mnist

from .. import style
from ..claim import Claim, above, below
from ..errors import errors_shown
from ..figure import Data, Settings

NAME = "two_tales2024/angles"
TITLE = "Angles to the gradient of backpropagation in training"
SOURCE = (
    "Hoier and Zach 2024, angle maps of VGG16 on CIFAR-100, whose angles are not published as "
    "numbers; ours is a perceptron."
)

BETAS = (1.0, 0.01)
ALPHA = 0.0
LEAST, LARGEST = 0.01, 90.0
"""Ends of the scale, degrees; below lies rounding."""

BAND = (10, 90)
MEDIAN, MOST, RATIO, GROWTH, EXACT, LOSS = 5.0, 10.0, 3.0, 1.1, 0.1, 0.02
"""Criteria: median angle of a layer and 90th percentile at the small amplitude, degrees; how much
larger angles are at the large one, and there in the first layer than in the last hidden one;
median angle of the last layer, degrees; test accuracy lost."""


@dataclass(frozen=True)
class SettingsAngles:
    """`sizes` of the perceptron; angles `every` so many updates."""

    sizes: tuple[int, ...]
    images: str
    epochs: int
    every: int
    betas: tuple[float, ...] = BETAS
    alpha: float = ALPHA
    inference: str = "one backward sweep"
    batch: int = 50
    optimizer: str = "Adam 1e-3"
    scale: float = 1.137
    """LeCun's initialisation, the authors'."""

    seed: int = 0


FULL = SettingsAngles((784, 128, 128, 128, 128, 128, 128, 10), "MNIST", 5, 100)
FAST = SettingsAngles((64, 32, 32, 32, 32, 10), "digits", 6, 12)


def settings(fast: bool) -> Settings:
    return asdict(FAST if fast else FULL)


ONE_PASS = osciprop.SequentialIteration(max_steps=1, tolerance=1e-3)
BACKPROP = osciprop.Implicit(ONE_PASS)


def look(
    network: osciprop.AbstractNetwork, x: np.ndarray, y: np.ndarray, estimate: osciprop.Estimate
) -> dict[str, float]:
    """The angle between both gradients of each layer's weights, degrees, on the batch at hand."""
    exact = osciprop.estimate_gradient(network, x, y, BACKPROP).gradient
    pairs = zip(estimate.gradient.synapses, exact.synapses, strict=True)
    return {
        f"layer_{place}": float(osciprop.analysis.angle(found.weight, true.weight))
        for place, (found, true) in enumerate(pairs, start=1)
    }


@errors_shown
def compute(fast: bool) -> Data:
    chosen = FAST if fast else FULL
    images = digits() if fast else mnist()
    angles, accuracies = [], []
    for beta in chosen.betas:
        network = osciprop.perceptron(
            list(chosen.sizes),
            key=jax.random.PRNGKey(chosen.seed),
            cost=osciprop.CrossEntropy(),
            scale=chosen.scale,
        )
        sweep = osciprop.SequentialIteration(order=osciprop.equilibria.Backward(), max_steps=1)
        _, history = osciprop.fit(
            network,
            images,
            osciprop.DualPropagationAdjoint(beta, chosen.alpha, sweep),
            optax.adam(1e-3),
            epochs=chosen.epochs,
            batch_size=chosen.batch,
            seed=chosen.seed,
            monitor=look,
            monitor_every=chosen.every,
            relaxation=ONE_PASS,
            progress=False,
        )
        layers = range(1, len(chosen.sizes))
        angles.append([history.monitored[f"layer_{layer}"] for layer in layers])
        accuracies.append(history.epochs["test_accuracy"])
    return {
        "betas": np.asarray(chosen.betas),
        "updates": np.asarray(history.monitored["update"]),
        "angles": np.asarray(angles),
        "accuracies": np.asarray(accuracies),
    }


def claims(data: Data) -> list[Claim]:
    large, small = data["angles"]
    last = len(large)
    at_large, at_small = (f"beta = {beta:g}" for beta in data["betas"])
    medians = [np.median(angles, axis=1) for angles in (large, small)]
    means = [np.mean(angles[:-1]) for angles in (large, small)]
    first, final = np.mean(large[0]), np.mean(large[-2])
    most = np.percentile(small, BAND[1], axis=1).max()
    lost = data["accuracies"][1, -1] - data["accuracies"][0, -1]
    return [
        below(
            NAME,
            f"{at_small}: median angle of a layer over training, the largest, degrees",
            "small",
            _short(medians[1].max()),
            MEDIAN,
        ),
        below(
            NAME,
            f"{at_small}: 90th percentile of a layer over training, the largest, degrees",
            "small",
            _short(most),
            MOST,
        ),
        above(
            NAME,
            f"mean angle of layers 1 to {last - 1}, {at_large} relative to {at_small}",
            "larger",
            _short(means[0] / means[1]),
            RATIO,
        ),
        above(
            NAME,
            f"{at_large}: mean angle of layer 1 ({_short(first)} degrees) relative to layer "
            f"{last - 1} ({_short(final)})",
            "grows towards early layers",
            _short(first / final),
            GROWTH,
        ),
        below(
            NAME,
            f"layer {last}: median angle, the larger of both amplitudes, degrees",
            "exact",
            _short(max(values[-1] for values in medians)),
            EXACT,
        ),
        below(
            NAME,
            f"test accuracy lost at {at_large}, from {data['accuracies'][1, -1]:.4f}",
            "learns",
            round(float(lost), 4),
            LOSS,
        ),
    ]


def _short(value: float) -> float:
    return float(f"{value:.3g}")


def _map(axes: Axes, updates: np.ndarray, angles: np.ndarray) -> QuadMesh:
    """Angles by layer, the first at the bottom, and update."""
    layers = np.arange(1, len(angles) + 1)
    axes.grid(False)
    axes.set_yticks(layers)
    axes.set_xlabel("update")
    return axes.pcolormesh(
        updates,
        layers,
        np.maximum(angles, LEAST),
        norm=LogNorm(vmin=LEAST, vmax=LARGEST),
        cmap="viridis",
        shading="nearest",
        rasterized=True,
    )


@style.styled
def plot(data: Data) -> Figure:
    figure = style.new_figure(10.2, 3.4)
    layout = figure.get_layout_engine()
    assert isinstance(layout, ConstrainedLayoutEngine)
    layout.set(wspace=0.06)
    panels = figure.subplots(1, 3, width_ratios=(1, 1, 0.9))
    layers = np.arange(1, data["angles"].shape[1] + 1)
    for axes, beta, angles, letter in zip(
        panels[:2], data["betas"], data["angles"], "ab", strict=True
    ):
        mesh = _map(axes, data["updates"], angles)
        style.panel_label(axes, letter, rf"$\beta$ = {beta:g}, $\alpha$ = {ALPHA:g}")
    panels[0].set_ylabel("layer of weights, first at the bottom")
    bar = figure.colorbar(mesh, ax=list(panels[:2]), pad=0.01, extend="min")
    bar.set_label("angle to backpropagation, degrees", labelpad=2)
    bar.set_ticks([0.01, 0.1, 1, 10, 90], labels=["0.01", "0.1", "1", "10", "90"])
    for beta, angles, look in zip(
        data["betas"], data["angles"], (style.RED, style.BLUE), strict=True
    ):
        low, middle, high = np.maximum(np.percentile(angles, (BAND[0], 50, BAND[1]), axis=1), LEAST)
        panels[2].semilogy(layers, middle, **look.both(), label=rf"$\beta$ = {beta:g}")
        panels[2].fill_between(layers, low, high, color=look.color, alpha=0.15, linewidth=0)
    panels[2].set_ylim(0.8 * LEAST, LARGEST)
    panels[2].set_xticks(layers)
    panels[2].set_xlabel("layer of weights")
    panels[2].set_ylabel("angle, degrees", labelpad=8)
    panels[2].legend(loc="lower left")
    style.panel_label(panels[2], "c", "over training: median, 80 % band")
    return figure
