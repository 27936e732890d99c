"""The demo: a network of two hidden populations learns handwritten digits by oscillating.

    python -m osciprop.demo [--seed 0] [--epochs 20] [--output demo.png]

Trains the same network twice on scikit-learn's digits: by the orbits in which it settles under an
always-on complex oscillation, and with the implicit gradient. Then integrates the trained network
in time, as a device would run. Prints a table and draws a picture. docs/demo.md says why the
settings are what they are.
"""

import argparse
import time
from pathlib import Path

import diffrax
import equinox as eqx
import jax
import matplotlib.pyplot as plt
import numpy as np
import optax
from matplotlib.figure import Figure

from .analysis.comparison import cosine
from .datasets import Dataset, digits
from .dynamics.integration import Integrator, Trajectory, integrate
from .dynamics.teaching import Oscillation
from .gradients import (
    AbstractGradientMethod,
    Estimate,
    Implicit,
    OscillatoryEP,
    SettledOscillation,
    estimate_gradient,
)
from .networks.activations import Tanh
from .networks.build.dense import hopfield_mlp
from .networks.joined import Network
from .networks.network import AbstractNetwork
from .plotting import plot_learning_curves, plot_orbit, plot_spectrum, style
from .training.history import History
from .training.loop import fit
from .training.step import parameters

AMPLITUDE = 0.05
PERIOD = 50.0
BATCH = 32
# The last stored period of the oscillation that is drawn, after this many to settle.
SHOWN_AFTER = 3
SAMPLES = 64


def build(seed: int) -> Network:
    """64 pixels, two populations of 64 tanh neurons, 10 classes; weak reciprocal synapses."""
    return hopfield_mlp(
        [64, 64, 64, 10],
        key=jax.random.PRNGKey(seed),
        activation=Tanh(),
        scale=(0.5, 0.2, 0.5),
    )


def oscillation() -> SettledOscillation:
    """The orbits that an oscillation settles in, solved for."""
    return SettledOscillation(AMPLITUDE, PERIOD)


def integrated() -> OscillatoryEP:
    """The same by integration: two periods per batch, one to settle and one to listen."""
    steps = Integrator(diffrax.Heun(), diffrax.ConstantStepSize(), dt0=0.5)
    return OscillatoryEP(AMPLITUDE, PERIOD, samples=10, integrator=steps)


def cosine_of_both(network: AbstractNetwork, data: Dataset) -> float:
    """How well the gradients of the integrated and of the settled oscillation agree."""
    batch = data.x_train[:BATCH], data.y_train[:BATCH]
    ours, other = (
        estimate_gradient(network, *batch, method).gradient
        for method in (oscillation(), integrated())
    )
    return float(cosine(ours, other))


def optimizer(network: Network) -> optax.GradientTransformation:
    """Adam, with slow reciprocal synapses: the network stays away from its critical point."""
    rates = jax.tree.map(lambda _: "fast", parameters(network))
    rates = eqx.tree_at(lambda tree: tree.synapses[1].weight, rates, "slow")
    return optax.chain(
        optax.clip_by_global_norm(1.0),
        optax.multi_transform({"fast": optax.adam(2e-3), "slow": optax.adam(5e-5)}, rates),
    )


def cosine_to_implicit(
    network: AbstractNetwork, x: np.ndarray, y: np.ndarray, estimate: Estimate
) -> dict[str, float]:
    """Recorded through training: how well the oscillation's gradient points the right way."""
    reference = estimate_gradient(network, x, y, Implicit())
    return {"cosine": float(cosine(estimate.gradient, reference.gradient))}


def train(
    method: AbstractGradientMethod, data: Dataset, seed: int, epochs: int, *, compare: bool
) -> tuple[AbstractNetwork, History, float]:
    """The trained network, its history, and the seconds it took."""
    network = build(seed)
    start = time.perf_counter()
    trained, history = fit(
        network,
        data,
        method,
        optimizer(network),
        epochs=epochs,
        batch_size=BATCH,
        seed=seed,
        monitor=cosine_to_implicit if compare else None,
        monitor_every=20,
    )
    return trained, history, time.perf_counter() - start


def oscillate(network: AbstractNetwork, data: Dataset) -> Trajectory:
    """One settled period of the trained network, for one test image with its teaching signal."""
    end = (SHOWN_AFTER + 1) * PERIOD
    start = np.array([0.0])
    times = np.concatenate(
        [start, SHOWN_AFTER * PERIOD + np.arange(SAMPLES + 1) / SAMPLES * PERIOD]
    )
    times[-1] = end
    hardest = int(np.argmax(_losses(network, data)))
    return integrate(
        network,
        data.x_test[hardest : hardest + 1],
        data.y_test[hardest : hardest + 1],
        Oscillation(AMPLITUDE, PERIOD),
        times=times,
    )


def _losses(network: AbstractNetwork, data: Dataset) -> np.ndarray:
    # The image with the largest cost among the first hundred oscillates most.
    x, y = data.x_test[:100], data.y_test[:100]
    scores = np.asarray(estimate_gradient(network, x, y, Implicit()).outputs)
    shifted = scores - scores.max(axis=1, keepdims=True)
    return np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(y)), y]


def picture(histories: dict[str, History], trajectory: Trajectory) -> Figure:
    """Learning curves, the orbit of one neuron, and its spectrum."""
    activity = np.asarray(trajectory.s[0][1:-1, 0])  # one period, without its repeated end
    deviation = activity - activity.mean(axis=0)
    unit = int(np.argmax(np.abs(deviation).max(axis=0)))
    coefficients = np.abs(np.fft.fft(deviation[:, unit])) / SAMPLES
    frequencies = np.fft.fftfreq(SAMPLES, PERIOD / SAMPLES)
    order = np.argsort(frequencies)
    near = order[np.abs(frequencies[order]) <= 8.5 / PERIOD]
    turns = np.exp(2j * np.pi * np.arange(SAMPLES) / SAMPLES)
    with style():
        figure, axes = plt.subplots(1, 3, figsize=(13.5, 4.2), layout="constrained")
        curves = {name: history.epochs for name, history in histories.items()}
        plot_learning_curves(curves, metrics=["test_accuracy"], ylabel="test accuracy", ax=axes[0])
        axes[0].set_title("Digits: oscillating, without phases, against implicit")
        closed = np.append(deviation[:, unit], deviation[:1, unit])
        plot_orbit(
            closed[:, None],
            teaching=np.append(turns, 1.0) * AMPLITUDE,
            labels=[f"neuron {unit}, population 1"],
            ax=axes[1],
        )
        axes[1].legend(handles=axes[1].get_legend().legend_handles, loc="center")
        axes[1].set_title("Orbit of one neuron's activity around its mean")
        plot_spectrum(
            frequencies[near],
            {f"neuron {unit}": coefficients[near]},
            teaching_frequency=1 / PERIOD,
            frequency_unit="1 / time constant",
            floor=1e-8,
            ax=axes[2],
        )
        axes[2].set_title("Its spectrum: nothing turns backwards")
    return figure


def table(histories: dict[str, History], seconds: dict[str, float]) -> str:
    """What was reached, as text."""
    lines = [f"{'gradient':<22}{'test accuracy':>14}{'cosine mean':>13}{'lowest':>9}{'seconds':>9}"]
    for name, history in histories.items():
        cosines = history.monitored.get("cosine")
        mean, lowest = (
            (f"{np.mean(cosines):.4f}", f"{np.min(cosines):.4f}") if cosines else ("", "")
        )
        accuracy = 100 * history.epochs["test_accuracy"][-1]
        lines.append(f"{name:<22}{accuracy:>12.1f} %{mean:>13}{lowest:>9}{seconds[name]:>9.1f}")
    return "\n".join(lines)


def main() -> None:
    """Train, print a table, and draw a picture."""
    parser = argparse.ArgumentParser(description="A network learns digits by oscillating.")
    parser.add_argument("--seed", type=int, default=0, help="seed of weights and sample order")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--output", type=Path, default=Path("demo.png"))
    arguments = parser.parse_args()
    data = digits()
    histories, seconds = {}, {}
    print("Always-on oscillations: no phases, no backward pass")
    network, histories["always-on oscillation"], seconds["always-on oscillation"] = train(
        oscillation(), data, arguments.seed, arguments.epochs, compare=True
    )
    print("The same network with the implicit gradient")
    _, histories["implicit gradient"], seconds["implicit gradient"] = train(
        Implicit(), data, arguments.seed, arguments.epochs, compare=False
    )
    print(table(histories, seconds))
    print(
        "Integrated in time, the trained network has a gradient whose cosine to that of its "
        f"settled oscillation is {cosine_of_both(network, data):.4f}"
    )
    figure = picture(histories, oscillate(network, data))
    figure.savefig(arguments.output, dpi=150)
    print(f"Picture: {arguments.output}")


if __name__ == "__main__":
    main()
