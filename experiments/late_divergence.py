"""What makes learning collapse in networks near criticality, and what does not: docs/findings.md.

    python -m experiments.late_divergence

The authors' three runs of hep2022, Table 1, with noise and continuous hEP hide one that falls to
chance after 41 of 50 epochs and stays there. Here the same kind of network (shifted sigmoid,
weights of 1/sqrt(inputs), batches of 20, SGD at 0.05, noise 0.04 shared by the batch) learns
scikit-learn's digits, small enough for eight seeds at once: by the implicit gradient (of the
samples whose linear solve succeeds, the same clipped by its norm, and of the batches in which all
do), by the authors' schedule, also at ten times their learning rate, and by a continuous rotation.
Counted are the seeds that end at chance, and the largest gradient on the way (`inf`: beyond single
precision).

One stored row is of an earlier version of `osciprop.Implicit`, which kept samples whose linear
solve had failed. Finished rows are stored in `experiments/results/late_divergence.json` and not run
again. Half an hour on a core.
"""

import json
import time
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, PRNGKeyArray, PyTree

import osciprop
from experiments.always_on_in_noise import EXACT, SIGNALS, always_on, published
from experiments.runs import options, parsed, write
from osciprop.datasets import Dataset, digits
from osciprop.networks.trees import norm

FILE = "late_divergence.json"
SIZES, BATCH, SEEDS, EPOCHS = (64, 64, 64, 10), 20, 8, 25
COLLAPSED = 0.5


class ConvergedOnly(osciprop.gradients.AbstractGradientMethod):
    """A method whose gradient is zero for a batch for which its solver did not converge."""

    method: osciprop.gradients.AbstractGradientMethod

    def check(self, network: osciprop.AbstractNetwork) -> None:
        self.method.check(network)

    def estimate(
        self,
        network: osciprop.AbstractNetwork,
        x: Array,
        y: Array,
        initial: PyTree,
        key: PRNGKeyArray | None = None,
    ) -> osciprop.Estimate:
        found = self.method.estimate(network, x, y, initial, key)
        kept = jax.tree.map(
            lambda leaf: jnp.where(found.converged, leaf, jnp.zeros_like(leaf)), found.gradient
        )
        return eqx.tree_at(lambda estimate: estimate.gradient, found, kept)


CLIPPED = optax.chain(optax.clip_by_global_norm(1.0), optax.sgd(0.05))
# Method and optimizer; the published learning rate is 0.05.
ROWS = {
    "implicit gradient, no noise": (EXACT, optax.sgd(0.05)),
    "implicit gradient, no noise, clipped at 1": (EXACT, CLIPPED),
    "implicit gradient, no noise, converged batches only": (ConvergedOnly(EXACT), optax.sgd(0.05)),
    "published schedule, noise": (published(True), optax.sgd(0.05)),
    "published schedule, noise, learning rate 0.5": (published(True), optax.sgd(0.5)),
    "continuous, amplitude 0.2, noise": (always_on(0.2, 200, SIGNALS, True), optax.sgd(0.05)),
}


@eqx.filter_jit
def epoch(
    networks: PyTree[Array],
    states: PyTree[Array],
    static: PyTree,
    data: tuple[Array, Array],
    order: Array,
    key: Array,
    method: osciprop.gradients.AbstractGradientMethod,
    optimizer: optax.GradientTransformation,
) -> tuple[PyTree[Array], PyTree[Array], dict[str, Array]]:
    """One epoch of all seeds; `order` (updates, seeds, batch) are the samples of each batch."""
    x, y = data

    def one(
        arrays: PyTree, state: PyTree, rows: Array, key: Array
    ) -> tuple[PyTree, PyTree, dict[str, Array]]:
        network = eqx.combine(arrays, static)
        found = method.estimate(network, x[rows], y[rows], None, key)
        trained = eqx.filter(network, network.trainable())
        gradient = eqx.filter(found.gradient, network.trainable())
        steps, state = optimizer.update(gradient, state, trained)
        moved = eqx.apply_updates(network, steps)
        right = jnp.mean(jnp.argmax(found.outputs, axis=-1) == y[rows])
        report = {
            "accuracy": right.astype(jnp.float32),
            "size": norm(found.gradient),
        }
        return eqx.filter(moved, eqx.is_inexact_array), state, report

    def update(
        carry: tuple[PyTree, PyTree], batch: tuple[Array, Array]
    ) -> tuple[tuple[PyTree, PyTree], dict[str, Array]]:
        rows, key = batch
        keys = jax.random.split(key, SEEDS)
        arrays, state, report = jax.vmap(one)(carry[0], carry[1], rows, keys)
        return (arrays, state), report

    keys = jax.random.split(key, len(order))
    (networks, states), reports = jax.lax.scan(update, (networks, states), (order, keys))
    return networks, states, reports


def run(name: str, data: Dataset, epochs: int = EPOCHS) -> dict[str, Any]:
    """All seeds of one row; accuracies and largest gradients by epoch."""
    method, optimizer = ROWS[name]
    pairs = jnp.asarray(data.x_train), jnp.asarray(data.y_train, jnp.int32)
    built = [
        osciprop.hopfield_mlp(SIZES, key=jax.random.PRNGKey(seed), scale=1.0)
        for seed in range(SEEDS)
    ]
    parts = [eqx.partition(network, eqx.is_inexact_array) for network in built]
    networks = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(part[0] for part in parts))
    static = parts[0][1]
    trained = eqx.filter(built[0], built[0].trainable())
    states = jax.tree.map(lambda leaf: jnp.stack([leaf] * SEEDS), optimizer.init(trained))
    updates = len(pairs[0]) // BATCH
    generator, start, history = np.random.default_rng(0), time.perf_counter(), []
    for number in range(epochs):
        order = np.stack([generator.permutation(len(pairs[0])) for _ in range(SEEDS)])
        order = order[:, : updates * BATCH].reshape(SEEDS, updates, BATCH).swapaxes(0, 1)
        networks, states, reports = epoch(
            networks,
            states,
            static,
            pairs,
            jnp.asarray(order),
            jax.random.fold_in(jax.random.key(1), number),
            method,
            optimizer,
        )
        row = {key: np.asarray(value) for key, value in reports.items()}
        history.append(
            {
                "accuracy": np.nanmean(row["accuracy"], axis=0).round(4).tolist(),
                "largest_gradient": [float(f"{size:.4g}") for size in row["size"].max(axis=0)],
                "median_gradient": [
                    float(f"{size:.4g}") for size in np.median(row["size"], axis=0)
                ],
            }
        )
        accuracy = np.asarray(history[-1]["accuracy"])
        print(
            f"{name}: epoch {number + 1}, accuracy {np.median(accuracy):.3f}, "
            f"{(accuracy < COLLAPSED).sum()} of {SEEDS} at chance, largest gradient "
            f"{np.max(history[-1]['largest_gradient']):.3g}",
            flush=True,
        )
    return {
        "name": name,
        "epochs": history,
        "seconds": time.perf_counter() - start,
        "versions": {"osciprop": osciprop.__version__, "jax": jax.__version__},
    }


def main(argv: Sequence[str] | None = None) -> None:
    parser = options(__doc__)
    parser.add_argument("--rows", nargs="+", default=list(ROWS), choices=list(ROWS), metavar="ROW")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    arguments = parsed(parser, argv)
    path = arguments.output / FILE
    data = digits().subset(train=2 * BATCH) if arguments.tiny else digits()
    rows = json.loads(path.read_text())["rows"] if path.exists() else []
    for name in arguments.rows:
        if name not in {row["name"] for row in rows}:
            rows.append(run(name, data, arguments.epochs))
            write(path, {"rows": rows})
    print("| always on | accuracy of those that learn | at chance at the end | largest gradient |")
    print("|---|---|---|---|")
    for row in rows:
        accuracy = np.asarray(row["epochs"][-1]["accuracy"])
        learned = accuracy[accuracy >= COLLAPSED]
        reached = f"{100 * learned.mean():.1f} %" if learned.size else "none does"
        largest = np.nanmax([epoch["largest_gradient"] for epoch in row["epochs"]])
        print(
            f"| {row['name']} | {reached} | {len(accuracy) - len(learned)} of "
            f"{len(accuracy)} | {largest:.3g} |"
        )


if __name__ == "__main__":
    main()
