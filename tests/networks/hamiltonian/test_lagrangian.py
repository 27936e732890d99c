"""A Lagrangian's inertia: the same motion as masses, and a start in velocities that learns."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from trajectory_cases import some_network

import osciprop
from osciprop.gradients import HolomorphicEcho, TrajectoryBPTT
from osciprop.networks import AbstractLagrangian, AbstractMotion, OscillatorNetwork, passage


class Coupled(AbstractLagrangian):
    """Oscillators with masses that pull at each other."""

    matrix: jax.Array
    inner: OscillatorNetwork
    motion: AbstractMotion

    def inertia(self):
        return (self.matrix + self.matrix.T) / 2

    def begin(self, x):
        return jnp.zeros((len(x), 4)), jnp.ones((len(x), 4))

    def potential(self, q, x):
        return self.inner.potential(q, x)

    def output(self, q):
        return self.inner.output(q)

    def final_cost(self, q, y):
        return self.inner.final_cost(q, y)


@pytest.mark.slow
def test_a_diagonal_inertia_is_one_of_masses():
    network, x, _ = some_network()
    mass = jnp.asarray([1.0, 2.0, 0.5, 1.5])
    same = Coupled(jnp.diag(mass), network, network.motion)
    heavy = eqx.tree_at(lambda net: (net.mass, net.begin_p), network, (mass, mass))
    np.testing.assert_allclose(passage(same, x).end.q, passage(heavy, x).end.q, atol=1e-13)


def test_inertia_learns_through_the_start_too():
    network, x, y = some_network()
    random = np.random.default_rng(0)
    matrix = jnp.eye(4) + 0.1 * jnp.asarray(random.normal(size=(4, 4)))
    coupled = Coupled(matrix, network, network.motion)
    exact = osciprop.estimate_gradient(coupled, x, y, TrajectoryBPTT())
    found = osciprop.estimate_gradient(coupled, x, y, HolomorphicEcho(0.1, 12))
    assert osciprop.relative_error(found.gradient.matrix, exact.gradient.matrix) < 1e-9
