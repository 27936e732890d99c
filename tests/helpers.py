"""Shared by tests: flat gradients, relative errors, dense linear algebra as an oracle."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

import osciprop
from osciprop.networks.complexity import complex_like


def flat(gradient: PyTree[Array]) -> np.ndarray:
    """All numbers of a gradient in one vector."""
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(gradient)])


def relative_error(gradient: PyTree[Array], reference: PyTree[Array]) -> float:
    a, b = flat(gradient), flat(reference)
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


def batch(network_inputs: int, classes: int, samples: int, seed: int = 0):
    """Random inputs and labels."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(samples, network_inputs)), rng.integers(0, classes, samples)


def small_network(
    seed: int = 0, activation=osciprop.ShiftedSigmoid(), scale: float = 0.6
) -> osciprop.Network:
    return osciprop.hopfield_mlp(
        [5, 7, 6, 3], key=jax.random.PRNGKey(seed), activation=activation, scale=scale
    )


class Field(osciprop.AbstractNetwork):
    """One population with any matrix and any time constants: `tau u' = W tanh(u) + b - u`."""

    weight: jnp.ndarray
    bias: jnp.ndarray
    time_constant: jnp.ndarray

    def rest(self, x):
        return jnp.zeros((x.shape[0], self.bias.size), dtype=x.dtype)

    def activity(self, u):
        return jnp.tanh(u)

    def drive(self, x):
        return x

    def current(self, s, drive):
        weight, bias, inflow = (complex_like(part, s) for part in (self.weight, self.bias, drive))
        return s @ weight.T + bias + inflow

    def velocity(self, u, current):
        return (current - u) / complex_like(self.time_constant, u)

    def cost(self, s, y):
        return jnp.sum((s - complex_like(y, s)) ** 2, axis=1) / 2

    def output(self, s):
        return s


class LinearNetwork(osciprop.AbstractEnergyNetwork):
    """A user's own network: one linear population, `phi = s W s / 2 + x V s`, squared error.

    Everything about it is known in closed form: `s0 = (1 - W)^-1 V^T x` for symmetric W.
    """

    coupling: Array
    inputs: Array

    def rest(self, x):
        return jnp.zeros((x.shape[0], self.coupling.shape[0]), dtype=x.dtype)

    def activity(self, u):
        return u

    def phi(self, s, x):
        drive = osciprop.networks.complex_like(x @ self.inputs, s)
        pairs = 0.5 * osciprop.networks.matmul(s, self.coupling + self.coupling.T) / 2
        return jnp.sum((pairs + drive) * s, axis=-1)

    def cost(self, s, y):
        return 0.5 * jnp.sum((s - osciprop.networks.complex_like(y, s)) ** 2, axis=-1)

    def output(self, s):
        return s


def linear_network(units: int = 4, inputs: int = 3, seed: int = 0, norm: float = 0.6):
    """A random `LinearNetwork` whose symmetric coupling has the given spectral norm."""
    rng = np.random.default_rng(seed)
    coupling = rng.normal(size=(units, units))
    coupling = coupling + coupling.T
    coupling *= norm / np.linalg.norm(coupling, 2)
    return LinearNetwork(jnp.asarray(coupling), jnp.asarray(rng.normal(size=(inputs, units))))


def potentials_as_vector(u: PyTree[Array]) -> np.ndarray:
    """The batch's first sample of a state as one vector."""
    return np.concatenate([np.asarray(leaf[0]).ravel() for leaf in jax.tree.leaves(u)])


def dense(function, u: PyTree[Array]) -> np.ndarray:
    """The Jacobian, for the first sample, of a function between states."""
    leaves, structure = jax.tree.flatten(u)
    sizes = [leaf.shape[1] for leaf in leaves]

    def of_vector(vector):
        parts = jnp.split(vector, np.cumsum(sizes)[:-1])
        state = jax.tree.unflatten(structure, [part[None] for part in parts])
        return jnp.concatenate([leaf[0] for leaf in jax.tree.leaves(function(state))])

    return np.asarray(jax.jacobian(of_vector)(jnp.concatenate([leaf[0] for leaf in leaves])))


def three_blocks(seed: int = 0, gain: float = 1.0, symmetric: bool = False, feedback: bool = True):
    """12 units in 3 populations of 4, all joined to all with normal weights of standard deviation
    `gain / sqrt(12)` (nonconservative2026, section D.5), or forward only; squared error at the
    last. Four inputs."""
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=(12, 12)) * gain / np.sqrt(12)
    if symmetric:
        weight = (weight + weight.T) / np.sqrt(2)
    synapses = [osciprop.Directed(rng.normal(size=(4, 4)), osciprop.INPUT, 0)]
    for pre in range(3):
        for post in range(3):
            if feedback or post == pre + 1:
                block = weight[4 * pre : 4 * pre + 4, 4 * post : 4 * post + 4]
                synapses.append(osciprop.Directed(block, pre, post))
    neuron = osciprop.LeakyIntegrator(osciprop.ShiftedSigmoid())
    populations = tuple(
        osciprop.Population(neuron, jnp.asarray(0.2 * rng.normal(size=4))) for _ in range(3)
    )
    return osciprop.Network(populations, tuple(synapses), osciprop.SquaredError())
