"""How long a gradient takes, in units of a backpropagation step of the same layers.

    make benchmark

Batch 50 on 784-256-256-10, float32. Each method runs at the loosest settings whose gradient still
has a cosine of at least 0.999 to the implicit one, and that is checked here; the ratios of one run
are what counts. `python benchmarks/table.py` turns a stored run into the table of README.md.
"""

import itertools
import time
from dataclasses import dataclass

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import osciprop
from benchmarks.fixture import Benchmark
from osciprop.equilibria import HarmonicBalance

SIZES = [784, 256, 256, 10]
BATCH = 50
STEPS = osciprop.Integrator(diffrax.Heun(), diffrax.ConstantStepSize(), dt0=1.0)


@dataclass(frozen=True)
class Case:
    """A network, and the loosest settings that do for it."""

    scale: float | tuple[float, ...]
    tolerance: float
    period: float

    def methods(self) -> dict[str, osciprop.gradients.AbstractGradientMethod]:
        loose = osciprop.AndersonIteration(tolerance=self.tolerance)
        return {
            "implicit": osciprop.Implicit(loose, tolerance=1e-2),
            "hEP N=2": osciprop.HolomorphicEP(0.2, 2, loose),
            "hEP N=10": osciprop.HolomorphicEP(0.2, 10, loose),
            "settled": osciprop.SettledOscillation(
                0.2,
                self.period,
                solver=HarmonicBalance(4, tolerance=self.tolerance),
                rule=osciprop.ErrorSignals(),
                relaxation=loose,
            ),
            "always on": osciprop.OscillatoryEP(0.1, self.period, samples=8, integrator=STEPS),
        }


CASES = {
    "default": Case(0.5, 1e-2, 40.0),
    # Standard deviation 0.05, as for Fig. 3 of hep2022: close to critical.
    "stddev 0.05": Case(tuple(0.05 * n**0.5 for n in SIZES[:-1]), 1e-3, 160.0),
}


def data() -> tuple[jax.Array, jax.Array]:
    rng = np.random.default_rng(0)
    # Statistics of MNIST without needing it: a fifth of the pixels are lit.
    x = rng.uniform(size=(BATCH, SIZES[0])) * (rng.uniform(size=(BATCH, SIZES[0])) < 0.2)
    return jnp.asarray(x, dtype=jnp.float32), jnp.asarray(rng.integers(0, 10, BATCH))


def network(scale: float | tuple[float, ...]) -> osciprop.Network:
    return osciprop.hopfield_mlp(SIZES, key=jax.random.PRNGKey(0), scale=scale)


@jax.jit
def backprop(weights: list[jax.Array], x: jax.Array, y: jax.Array) -> list[jax.Array]:
    """The gradient of a feedforward network of the same layers."""

    def loss(weights: list[jax.Array]) -> jax.Array:
        activity = x
        for weight in weights[:-1]:
            activity = jax.nn.sigmoid(4 * (activity @ weight) - 2)
        scores = jax.nn.log_softmax(activity @ weights[-1])
        return -jnp.mean(jnp.take_along_axis(scores, y[:, None], axis=1))

    return jax.grad(loss)(weights)


def test_backprop_step(benchmark: Benchmark) -> None:
    x, y = data()
    keys = jax.random.split(jax.random.PRNGKey(0), 3)
    weights = [
        0.05 * jax.random.normal(key, shape)
        for key, shape in zip(keys, itertools.pairwise(SIZES), strict=True)
    ]
    jax.block_until_ready(backprop(weights, x, y))
    benchmark(lambda: jax.block_until_ready(backprop(weights, x, y)))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", ["implicit", "hEP N=2", "hEP N=10", "settled", "always on"])
def test_gradient(benchmark: Benchmark, name: str, case: str) -> None:
    x, y = data()
    net = network(CASES[case].scale)
    method = CASES[case].methods()[name]
    jax.clear_caches()  # so that the first call is a first call
    start = time.perf_counter()
    estimate = jax.block_until_ready(osciprop.estimate_gradient(net, x, y, method, throw=False))
    benchmark.extra_info["first call, s"] = time.perf_counter() - start
    exact = osciprop.estimate_gradient(net, x, y, osciprop.Implicit())
    cosine = float(osciprop.cosine(estimate.gradient, exact.gradient))
    benchmark.extra_info["cosine"] = cosine
    compiled = jax.jit(
        lambda net, x, y: osciprop.estimate_gradient(net, x, y, method, throw=False).gradient
    )
    jax.block_until_ready(compiled(net, x, y))
    benchmark(lambda: jax.block_until_ready(compiled(net, x, y)))
    assert cosine >= 0.999
