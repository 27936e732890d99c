"""How long dual propagation takes, in units of a backpropagation step of the same network.

    python -m pytest benchmarks/test_dual.py --benchmark-only

Batch 50 on 784-128-128-10, ReLU, least squares, float32 (two_tales2024's MNIST protocol): one
backward sweep with alpha = 0, which is exact, and sixteen passes in forward order, the authors'
`fw16`. The ratios of one run are what counts.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import osciprop
from benchmarks.fixture import Benchmark
from paper_figures import layers

SIZES = [784, 128, 128, 10]
BATCH = 50
# A tolerance that is never reached: all passes are made.
ALL = 1e-30
METHODS = {
    "one backward sweep": osciprop.DualPropagationAdjoint(
        0.5, 0.0, osciprop.SequentialIteration(order=osciprop.equilibria.Backward(), max_steps=1)
    ),
    "16 passes": osciprop.DualPropagationAdjoint(
        0.5,
        0.0,
        osciprop.SequentialIteration(
            order=osciprop.equilibria.Forward(), max_steps=16, tolerance=ALL
        ),
    ),
    "until settled, alpha 1/2": osciprop.DualPropagationAdjoint(0.5, 0.5),
}


def data() -> tuple[jax.Array, jax.Array]:
    rng = np.random.default_rng(0)
    # Statistics of MNIST without needing it: a fifth of the pixels are lit.
    x = rng.uniform(size=(BATCH, SIZES[0])) * (rng.uniform(size=(BATCH, SIZES[0])) < 0.2)
    return jnp.asarray(x, dtype=jnp.float32), jnp.asarray(rng.integers(0, 10, BATCH))


def network() -> osciprop.Network:
    return osciprop.perceptron(SIZES, key=jax.random.PRNGKey(0))


Parameters = tuple[list[jax.Array], list[jax.Array]]


@jax.jit
def backprop(parameters: Parameters, x: jax.Array, y: jax.Array) -> Parameters:
    """The gradient by automatic differentiation of a forward pass."""

    def loss(parameters: Parameters) -> jax.Array:
        weights, biases = parameters
        activity = x
        for weight, bias in zip(weights[:-1], biases[:-1], strict=True):
            activity = jax.nn.relu(activity @ weight + bias)
        output = activity @ weights[-1] + biases[-1]
        return 0.5 * jnp.mean(jnp.sum((output - jax.nn.one_hot(y, 10)) ** 2, axis=-1))

    return jax.grad(loss)(parameters)


def test_backprop_step(benchmark: Benchmark) -> None:
    x, y = data()
    net = network()
    parameters = (
        layers.weights(net),
        [population.bias for population in net.populations],
    )
    jax.block_until_ready(backprop(parameters, x, y))
    benchmark(lambda: jax.block_until_ready(backprop(parameters, x, y)))


@pytest.mark.filterwarnings("ignore::osciprop.GradientAccuracyWarning")
@pytest.mark.parametrize("name", METHODS)
def test_dual_propagation(benchmark: Benchmark, name: str) -> None:
    x, y = data()
    net, method = network(), METHODS[name]
    exact = osciprop.estimate_gradient(net, x, y, osciprop.Implicit())
    estimate = osciprop.estimate_gradient(net, x, y, method)
    benchmark.extra_info["cosine"] = float(osciprop.cosine(estimate.gradient, exact.gradient))
    compiled = jax.jit(
        lambda net, x, y: osciprop.estimate_gradient(net, x, y, method, throw=False).gradient
    )
    jax.block_until_ready(compiled(net, x, y))
    benchmark(lambda: jax.block_until_ready(compiled(net, x, y)))
