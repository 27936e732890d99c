"""Several starts, and the equilibria they end in."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import batch, small_network

import osciprop
from osciprop.equilibria import Flow, basins

KEY = jax.random.key(0)


class Wells(osciprop.networks.AbstractGradientFlow):
    """Two wells per unit, at -1 and 1, tilted by the input."""

    def rest(self, x):
        return jnp.full_like(x, 0.1)

    def energy(self, u, x):
        tilt = osciprop.networks.complex_like(x, u) * u
        return jnp.sum(u**4 / 4 - u**2 / 2 - tilt, axis=-1)

    def cost(self, s, y):
        return jnp.sum((s - osciprop.networks.complex_like(y, s)) ** 2, axis=-1)

    def output(self, s):
        return s


@pytest.mark.slow
def test_the_wells_are_found_and_told_apart():
    # Two units have four wells; a strong tilt leaves the second unit one.
    x = np.asarray([[0.0, 0.0], [0.0, 2.0]])
    found = basins(Wells(), x, key=KEY, starts=40)
    assert found.count.tolist() == [4, 2]
    assert found.basin.shape == (40, 2) and (found.basin[0] == 0).all()
    np.testing.assert_allclose(found.share.sum(axis=1), 1)
    assert (found.share[0] > 0.05).all()
    states = [np.asarray(found.states(number)) for number in range(4)]
    signs = {tuple(np.sign(state[0])) for state in states}
    assert len(signs) == 4
    np.testing.assert_allclose(np.abs([state[0] for state in states]), 1, atol=1e-8)
    assert np.isnan(states[2][1]).all() and np.isfinite(states[1][1]).all()
    # Gradients are those of the basin that is named.
    y = np.zeros((2, 2))
    initial = found.states(1)
    estimate = osciprop.estimate_gradient(Wells(), x, y, osciprop.Implicit(), initial=initial)
    np.testing.assert_allclose(estimate.equilibrium.u, states[1], atol=1e-8)


def test_one_equilibrium_is_one_basin():
    x, _ = batch(5, 3, 2)
    found = basins(small_network(), x, key=KEY, starts=5)
    assert found.count.tolist() == [1, 1]
    assert str(found) == "Basins: 10 of 10 starts converged; 1 equilibrium per sample"


@pytest.mark.slow
def test_what_did_not_converge_is_in_none():
    found = basins(Wells(), np.zeros((1, 2)), key=KEY, starts=3, relaxation=Flow(max_time=0.1))
    assert (found.basin == -1).all() and found.count.tolist() == [0]
    assert "0 of 3" in str(found)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"starts": 0}, "starts"),
        ({"spread": -1.0}, "spread"),
        ({"distance": 0.0}, "distance"),
        ({"key": 3}, "key"),
    ],
)
def test_wrong_arguments_are_named(change, named):
    with pytest.raises((ValueError, TypeError), match=named):
        basins(Wells(), np.zeros((1, 2)), **({"key": KEY} | change))
