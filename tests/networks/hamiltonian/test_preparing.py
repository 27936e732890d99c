"""Sequences that do not fit, and networks that break the contract, are told so."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from trajectory_cases import DRIVE, some_network, two_oscillators

import osciprop
from osciprop.networks import FunctionOfTime, OscillatorNetwork, passage

NETWORK, X, Y = some_network()


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (X[:, :, 0], None, r"x has shape \(2,\) at each time"),
        (X[:, :3], None, "x holds 3 times, but the network's motion makes 20 steps"),
        (X[..., :2], None, "input_weight takes 3 features"),
        (np.where(X > 0, np.nan, X), None, "NaN"),
        (X, Y[:, :1], "y has shape"),
        (X, np.zeros((2, 7, 2)), "y holds 7 times"),
        (X, np.zeros((2, 5, 3)), r"\(2, times, 2\)"),
        (X, FunctionOfTime(lambda time: jnp.zeros((2, 5))), r"y is a signal of shape \(2, 5\)"),
    ],
)
def test_what_does_not_fit(x, y, words):
    with pytest.raises(ValueError, match=words):
        passage(NETWORK, x, y)


def test_a_kinetic_energy_that_is_not_even_is_refused_with_its_number():
    class Drifting(OscillatorNetwork):
        def kinetic(self, p):
            return super().kinetic(p) + 0.1 * jnp.sum(p, axis=-1)

    fields = {name: getattr(NETWORK, name) for name in NETWORK.__dataclass_fields__}
    with pytest.raises(osciprop.ContractError, match=r"not even: at -p it differs by 0\.\d+"):
        passage(Drifting(**fields), X)


def test_networks_that_relax_do_not_move(toy):
    with pytest.raises(TypeError, match="network"):
        passage(toy[0], X)


def test_all_kinds_of_targets():
    rows = passage(NETWORK, X, Y).cost
    sequence = np.repeat(Y[:, None], 5, axis=1)
    np.testing.assert_array_equal(passage(NETWORK, X, sequence).cost, rows)
    signal = FunctionOfTime(lambda time: jnp.asarray(Y))
    np.testing.assert_array_equal(passage(NETWORK, X, signal).cost, rows)


def test_another_signal_of_the_same_shape_compiles_nothing():
    network = two_oscillators()
    counted = []

    class Counted(OscillatorNetwork):
        def potential(self, q, x):
            counted.append(1)
            return super().potential(q, x)

    fields = {name: getattr(network, name) for name in network.__dataclass_fields__}
    own = Counted(**fields)
    passage(own, DRIVE)
    before = len(counted)
    other = eqx.tree_at(lambda wave: wave.frequency, DRIVE, jnp.asarray(0.3))
    passage(own, other)
    assert len(counted) == before


def test_single_precision_throughout():
    with jax.enable_x64(False):
        network, x, y = some_network(key=jax.random.key(0))
        found = passage(network, x, y)
        assert found.end.q.dtype == found.cost.dtype == jnp.float32
