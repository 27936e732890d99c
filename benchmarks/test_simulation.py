"""Neuron updates per second of `simulate_learning`, beside a hand-written loop of the same physics.

The loop is what a careful user would write for this one network: `lax.scan` over Euler-Maruyama
steps of potentials, filters and noise, one weight update at the end of the presentation.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jaxtyping import Array

import osciprop
from benchmarks.fixture import Benchmark
from osciprop.online.simulation import begin, present
from paper_figures import layers

PERIOD, STEP, PRESENTATION, NOISE, AMPLITUDE = 50.0, 0.5, 4, 0.02, 0.05
TIME_CONSTANT, RATE = 0.5, 0.05
CASES = {
    "64-64-64-10, batch 32": ([64, 64, 64, 10], 32),
    "784-256-256-10, batch 20": ([784, 256, 256, 10], 20),
}


def problem(case: str) -> tuple[osciprop.Network, Array, Array]:
    sizes, batch = CASES[case]
    network = osciprop.hopfield_mlp(sizes, key=jax.random.key(0), activation=osciprop.Tanh())
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.uniform(size=(batch, sizes[0])), dtype=jnp.float32)
    return network, x, jnp.asarray(rng.integers(0, 10, batch))


def simulation(noise: float) -> osciprop.Simulation:
    return osciprop.Simulation(
        osciprop.Oscillation(AMPLITUDE, PERIOD),
        osciprop.PeriodicPlasticity(optax.sgd(RATE), every=PRESENTATION),
        lock_in=osciprop.LockInFilter(TIME_CONSTANT, 2),
        noise=osciprop.WhiteNoise(noise),
        presentation=PRESENTATION,
        integrator=osciprop.euler_maruyama(STEP),
    )


def report(benchmark: Benchmark, network: osciprop.Network, batch: int) -> None:
    steps = PRESENTATION * PERIOD / STEP
    neurons = sum(population.size for population in network.populations) * batch
    benchmark.extra_info["neuron updates"] = steps * neurons


@pytest.mark.parametrize("case", CASES)
def test_simulation(benchmark: Benchmark, case: str) -> None:
    network, x, y = problem(case)
    settings = simulation(NOISE)
    key = jax.random.key(1)
    state = begin(network, x, settings, key)

    def run() -> Array:
        return jax.block_until_ready(present(state, x, y, settings, key, METRIC, None, 1)[1].loss)

    run()
    report(benchmark, network, len(x))
    benchmark(run)


METRIC = osciprop.networks.ClassAccuracy()

Weights = tuple[Array, Array, Array]
"""From the inputs, between the populations, and of the readout."""

Pair = tuple[Array, Array]
"""An array of each population."""

Carry = tuple[Pair, tuple[Pair, Pair], tuple[Pair, Pair]]
"""Potentials, and the filters' stages of the mean and of the error."""


def matrices(network: osciprop.Network) -> Weights:
    """The weights of a network of two populations."""
    inputs, between = layers.weights(network)
    assert isinstance(network.readout, osciprop.SoftmaxCrossEntropy)
    return inputs, between, network.readout.weight


@jax.jit
def by_hand(
    weights: Weights, u: Pair, x: Array, y: Array, key: Array, noise: float
) -> tuple[Weights, Pair]:
    """One presentation of a network of two populations with tied weights, written out."""
    inputs, between, readout = weights
    drive = x @ inputs
    rate, gain = 1 / (TIME_CONSTANT * PERIOD), 1 / (1 + 2j * np.pi * TIME_CONSTANT)
    zeros = jax.tree.map(jnp.zeros_like, u)

    def step(carry: Carry, index: Array) -> tuple[Carry, None]:
        u, means, errors = carry
        time = index * STEP
        turn = jnp.exp(2j * jnp.pi * time / PERIOD).astype(jnp.complex64)
        first, second = jnp.tanh(u[0]), jnp.tanh(u[1])

        def product(s: Array, weight: Array) -> Array:
            return jax.lax.complex(s.real @ weight, s.imag @ weight)

        logits = product(second, readout)
        shifted = jnp.exp(logits - jnp.max(logits.real, axis=-1, keepdims=True))
        blame = shifted / jnp.sum(shifted, axis=-1, keepdims=True) - jax.nn.one_hot(y, 10)
        nudge = AMPLITUDE * turn * product(blame, readout.T)
        currents = (drive + product(second, between.T), product(first, between) - nudge)
        keys = jax.random.split(jax.random.fold_in(key, index), 2)
        kicks = tuple(
            noise * jnp.sqrt(STEP) * jax.random.normal(own, leaf.shape)
            for own, leaf in zip(keys, u, strict=True)
        )
        new_u = jax.tree.map(lambda a, c, k: a + STEP * (c - a) + k, u, currents, kicks)
        s = (first, second)
        response = jax.tree.map(
            lambda a, m: (a - m) * turn.conj() / (AMPLITUDE * (1 - gain**2)), s, means[1]
        )

        def chain(signal: Pair, stages: tuple[Pair, Pair]) -> tuple[Pair, Pair]:
            one = jax.tree.map(lambda a, b: b + STEP * rate * (a - b), signal, stages[0])
            two = jax.tree.map(lambda a, b: b + STEP * rate * (a - b), stages[0], stages[1])
            return one, two

        return (new_u, chain(s, means), chain(response, errors)), None

    start = (u, (zeros, zeros), (zeros, zeros))
    steps = round(PRESENTATION * PERIOD / STEP)
    (u, means, errors), _ = jax.lax.scan(step, start, jnp.arange(steps))
    mean, error = (jax.tree.map(jnp.real, stages[1]) for stages in (means, errors))
    blame = jax.nn.softmax(mean[1] @ readout) - jax.nn.one_hot(y, 10)
    size = len(x)
    return (
        inputs + RATE / size * x.T @ error[0],
        between + RATE / size * (mean[0].T @ error[1] + error[0].T @ mean[1]),
        readout - RATE / size * mean[1].T @ blame,
    ), u


@pytest.mark.parametrize("case", CASES)
def test_by_hand(benchmark: Benchmark, case: str) -> None:
    network, x, y = problem(case)
    weights = matrices(network)
    first, second = (leaf.astype(jnp.complex64) for leaf in network.rest(x))
    u = (first, second)

    # The same physics: without noise, the same weights.
    settings = simulation(0.0)
    state = begin(network, x, settings, jax.random.key(1))
    after = present(state, x, y, settings, jax.random.key(1), METRIC, None, 1)[0].network
    assert isinstance(after, osciprop.Network)
    expected = matrices(after)
    found, _ = by_hand(weights, u, x, y, jax.random.key(1), 0.0)
    for a, b, old in zip(found, expected, weights, strict=True):
        np.testing.assert_allclose(a - old, b - old, atol=2e-2 * float(jnp.abs(b - old).max()))

    def run() -> tuple[Weights, Pair]:
        return jax.block_until_ready(by_hand(weights, u, x, y, jax.random.key(1), NOISE))

    run()
    report(benchmark, network, len(x))
    benchmark(run)
