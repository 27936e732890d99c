"""One update, against AdamW's first step by hand."""

import jax
import numpy as np
import optax
import pytest
from jaxtyping import Array
from training_cases import DIGITS, METHOD, digits_network

import osciprop
from osciprop.networks import ClassAccuracy
from osciprop.training.optimizers import as_optimizer
from osciprop.training.step import TrainingState, begin, train_step

RATE, DECAY = 1e-2, 0.5
OPTIMIZER = optax.adamw(RATE, weight_decay=DECAY)
REST = METHOD, as_optimizer(OPTIMIZER), ClassAccuracy()
X, Y = DIGITS.x_train[:20].astype(float), DIGITS.y_train[:20]


@pytest.fixture(scope="module")
def update() -> tuple[TrainingState, osciprop.Estimate, Array]:
    return train_step(begin(digits_network(), OPTIMIZER), X, Y, *REST)


def test_weights_move_as_the_optimizer_says(update):
    """The first step of Adam is the sign of the gradient, for entries well above 1e-8."""
    state, estimate, _ = update
    before, gradient = digits_network().synapses, estimate.gradient.synapses
    for old, new, slope in zip(before, state.network.synapses, gradient, strict=True):
        slope, old = np.asarray(slope.weight), np.asarray(old.weight)
        adam = slope / (np.abs(slope) + 1e-8)
        np.testing.assert_allclose(new.weight, old - RATE * (adam + DECAY * old), atol=1e-12)


def test_time_constants_are_not_trained(update):
    """Though weight decay would change them, too."""
    assert all(float(p.neuron.time_constant) == 1.0 for p in update[0].network.populations)


def test_loss_and_accuracy_are_those_before_the_update(update):
    _, estimate, measured = update
    loss, accuracy, converged, finite = measured.tolist()
    before = osciprop.evaluate(digits_network(), X, Y, relaxation=METHOD.relaxation)
    assert float(estimate.loss) == pytest.approx(before.loss)
    expected = float(estimate.loss), before.accuracy, 1.0, 1.0
    assert (loss, accuracy, converged, finite) == expected


def test_a_step_goes_on_from_its_state(update):
    again, _, _ = train_step(update[0], X, Y, *REST)
    counts = [leaf for leaf in jax.tree.leaves(again.optimizer_state) if leaf.dtype == np.int32]
    assert [int(count) for count in counts] == [2]
