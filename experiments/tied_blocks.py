"""Two equilibria as layers of one network learn Fashion-MNIST: the tables of docs/layers.md.

    python -m experiments.tied_blocks

784 pixels, a block 784-128-64 that settles, an ordinary linear layer, and a block 64-64-10 whose
output is that of a readout: feedforward-tied energy blocks (arXiv 2409.03306). The gradients of the
blocks by three methods, and by backpropagation from end to end through 30 iterations of the same
networks, from the same weights and batches. Ten minutes on a core; finished rows are stored in
`experiments/results/tied_blocks.json` and not run again.
"""

import json
import time
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

import osciprop
from experiments.runs import noise_images, options, parsed, write
from osciprop.datasets import Dataset
from osciprop.datasets.batches import Batches
from osciprop.gradients import EquilibriumLayer

FILE = "tied_blocks.json"
SIZES, BATCH, RATE, EPOCHS, SEEDS = ([784, 128, 64], [64, 64, 10]), 100, 1e-3, 2, (0, 1, 2)
SETTLED = 300
"""Iterations after which a block is at rest; those that are trained through are fewer."""

WAY = osciprop.AndersonIteration(tolerance=1e-5)
UNROLLED = "backpropagation from end to end"
METHODS = {
    "Implicit": osciprop.Implicit(WAY),
    "CentredEP": osciprop.CentredEP(0.2, WAY),
    "HolomorphicEP": osciprop.HolomorphicEP(0.4, 4, WAY),
}


class Unrolled(eqx.Module):
    """A block as a fixed number of iterations, through which JAX differentiates."""

    network: osciprop.AbstractNetwork
    steps: int = eqx.field(default=30, static=True)

    def __call__(self, x: jax.Array) -> jax.Array:
        drive = self.network.drive(x)

        def step(u: Any, _: None) -> tuple[Any, None]:
            return self.network.current(self.network.activity(u), drive), None

        u, _ = jax.lax.scan(step, self.network.rest(x), length=self.steps)
        return self.network.output(self.network.activity(u))


class Blocks(eqx.Module):
    """Two blocks with a linear layer between them."""

    first: Any
    between: eqx.nn.Linear
    second: Any

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.second(jax.vmap(self.between)(self.first(x)))


def build(seed: int, sizes: Sequence[Sequence[int]], method: Any | None) -> Blocks:
    """The network of a seed, differentiated by a method, or through its iterations for None."""
    keys = jax.random.split(jax.random.key(seed), 3)
    activation = osciprop.Tanh()
    first = osciprop.hopfield_regressor(sizes[0], key=keys[0], activation=activation)
    second = osciprop.hopfield_mlp(sizes[1], key=keys[1], activation=activation)
    between = eqx.nn.Linear(sizes[0][-1], sizes[1][0], key=keys[2])
    return Blocks(_block(first, method), between, _block(second, method))


def _block(network: osciprop.AbstractNetwork, method: Any | None) -> Any:
    return Unrolled(network) if method is None else EquilibriumLayer(network, method, WAY)


def learned(model: Blocks) -> Blocks:
    """Which of a model's leaves are trained: neurons are physics."""
    spec = jax.tree.map(lambda _: False, model)
    return eqx.tree_at(
        lambda tree: (tree.first.network, tree.between, tree.second.network),
        spec,
        (
            model.first.network.trainable(),
            jax.tree.map(eqx.is_inexact_array, model.between),
            model.second.network.trainable(),
        ),
    )


def loss(model: Blocks, x: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(model(x), y))


@eqx.filter_jit
def gradient(model: Blocks, x: jax.Array, y: jax.Array) -> Blocks:
    """By all that is trained."""
    return eqx.filter(eqx.filter_grad(loss)(model, x, y), learned(model))


def distance(model: Blocks, x: jax.Array, y: jax.Array) -> float:
    """Relative error of a model's gradient, against that through iterations that end at rest."""
    first, second = (Unrolled(block.network, SETTLED) for block in (model.first, model.second))
    exact = gradient(Blocks(first, model.between, second), x, y)
    return float(osciprop.relative_error(*map(jax.tree.leaves, (gradient(model, x, y), exact))))


# A gradient of NaN, of what did not converge, is left out, and counted.
OPTIMIZER = optax.apply_if_finite(optax.adam(RATE), max_consecutive_errors=100)


@eqx.filter_jit
def step(model: Blocks, state: Any, slope: Blocks) -> tuple[Blocks, Any]:
    changes, state = OPTIMIZER.update(slope, state, eqx.filter(model, learned(model)))
    return eqx.apply_updates(model, changes), state


@eqx.filter_jit
def accuracy(model: Blocks, x: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.mean(jnp.argmax(model(x), axis=-1) == y)


def run(
    method: str, seed: int, data: Dataset, sizes: Sequence[Sequence[int]], epochs: int
) -> dict[str, Any]:
    """Train one network; its accuracies, and how exact its gradients are before and after."""
    model, batch = build(seed, sizes, METHODS.get(method)), min(BATCH, len(data.x_train))
    state = OPTIMIZER.init(eqx.filter(model, learned(model)))
    x_test, y_test = jnp.asarray(data.x_test), jnp.asarray(data.y_test)
    sample = jnp.asarray(data.x_train[:batch]), jnp.asarray(data.y_train[:batch])
    errors, accuracies = [distance(model, *sample)], []
    start = time.perf_counter()
    for epoch in range(epochs):
        batches = Batches(data.x_train, data.y_train, batch, seed=seed).epoch(epoch, start_step=0)
        for x, y in batches:
            slope = gradient(model, jnp.asarray(x), jnp.asarray(y))
            model, state = step(model, state, slope)
        accuracies.append(float(accuracy(model, x_test, y_test)))
    return {
        "method": method,
        "settings": str(METHODS.get(method)),
        "seed": seed,
        "test_accuracy": accuracies,
        "errors": [*errors, distance(model, *sample)],
        "left_out": int(state.total_notfinite),
        "seconds": time.perf_counter() - start,
        "versions": {"osciprop": osciprop.__version__, "jax": jax.__version__},
    }


def main(argv: Sequence[str] | None = None) -> None:
    arguments = parsed(options(__doc__), argv)
    path = arguments.output / FILE
    found = json.loads(path.read_text())["rows"] if path.exists() else []
    rows = [(method, seed) for method in (UNROLLED, *METHODS) for seed in SEEDS]
    if arguments.tiny:
        rows, data, sizes = [("CentredEP", 0)], noise_images((4,)), ([4, 5, 3], [3, 4, 10])
    else:
        data, sizes = osciprop.datasets.fashion_mnist(), SIZES
    epochs = 1 if arguments.tiny else EPOCHS
    for method, seed in rows[len(found) :]:
        found.append(run(method, seed, data, sizes, epochs))
        write(path, {"rows": found})
    print("| gradient | seed | test accuracy by epoch | error at first | at last | left out | s |")
    print("|---|---|---|---|---|---|---|")
    for row in found:
        accuracies = ", ".join(f"{100 * value:.1f} %" for value in row["test_accuracy"])
        first, last = row["errors"]
        print(
            f"| {row['method']} | {row['seed']} | {accuracies} | {first:.1e} | {last:.1e} | "
            f"{row['left_out']} | {row['seconds']:.0f} |"
        )


if __name__ == "__main__":
    main()
