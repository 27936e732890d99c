"""Loss, accuracy and convergence on data, against closed forms."""

import numpy as np
import pytest
from attack_cases import half_settled, linear
from training_cases import AUGMENTED, PICTURES, PLAIN, fit_pictures

import osciprop

WEIGHT = np.random.default_rng(0).normal(size=(5, 3))
X = np.random.default_rng(1).normal(size=(14, 5))
SCORES = X @ WEIGHT


@pytest.mark.parametrize("batch_size", [7, 500])
def test_a_linear_network(batch_size):
    """Scores `x W`, squared error."""
    labels = np.arange(14) % 3
    found = osciprop.evaluate(linear(WEIGHT), X, labels, batch_size=batch_size)
    wrong = SCORES - np.eye(3)[labels]
    assert found.loss == pytest.approx(np.mean(0.5 * np.sum(wrong**2, axis=1)))
    assert found.accuracy == np.mean(np.argmax(SCORES, axis=1) == labels)
    assert found.converged == 1.0


def test_target_rows_count_where_both_are_largest():
    rows = np.random.default_rng(2).normal(size=(14, 3))
    found = osciprop.evaluate(linear(WEIGHT), X, rows)
    assert found.loss == pytest.approx(np.mean(0.5 * np.sum((SCORES - rows) ** 2, axis=1)))
    assert found.accuracy == np.mean(np.argmax(SCORES, axis=1) == np.argmax(rows, axis=1))


def test_samples_that_did_not_settle_are_counted():
    network, x, y, once = half_settled()
    assert osciprop.evaluate(network, x, y, relaxation=once.relaxation).converged == 0.5


def test_the_test_set_is_measured_without_augmentation():
    trained, history = fit_pictures(epochs=1)
    measured = osciprop.evaluate(trained, PICTURES.x_test, PICTURES.y_test, preprocessing=AUGMENTED)
    assert measured.loss == history.epochs["test_loss"][0]
    rows = np.asarray(PLAIN.evaluate(PICTURES.x_test))
    assert osciprop.evaluate(trained, rows, PICTURES.y_test).loss == measured.loss


def test_an_empty_batch_is_refused():
    with pytest.raises(ValueError, match="batch_size must be .* got 0"):
        osciprop.evaluate(linear(WEIGHT), X, np.zeros(14, dtype=int), batch_size=0)
