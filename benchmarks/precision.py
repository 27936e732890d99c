"""What relaxation in half precision costs in accuracy, and what finishing it makes good.

    python -m benchmarks.precision > benchmarks/precision.json

784-256-256-10, batch 50, float32, as initialised with two scales; 1 is close to critical. Errors of
activities are the largest absolute ones against the default float32 relaxation; errors of gradients
are relative, against the same method with that relaxation. `as it is` takes the state where half
precision left it, `finished` goes on to float32's tolerance.
"""

import json
import platform
import sys
import time
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np

import osciprop
from osciprop.equilibria import AbstractRelaxation
from osciprop.gradients import AbstractGradientMethod

SIZES = [784, 256, 256, 10]
BATCH = 50
DTYPES = (jnp.bfloat16, jnp.float16)
METHODS: dict[str, Callable[[AbstractRelaxation], AbstractGradientMethod]] = {
    "ClassicEP(0.1)": lambda relaxation: osciprop.ClassicEP(0.1, relaxation),
    "HolomorphicEP(0.1, 8)": lambda relaxation: osciprop.HolomorphicEP(0.1, 8, relaxation),
}


def data() -> tuple[jax.Array, jax.Array]:
    rng = np.random.default_rng(0)
    # Statistics of MNIST without needing it: a fifth of the pixels are lit.
    x = rng.uniform(size=(BATCH, SIZES[0])) * (rng.uniform(size=(BATCH, SIZES[0])) < 0.2)
    return jnp.asarray(x, dtype=jnp.float32), jnp.asarray(rng.integers(0, 10, BATCH))


def relaxations(dtype: jnp.dtype) -> dict[str, AbstractRelaxation]:
    reduced = osciprop.equilibria.ReducedPrecision(dtype=dtype)
    return {
        "as it is": reduced,
        "finished": osciprop.Chained(reduced, osciprop.AndersonIteration()),
    }


def milliseconds(network: osciprop.Network, x: jax.Array, relaxation: AbstractRelaxation) -> float:
    """The median time of a free relaxation that is compiled."""
    times = []
    for _ in range(12):
        start = time.perf_counter()
        solution = osciprop.relax(network, x, relaxation=relaxation, throw=False)
        jax.block_until_ready(solution.u)
        times.append(time.perf_counter() - start)
    return 1e3 * float(np.median(times[2:]))


def measure(scale: float) -> list[dict[str, object]]:
    """One row per precision and way to end."""
    network = osciprop.hopfield_mlp(SIZES, key=jax.random.PRNGKey(0), scale=scale)
    x, y = data()
    default = osciprop.AndersonIteration()
    exact = osciprop.relax(network, x)
    gradients = {
        name: osciprop.estimate_gradient(network, x, y, method(default)).gradient
        for name, method in METHODS.items()
    }
    full = {"steps": int(exact.steps), "ms": milliseconds(network, x, default)}
    rows: list[dict[str, object]] = [{"scale": scale, "precision": "float32", **full}]
    for dtype in DTYPES:
        for end, relaxation in relaxations(dtype).items():
            solution = osciprop.relax(network, x, relaxation=relaxation, throw=False)
            errors = [jnp.max(jnp.abs(a - b)) for a, b in zip(solution.s, exact.s, strict=True)]
            row = {
                "scale": scale,
                "precision": jnp.dtype(dtype).name,
                "end": end,
                "steps": int(solution.steps),
                "converged": float(jnp.mean(solution.converged)),
                "activity error": float(max(errors)),
                "ms": milliseconds(network, x, relaxation),
            }
            for name, method in METHODS.items():
                estimate = osciprop.estimate_gradient(
                    network, x, y, method(relaxation), throw=False
                )
                row[f"gradient error, {name}"] = float(
                    osciprop.relative_error(estimate.gradient, gradients[name])
                )
            rows.append(row)
    return rows


def main(scales: Sequence[float] = (0.5, 1.0)) -> None:
    content = {
        "device": f"{jax.devices()[0].device_kind}, {platform.machine()}",
        "jax": jax.__version__,
        "osciprop": osciprop.__version__,
        "rows": [row for scale in scales for row in measure(scale)],
    }
    json.dump(content, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
