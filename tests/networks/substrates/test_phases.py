"""Costs on the circle."""

import jax.numpy as jnp
import numpy as np
import pytest

from osciprop.networks import (
    BinaryAccuracy,
    ClassAccuracy,
    MeanPhaseError,
    PhaseClasses,
    PhaseError,
)

PHASES = jnp.asarray([[0.3, -2.0], [1.0, 4.0]])


def test_phases_are_compared_round_the_circle():
    targets = jnp.asarray([[0.3 + 2 * np.pi, -2.0 - np.pi], [1.0, 4.0]])
    np.testing.assert_allclose(PhaseError()(PHASES, targets), [2.0, 0.0], atol=1e-12)


def test_labels_are_phases_of_0_and_pi():
    found = PhaseClasses()(PHASES, jnp.asarray([1, 0]))
    wanted = PhaseError()(PHASES, jnp.asarray([[np.pi, 0.0], [0.0, np.pi]]))
    np.testing.assert_allclose(found, wanted, atol=1e-12)


def test_labels_are_no_phases():
    with pytest.raises(ValueError, match="PhaseClasses"):
        PhaseError()(PHASES, jnp.asarray([1, 0]))


def test_what_training_tells():
    labels = np.asarray([0, 1])
    assert isinstance(PhaseClasses().metric(labels, 2), ClassAccuracy)
    assert isinstance(PhaseClasses().metric(labels, 1), BinaryAccuracy)
    metric = PhaseError().metric(np.zeros((2, 2)), 2)
    assert isinstance(metric, MeanPhaseError)
    outputs, targets = np.zeros((2, 2)), np.asarray([[0.0, np.pi], [0.0, 0.0]])
    assert metric.scores(metric.sums(outputs, targets)) == {"phase_error": 0.5}
    assert float(metric.batch(jnp.asarray(outputs), jnp.asarray(targets))) == 0.5
