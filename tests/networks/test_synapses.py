"""Synapses against matrices: currents, transposes, and what a contrast keeps."""

import jax.numpy as jnp
import numpy as np
import pytest

import osciprop

RANDOM = np.random.default_rng(0)
W = RANDOM.normal(size=(4, 3))
LOWER, UPPER = (
    jnp.asarray(RANDOM.normal(size=(2, size)) + 1j * RANDOM.normal(size=(2, size)))
    for size in (4, 3)
)


def test_currents_of_both_kinds():
    (place, current), *none = osciprop.Directed(W, 0, 1).currents((LOWER, UPPER))
    assert place == 1 and not none
    np.testing.assert_allclose(current, np.asarray(LOWER) @ W)
    currents = dict(osciprop.Reciprocal(W, 0, 1).currents((LOWER, UPPER)))
    np.testing.assert_allclose(currents[1], np.asarray(LOWER) @ W)
    np.testing.assert_allclose(currents[0], np.asarray(UPPER) @ W.T)  # not conjugated


@pytest.mark.parametrize("kind", [osciprop.Directed, osciprop.Reciprocal])
def test_transposed_currents_are_those_of_the_transposed_jacobian(kind):
    synapse = kind(W, 0, 1)
    dense = np.zeros((7, 7))
    for unit in range(7):
        s = jnp.eye(7)[unit : unit + 1]
        for place, current in synapse.currents((s[:, :4], s[:, 4:])):
            dense[[slice(0, 4), slice(4, 7)][place], unit] += np.asarray(current[0])
    v = RANDOM.normal(size=(1, 7))
    found = np.zeros(7)
    parts = jnp.asarray(v[:, :4]), jnp.asarray(v[:, 4:])
    for place, current in synapse.transposed_currents(parts, parts):
        found[[slice(0, 4), slice(4, 7)][place]] += np.asarray(current[0])
    np.testing.assert_allclose(found, dense.T @ v[0])


def test_about_a_center_is_the_same():
    synapse = osciprop.Reciprocal(W, 0, 1)
    np.testing.assert_allclose(
        synapse.forward_about(LOWER.real + 1.0, LOWER), synapse.forward(LOWER)
    )


def test_an_input_of_another_width_is_named():
    with pytest.raises(ValueError, match=r"x has shape \(2, 5\).*\(batch, 4\)"):
        osciprop.Directed(W, osciprop.INPUT, 0).check("x", jnp.ones((2, 5)))
