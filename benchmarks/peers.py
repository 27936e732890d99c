"""How long a gradient takes in other public codes, beside ours, in one run.

    taskset -c 0 python -m benchmarks.peers --holomorphic-eqprop FOLDER \
        --energy-based-learning FOLDER --jpc FOLDER --dualprop FOLDER

Each folder is a checkout; a code without one is left out, and standard error says how to get it
(jpc may be installed instead). All have the same weights, 784-256-256-10, and the same batch of 50
images, MNIST where `OSCIPROP_DATA` holds it and random ones elsewhere, in float32. Each runs at the
loosest of its settings whose gradient has a cosine of at least 0.999 to the exact one of the same
network: networks differ from code to code, so compare where `network` is the same. Processor time,
medians of calls by turns, also in units of a backpropagation step through the same layers; that of
all threads, so hold them to one core, as Linux's `taskset` does. `--tiny` does all that on a small
network, once.
"""

import argparse
import contextlib
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import osciprop
from benchmarks.peer_codes import (
    AMPLITUDES,
    LAYERS,
    PEERS,
    PREDICTIVE,
    SOFTMAX,
    UNITS,
    Gradient,
    Method,
    Problem,
)
from osciprop.gradients import AbstractGradientMethod
from osciprop.networks import ClippedReLU

SIZES, BATCH, SCALE = [784, 256, 256, 10], 50, 0.5
TINY, TINY_BATCH = [12, 8, 8, 10], 4
IN_A_ROW = 3
ENOUGH = 0.999
"""The cosine at which a setting is tight enough."""
KEY = jax.random.PRNGKey(0)
LOOSE = osciprop.AndersonIteration(tolerance=1e-2)
TIGHT = osciprop.Implicit(osciprop.AndersonIteration(tolerance=1e-5), tolerance=1e-5)
ONCE = osciprop.SequentialIteration(order=osciprop.equilibria.Backward(), max_steps=1)
UNTIL_SETTLED = osciprop.DualPropagationAdjoint().relaxation
METHODS: dict[str, dict[str, dict[str, AbstractGradientMethod]]] = {
    SOFTMAX: {
        "implicit": {"tolerance 0.01": osciprop.Implicit(LOOSE, tolerance=1e-2)},
        **{
            f"hEP, N = {points}": {
                f"tolerance 0.01, amplitude {r}": osciprop.HolomorphicEP(r, points, LOOSE)
                for r in AMPLITUDES
            }
            for points in (2, 10)
        },
    },
    UNITS: {
        "centred EP": {
            f"tolerance {tolerance}, amplitude {r}": osciprop.CentredEP(
                r, osciprop.AndersonIteration(tolerance=tolerance)
            )
            for tolerance in (1e-2, 1e-3, 1e-4, 1e-5)
            for r in AMPLITUDES
        }
    },
    LAYERS: {
        f"DP^T, alpha = {alpha:g}": {
            f"{sweeps}, amplitude {r}": osciprop.DualPropagationAdjoint(r, alpha, relaxation)
            for sweeps, relaxation in {
                "one backward sweep": ONCE,
                "until settled": UNTIL_SETTLED,
            }.items()
            for r in AMPLITUDES
        }
        for alpha in (0.0, 0.5)
    },
}
"""Ours: by network and name, settings from loose to tight."""
Weights = list[jax.Array]


def problem_of(sizes: list[int], x: np.ndarray, labels: np.ndarray) -> Problem:
    """Weights as `hopfield_mlp` draws them, and a batch."""
    network = osciprop.hopfield_mlp(sizes, key=KEY, scale=SCALE)
    return Problem(matrices(network), jnp.asarray(x, jnp.float32), jnp.asarray(labels, jnp.int32))


def images(sizes: list[int], batch: int) -> tuple[str, np.ndarray, np.ndarray]:
    """MNIST where there is some, or its statistics: a fifth of the pixels are lit."""
    if os.environ.get("OSCIPROP_DATA") and sizes[0] == 784:
        with contextlib.suppress(osciprop.datasets.DatasetError):
            data = osciprop.datasets.mnist()
            return "MNIST", np.asarray(data.x_train[:batch]), np.asarray(data.y_train[:batch])
    random = np.random.default_rng(0)
    x = random.uniform(size=(batch, sizes[0])) * (random.uniform(size=(batch, sizes[0])) < 0.2)
    return "random images", x, random.integers(0, sizes[-1], batch)


def is_matrix(leaf: Any) -> bool:
    return eqx.is_array(leaf) and leaf.ndim == 2


def matrices(tree: Any) -> Weights:
    """The weight matrices of a network of ours or of its gradient, from the input up."""
    return list(filter(is_matrix, jax.tree.leaves(tree)))


def with_matrices(network: osciprop.Network, weights: Weights) -> osciprop.Network:
    following = iter(weights)
    return jax.tree.map(lambda leaf: next(following) if is_matrix(leaf) else leaf, network)


def networks(problem: Problem) -> dict[str, osciprop.Network]:
    """Ours, with the weights of the problem."""
    sizes, hidden = problem.sizes, len(problem.sizes) - 2
    clipped = [*[ClippedReLU(1.0)] * hidden, osciprop.Identity()]
    built = {
        SOFTMAX: osciprop.hopfield_mlp(sizes, key=KEY),
        UNITS: osciprop.hopfield_regressor(sizes, key=KEY, activation=clipped),
        LAYERS: osciprop.perceptron(sizes, key=KEY, cost=osciprop.CrossEntropy()),
    }
    return {kind: with_matrices(network, problem.weights) for kind, network in built.items()}


@jax.jit
def solved(
    network: osciprop.Network, x: jax.Array, y: jax.Array, method: AbstractGradientMethod
) -> tuple[Weights, jax.Array]:
    """The gradient, and whether it converged; one program for all settings of a method."""
    found = osciprop.estimate_gradient(network, x, y, method, throw=False)
    return matrices(found.gradient), found.converged


def ours(problem: Problem) -> list[Method]:
    """Our methods, beside which the others stand."""

    def call(network: osciprop.Network, method: AbstractGradientMethod) -> Gradient:
        return lambda: solved(network, problem.x, problem.labels, method)[0]

    return [
        Method("osciprop", name, kind, {one: call(network, settings[one]) for one in settings})
        for kind, network in networks(problem).items()
        for name, settings in METHODS[kind].items()
    ]


def forward_loss(weights: Weights, x: jax.Array, targets: jax.Array) -> jax.Array:
    """Cross-entropy of a feedforward network of ReLUs."""
    for weight in weights[:-1]:
        x = jax.nn.relu(x @ weight)
    return -jnp.mean(jnp.sum(targets * jax.nn.log_softmax(x @ weights[-1]), axis=-1))


backpropagation = jax.jit(jax.grad(forward_loss))


def inference_energy(
    weights: Weights, hidden: list[jax.Array], x: jax.Array, targets: jax.Array
) -> jax.Array:
    """What predictive coding lowers, with the output held at its target."""
    before, after = [x, *hidden], [*hidden, targets]
    squares = [jnp.sum((after[-1] - before[-1] @ weights[-1]) ** 2)]
    for weight, left, right in zip(weights[:-1], before[:-1], after[:-1], strict=True):
        squares.append(jnp.sum((right - jnp.tanh(left @ weight)) ** 2))
    return 0.5 * sum(squares, jnp.zeros(())) / x.shape[0]


@jax.jit
def predictive_gradient(weights: Weights, x: jax.Array, targets: jax.Array) -> Weights:
    """The gradient of that energy at its minimum, which a thousand steps downhill find."""
    hidden, activity = [], x
    for weight in weights[:-1]:
        activity = jnp.tanh(activity @ weight)
        hidden.append(activity)

    def downhill(_: int, hidden: list[jax.Array]) -> list[jax.Array]:
        slopes = jax.grad(inference_energy, argnums=1)(weights, hidden, x, targets)
        return [one - 0.3 * x.shape[0] * slope for one, slope in zip(hidden, slopes, strict=True)]

    settled = jax.lax.fori_loop(0, 1000, downhill, hidden)
    return jax.grad(inference_energy)(weights, settled, x, targets)


def exact(problem: Problem) -> dict[str, Weights]:
    """The gradient of every network: implicit where there is an equilibrium, or by derivatives."""
    found = {}
    for kind in (SOFTMAX, UNITS):
        network = networks(problem)[kind]
        found[kind], converged = solved(network, problem.x, problem.labels, TIGHT)
        if not converged:
            raise RuntimeError(f"the exact gradient of '{kind}' did not converge")
    given = problem.weights, problem.x, problem.targets
    return found | {LAYERS: backpropagation(*given), PREDICTIVE: predictive_gradient(*given)}


def cosine(found: Sequence[Any], reference: Sequence[Any]) -> float:
    """Of two gradients, all matrices of each as one vector."""
    if [tuple(one.shape) for one in found] != [tuple(one.shape) for one in reference]:
        raise ValueError("its matrices are not of the network's shapes")
    a, b = (
        np.concatenate([np.ravel(np.asarray(one, np.float64)) for one in matrices])
        for matrices in (found, reference)
    )
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def chosen(method: Method, reference: Weights) -> tuple[str, Gradient, float]:
    """The loosest setting that is tight enough, or the tightest there is."""
    for setting, gradient in method.attempts.items():
        reached = cosine(gradient(), reference)
        print(f"{method.code}, {method.name}, {setting}: {reached:.5f}", file=sys.stderr)
        if reached >= ENOUGH:
            break
    return setting, gradient, reached


def theirs(folders: dict[str, Path | None], problem: Problem) -> Iterator[Method]:
    """The methods of every code that is there; of the others, how to get them."""
    for name, peer in PEERS.items():
        folder = folders[name]
        if folder is None and not peer.installed:
            print(f"{name} is left out: {peer.remedy(name)}", file=sys.stderr)
            continue
        try:
            yield from peer.adapter(folder, problem)
        except Exception as error:  # whatever a code of others may raise
            print(f"{name} is left out: {told(error)}: {peer.remedy(name)}", file=sys.stderr)


def told(error: Exception) -> str:
    return f"{type(error).__name__}, {' '.join(str(error).split())[:300]}"


def seconds(calls: Sequence[Callable[[], Any]], repeats: int) -> list[float]:
    """Of processor time, the median of each. Other work beside it then counts little.

    By turns of some calls each, of which the first finds caches as another code has left them, and
    is not counted.
    """
    taken: list[list[float]] = [[] for _ in calls]
    for _ in range(repeats):
        for times, call in zip(taken, calls, strict=True):
            for counted in [False, *[True] * IN_A_ROW]:
                start = time.process_time()
                jax.block_until_ready(call())
                if counted:
                    times.append(time.process_time() - start)
    return list(map(statistics.median, taken))


def cores() -> int | None:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count()


def measure(folders: dict[str, Path | None], problem: Problem, repeats: int) -> None:
    references = exact(problem)
    rows: list[tuple[Method, str, float]] = []
    targets = problem.targets
    calls: list[Callable[[], Any]] = [lambda: backpropagation(problem.weights, problem.x, targets)]
    for method in [*ours(problem), *theirs(folders, problem)]:
        try:
            setting, gradient, reached = chosen(method, references[method.network])
        except Exception as error:  # a version whose functions are called otherwise
            print(f"{method.code}, {method.name} is left out: {told(error)}", file=sys.stderr)
            continue
        rows.append((method, setting, reached))
        calls.append(gradient)
    unit, *times = seconds(calls, repeats)
    print("| network | code | method | ms | backprop steps | cosine | settings |")
    print("|---|---|---|---|---|---|---|")
    print(f"| {LAYERS} | JAX | backpropagation step | {1e3 * unit:.2f} | 1 | | |")
    kinds = list(references)
    measured = sorted(zip(rows, times, strict=True), key=lambda row: kinds.index(row[0][0].network))
    for (method, setting, reached), taken in measured:
        print(
            f"| {method.network} | {method.code} | {method.name} | {1e3 * taken:.2f} | "
            f"{taken / unit:.1f} | {reached:.5f} | {setting} |"
        )


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for name in PEERS:
        parser.add_argument(f"--{name}", type=Path, metavar="FOLDER")
    parser.add_argument("--repeats", type=int, default=25)
    parser.add_argument("--tiny", action="store_true", help="a small network, once")
    arguments = parser.parse_args(argv)
    folders = {name: getattr(arguments, name.replace("-", "_")) for name in PEERS}
    sizes, batch = (TINY, TINY_BATCH) if arguments.tiny else (SIZES, BATCH)
    data, x, labels = images(sizes, batch)
    print(
        f"{jax.devices()[0].device_kind}, cores: {cores()}, jax {jax.__version__}, "
        f"{'-'.join(map(str, sizes))}, batch {batch}, float32, {data}\n"
    )
    measure(folders, problem_of(sizes, x, labels), 1 if arguments.tiny else arguments.repeats)


if __name__ == "__main__":
    main()
