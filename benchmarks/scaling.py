"""How time, memory and accuracy of a gradient grow with width, depth, batch and number of nudges.

    python -m benchmarks.scaling            # measures (ten minutes), prints tables
    python -m benchmarks.scaling --redraw   # the tables from the stored numbers

One gradient of random layered networks on random images, float32, on whatever device JAX uses. From
one base, width 256, two hidden populations, batch 64, four nudges, one number at a time is changed.
Times are medians, also in units of a backpropagation step of the same layers and batch in the same
run; memory is what the compiler reserves for temporaries. Exponents are slopes of a straight line
through the logarithms. Numbers go to `benchmarks/scaling.json`.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

import osciprop
from osciprop.gradients import AbstractGradientMethod

NUMBERS = Path(__file__).with_suffix(".json")
PIXELS, CLASSES, SCALE, AMPLITUDE = 784, 10, 0.5, 0.1
WAY = osciprop.SequentialIteration(tolerance=1e-4)
BASE = {"width": 256, "depth": 2, "batch": 64, "points": 4}
AXES: dict[str, tuple[int, ...]] = {
    "width": (64, 128, 256, 512, 1024),
    "depth": (1, 2, 4, 8),
    "batch": (16, 64, 256, 1024),
    "points": (2, 4, 8, 16),
}
TINY: dict[str, tuple[int, ...]] = {"width": (8, 16)}
REPEATS = 9


def methods(points: int) -> dict[str, AbstractGradientMethod]:
    return {
        "holomorphic EP": osciprop.HolomorphicEP(AMPLITUDE, points, WAY),
        "settled oscillation": osciprop.SettledOscillation(
            AMPLITUDE, 100.0, solver=osciprop.equilibria.HarmonicBalance(points), relaxation=WAY
        ),
        "dual propagation": osciprop.DualPropagationAdjoint(AMPLITUDE),
    }


def network_for(name: str, width: int, depth: int) -> osciprop.Network:
    sizes, key = [PIXELS, *[width] * depth, CLASSES], jax.random.PRNGKey(0)
    if name == "dual propagation":
        return osciprop.feedforward_mlp(sizes, key=key, activation=osciprop.Tanh(), scale=SCALE)
    return osciprop.hopfield_mlp(sizes, key=key, activation=osciprop.Tanh(), scale=SCALE)


def images(batch: int) -> tuple[jax.Array, jax.Array]:
    random = np.random.default_rng(0)
    x = random.uniform(size=(batch, PIXELS)) * (random.uniform(size=(batch, PIXELS)) < 0.2)
    return jnp.asarray(x, jnp.float32), jnp.asarray(random.integers(0, CLASSES, batch))


def backpropagation(width: int, depth: int) -> tuple[Callable[..., Any], list[jax.Array]]:
    """A step through the same layers, and their weights."""
    network = network_for("dual propagation", width, depth)
    weights = [leaf for leaf in jax.tree.leaves(network) if eqx.is_array(leaf) and leaf.ndim == 2]

    def loss(weights: list[jax.Array], x: jax.Array, y: jax.Array) -> jax.Array:
        for weight in weights[:-1]:
            x = jnp.tanh(x @ weight)
        return optax.softmax_cross_entropy_with_integer_labels(x @ weights[-1], y).mean()

    return jax.jit(jax.grad(loss)), weights


def seconds(function: Callable[[], Any]) -> float:
    jax.block_until_ready(function())
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        jax.block_until_ready(function())
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def measure(width: int, depth: int, batch: int, points: int) -> list[dict[str, Any]]:
    """One row per method."""
    x, y = images(batch)
    step, weights = backpropagation(width, depth)
    unit = seconds(lambda: step(weights, x, y))
    parameters = sum(weight.size for weight in weights)
    rows = []
    for name, method in methods(points).items():
        network = network_for(name, width, depth)
        arrays, static = eqx.partition(network, eqx.is_array)

        def gradient(
            arrays: Any, x: jax.Array, y: jax.Array, static: Any = static, method: Any = method
        ) -> Any:
            whole = eqx.combine(arrays, static)
            found = osciprop.estimate_gradient(whole, x, y, method, throw=False)
            return found.gradient, found.converged

        program = jax.jit(gradient).lower(arrays, x, y).compile()
        found, converged = program(arrays, x, y)
        exact = osciprop.estimate_gradient(network, x, y, osciprop.Implicit())
        memory = program.memory_analysis()
        rows.append(
            {
                "method": name,
                "width": width,
                "depth": depth,
                "batch": batch,
                "points": points,
                "parameters": parameters,
                "seconds": seconds(partial(program, arrays, x, y)),
                "backprop_seconds": unit,
                "temporaries_mib": memory.temp_size_in_bytes / 2**20 if memory else None,
                "error": float(osciprop.relative_error(found, exact.gradient)),
                "converged": bool(converged),
            }
        )
    return rows


def exponent(rows: list[dict[str, Any]], axis: str, value: str) -> float:
    """The slope of `value` over `axis`, both logarithmic."""
    points = [(row[axis], row[value]) for row in rows if row[value]]
    numbers, values = np.log(np.asarray(points, float).T)
    return float(np.polyfit(numbers, values, 1)[0])


def report(content: dict[str, Any]) -> None:
    for axis in content["axes"]:
        rows = [row for row in content["rows"] if row["axis"] == axis]
        values = sorted({row[axis] for row in rows})
        shown = " | ".join(f"{axis} {value}" for value in values)
        print(f"| method, by {axis} | {shown} | exponent of time | of memory | largest error |")
        print("|---" * (len(values) + 4) + "|")
        for name in dict.fromkeys(row["method"] for row in rows):
            own = [row for row in rows if row["method"] == name]
            cells = " | ".join(
                f"{1e3 * row['seconds']:.1f} ms, {row['seconds'] / row['backprop_seconds']:.1f} x"
                for row in own
            )
            print(
                f"| {name} | {cells} | {exponent(own, axis, 'seconds'):.2f} | "
                f"{exponent(own, axis, 'temporaries_mib'):.2f} | "
                f"{max(row['error'] for row in own):.1e} |"
            )
        steps = {row[axis]: row["backprop_seconds"] for row in rows}
        cells = " | ".join(f"{1e3 * steps[value]:.1f} ms" for value in values)
        slope = np.polyfit(np.log(values), np.log([steps[value] for value in values]), 1)[0]
        print(f"| backpropagation | {cells} | {slope:.2f} | | |\n")


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--redraw", action="store_true", help="only print what is stored")
    parser.add_argument("--tiny", action="store_true", help="two small networks; nothing is stored")
    arguments = parser.parse_args(argv)
    if arguments.redraw:
        report(json.loads(NUMBERS.read_text()))
        return
    axes = TINY if arguments.tiny else AXES
    rows = []
    for axis, values in axes.items():
        for value in values:
            rows += [{"axis": axis, **row} for row in measure(**{**BASE, axis: value})]
    content = {
        "device": jax.devices()[0].device_kind,
        "versions": {"osciprop": osciprop.__version__, "jax": jax.__version__},
        "axes": list(axes),
        "rows": rows,
    }
    if not arguments.tiny:
        NUMBERS.write_text(json.dumps(content, indent=1) + "\n")
    report(content)


if __name__ == "__main__":
    main()
