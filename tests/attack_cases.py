"""Shared by tests of attacks: small networks, and costs and slopes by finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
from helpers import batch, small_network

import osciprop

SIZES = [5, 8, 7, 3]
DATA = batch(5, 3, 4)
EXACT = osciprop.AndersonIteration(tolerance=1e-13)
KEY = jax.random.key(0)
# Ranges of data without bounds.
OPEN = {"low": -np.inf, "high": np.inf}


def feedforward() -> osciprop.Network:
    return osciprop.feedforward_mlp([*SIZES, SIZES[-1]], key=jax.random.PRNGKey(0), bias=0.1)


def asymmetric() -> osciprop.Network:
    return osciprop.feedback_mlp([*SIZES, SIZES[-1]], key=jax.random.PRNGKey(0), angle=90.0)


def linear(weight) -> osciprop.Network:
    """Scores `x W`, squared error."""
    population = osciprop.Population(
        osciprop.LeakyIntegrator(osciprop.Identity()), jnp.zeros(np.shape(weight)[1])
    )
    synapse = osciprop.Directed(weight, osciprop.INPUT, 0)
    return osciprop.Network((population,), (synapse,), osciprop.SquaredError())


def costs(network, x, y) -> np.ndarray:
    """The cost of each sample at its free equilibrium."""
    return np.asarray(network.cost(osciprop.relax(network, x, relaxation=EXACT).s, jnp.asarray(y)))


def by_differences(network, x, y, step: float = 1e-4) -> np.ndarray:
    columns = [
        (costs(network, x + step * unit, y) - costs(network, x - step * unit, y)) / (2 * step)
        for unit in np.eye(x.shape[1])
    ]
    return np.stack(columns, axis=1)


def half_settled():
    """A method with one step, and inputs of which the first is at equilibrium at rest."""
    network = small_network(activation=osciprop.Tanh())
    x = np.stack([np.zeros(5), np.ones(5)])
    y = np.array([0, 1])
    return network, x, y, osciprop.Implicit(osciprop.SynchronousIteration(max_steps=1))
