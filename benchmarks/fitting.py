"""What `fit` adds to a loop over the same compiled update.

    python -m benchmarks.fitting

Time of an update in both, by turns, and their ratio: medians, with the quartiles of the ratio. The
loop calls the update on one batch after the other and reads nothing; `fit` validates, shuffles,
records loss and accuracy of every update, and evaluates once.
"""

import argparse
import statistics
import time
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import osciprop
from osciprop.datasets import Dataset
from osciprop.datasets.batches import Batches
from osciprop.training.optimizers import as_optimizer
from osciprop.training.step import begin, train_step

# Sizes, batch, updates of an epoch.
CASES = (([64, 64, 64, 10], 20, 1000), ([64, 64, 64, 10], 100, 400), ([784, 256, 256, 10], 50, 200))
METHODS = {
    "Implicit()": osciprop.Implicit(),
    "HolomorphicEP(0.1, 2)": osciprop.HolomorphicEP(0.1, 2),
}


def noise(inputs: int, samples: int) -> Dataset:
    """Inputs and labels without any relation, and few to test on."""
    random = np.random.default_rng(0)
    x = random.uniform(size=(samples, inputs)).astype(np.float32)
    y = random.integers(0, 10, samples).astype(np.int32)
    return Dataset("noise", x, y, x[:20], y[:20], 10, (inputs,))


def seconds(
    sizes: list[int], batch: int, updates: int, method: Any, repeats: int
) -> tuple[list[float], list[float]]:
    """Of the loop, and of `fit`."""
    data = noise(sizes[0], batch * updates)
    network = osciprop.hopfield_mlp(sizes, key=jax.random.PRNGKey(0))
    optimizer = optax.sgd(1e-4)  # the network stays what it is
    key = jax.random.key(0)

    def loop() -> None:
        state = begin(network, optimizer)
        called, metric = as_optimizer(optimizer), osciprop.networks.ClassAccuracy()
        for x, y in Batches(data.x_train, data.y_train, batch, seed=0).epoch(0, start_step=0):
            state, *_ = train_step(
                state, jnp.asarray(x), jnp.asarray(y), method, called, metric, key
            )
        jax.block_until_ready(state)

    def fit() -> None:
        trained, _ = osciprop.fit(
            network, data, method, optimizer, epochs=1, batch_size=batch, progress=False
        )
        jax.block_until_ready(trained)

    taken: tuple[list[float], list[float]] = ([], [])
    for turn in range(repeats + 1):
        for times, run in zip(taken, (loop, fit), strict=True):
            start = time.perf_counter()
            run()
            if turn:  # the first one compiles
                times.append(time.perf_counter() - start)
    return taken


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=11)
    arguments = parser.parse_args(argv)
    print(f"{jax.devices()[0].device_kind}, jax {jax.__version__}")
    print("| network | batch | method | loop, ms per update | fit | ratio |")
    print("|---|---|---|---|---|---|")
    for sizes, batch, updates in CASES:
        for name, method in METHODS.items():
            loop, fit = seconds(sizes, batch, updates, method, arguments.repeats)
            ratios = sorted(b / a for a, b in zip(loop, fit, strict=True))
            quarter = len(ratios) // 4
            print(
                f"| {'-'.join(map(str, sizes))} | {batch} | `{name}` | "
                f"{1e3 * statistics.median(loop) / updates:.3f} | "
                f"{1e3 * statistics.median(fit) / updates:.3f} | {statistics.median(ratios):.3f} "
                f"({ratios[quarter]:.3f} to {ratios[-1 - quarter]:.3f}) |",
                flush=True,
            )


if __name__ == "__main__":
    main()
