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


def test_hits_are_where_the_largest_score_is_the_targets():
    scores = jnp.asarray(S)
    expected = (S.argmax(axis=1) == LABELS).tolist()
    assert costs.hits(scores, jnp.asarray(LABELS)).tolist() == expected
    assert costs.hits(scores, jnp.asarray(ROWS)).tolist() == expected


def test_the_bias_of_a_readout_is_zero_where_none_is_given():
    readout = osciprop.SoftmaxCrossEntropy(np.ones((3, 2), dtype=np.float32))
    assert readout.bias.tolist() == [0.0, 0.0] and readout.bias.dtype == np.float32
