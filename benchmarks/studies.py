"""What a study's vectorised axes gain over a Python loop of compiled calls.

    python -m benchmarks.studies

The bias of holomorphic EP over amplitude and seed, the network 8-16-16-4 with one sample and with
ten at 10,000 points, and the digits network 64-128-10 with 50 images at 1000; float32, in this
process. The loop calls one function, compiled once, and keeps what it returns as numbers. Ratios of
the times of the points; beside them what each takes in all, compilation and keeping of results
included, and the memory that the study added.
"""

import gc
import time
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import psutil

import osciprop
from osciprop.studies import Axis, Study, logspace, seeds

Measure = Callable[[jax.Array, jax.Array], dict[str, Any]]
"""The function of a study, of an amplitude and a seed."""


def case(sizes: list[int], samples: int) -> Measure:
    """The function of a study: one network, amplitude and seed of the data."""
    network = osciprop.hopfield_mlp(sizes, key=jax.random.PRNGKey(0))

    def measure(amplitude: jax.Array, seed: jax.Array) -> dict[str, Any]:
        keys = jax.random.split(jax.random.key(seed))
        x = jax.random.normal(keys[0], (samples, sizes[0]))
        y = jax.random.randint(keys[1], (samples,), 0, sizes[-1])
        method = osciprop.HolomorphicEP(amplitude, 2)
        estimate = osciprop.estimate_gradient(network, x, y, method, throw=False)
        exact = osciprop.estimate_gradient(network, x, y, osciprop.Implicit(), throw=False)
        return {
            "distance": osciprop.cosine_distance(estimate.gradient, exact.gradient),
            "converged": estimate.converged & exact.converged,
        }

    return measure


def by_loop(measure: Measure, axes: dict[str, Axis]) -> tuple[float, float]:
    """Seconds in all, and for the points, of a loop."""
    compiled = eqx.filter_jit(measure)
    # Scalars first: iterating over an array would take longer than the calls.
    amplitudes, draws = (list(jnp.asarray(axes[n].coordinates)) for n in ("amplitude", "seed"))
    start = time.perf_counter()
    jax.block_until_ready(compiled(amplitudes[0], draws[0]))
    ready = time.perf_counter()
    results = [
        {name: value.item() for name, value in compiled(a, s).items()}
        for a in amplitudes
        for s in draws
    ]
    assert len(results) == len(axes["amplitude"]) * len(axes["seed"])
    end = time.perf_counter()
    return end - start, end - ready


def by_study(measure: Measure, axes: dict[str, Axis]) -> tuple[float, float, int, float]:
    """Seconds in all and for the points of a study, traces of its function, and MB added."""
    traces = []

    def traced(amplitude: jax.Array, seed: jax.Array) -> dict[str, Any]:
        traces.append(1)
        return measure(amplitude, seed)

    study = Study(traced, axes)
    gc.collect()
    before, start = psutil.Process().memory_info().rss, time.perf_counter()
    results = study.run(progress=False)
    total = time.perf_counter() - start
    added = (psutil.Process().memory_info().rss - before) / 1e6
    assert bool((results["status"] == 1).all())
    return total, float(results["seconds"].sum()), len(traces), added


def main() -> None:
    print(f"{jax.devices()[0].device_kind}, jax {jax.__version__}")
    print("| network | points | loop | study | ratio | traces | in all (loop, study) | added |")
    print("|---|---|---|---|---|---|---|---|")
    for sizes, samples, shape in CASES:
        axes = {
            "amplitude": logspace(0.01, 0.5, shape[0], vectorised=True),
            "seed": seeds(shape[1], vectorised=True),
        }
        measure = case(sizes, samples)
        whole, loop = by_loop(measure, axes)
        total, study, traces, added = by_study(measure, axes)
        name = "-".join(map(str, sizes))
        print(
            f"| {name}, {samples} sample{'s' * (samples > 1)} | {np.prod(shape)} | {loop:.2f} s | "
            f"{study:.2f} s | {loop / study:.2f} | {traces} | {whole:.1f} s, {total:.1f} s | "
            f"{added:.0f} MB |"
        )


CASES = [
    ([8, 16, 16, 4], 1, (100, 100)),
    ([8, 16, 16, 4], 10, (100, 100)),
    ([64, 128, 10], 50, (20, 50)),
]

if __name__ == "__main__":
    main()
