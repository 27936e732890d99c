"""What skips change in networks of ten populations: the tables of docs/residual.md.

    OSCIPROP_DATA=... python -m experiments.residual

Dense networks (ten hidden populations of 64, tanh, three skips) learn 3,000 digits of MNIST, with
feedback as strong as the way up and scaled by 0.1; convolutional ones of reduced width learn 3,000
images of CIFAR-10 from its JPEG copy, with feedback scaled by 0.3; each beside the network without
skips, whose other weights are the same. Then Hopfield-ResNet13 (arXiv 2509.26003) makes three
updates at full size, in a process of its own, whose memory is measured. About a quarter of an hour
on a core; finished rows are stored in `experiments/results/residual.json` and not run again.
"""

import json
import multiprocessing
import resource
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

import jax
import numpy as np
import optax

import osciprop
from experiments.runs import noise_images, options, parsed, write
from osciprop.datasets import Dataset, cifar10_jpeg, mnist
from osciprop.networks import Block, ScaledFeedback, hopfield_resnet, residual_mlp, resnet13
from osciprop.training import CIFAR_STATISTICS, ImagePreprocessing, parameters

FILE = "residual.json"
IMAGES, TESTED, BATCH = 3000, 1000, 50
LARGE, SAMPLES = "Hopfield-ResNet13", 4
"""The updates at full size."""

EPOCHS = {"mnist": 5, "cifar10_jpeg": 2}
SIZES = [784, *[64] * 10, 10]
BLOCKS = (
    Block(8, stride=4, kernel=5),
    Block(8, layers=3, stride=1),
    Block(16),
    Block(16, stride=1),
)
"""Nine populations of maps; with the output ten."""

DENSE = osciprop.AndersonIteration(tolerance=1e-4, max_steps=100)
SWEEPS = osciprop.SequentialIteration(tolerance=1e-3, max_steps=40)
NUDGED = osciprop.DyadicEP(relaxation=DENSE)
PICTURES = ImagePreprocessing(CIFAR_STATISTICS)


def plain(network: osciprop.Network) -> osciprop.Network:
    """The network without its skips: synapses between neighbours only."""
    near = [synapse for synapse in network.synapses if synapse.target == synapse.source + 1]
    return osciprop.Network(network.populations, tuple(near), network.readout)


def dense(gain: float, scale: float) -> osciprop.Network:
    key = jax.random.PRNGKey(0)
    return residual_mlp(SIZES, key=key, span=3, gain=gain, scale=scale, activation=osciprop.Tanh())


# Data, network, method, what relaxes the test samples, preprocessing.
Case = tuple[str, Callable[[], Any], Any, Any, Any]
# What becomes of a network with skips.
KINDS: dict[str, Callable[[osciprop.Network], osciprop.Network]] = {
    "residual": lambda network: network,
    "plain": plain,
}


def weak(kind: str) -> Case:
    def build() -> ScaledFeedback:
        return ScaledFeedback(KINDS[kind](dense(0.5, 1.0)), 0.1)

    return "mnist", build, NUDGED, DENSE, None


def even(kind: str) -> Case:
    def build() -> osciprop.Network:
        return KINDS[kind](dense(0.25, 0.25))

    return "mnist", build, osciprop.CentredEP(0.1, DENSE), DENSE, None


def convolutional(kind: str) -> Case:
    def build() -> ScaledFeedback:
        deep = hopfield_resnet(BLOCKS, key=jax.random.PRNGKey(0), scale=1.2, skip=0.5)
        return ScaledFeedback(KINDS[kind](deep), 0.3)

    return "cifar10_jpeg", build, NUDGED, SWEEPS, PICTURES


TITLES = {
    "dense, feedback 0.1": weak,
    "convolutional, feedback 0.3": convolutional,
    "dense, feedback 1": even,
}
CASES = {f"{title}, {kind}": make(kind) for title, make in TITLES.items() for kind in KINDS}


def fading(network: Any, x: Any, y: Any, estimate: Any) -> dict[str, float]:
    """Size of the gradient by the weights of the way up: the lowest over the highest."""
    inside = network.network if isinstance(network, ScaledFeedback) else network
    gradient = estimate.gradient
    gradient = gradient.network if isinstance(network, ScaledFeedback) else gradient
    ways = [
        jax.tree.leaves(part)[0]
        for synapse, part in zip(inside.synapses, gradient.synapses, strict=True)
        if synapse.target == synapse.source + 1
    ]
    sizes = [float(np.linalg.norm(way)) for way in ways]
    return {"lowest_over_highest": sizes[0] / max(sizes[-1], 1e-30)}


def learn(name: str, data: Dataset, epochs: int) -> dict[str, Any]:
    """Train one network; accuracy by epoch, and how the first gradient fades with depth."""
    _, build, method, relaxation, preprocessing = CASES[name]
    start, processor = time.perf_counter(), time.process_time()
    _, history = osciprop.fit(
        build(),
        data,
        method,
        optax.adam(1e-3),
        epochs=epochs,
        batch_size=min(BATCH, len(data.x_train)),
        monitor=fading,
        monitor_every=10**6,
        relaxation=relaxation,
        preprocessing=preprocessing,
        progress=False,
        throw=False,
    )
    return {
        "name": name,
        "method": type(method).__name__,
        "images": len(data.x_train),
        "test_accuracy": history.epochs["test_accuracy"],
        "train_loss": history.epochs["train_loss"],
        "converged": float(np.mean(history.steps["converged"])),
        "lowest_over_highest": history.monitored["lowest_over_highest"][0],
        "seconds": time.perf_counter() - start,
        "processor_seconds": time.process_time() - processor,
        "versions": {"osciprop": osciprop.__version__, "jax": jax.__version__},
    }


def full_size(width: int, x: np.ndarray, y: np.ndarray, updates: int) -> dict[str, Any]:
    """Updates of Hopfield-ResNet13 on one batch: loss, time of each, and the process's memory."""
    network = hopfield_resnet(resnet13(width), key=jax.random.PRNGKey(0))
    # The published optimizer: Nesterov's momentum, gradients clipped at a norm of one.
    optimizer = optax.chain(
        optax.clip_by_global_norm(1.0), optax.sgd(3e-2, momentum=0.9, nesterov=True)
    )
    times = [time.perf_counter()]

    def watch(*_: Any) -> dict[str, float]:
        times.append(time.perf_counter())
        return {}

    _, history = osciprop.fit(
        network,
        (x, y),
        osciprop.CentredEP(0.1, SWEEPS),
        optimizer,
        epochs=updates,
        batch_size=len(x),
        monitor=watch,
        monitor_every=1,
        preprocessing=PICTURES,
        progress=False,
        throw=False,
    )
    return {
        "name": LARGE,
        "width": width,
        "samples": len(x),
        "losses": history.steps["loss"],
        "converged": history.steps["converged"],
        "seconds_by_update": np.diff(times[1:]).tolist(),
        "first_update_with_compilation": times[1] - times[0],
        "parameters": sum(leaf.size for leaf in jax.tree.leaves(parameters(network))),
        "peak_memory_GiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "versions": {"osciprop": osciprop.__version__, "jax": jax.__version__},
    }


def apart(*arguments: Any) -> dict[str, Any]:
    """`full_size` in a process of its own, whose memory holds nothing else."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(full_size, *arguments).result()


class Sources:
    """Data sets, each loaded when it is first asked for."""

    def __init__(self, tiny: bool):
        self.tiny = tiny
        self.loaded: dict[str, Dataset] = {}

    def __getitem__(self, name: str) -> Dataset:
        if name not in self.loaded:
            if self.tiny:
                data = noise_images((28, 28) if name == "mnist" else (32, 32, 3))
            else:
                whole = mnist() if name == "mnist" else cifar10_jpeg()
                data = whole.subset(train=IMAGES, test=TESTED)
            self.loaded[name] = data
        return self.loaded[name]


def table(rows: list[dict[str, Any]]) -> None:
    """Print what is stored."""
    print("| network | method | test accuracy by epoch, % | lowest over highest | seconds |")
    print("|---|---|---|---|---|")
    for row in rows:
        if "test_accuracy" in row:
            accuracies = ", ".join(f"{100 * value:.1f}" for value in row["test_accuracy"])
            print(
                f"| {row['name']} | {row['method']} | {accuracies} | "
                f"{row['lowest_over_highest']:.1e} | {row['processor_seconds']:.0f} |"
            )
        else:
            print(
                f"{row['name']}: losses {row['losses']}, seconds {row['seconds_by_update']}, "
                f"{row['peak_memory_GiB']:.2f} GiB"
            )


def main(argv: Sequence[str] | None = None) -> None:
    parser = options(__doc__)
    parser.add_argument("--rows", nargs="+", choices=[*CASES, LARGE], help="only these")
    arguments = parsed(parser, argv)
    path = arguments.output / FILE
    found = json.loads(path.read_text())["rows"] if path.exists() else []
    done = {row["name"] for row in found}
    tiny = arguments.tiny
    sources = Sources(tiny)
    width, updates = (2, 2) if tiny else (128, 3)

    def large() -> dict[str, Any]:
        data = sources["cifar10_jpeg"]
        images = np.asarray(data.x_train[:SAMPLES]), np.asarray(data.y_train[:SAMPLES])
        return (full_size if tiny else apart)(width, *images, updates)

    def small(name: str) -> dict[str, Any]:
        source = CASES[name][0]
        return learn(name, sources[source], 1 if tiny else EPOCHS[source])

    names = list(CASES)[: 1 if tiny else None]
    jobs: dict[str, Callable[[], dict[str, Any]]] = {name: partial(small, name) for name in names}
    jobs[LARGE] = large
    for name in arguments.rows or jobs:
        if name not in done:
            found.append(jobs[name]())
            write(path, {"rows": found})
    table(found)


if __name__ == "__main__":
    main()
