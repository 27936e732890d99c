"""Loss, accuracy and convergence on data, against closed forms."""

import numpy as np
import pytest
from attack_cases import half_settled, linear
from sklearn.metrics import r2_score
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


@pytest.mark.parametrize("batch_size", [4, 500])
def test_numbers_are_told_by_their_squared_error(batch_size):
    rows = SCORES + np.random.default_rng(2).normal(size=(14, 3))
    found = osciprop.evaluate(linear(WEIGHT), X, rows, batch_size=batch_size)
    assert found.loss == pytest.approx(np.mean(0.5 * np.sum((SCORES - rows) ** 2, axis=1)))
    assert found.mean_squared_error == pytest.approx(np.mean((SCORES - rows) ** 2))
    assert found.r_squared == pytest.approx(r2_score(rows, SCORES))
    with pytest.raises(ValueError, match="no accuracy, but mean_squared_error and r_squared"):
        found.accuracy  # noqa: B018


def test_rows_that_mark_a_class_are_classes():
    rows = np.eye(3)[np.arange(14) % 3]
    found = osciprop.evaluate(linear(WEIGHT), X, rows)
    assert found.accuracy == np.mean(np.argmax(SCORES, axis=1) == np.arange(14) % 3)


def test_a_single_output_is_compared_with_its_threshold():
    y = np.arange(14) % 2
    found = osciprop.evaluate(linear(WEIGHT[:, :1]), X, y)
    assert found.accuracy == np.mean((SCORES[:, 0] > 0.5) == y)
    assert found.loss == pytest.approx(np.mean(0.5 * (SCORES[:, 0] - y) ** 2))


def test_data_come_in_any_form():
    labels = np.arange(14) % 3
    network, expected = linear(WEIGHT), osciprop.evaluate(linear(WEIGHT), X, labels)
    pairs = [(X[:5], labels[:5]), (X[5:], labels[5:])]
    dataset = osciprop.datasets.Dataset("random", X[:2], labels[:2], X, labels, num_classes=3)
    for data in ((X, labels), dataset, pairs, iter(pairs), (X.tolist(), labels.tolist())):
        found = osciprop.evaluate(network, data)
        assert found.loss == pytest.approx(expected.loss) and found.scores == expected.scores
    without = osciprop.datasets.Dataset("random", X, labels)
    with pytest.raises(ValueError, match="has no test samples"):
        osciprop.evaluate(network, without)
    with pytest.raises(ValueError, match="x holds no samples"):
        osciprop.evaluate(network, [])
    with pytest.raises(ValueError, match="at least one sample"):
        osciprop.evaluate(network, X[:0], labels[:0])


def test_samples_that_did_not_settle_are_counted():
    network, x, y, once = half_settled()
    assert osciprop.evaluate(network, x, y, relaxation=once.relaxation).converged == 0.5


@pytest.mark.slow
def test_the_test_set_is_measured_without_augmentation():
    trained, history = fit_pictures(epochs=1)
    measured = osciprop.evaluate(trained, PICTURES.x_test, PICTURES.y_test, preprocessing=AUGMENTED)
    assert measured.loss == history.epochs["test_loss"][0]
    rows = np.asarray(PLAIN.evaluate(PICTURES.x_test))
    assert osciprop.evaluate(trained, rows, PICTURES.y_test).loss == measured.loss


def test_an_empty_batch_is_refused():
    with pytest.raises(ValueError, match="batch_size must be .* got 0"):
        osciprop.evaluate(linear(WEIGHT), X, np.zeros(14, dtype=int), batch_size=0)


def test_what_has_no_number_is_told_as_such():
    """Activity that grew beyond all numbers is a fact of an evaluation, not an error of its own."""
    found = osciprop.training.Evaluation(float("nan"), {"accuracy": 0.1}, 0.0)
    assert np.isnan(found.loss) and found.accuracy == 0.1
