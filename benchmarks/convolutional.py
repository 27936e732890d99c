"""Time and memory of one CIFAR-sized update of VGG-4, by batch, width and number of points.

    python -m benchmarks.convolutional --output benchmarks/convolutional.json
    python -m benchmarks.convolutional --widths 128 --batches 128 256 512 1024 --points 2 4 \\
        --steps 60 --cases all

Prints a table with the device's name, and writes the numbers where `--output` says.

VGG-4 of hep2022 (Table 2), centred (N = 2) and holomorphic EP (N = 4), float32, images of noise.
Both phases make the same fixed number of synchronous steps, so that the work is known: a step is a
convolution up and its transpose down for every pair of populations, twice for complex numbers.
`of product rate` is the fraction of the rate at which this device multiplies two matrices of 2048 x
2048 in the same run; `GiB` is the memory of the compiled step
(`osciprop.training.memory_estimate`); peak
resident memory of the process is at the end. The default measures one factor at a time.
"""

import argparse
import itertools
import json
import math
import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

import osciprop
from osciprop.training.optimizers import as_optimizer
from osciprop.training.step import begin, train_step
from paper_figures.hep2022.deep import convolution

IMAGE = (32, 32, 3)
PRODUCT = 2048
Case = tuple[int, int, int]  # batch, width, points


def seconds(run: Callable[[], object], repeats: int) -> float:
    """The least time of a call that is compiled."""
    jax.block_until_ready(run())
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(run())
        times.append(time.perf_counter() - start)
    return min(times)


def product_rate() -> float:
    """Floating-point operations per second of a large matrix product in float32."""
    left = jnp.ones((PRODUCT, PRODUCT), dtype=jnp.float32)
    multiply = jax.jit(lambda a: jnp.matmul(a, a, precision="highest"))
    return 2 * PRODUCT**3 / seconds(lambda: multiply(left), 5)


def operations_per_step(network: osciprop.Network) -> int:
    """Of one sample in one step of real activity: every reciprocal synapse, up and down."""
    total = 0
    for synapse in network.synapses[1:]:
        transform, lower = convolution(synapse), network.populations[synapse.source]
        assert isinstance(lower, osciprop.networks.FeatureMaps)
        kernel = transform.kernel
        rows, columns, _, _ = kernel.shape
        height = lower.height + 2 * transform.padding - rows + 1
        width = lower.width + 2 * transform.padding - columns + 1
        total += 2 * 2 * height * width * math.prod(kernel.shape)
    return total


def measure(case: Case, steps: int, repeats: int, rate: float) -> dict[str, object]:
    """One row of the table."""
    batch, width, points = case
    network = osciprop.hopfield_cnn(
        osciprop.networks.vgg4(width), key=jax.random.PRNGKey(0), image_shape=IMAGE
    )
    random = np.random.default_rng(0)
    x = jnp.asarray(0.6 * random.normal(size=(batch, *IMAGE)), dtype=jnp.float32)
    y = jnp.asarray(random.integers(0, 10, batch))
    fixed = osciprop.SynchronousIteration(tolerance=1e-30, max_steps=steps)
    method = osciprop.HolomorphicEP(1.0, points, fixed)
    optimizer = optax.sgd(0.05, momentum=0.9)
    memory = osciprop.training.memory_estimate(network, x, y, method, optimizer)
    state = begin(network, optimizer)
    called, metric = as_optimizer(optimizer), osciprop.networks.ClassAccuracy()
    spent = seconds(lambda: train_step(state, x, y, method, called, metric)[0], repeats)
    # Points on the real axis are real; the others stand for their conjugates and are complex.
    passes = 1 + 2 + 2 * (points - 2) // 2
    work = batch * steps * passes * operations_per_step(network)
    return {
        "batch": batch,
        "width": width,
        "points": points,
        "steps": steps,
        "seconds": round(spent, 4),
        "images per second": round(batch / spent, 2),
        "seconds per step of the free phase": round(spent / (steps * passes), 5),
        "of product rate": round(work / spent / rate, 3),
        "GiB": round(memory.total / 2**30, 3),
    }


def cases(arguments: argparse.Namespace) -> list[Case]:
    """All combinations, or those that differ from the first in one number."""
    lists = (arguments.batches, arguments.widths, arguments.points)
    if arguments.cases == "all":
        return list(itertools.product(*lists))
    first = tuple(values[0] for values in lists)
    chosen = [first]
    for place, values in enumerate(lists):
        for value in values[1:]:
            chosen.append((*first[:place], value, *first[place + 1 :]))
    return chosen


def table(content: dict[str, object]) -> str:
    """The numbers for people."""
    rows = content["rows"]
    assert isinstance(rows, list)
    names = list(rows[0])
    lines = [
        f"{content['device']}, jax {content['jax']}: {content['product rate, GFLOP/s']} GFLOP/s in "
        f"a matrix product; at most {content['peak resident GiB']} GiB resident",
        "",
        "| " + " | ".join(names) + " |",
        "|" + "---|" * len(names),
    ]
    return "\n".join(
        lines + ["| " + " | ".join(str(row[name]) for name in names) + " |" for row in rows]
    )


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--batches", type=int, nargs="+", default=[128, 32, 64])
    parser.add_argument("--widths", type=int, nargs="+", default=[16, 32, 64, 128])
    parser.add_argument("--points", type=int, nargs="+", default=[2, 4], choices=[2, 4])
    parser.add_argument(
        "--steps", type=int, default=10, help="of the free and of each nudged phase"
    )
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--output", type=Path, help="a JSON file for the numbers")
    parser.add_argument("--cases", choices=["one factor", "all"], default="one factor")
    arguments = parser.parse_args(argv)
    rate = product_rate()
    rows = []
    for case in cases(arguments):
        rows.append(measure(case, arguments.steps, arguments.repeats, rate))
        print(rows[-1], file=sys.stderr, flush=True)
    content = {
        "device": f"{jax.devices()[0].device_kind}, {platform.machine()}, {os.cpu_count()} cores",
        "jax": jax.__version__,
        "osciprop": osciprop.__version__,
        "product rate, GFLOP/s": round(rate / 1e9, 1),
        "rows": rows,
        "peak resident GiB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
    }
    if arguments.output:
        arguments.output.write_text(json.dumps(content, indent=1) + "\n")
    print(table(content))


if __name__ == "__main__":
    main()
