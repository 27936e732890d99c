"""Attacks against closed forms."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from attack_cases import DATA, KEY, OPEN, asymmetric, costs, feedforward, half_settled, linear

import osciprop


@pytest.mark.parametrize("radius", [0.01, 0.3])
def test_fgsm_on_a_linear_network_has_the_cost_of_the_closed_form(radius):
    rng = np.random.default_rng(0)
    weight, (x, _) = rng.normal(size=(5, 2)), DATA
    targets = rng.normal(size=(4, 2))
    network, attack = linear(weight), osciprop.training.FastGradientSign(radius, **OPEN)
    gradient = (x @ weight - targets) @ weight.T
    sent = np.sign(gradient) @ weight
    expected = (
        costs(network, x, targets)
        + radius * np.sum(np.abs(gradient), axis=1)
        + 0.5 * radius**2 * np.sum(sent**2, axis=1)
    )
    moved = attack.perturb(network, x, targets)
    np.testing.assert_allclose(moved, x + radius * np.sign(gradient), atol=1e-14)
    np.testing.assert_allclose(costs(network, moved, targets), expected, rtol=1e-10)


def test_both_attacks_find_the_worst_case_where_it_is_known():
    """A linear network of which one output counts: `(|e| + radius |w|_1)^2 / 2`."""
    w, (x, _) = np.random.default_rng(1).normal(size=5), DATA
    network, targets = linear(np.stack([w, 0 * w], axis=1)), np.zeros((4, 2))
    worst = 0.5 * (np.abs(x @ w) + 0.2 * np.sum(np.abs(w))) ** 2
    for attack in (
        osciprop.training.FastGradientSign(0.2, **OPEN),
        osciprop.training.ProjectedGradient(0.2, 0.05, 5, **OPEN),
    ):
        moved = attack.perturb(network, x, targets)
        np.testing.assert_allclose(costs(network, moved, targets), worst, rtol=1e-9)
    # Too few steps to reach the corner of the ball.
    short = osciprop.training.ProjectedGradient(0.2, 0.05, 3, **OPEN).perturb(network, x, targets)
    np.testing.assert_allclose(np.abs(short - x), 0.15, rtol=1e-9)


@pytest.mark.slow
def test_projected_ascent_is_repeated_fgsm_and_does_better_than_one_step():
    network, (x, y) = asymmetric(), DATA
    radius, step = 1.0, 0.3
    by_hand = x
    for _ in range(5):
        by_hand = osciprop.training.FastGradientSign(step, **OPEN).perturb(network, by_hand, y)
        by_hand = np.clip(by_hand, x - radius, x + radius)
    found = osciprop.training.ProjectedGradient(radius, step, 5, **OPEN).perturb(network, x, y)
    np.testing.assert_allclose(found, by_hand, atol=1e-12)
    once = osciprop.training.FastGradientSign(radius, **OPEN).perturb(network, x, y)
    clean, single, several = (costs(network, inputs, y) for inputs in (x, once, found))
    assert np.all(several > clean) and np.all(several > single)


@pytest.mark.slow
@pytest.mark.parametrize("key", [None, KEY])
@pytest.mark.parametrize(
    "attack",
    [
        osciprop.training.FastGradientSign(0.3),
        osciprop.training.ProjectedGradient(0.3, step=0.2, steps=3),
    ],
    ids=["FGSM", "PGD"],
)
def test_results_stay_in_the_ball_and_in_the_range(attack, key):
    x, y = np.random.default_rng(0).choice([0, 0.1, 0.5, 0.9, 1], size=(4, 5)), DATA[1]
    moved = np.asarray(attack.perturb(asymmetric(), x, y, key=key))
    assert np.max(np.abs(moved - x)) <= 0.3 + 1e-12
    assert moved.min() == 0.0 and moved.max() == 1.0


@pytest.mark.slow
def test_a_key_starts_projected_ascent_at_a_random_point():
    x, y = DATA
    attack = osciprop.training.ProjectedGradient(0.3, 1e-9, 1, **OPEN)
    starts = [
        np.asarray(attack.perturb(feedforward(), x, y, key=jax.random.key(seed))) - x
        for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(starts[0], starts[1])
    assert 0.2 < np.max(np.abs(starts[0])) <= 0.3 + 1e-8
    assert np.max(np.abs(starts[0] - starts[2])) > 0.1
    still = np.asarray(attack.perturb(feedforward(), x, y)) - x
    assert np.max(np.abs(still)) < 1e-8


@pytest.mark.slow
def test_no_radius_no_change():
    x = np.random.default_rng(0).uniform(size=(4, 5))
    for attack in (
        osciprop.training.FastGradientSign(0.0),
        osciprop.training.ProjectedGradient(0.0, 0.2, 2),
    ):
        np.testing.assert_array_equal(attack.perturb(feedforward(), x, DATA[1], key=KEY), x)


@pytest.mark.slow
def test_one_trace_serves_every_radius():
    x, y = DATA

    @eqx.filter_jit
    @eqx.debug.assert_max_traces(max_traces=1)
    def attacked(attack):
        return attack.perturb(feedforward(), x, y)

    for radius in (0.1, 0.2):
        attack = osciprop.training.ProjectedGradient(radius, radius, 2, **OPEN)
        outside = attack.perturb(feedforward(), x, y)
        np.testing.assert_allclose(attacked(attack), outside, atol=1e-12)


@pytest.mark.slow
def test_attacks_keep_single_precision():
    network = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), feedforward())
    x, y = DATA
    moved = osciprop.training.FastGradientSign(0.1, **OPEN).perturb(network, x, y)
    assert moved.dtype == jnp.float32
    np.testing.assert_allclose(np.abs(np.asarray(moved) - x), 0.1, rtol=1e-4)


@pytest.mark.slow
def test_attacks_tell_of_gradients_that_were_not_found():
    network, x, y, once = half_settled()
    attack = osciprop.training.ProjectedGradient(0.1, 0.1, 1, **OPEN, method=once)
    with pytest.raises(osciprop.ConvergenceError, match="for 1 of 2 samples: 1. Remedies"):
        attack.perturb(network, x, y)
    inside = jax.jit(lambda inputs: attack.perturb(network, inputs, y))(x)
    np.testing.assert_allclose(np.abs(inside[0]), 0.1, rtol=1e-9)
    assert np.all(np.isnan(inside[1]))
    reached = np.asarray(attack.perturb(network, x, y, throw=False))
    np.testing.assert_allclose(reached[0], inside[0])
    np.testing.assert_array_equal(reached[1], x[1])
    # Accuracy under such an attack raises too, or takes it as it is.
    with pytest.raises(osciprop.ConvergenceError, match="gradient by the input"):
        osciprop.training.adversarial_accuracy(network, x, y, attack)
    assert 0 <= osciprop.training.adversarial_accuracy(network, x, y, attack, throw=False) <= 1


def test_bad_settings_are_named():
    for make in (
        osciprop.training.FastGradientSign,
        lambda radius: osciprop.training.ProjectedGradient(radius, 0.1, 1),
    ):
        with pytest.raises(ValueError, match="radius must be .* got -0.1"):
            make(-0.1)
    with pytest.raises(ValueError, match="low is 1.0 and high is 0.0"):
        osciprop.training.FastGradientSign(0.1, 1.0, 0.0)
    with pytest.raises(ValueError, match="low is nan"):
        osciprop.training.ProjectedGradient(0.1, 0.1, 1, np.nan, 0.0)
    with pytest.raises(ValueError, match="step must be .* got 0"):
        osciprop.training.ProjectedGradient(0.1, 0, 1)
    with pytest.raises(ValueError, match="steps must be .* got 0"):
        osciprop.training.ProjectedGradient(0.1, 0.1, 0)
    with pytest.raises(ValueError, match="step must be .* got -1"):
        osciprop.AdversarialTraining(osciprop.Implicit(), -1)
    with pytest.raises(ValueError, match="x holds values from .* outside of low=0 to high=1"):
        osciprop.training.FastGradientSign(0.1).perturb(feedforward(), *DATA)
    with pytest.raises(ValueError, match="batch_size must be .* got 0"):
        osciprop.training.adversarial_accuracy(
            feedforward(), *DATA, osciprop.training.FastGradientSign(0.1), batch_size=0
        )


@pytest.mark.slow
def test_accuracy_under_attack_of_a_linear_classifier():
    """Scores `x w` and `-x w`: an attack moves `x w` by up to `radius |w|_1`, towards the other
    class where `|x w| < 1/2`; beyond, the squared error pushes the other way."""
    rng = np.random.default_rng(0)
    w = rng.normal(size=5) / 5
    x = rng.normal(size=(39, 5))
    margin = np.abs(x @ w)
    y = np.where(x @ w > 0, 0, 1)
    y[:4] = 1 - y[:4]  # wrong from the start
    network = linear(np.stack([w, -w], axis=1))
    for radius in (0.0, 0.1):
        shift = radius * np.sum(np.abs(w))
        right = (margin > shift) | (margin > 0.5)
        right[:4] = False
        attack = osciprop.training.FastGradientSign(radius, **OPEN)
        found = osciprop.training.adversarial_accuracy(network, x, y, attack, batch_size=4)
        assert found == pytest.approx(np.mean(right))
    assert 0.1 < np.mean(right) < 0.85 < 35 / 39
