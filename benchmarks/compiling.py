"""What first calls take, and what they take in another process when JAX keeps the programs.

    python -m benchmarks.compiling

Seconds of processor time, each call the first of its kind in a process of its own: without a cache,
and after a process that filled one.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import numpy as np

import osciprop

SIZES = {"layered": [64, 64, 10], "balanced": [8, 24, 6, 4]}
BUILDERS: dict[str, Any] = {
    "layered": osciprop.hopfield_mlp,
    "balanced": osciprop.networks.balanced_network,
}
CALLS = ("build", "relax", "Implicit", "AsymmetricEP", "DyadicEP")


def built(kind: str) -> osciprop.networks.AbstractNetwork:
    return BUILDERS[kind](SIZES[kind], key=jax.random.key(0))


def first_calls(kind: str) -> dict[str, float]:
    """Processor time of each call, in this process."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(4, SIZES[kind][0])), rng.integers(0, SIZES[kind][-1], 4)
    seconds = {}

    def timed(name: str, call: Callable[[], Any]) -> Any:
        start = time.process_time()
        found = call()
        jax.block_until_ready(jax.tree.leaves(found))
        seconds[name] = time.process_time() - start
        return found

    network = timed("build", partial(built, kind))
    timed("relax", partial(osciprop.relax, network, x))
    for name, method in {
        "Implicit": osciprop.Implicit(),
        "AsymmetricEP": osciprop.AsymmetricEP(0.05),
        "DyadicEP": osciprop.DyadicEP(1e-2),
    }.items():
        timed(name, partial(osciprop.estimate_gradient, network, x, y, method))
    return seconds


def in_a_new_process(kind: str, cache: str | None) -> dict[str, float]:
    """`first_calls` elsewhere, with JAX's cache in a folder."""
    settings = {
        name: value for name, value in os.environ.items() if "COMPILATION_CACHE" not in name
    }
    if cache is not None:
        settings["JAX_COMPILATION_CACHE_DIR"] = cache
        settings["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.1"
    command = [sys.executable, "-m", "benchmarks.compiling", "--inside", kind]
    done = subprocess.run(command, env=settings, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inside", choices=SIZES, help="measure in this process")
    chosen = parser.parse_args(argv)
    if chosen.inside:
        print(json.dumps(first_calls(chosen.inside)))
        return
    print(f"{jax.devices()[0].device_kind}, jax {jax.__version__}")
    print("| network | programs | " + " | ".join(CALLS) + " | all |")
    print("|---|---|" + "---|" * (len(CALLS) + 1))
    for kind in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            compiled = in_a_new_process(kind, None)
            in_a_new_process(kind, folder)
            kept = in_a_new_process(kind, folder)
        for name, seconds in (("compiled", compiled), ("kept", kept)):
            row = [*(seconds[call] for call in CALLS), sum(seconds.values())]
            print(f"| {kind} | {name} | " + " | ".join(f"{each:.1f}" for each in row) + " |")


if __name__ == "__main__":
    main()
