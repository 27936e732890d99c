"""How synapses move: continuously by their gradient, or by Optax after some periods."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest

import osciprop

PARAMETERS = {"w": jnp.asarray([1.0, 2.0])}
GRADIENT = {"w": jnp.asarray([0.5, -1.0])}


def test_continuous_synapses_move_against_their_gradient():
    rule = osciprop.ContinuousPlasticity(100.0)
    np.testing.assert_allclose(rule.velocity(GRADIENT)["w"], [-0.005, 0.01])
    assert rule.moves() and rule.begin(PARAMETERS) is None


def test_periodic_synapses_stand_still_in_between():
    rule = osciprop.PeriodicPlasticity(optax.sgd(0.1))
    assert not rule.moves()
    np.testing.assert_array_equal(rule.velocity(GRADIENT)["w"], [0.0, 0.0])


@pytest.mark.parametrize(
    "make",
    [
        lambda: osciprop.ContinuousPlasticity(0.0),
        lambda: osciprop.PeriodicPlasticity(optax.sgd(0.1), every=0),
    ],
    ids=["time_constant", "every"],
)
def test_bad_numbers_are_named(make):
    with pytest.raises(ValueError, match="time_constant|every"):
        make()


def test_an_optimizer_that_needs_the_loss_is_refused():
    plateau = optax.chain(optax.sgd(0.1), optax.contrib.reduce_on_plateau())
    with pytest.raises(
        ValueError,
        match="more than it is given here, which is the gradient and the parameters: .*value",
    ):
        osciprop.PeriodicPlasticity(plateau).begin(PARAMETERS)
