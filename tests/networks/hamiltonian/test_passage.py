"""A passage through time: known numbers, energy that stays, momenta that turn back."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from trajectory_cases import CONTINUOUS, DRIVE, GOAL, some_network, two_oscillators

import osciprop
from osciprop.networks import FourthOrder, Phase, passage


def test_the_end_and_the_cost_are_known():
    found = passage(two_oscillators(FourthOrder(6.0, 2400)), DRIVE, GOAL)
    end = np.concatenate([found.end.q[0], found.end.p[0]])
    np.testing.assert_allclose(end, CONTINUOUS["end"], atol=2e-9)
    # The running cost is a sum over points of the grid: first order, but for its ends.
    assert float(found.cost[0]) == pytest.approx(CONTINUOUS["loss"], abs=5e-3)


def test_energy_stays_where_nothing_drives_and_nothing_rubs():
    network, x, _ = some_network(duration=200.0, steps=4000)
    begun = eqx.tree_at(lambda net: net.begin_p, network, jnp.asarray([0.5, -0.3, 0.8, 0.2]))
    still = np.zeros_like(x)
    found = passage(begun, still)

    def energy(phase):
        return begun.kinetic(phase.p) + begun.potential(phase.q, jnp.zeros((2, 3)))

    np.testing.assert_allclose(energy(found.end), energy(found.start), rtol=2e-3)


def test_reversed_momenta_retrace_the_way():
    network, x, _ = some_network()
    there = passage(network, x[:, :1])

    class Back(type(network)):
        def start(self, x):
            return Phase(there.end.q, -there.end.p)

    fields = {name: getattr(network, name) for name in network.__dataclass_fields__}
    back = passage(Back(**fields), x[:, :1])
    np.testing.assert_allclose(back.end.q, there.start.q, atol=1e-13)
    np.testing.assert_allclose(back.end.p, -there.start.p, atol=1e-13)


def test_friction_takes_momentum_at_its_rate():
    free = osciprop.networks.oscillator_network(
        1, 1, 1, duration=3.0, steps=30, key=jax.random.key(0), damping=0.4, cubic=0.0
    )
    free = eqx.tree_at(lambda net: (net.stiffness, net.begin_p), free, (jnp.zeros(1), jnp.ones(1)))
    found = passage(free, np.zeros((1, 1, 1)))
    assert float(found.end.p[0, 0]) == pytest.approx(np.exp(-1.2), abs=1e-12)


def test_a_held_sequence_is_the_signal_that_jumps():
    network, x, _ = some_network()

    class Held(osciprop.networks.AbstractSignal):
        values: jax.Array

        def __call__(self, time):
            step = jnp.round(jnp.asarray(time) / 0.2).astype(int)  # 20 steps of 0.2, 5 entries
            return self.values[:, jnp.minimum(step // 4, 4)]

    np.testing.assert_array_equal(passage(network, x).q, passage(network, Held(jnp.asarray(x))).q)
