"""The contract of a network that moves, by one of a user's own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from trajectory_cases import some_network

import osciprop
from osciprop.gradients import HolomorphicEcho, TrajectoryBPTT
from osciprop.networks import AbstractHamiltonian, Leapfrog, Phase, complex_like, matmul
from osciprop.networks.hamiltonian.system import force, speed


class Cells(AbstractHamiltonian):
    """Positions in two parts, a relativistic kinetic energy, and a start that is learned."""

    weight: jax.Array
    begin: jax.Array
    motion: Leapfrog

    def start(self, x):
        first = jnp.tanh(x @ self.begin)
        return Phase((first, 0 * x), (jnp.zeros_like(first), 0.1 + 0 * x))

    def kinetic(self, p):
        return jnp.sum(jnp.sqrt(1 + p[0] ** 2), axis=-1) + jnp.sum(p[1] ** 2, axis=-1) / 2

    def potential(self, q, x):
        first, second = q
        pulled = second - complex_like(x, second) - matmul(jnp.tanh(first), self.weight)
        return jnp.sum(first**2, axis=-1) / 2 + jnp.sum(pulled**2, axis=-1) / 2

    def output(self, q):
        return q[0]

    def running_cost(self, q, y):
        return jnp.sum((q[0] - complex_like(y, q[0])) ** 2, axis=-1)

    def final_cost(self, q, y):
        return jnp.sum(q[1] ** 2, axis=-1)


@pytest.mark.slow
def test_a_network_of_ones_own_learns_by_echoes():
    random = np.random.default_rng(0)
    own = Cells(
        weight=jnp.asarray(random.normal(size=(2, 3)) / 2),
        begin=jnp.asarray(random.normal(size=(3, 2)) / 2),
        motion=Leapfrog(3.0, 30),
    )
    x, y = random.normal(size=(4, 6, 3)), random.normal(size=(4, 2))
    exact = osciprop.estimate_gradient(own, x, y, TrajectoryBPTT())
    found = osciprop.estimate_gradient(own, x, y, HolomorphicEcho(0.05, 12))
    assert osciprop.relative_error(found.gradient, exact.gradient) < 1e-8
    assert float(jnp.abs(exact.gradient.begin).max()) > 1e-2


def test_forces_and_speeds_are_derivatives():
    network, x, _ = some_network()
    random = np.random.default_rng(1)
    q, p = (jnp.asarray(random.normal(size=(2, 4))) for _ in range(2))
    x = jnp.asarray(x[:, 0])
    step = 1e-6 * jnp.eye(4)[2]
    slope = (network.potential(q + step, x) - network.potential(q - step, x)) / 2e-6
    np.testing.assert_allclose(force(network, q, x)[:, 2], -slope, rtol=1e-7)
    np.testing.assert_allclose(speed(network, p), p / network.mass, rtol=1e-12)


def test_there_is_no_cost_where_none_is_given():
    network = some_network()[0]
    q, y = jnp.ones((2, 4)), jnp.zeros((2, 1))
    np.testing.assert_array_equal(AbstractHamiltonian.running_cost(network, q, y), np.zeros(2))
    np.testing.assert_array_equal(AbstractHamiltonian.final_cost(network, q, y), np.zeros(2))
    assert float(AbstractHamiltonian.friction(network)) == 0
