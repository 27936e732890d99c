"""What differentiating an equilibrium as a layer costs, beside a bare estimate of its gradient.

    python -m benchmarks.layer

`jax.grad` of the network's own cost through `EquilibriumLayer`, by parameters alone and by the
input too, against `estimate_gradient` of the same network by the same method, each compiled, by
turns: medians, and the quartiles of the ratio.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import osciprop
from osciprop.gradients import EquilibriumLayer

CASES = (([64, 64, 64, 10], 100), ([784, 256, 256, 10], 50))
OWN, MIXED = osciprop.equilibria.OwnRelaxation(), osciprop.AndersonIteration()
METHODS: dict[str, tuple[Any, Any]] = {
    "Implicit()": (osciprop.Implicit(), OWN),
    "Implicit(AndersonIteration())": (osciprop.Implicit(MIXED), MIXED),
    "CentredEP(0.2, AndersonIteration())": (osciprop.CentredEP(0.2, MIXED), MIXED),
    "HolomorphicEP(0.4, 8, AndersonIteration())": (osciprop.HolomorphicEP(0.4, 8, MIXED), MIXED),
}
"""Each with the layer's relaxation."""


def programs(sizes: list[int], batch: int, method: Any, relaxation: Any) -> list[Callable[[], Any]]:
    """The bare estimate, the layer's gradient by parameters, and by the input too."""
    random = np.random.default_rng(0)
    x = jnp.asarray(random.uniform(size=(batch, sizes[0])).astype(np.float32))
    y = jnp.asarray(random.integers(0, sizes[-1], batch).astype(np.int32))
    network = osciprop.hopfield_mlp(sizes, key=jax.random.PRNGKey(0))
    layer = EquilibriumLayer(network, method, relaxation)

    def loss(layer: EquilibriumLayer, x: jax.Array) -> jax.Array:
        scores = jax.nn.log_softmax(layer(x))
        return -jnp.mean(jnp.take_along_axis(scores, y[:, None], axis=1))

    bare = eqx.filter_jit(
        lambda network, x: osciprop.estimate_gradient(network, x, y, method).gradient
    )
    parameters = eqx.filter_jit(eqx.filter_grad(loss))
    all_of_it = eqx.filter_jit(eqx.filter_grad(lambda pair: loss(*pair)))
    return [
        lambda: bare(network, x),
        lambda: parameters(layer, x),
        lambda: all_of_it((layer, x)),
    ]


def seconds(calls: Sequence[Callable[[], Any]], repeats: int) -> list[list[float]]:
    """Of every call, by turns."""
    taken: list[list[float]] = [[] for _ in calls]
    for turn in range(repeats + 1):
        for times, call in zip(taken, calls, strict=True):
            start = time.perf_counter()
            jax.block_until_ready(call())
            if turn:  # the first one compiles
                times.append(time.perf_counter() - start)
    return taken


def ratio(times: Sequence[float], unit: Sequence[float]) -> str:
    ratios = sorted(b / a for a, b in zip(unit, times, strict=True))
    quarter = len(ratios) // 4
    return f"{statistics.median(ratios):.2f} ({ratios[quarter]:.2f} to {ratios[-1 - quarter]:.2f})"


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=101)
    arguments = parser.parse_args(argv)
    print(f"{jax.devices()[0].device_kind}, jax {jax.__version__}")
    print(
        "| network | batch | method | estimate, ms | by parameters, ratio | by input too, ratio |"
    )
    print("|---|---|---|---|---|---|")
    for sizes, batch in CASES:
        for name, settings in METHODS.items():
            bare, *layers = seconds(programs(sizes, batch, *settings), arguments.repeats)
            print(
                f"| {'-'.join(map(str, sizes))} | {batch} | `{name}` | "
                f"{1e3 * statistics.median(bare):.2f} | "
                + " | ".join(ratio(times, bare) for times in layers)
                + " |",
                flush=True,
            )


if __name__ == "__main__":
    main()
