"""Orders of layers: what they visit, and that all end at the same equilibrium."""

import jax
import numpy as np
import pytest
from helpers import batch, relative_error, small_network

import osciprop


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (osciprop.equilibria.Forward(), [[0], [1], [2], [3]]),
        (osciprop.equilibria.Backward(), [[3], [2], [1], [0]]),
        (osciprop.equilibria.ZigZag(), [[1], [2], [3], [3], [2], [1], [0]]),
        (osciprop.equilibria.OddEven(), [[3, 1], [2, 0]]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_groups_visit_every_population(order, expected):
    assert order.groups(4) == expected
    for count in (1, 2, 5):
        visited = [place for group in order.groups(count) for place in group]
        assert set(visited) == set(range(count))


def test_a_forward_step_is_a_forward_pass():
    network = osciprop.perceptron([5, 7, 6, 3], key=jax.random.PRNGKey(0))
    x, _ = batch(5, 3, 4)
    once = osciprop.SequentialIteration(max_steps=1)
    assert bool(osciprop.relax(network, x, relaxation=once).converged.all())
    backward = osciprop.SequentialIteration(max_steps=1, order=osciprop.equilibria.Backward())
    assert not osciprop.relax(network, x, relaxation=backward, throw=False).converged.any()


@pytest.mark.parametrize(
    "order",
    [osciprop.equilibria.Backward(), osciprop.equilibria.ZigZag(), osciprop.equilibria.OddEven()],
)
def test_recurrent_networks_relax_in_any_order(order):
    network = small_network()
    x, _ = batch(5, 3, 4)
    exact = osciprop.relax(network, x).s
    relaxation = osciprop.SequentialIteration(order=order, damping=[0.9, 0.6])
    assert relative_error(osciprop.relax(network, x, relaxation=relaxation).s, exact) < 1e-8


def test_damping_must_fit_the_populations():
    network = small_network()
    x, _ = batch(5, 3, 1)
    with pytest.raises(ValueError, match="damping has 3 entries for 2 populations"):
        osciprop.relax(network, x, relaxation=osciprop.SequentialIteration([1.0, 0.5, 0.5]))
    with pytest.raises(ValueError, match="damping must be"):
        osciprop.SequentialIteration([1.0, np.nan])
