"""Small networks with an energy whose states and gradients are known to ten digits.

`three_units` are tanh neurons joined in pairs, two of them outputs; `circuit` is a network of
resistors, with two diodes or without, between sources that are its inputs. Numbers that tests
compare with were computed apart from osciprop, and checked by finite differences.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

import osciprop
from osciprop.networks import GradientFlow, complex_like

DAMPED = osciprop.SynchronousIteration(damping=0.35, tolerance=1e-13, max_steps=20_000)
"""Small to compile, and good for all of these."""


class Pairs(osciprop.AbstractEnergyNetwork):
    """Tanh neurons joined in pairs: `phi = sum_{i<j} W_ij s_i s_j + b s`; the last are outputs."""

    coupling: Float[Array, " pairs"]
    bias: Float[Array, " units"]
    time_constants: Float[Array, " units"]
    outputs: int = eqx.field(static=True, default=2)

    def rest(self, x):
        return jnp.zeros((x.shape[0], self.bias.size))

    def activity(self, u):
        return jnp.tanh(u)

    def phi(self, s, x):
        first, second = np.triu_indices(self.bias.size, 1)
        coupling, bias = complex_like((self.coupling, self.bias), s)
        pairs = coupling[None] * s[:, first] * s[:, second]
        return jnp.sum(pairs, axis=-1) + jnp.sum(bias[None] * s, axis=-1)

    def velocity(self, u, current):
        return (current - u) / complex_like(self.time_constants, u)[None]

    def cost(self, s, y):
        return jnp.sum((self.output(s) - complex_like(y, s)) ** 2, axis=-1) / 2

    def output(self, s):
        return s[:, -self.outputs :]

    def output_obstacle(self):
        return ""


class Kinked(Pairs):
    """One that is not holomorphic: real nudges do not ask for it."""

    def is_holomorphic(self):
        return False


class Silent(Pairs):
    """One that does not say what its outputs are."""

    output_obstacle = osciprop.AbstractNetwork.output_obstacle


def three_units() -> tuple[Pairs, Float[np.ndarray, "1 1"], Float[np.ndarray, "1 2"]]:
    """W12 = .8, W13 = -.6, W23 = .5; outputs 2 and 3, with an input that they do not see."""
    network = Pairs(
        jnp.asarray([0.8, -0.6, 0.5]), jnp.asarray([0.5, -0.2, 0.3]), jnp.asarray([1.0, 1.0, 2.0])
    )
    return network, np.zeros((1, 1)), np.asarray([[0.7, -0.4]])


def numbers(gradient: Pairs) -> np.ndarray:
    """Couplings and biases of a gradient, the time constants left out."""
    return np.concatenate([np.asarray(gradient.coupling), np.asarray(gradient.bias)], axis=-1)


def population(count: int, units: int = 5, seed: int = 0) -> tuple[Pairs, np.ndarray]:
    """Random networks in one, with a leading axis of all of them, and a target each."""
    random = np.random.default_rng(seed)
    pairs = units * (units - 1) // 2
    networks = Pairs(
        jnp.asarray(0.5 * random.normal(size=(count, pairs)) / np.sqrt(units)),
        jnp.asarray(0.5 * random.normal(size=(count, units))),
        jnp.ones((count, units)),
    )
    return networks, random.uniform(-0.6, 0.6, size=(count, 1, 2))


def gradients(
    networks: Pairs, targets: np.ndarray, method: osciprop.gradients.AbstractGradientMethod
) -> np.ndarray:
    """The gradient of every network of a population, one row each."""

    def one(network: Pairs, y: Array) -> Pairs:
        x = jnp.zeros((1, 1))
        return osciprop.estimate_gradient(network, x, y, method, throw=False).gradient

    return numbers(_all(one, networks, jnp.asarray(targets)))


@eqx.filter_jit
def _all(function: Callable[[Pairs, Array], Pairs], networks: Pairs, targets: Array) -> Pairs:
    return jax.vmap(function)(networks, targets)


def linearised(network: Pairs, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Free state, Hessian of the energy, and the outputs' error, by Newton's method in NumPy."""
    bias, units = np.asarray(network.bias), network.bias.size
    weight = np.zeros((units, units))
    weight[np.triu_indices(units, 1)] = np.asarray(network.coupling)
    weight = weight + weight.T
    u = np.zeros(units)
    for _ in range(200):
        slope = np.diag(1 - np.tanh(u) ** 2)
        u = u + 0.5 * np.linalg.solve(
            np.eye(units) - weight @ slope, weight @ np.tanh(u) + bias - u
        )
    s = np.tanh(u)
    return s, np.diag(1 / (1 - s**2)) - weight, s[-network.outputs :] - y.ravel()


def rule(network: Pairs, s: np.ndarray, response: np.ndarray) -> np.ndarray:
    """`dE/dtheta` of couplings and biases along a response of the activity."""
    first, second = np.triu_indices(s.size, 1)
    return -np.concatenate([response[first] * s[second] + s[first] * response[second], response])


def limits(network: Pairs, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The gradient of the cost and the limit of coupled learning, in closed form."""
    s, hessian, error = linearised(network, y)
    inverse = np.linalg.inv(hessian)[:, -network.outputs :]
    held = np.linalg.solve(inverse[-network.outputs :], error)
    return rule(network, s, -inverse @ error), rule(network, s, -inverse @ held)


# Nodes 0 to 2 are free, then the two sources and the ground.
BRANCHES = ((0, 3), (0, 4), (1, 3), (1, 4), (0, 2), (1, 2), (0, 1), (2, 5), (0, 5), (1, 5))
CONDUCTANCES = (1.0, 0.7, 0.4, 1.2, 0.9, 0.6, 0.5, 0.3, 0.2, 0.25)
DIODES = ((0, 5), (5, 1))


class CoContent(eqx.Module):
    """The total co-content of resistors and diodes: `g v^2 / 2` and `I (V exp(v / V) - v)`."""

    conductance: Float[Array, " branches"]
    saturation: Float[Array, ""]
    thermal: float = eqx.field(static=True, default=0.25)
    diodes: tuple[tuple[int, int], ...] = eqx.field(static=True, default=())

    def __call__(self, u, x):
        sources = complex_like(x, u)
        nodes = jnp.concatenate([u, sources, jnp.zeros_like(sources[:, :1])], axis=1)
        across = [nodes[:, i] - nodes[:, j] for i, j in BRANCHES]
        drops = jnp.stack(across, axis=1)
        total = jnp.sum(complex_like(self.conductance, u)[None] * drops**2 / 2, axis=1)
        for anode, cathode in self.diodes:
            over = nodes[:, anode] - nodes[:, cathode]
            charge = self.thermal * jnp.exp(over / self.thermal) - over - self.thermal
            total = total + complex_like(self.saturation, u) * charge
        return total


def circuit(
    diodes: tuple[tuple[int, int], ...] = (), capacitance: np.ndarray | None = None
) -> tuple[GradientFlow, np.ndarray, np.ndarray]:
    """The circuit with sources 1 and -0.6, its output node 2, and the target 0.5."""
    energy = CoContent(jnp.asarray(CONDUCTANCES), jnp.asarray(0.05), diodes=diodes)
    mobility = None if capacitance is None else jnp.asarray(np.linalg.inv(capacitance))
    flow = GradientFlow(energy, jnp.zeros(3), outputs=(2,), mobility=mobility)
    return flow, np.asarray([[1.0, -0.6]]), np.asarray([[0.5]])


def slope(amplitudes, errors) -> np.ndarray:
    """The order of errors in the amplitude, along the first axis."""
    return np.polyfit(np.log(amplitudes), np.log(errors), 1)[0]


def off(found: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Relative error of each row."""
    missed = np.linalg.norm(found - reference, axis=-1)
    return missed / np.linalg.norm(reference, axis=-1)
