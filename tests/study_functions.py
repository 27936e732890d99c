"""Functions for studies that worker processes can import, and what tests ask of them."""

import os
import signal
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import xarray

import osciprop
from osciprop.studies import Study

TESTS = Path(__file__).parent

# JAX's settings belong to those of a study: in programs of their own they are those of the tests.
ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)]),
    "JAX_ENABLE_X64": "1",
    "JAX_NUMPY_DTYPE_PROMOTION": "strict",
    "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
}


def products(amplitude, points, seed=0):
    """Plain Python: three kinds of numbers and an array."""
    return {
        "product": amplitude * points + seed,
        "phase": complex(amplitude, points),
        "powers": [amplitude, amplitude**2, amplitude**3],
        "large": points > 2,
        "count": points,
    }


def gradient(amplitude, seed, points=2):
    """A small network's gradient by holomorphic EP: what studies are made for."""
    network = osciprop.hopfield_mlp([4, 6, 3], key=jax.random.key(seed))
    x = jax.random.normal(jax.random.key(1), (3, 4))
    y = jnp.asarray([0, 1, 2])
    method = osciprop.HolomorphicEP(amplitude, points, osciprop.SynchronousIteration())
    estimate = osciprop.estimate_gradient(network, x, y, method, throw=False)
    return {"loss": estimate.loss, "bias": estimate.gradient.populations[0].bias}


def marked(amplitude, points, folder):
    """Leaves a line in a file for every call: which point, in which process."""
    with (Path(folder) / "calls").open("a") as file:
        file.write(f"{amplitude:g} {points} {os.getpid()}\n")
    return {"product": amplitude * points}


GATE = 8


def gated(amplitude, points, folder):
    """Like `marked`, and after `GATE` points waits until there is a file called `open`."""
    while not (Path(folder) / "open").exists() and len(calls(folder)) >= GATE:
        time.sleep(0.01)
    return marked(amplitude, points, folder)


def deadly(amplitude, points, folder, always):
    """Kills its own process at one point the first time, and at another one, if so, always."""
    marker = Path(folder) / "killed"
    first_time = (amplitude, points) == (1.0, 3) and not marker.exists()
    if first_time or (always and (amplitude, points) == (2.0, 1)):
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return marked(amplitude, points, folder)


def failing(amplitude, points, folder):
    """Fails where `points` is 2, while a file says so."""
    if points == 2 and (Path(folder) / "broken").exists():
        raise ArithmeticError(f"no result for {amplitude:g}")
    return {"product": amplitude * points}


def voluminous(amplitude, points):
    """Some 40 kB that do not compress."""
    random = jax.random.normal(jax.random.key(points), (5000,))
    return {"noise": amplitude * random}


def run(*arguments, **keywords) -> xarray.Dataset:
    """The results of a study, in this process."""
    return Study(*arguments, **keywords).run(progress=False)


def calls(folder) -> list[tuple[float, int]]:
    """The points that `marked` computed, in order."""
    path = Path(folder) / "calls"
    lines = path.read_text().splitlines() if path.exists() else []
    return [(float(line.split()[0]), int(line.split()[1])) for line in lines]


def same(one: xarray.Dataset, other: xarray.Dataset) -> bool:
    """Whether all results agree to the last bit."""
    return one.drop_vars("seconds").drop_attrs().identical(other.drop_vars("seconds").drop_attrs())


def mending(n, folder):
    """Returns numbers of types that differ; two of four points fail until there is a file."""
    if n in (1, 2) and not (Path(folder) / "mended").exists():
        raise ArithmeticError(f"no result for {n}")
    return {"v": n if n < 2 else 0.5 * n, "w": 3 * n}


def slowly(n, folder):
    """Takes a hundredth of a second; each fifth point fails until there is a file."""
    time.sleep(0.01)
    if n % 5 == 2 and not (Path(folder) / "mended").exists():
        raise ArithmeticError(f"no result for {n}")
    return {"v": n if n < 20 else n / 7, "trace": [n / 3] * 4}
