"""Comparisons of gradients: closed forms."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import osciprop
from osciprop.analysis import (
    alignment,
    angle,
    cosine,
    cosine_by_layer,
    cosine_distance,
    norm_ratio,
    relative_error,
)

FAST = osciprop.SequentialIteration()


def pair(*values: float) -> dict[str, jax.Array]:
    """A gradient of two arrays that together hold some numbers."""
    array = jnp.asarray(values)
    return {"first": array[:1], "second": array[1:].reshape(1, -1)}


def test_closed_forms():
    a, b = pair(3.0, 4.0, 0.0), pair(3.0, 0.0, 0.0)
    assert cosine(a, b) == pytest.approx(0.6, abs=1e-15)
    assert cosine_distance(a, b) == pytest.approx(0.4, abs=1e-15)
    assert angle(a, b) == pytest.approx(math.degrees(math.acos(0.6)), abs=1e-13)
    assert relative_error(a, b) == pytest.approx(4 / 3, abs=1e-15)
    assert norm_ratio(a, b) == pytest.approx(5 / 3, abs=1e-15)
    assert cosine(a, pair(-3.0, -4.0, 0.0)) == pytest.approx(-1.0, abs=1e-15)
    assert angle(a, pair(-3.0, -4.0, 0.0)) == pytest.approx(180.0, abs=1e-13)
    assert angle(pair(1.0, 0.0), pair(0.0, 2.0)) == pytest.approx(90.0, abs=1e-13)


@pytest.mark.parametrize("small", [1e-3, 1e-7, 1e-10, 1e-100])
def test_distance_keeps_digits_near_one(small: float):
    a, b = pair(1.0, 0.0), pair(1.0, small)
    assert cosine_distance(a, b) == pytest.approx(small**2 / 2, rel=2 * small**2 + 1e-12, abs=0)
    assert angle(a, b) == pytest.approx(math.degrees(small), rel=small**2 + 1e-12, abs=0)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_scale_does_not_matter(scale: float):
    rng = np.random.default_rng(1)
    a, b = pair(*rng.normal(size=7)), pair(*rng.normal(size=7))
    scaled = jax.tree.map(lambda leaf: (leaf * scale).astype(jnp.float32), a)
    assert cosine(scaled, b) == pytest.approx(cosine(a, b), abs=1e-7)
    # Inside jit in float32, where the squares over- or underflow.
    halved = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), b)
    assert float(jax.jit(cosine)(scaled, halved)) == pytest.approx(cosine(a, b), abs=1e-6)


def test_single_precision_gradients_are_compared_in_double():
    a, b = pair(1.0, 0.0), pair(1.0, 1e-6)
    single = [jax.tree.map(lambda leaf: leaf.astype(jnp.float32), tree) for tree in (a, b)]
    assert cosine_distance(*single) == pytest.approx(5e-13, rel=1e-6)


@pytest.mark.parametrize("measure", [cosine, cosine_distance, angle, relative_error, norm_ratio])
def test_jit_gives_the_same(measure: Callable[..., Any]):
    rng = np.random.default_rng(2)
    a, b = pair(*rng.normal(size=9)), pair(*rng.normal(size=9))
    assert isinstance(measure(a, b), float)
    assert float(jax.jit(measure)(a, b)) == pytest.approx(measure(a, b), rel=1e-13)


def test_zero_and_non_finite_gradients_have_no_angle():
    a, zero = pair(1.0, 2.0), pair(0.0, 0.0)
    for measure in (cosine, cosine_distance, angle):
        assert math.isnan(measure(a, zero)) and math.isnan(measure(zero, zero))
        assert math.isnan(measure(a, pair(1.0, math.nan)))
    assert math.isnan(relative_error(a, zero))
    assert relative_error(zero, a) == pytest.approx(1.0, abs=1e-15)
    assert math.isnan(norm_ratio(a, zero)) and math.isnan(norm_ratio(zero, zero))
    assert norm_ratio(zero, a) == 0.0 and math.isnan(norm_ratio(pair(1.0, math.nan), a))


def test_size_of_what_has_diverged_does_not_overflow():
    assert norm_ratio(pair(3e200, 4e200), pair(1.0, 0.0)) == pytest.approx(5e200)


# The published gradients of the toy network: names there, and places in osciprop's.
GRADIENTS = {
    "w1": (lambda tree: tree.synapses[0].weight, "synapses[0].weight"),
    "w2": (lambda tree: tree.synapses[1].weight, "synapses[1].weight"),
    "w3": (lambda tree: tree.readout.weight, "readout.weight"),
    "b1": (lambda tree: tree.populations[0].bias, "populations[0].bias"),
    "b2": (lambda tree: tree.populations[1].bias, "populations[1].bias"),
    "b3": (lambda tree: tree.readout.bias, "readout.bias"),
}


def test_by_layer_names_arrays_and_leaves_out_constants(toy):
    network, x, y = toy
    with np.load(Path(__file__).parents[1] / "data" / "hep2022_toy.npz") as file:
        arrays = {name: jnp.asarray(file[f"grad_{name}"], dtype=float) for name in GRADIENTS}
    true = eqx.tree_at(
        lambda tree: [get(tree) for get, _ in GRADIENTS.values()],
        jax.tree.map(jnp.zeros_like, eqx.filter(network, eqx.is_inexact_array)),
        list(arrays.values()),
    )
    classic = osciprop.estimate_gradient(network, x, y, osciprop.ClassicEP(0.1, FAST)).gradient
    layers = cosine_by_layer(classic, true)
    assert set(layers) == {place for _, place in GRADIENTS.values()}
    for name, (get, place) in GRADIENTS.items():
        p, q = np.ravel(get(classic)), np.ravel(arrays[name])
        expected = p @ q / np.linalg.norm(p) / np.linalg.norm(q)
        assert layers[place] == pytest.approx(expected, abs=1e-14)
    # The published cosine of one-sided EP at this amplitude (hep2022, section A.3).
    assert cosine(classic, true) == pytest.approx(0.997277, abs=1e-6)


def test_by_layer_marks_a_one_sided_zero():
    layers = cosine_by_layer(pair(0.0, 1.0), pair(1.0, 1.0))
    assert layers["['second']"] == 1.0 and math.isnan(layers["['first']"])


def test_whole_networks_count_as_their_parameters(toy):
    network, _, _ = toy
    parameters = eqx.filter(network, eqx.is_inexact_array)
    assert cosine_distance(network, parameters) == 0.0


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (pair(1.0, 2.0), {"first": jnp.ones(1)}, "structure"),
        (pair(1.0, 2.0), pair(1.0, 2.0, 3.0), "structure"),
        ({}, {}, "empty"),
        ({"a": jnp.ones(2, complex)}, {"a": jnp.ones(2, complex)}, "complex"),
    ],
)
def test_misfits_are_refused(a: dict[str, jax.Array], b: dict[str, jax.Array], message: str):
    for measure in (cosine_distance, angle, relative_error, norm_ratio, cosine_by_layer):
        with pytest.raises(ValueError, match=message):
            measure(a, b)


def test_by_layer_refuses_jit():
    with pytest.raises(ValueError, match="jit"):
        jax.jit(cosine_by_layer)(pair(1.0, 2.0), pair(1.0, 2.0))


def test_alignment_is_the_mean_cosine():
    a = (np.asarray([[1.0, 0.0], [1.0, 1.0]]), np.asarray([[0.0], [2.0]]))
    b = (np.asarray([[1.0, 1.0], [1.0, 1.0]]), np.asarray([[3.0], [-1.0]]))
    found = alignment(a, b)
    assert found.by_population == pytest.approx(((0.5**0.5 + 1) / 2, -1.0))
    assert found.overall == pytest.approx((1 / 11**0.5 + 0) / 2)
    with pytest.raises(ValueError, match="arrays of shapes"):
        alignment(a, b[:1])
