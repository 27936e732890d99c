"""What the way back through a convolution costs inside of a loop: differentiated, and written out.

    python -m benchmarks.loops

Ten steps up and down a convolution, 16 x 16 pixels, 8 to 16 maps, batch 64, float32, in one
compiled loop; ratio of the least times of five runs.
"""

import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

import osciprop
from osciprop.networks.synapses import pull_back

BATCH, SIDE = 64, 16
Back = Callable[[osciprop.networks.Convolution, jax.Array, jax.Array], jax.Array]


def seconds(back: Back) -> float:
    """The least time of ten steps up and down, the way back taken by `back`."""
    random = np.random.default_rng(0)
    kernel = jnp.asarray(0.05 * random.normal(size=(3, 3, 8, 16)), dtype=jnp.float32)
    convolution = osciprop.networks.Convolution(kernel)
    images = jnp.asarray(random.normal(size=(BATCH, SIDE, SIDE, 8)), dtype=jnp.float32)

    def step(_: int, activity: jax.Array) -> jax.Array:
        return jnp.tanh(back(convolution, activity, jnp.tanh(convolution(activity))))

    run = jax.jit(lambda activity: jax.lax.fori_loop(0, 10, step, activity))
    jax.block_until_ready(run(images))
    times = []
    for _ in range(5):
        start = time.perf_counter()
        jax.block_until_ready(run(images))
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    differentiated = seconds(pull_back)
    written_out = seconds(osciprop.networks.Convolution.transposed)
    print(
        f"{jax.devices()[0].device_kind}, jax {jax.__version__}: differentiated "
        f"{1e3 * differentiated:.1f} ms, written out {1e3 * written_out:.1f} ms, ratio "
        f"{differentiated / written_out:.1f}"
    )


if __name__ == "__main__":
    main()
