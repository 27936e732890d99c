"""Optimizers as arguments: Optax's own numbers, one program for all learning rates."""

import os

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from training_cases import DIGITS, METHOD, digits_network, fit_digits

import osciprop
from osciprop.training.optimizers import as_optimizer, check_update, objective_of
from osciprop.training.step import begin, parameters, train_step

MADE = {
    "sgd": lambda rate: optax.sgd(rate, momentum=0.9),
    "adam": lambda rate: optax.adam(rate),
    "schedule": lambda rate: optax.adam(optax.exponential_decay(rate, 10, 0.9)),
    "clipped": lambda rate: optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(rate)),
    "array": lambda rate: optax.sgd(jnp.asarray(rate)),
    "lion": lambda rate: optax.lion(rate),
    "loss": lambda rate: optax.chain(optax.adam(rate), optax.contrib.reduce_on_plateau()),
}
X, Y = DIGITS.x_train[:20].astype(float), DIGITS.y_train[:20]


@pytest.mark.parametrize("name", MADE)
def test_it_does_what_the_optimizer_does(name):
    """To the last bit, for several steps."""
    tree = {"a": jnp.linspace(-1, 1, 5), "b": None, "c": jnp.ones((2, 2), dtype=jnp.float32)}
    optimizer = MADE[name](3e-3)
    ours = as_optimizer(optimizer)
    theirs = optax.with_extra_args_support(optimizer)
    with jax.numpy_dtype_promotion("standard"):
        own = other = optimizer.init(tree)
    for step in range(3):
        slope = jax.tree.map(lambda leaf, scale=step: (leaf + 0.1) * (1 + scale), tree)
        loss = jnp.asarray(1.0)
        found, own = ours.update(slope, own, tree, loss, lambda _, loss=loss: loss)
        with jax.numpy_dtype_promotion("standard"):
            expected, other = theirs.update(slope, other, tree, value=loss)
        for a, b, of in zip(*map(jax.tree.leaves, (found, expected, tree)), strict=True):
            assert a.dtype == of.dtype
            np.testing.assert_array_equal(a, np.asarray(b).astype(of.dtype))


def outlines(make):
    return [
        (as_optimizer(made).transformation, as_optimizer(made).steps)
        for made in (make(1e-3), make(1e-3), make(2e-3))
    ]


@pytest.mark.parametrize("name", ["sgd", "adam", "clipped", "lion"])
def test_another_rate_is_another_argument_of_the_same_program(name):
    (first, rate), (again, same), (other, changed) = outlines(MADE[name])
    assert first is again is other
    assert [float(step) for step in rate] == [float(step) for step in same] == [-1e-3]
    assert [float(step) for step in changed] == [-2e-3]


def test_all_else_is_another_program():
    assert as_optimizer(optax.adam(1e-3)).transformation is not (
        as_optimizer(optax.adam(1e-3, b1=0.8)).transformation
    )
    first, again, other = outlines(MADE["schedule"])
    assert first[0] is again[0] is not other[0]


@pytest.mark.slow
def test_a_study_of_learning_rates_compiles_once():
    fit_digits(optimizer=optax.sgd(0.125), epochs=1)
    compiled = train_step._cached._cache_size()
    losses = [
        fit_digits(optimizer=optax.sgd(rate), epochs=1)[1].steps["loss"][-1]
        for rate in (0.125, 0.0625, 0.25)
    ]
    assert train_step._cached._cache_size() == compiled and len(set(losses)) == 3


def test_frozen_leaves_do_not_reach_it():
    seen = []

    def look(updates, state, params):
        seen.append((updates, params))
        return updates, state

    optimizer = optax.chain(
        optax.GradientTransformation(lambda _: optax.EmptyState(), look), optax.sgd(0.1)
    )
    network = digits_network()
    metric = osciprop.networks.ClassAccuracy()
    train_step(begin(network, optimizer), X, Y, METHOD, as_optimizer(optimizer), metric)
    expected = jax.tree.structure(parameters(network))
    assert [jax.tree.structure(tree) for tree in seen[0]] == [expected] * 2
    assert parameters(network).populations[0].neuron.time_constant is None


@pytest.mark.slow
def test_a_line_search_gets_the_loss_and_descends():
    trained, history = fit_digits(
        osciprop.Implicit(), optimizer=optax.lbfgs(memory_size=4), epochs=2
    )
    assert history.epochs["train_loss"][1] < history.epochs["train_loss"][0]
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(parameters(trained)))


def test_the_rate_falls_on_a_plateau():
    plateau = optax.contrib.reduce_on_plateau(factor=0.5, patience=1, rtol=1.0, cooldown=0)
    training = osciprop.Training(
        digits_network(), DIGITS, METHOD, optax.chain(optax.sgd(1e-3), plateau)
    )
    for _ in training.updates(epochs=1):
        pass
    assert float(training.optimizer_state[-1].scale) < 1


def test_the_objective_is_differentiated_by_the_gradient_that_comes_with_it():
    objective = objective_of(lambda tree: (jnp.sum(tree**2), 3 * tree))
    value, slope = jax.value_and_grad(objective)(jnp.asarray([1.0, 2.0]))
    assert float(value) == 5 and slope.tolist() == [3.0, 6.0]


def test_what_training_cannot_give_is_refused():
    sophia = optax.contrib.sophia(1e-3)
    with pytest.raises(ValueError, match="optimizer needs more than it is given.*obj_fn"):
        fit_digits(optimizer=sophia)

    def wrong():
        raise ValueError("something else")

    with pytest.raises(ValueError, match="something else"):
        check_update(wrong, "nothing")


@pytest.mark.skipif("OSCIPROP_CHECK_ANNOTATIONS" in os.environ, reason="annotations say so first")
@pytest.mark.parametrize("optimizer", ["adam", 1e-3, optax.adam, None])
def test_what_is_no_optimizer_is_refused(optimizer):
    with pytest.raises(TypeError, match=r"optimizer is .*such as optax.adam\(1e-3\)"):
        fit_digits(optimizer=optimizer)


def test_parameters_are_what_is_trained():
    network = digits_network()
    kept = eqx.filter(network, network.trainable())
    assert jax.tree.structure(parameters(network)) == jax.tree.structure(kept)
