"""What XLA's optimization level does to the short inner loops that lanes make, on a CPU.

    python -m benchmarks.levels

Microseconds of a sigmoid, 50 times in a loop of one program, at levels 1 to 3 (3 is the default);
the least of twenty runs each.
"""

import time
from typing import Any

import jax
import jax.numpy as jnp

LEVELS = (1, 2, 3)
REPEATS = 50


def microseconds(shape: tuple[int, ...], level: int) -> float:
    x = jnp.ones(shape)
    options: dict[str, Any] = {"xla_backend_optimization_level": level}

    @jax.jit
    def repeated(x: jax.Array) -> jax.Array:
        return jax.lax.fori_loop(0, REPEATS, lambda _, u: jax.nn.sigmoid(4 * u - 2), x)

    program = repeated.lower(x).compile(options)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        jax.block_until_ready(program(x))
        times.append(time.perf_counter() - start)
    return min(times) / REPEATS * 1e6


def main() -> None:
    print(f"{jax.devices()[0].device_kind}, jax {jax.__version__}")
    print("| shape | " + " | ".join(f"level {level}" for level in LEVELS) + " |")
    print("|---|" + "---|" * len(LEVELS))
    for shape in ((128, 10, 16), (1280, 16), (20, 16), (50, 256)):
        row = " | ".join(f"{microseconds(shape, level):.1f}" for level in LEVELS)
        print(f"| {' x '.join(map(str, shape))} | {row} |")


if __name__ == "__main__":
    main()
