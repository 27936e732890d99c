"""Metrics against NumPy and scikit-learn, whatever the batches."""

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import mean_squared_error, r2_score

from osciprop.networks import BinaryAccuracy, ClassAccuracy, RegressionError, metric_for

RANDOM = np.random.default_rng(0)
SCORES = RANDOM.normal(size=(40, 3))
LABELS = RANDOM.integers(0, 3, 40)


def of_parts(metric, outputs, y):
    """Of batches of unequal sizes."""
    parts = [metric.sums(outputs[part], y[part]) for part in (slice(0, 7), slice(7, None))]
    return metric.scores(sum(parts))


def test_classes_are_right_where_the_largest_score_is_the_targets():
    expected = np.mean(SCORES.argmax(axis=1) == LABELS)
    for y in (LABELS, np.eye(3)[LABELS]):
        assert float(ClassAccuracy().batch(jnp.asarray(SCORES), jnp.asarray(y))) == expected
        assert of_parts(ClassAccuracy(), SCORES, y) == {"accuracy": expected}


@pytest.mark.parametrize("threshold", [0.0, 0.5])
def test_a_single_output_says_which_of_two(threshold):
    metric, outputs, y = BinaryAccuracy(threshold), SCORES[:, :1], (LABELS > 0).astype(int)
    expected = np.mean((outputs[:, 0] > threshold) == y)
    for targets in (y, y[:, None].astype(float)):
        found = float(metric.batch(jnp.asarray(outputs), jnp.asarray(targets)))
        assert found == pytest.approx(expected)
        assert of_parts(metric, outputs, targets) == {"accuracy": expected}


@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_numbers_are_told_by_squared_error_and_r_squared(shift):
    y = SCORES + RANDOM.normal(size=SCORES.shape) + shift
    outputs = SCORES + shift
    found = of_parts(metric_for(y, 3), outputs, y)
    assert found["mean_squared_error"] == pytest.approx(mean_squared_error(y, outputs), rel=1e-6)
    assert found["r_squared"] == pytest.approx(r2_score(y, outputs), rel=1e-6)
    batch = RegressionError().batch(jnp.asarray(outputs), jnp.asarray(y))
    assert float(batch) == pytest.approx(mean_squared_error(y, outputs), rel=1e-6)


@pytest.mark.parametrize(("outputs", "expected"), [(2.0, 1.0), (3.0, 0.0)])
def test_targets_that_are_all_equal(outputs, expected):
    y = np.full((4, 1), 2.0)
    found = of_parts(RegressionError(), np.full((4, 1), outputs), y)
    assert found["r_squared"] == expected == r2_score(y, np.full((4, 1), outputs))


@pytest.mark.parametrize(
    ("y", "outputs", "metric"),
    [
        (LABELS, 3, ClassAccuracy),
        (np.eye(3)[LABELS], 3, ClassAccuracy),
        (LABELS % 2, 1, BinaryAccuracy),
        ((LABELS % 2)[:, None].astype(float), 1, BinaryAccuracy),
        (SCORES, 3, RegressionError),
        (SCORES[:, :1], 1, RegressionError),
        (np.ones((4, 3)), 3, RegressionError),
    ],
)
def test_the_targets_decide(y, outputs, metric):
    assert type(metric_for(y, outputs)) is metric


@pytest.mark.parametrize("value", [0.3, 0.1, -1e6 / 3, 1e-12 / 3, 0.0])
def test_equal_targets_have_nothing_to_explain(value):
    y = np.full((20, 1), value)
    metric = metric_for(np.where(y == 0, 0.5, y), 1)
    assert metric.scores(metric.sums(y + 1, y))["r_squared"] == 0
    assert metric.scores(metric.sums(y, y))["r_squared"] == 1
