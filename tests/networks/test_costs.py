"""Costs against NumPy; what is refused."""

import jax.numpy as jnp
import numpy as np
import pytest

import osciprop
from osciprop.networks import costs

RANDOM = np.random.default_rng(0)
S = RANDOM.normal(size=(4, 3))
LABELS = np.asarray([0, 2, 1, 2])
ROWS = np.eye(3)[LABELS]


def cross_entropy(logits: np.ndarray) -> np.ndarray:
    log = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return -(ROWS * log).sum(axis=1)


@pytest.mark.parametrize("target", [LABELS, ROWS], ids=["labels", "rows"])
def test_values(target):
    s, y = jnp.asarray(S), jnp.asarray(target)
    np.testing.assert_allclose(osciprop.SquaredError()(s, y), 0.5 * ((S - ROWS) ** 2).sum(axis=1))
    np.testing.assert_allclose(osciprop.CrossEntropy()(s, y), cross_entropy(S))
    weight, bias = RANDOM.normal(size=(3, 3)), RANDOM.normal(size=3)
    readout = osciprop.SoftmaxCrossEntropy(weight, bias)
    np.testing.assert_allclose(readout(s, y), cross_entropy(S @ weight + bias))
    np.testing.assert_allclose(readout.output(s), S @ weight + bias)


def test_large_scores_do_not_overflow():
    s = jnp.asarray([[1e4, -1e4, 0.0]])
    assert float(osciprop.CrossEntropy()(s, jnp.asarray([0]))[0]) == 0.0
    assert float(osciprop.CrossEntropy()(s, jnp.asarray([2]))[0]) == 1e4


@pytest.mark.parametrize("target", [np.asarray([1, 0, 1, 1]), np.asarray([[1], [0], [1], [1.0]])])
def test_a_single_output_tells_two_classes_apart(target):
    """As a logit of class 1, against logistic regression's cost; as a number, against 0 and 1."""
    s, y = jnp.asarray(S[:, :1]), jnp.asarray(target)
    one = np.ravel(target) == 1
    expected = np.log1p(np.exp(S[:, 0])) - S[:, 0] * one
    np.testing.assert_allclose(osciprop.CrossEntropy()(s, y), expected)
    readout = osciprop.SoftmaxCrossEntropy(np.asarray([[2.0]]), np.asarray([1.0]))
    logits = 2 * S[:, 0] + 1
    np.testing.assert_allclose(readout(s, y), np.log1p(np.exp(logits)) - logits * one)
    np.testing.assert_allclose(osciprop.SquaredError()(s, y), 0.5 * (S[:, 0] - one) ** 2)
    assert float(osciprop.CrossEntropy().metric(target, 1).threshold) == 0.0
    assert float(osciprop.SquaredError().metric(target, 1).threshold) == 0.5


def test_rows_of_a_cross_entropy_are_classes():
    rows = np.asarray([[0.9, 0.1], [0.2, 0.8]])
    assert type(osciprop.CrossEntropy().metric(rows, 2)) is osciprop.networks.ClassAccuracy
    assert type(osciprop.SquaredError().metric(rows, 2)) is osciprop.networks.RegressionError


@pytest.mark.parametrize(
    ("y", "outputs", "expected"),
    [
        ([0, 2], 3, [0, 2]),
        (np.asarray([[0], [2]]), 3, [0, 2]),
        (np.asarray([True, False]), 1, [1, 0]),
        (np.asarray([0.5, 2.0]), 1, [[0.5], [2.0]]),
        (np.eye(2, dtype=int), 2, [[1.0, 0.0], [0.0, 1.0]]),
        (np.eye(2, dtype=bool), 2, [[1.0, 0.0], [0.0, 1.0]]),
        (np.asarray([1, 0], dtype=object), 2, [1, 0]),
        (np.asarray([1, 0], dtype=">i8"), 2, [1, 0]),
    ],
)
def test_targets_are_taken_for_what_they_are(y, outputs, expected):
    assert costs.check_targets(np.asarray(y), 2, outputs).tolist() == expected


@pytest.mark.parametrize(
    ("y", "outputs", "message"),
    [
        ([0, 3], 3, "y holds labels from 0 to 3, but the network has 3 outputs"),
        ([0, 2**32], 3, "y holds labels from 0 to 4294967296"),
        ([0, 2], 1, "labels must lie in 0 ... 1; give numbers to be reached as floating"),
        ([0.0, 2.0], 3, r"shape \(2,\) and type float64.*y.astype\(int\)"),
        ([0.0, np.nan], 1, "y holds 1 NaN"),
        ([0, 1, 1], 3, "x holds 2 samples"),
        ([1j, 1], 1, "y is complex"),
        (["a", "b"], 2, "y holds <U1, words"),
        (np.zeros((2, 2, 2), dtype=int), 2, "integer targets are labels"),
    ],
)
def test_targets_that_do_not_fit_are_refused(y, outputs, message):
    with pytest.raises(ValueError, match=message):
        costs.check_targets(np.asarray(y), 2, outputs)


def test_the_bias_of_a_readout_is_zero_where_none_is_given():
    readout = osciprop.SoftmaxCrossEntropy(np.ones((3, 2), dtype=np.float32))
    assert readout.bias.tolist() == [0.0, 0.0] and readout.bias.dtype == np.float32
