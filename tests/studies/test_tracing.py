"""Along which axes a function can be traced."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from osciprop.studies import Axis
from osciprop.studies.tracing import may_be_traced, row_of, traceable, type_of

AXES = {
    "a": Axis([0.1, 0.2], vectorised=True),
    "size": Axis([2, 3]),
    "period": Axis([50.0]),
    "seed": Axis([0, 1]),
    "word": Axis(["x", "y"]),
    "fixed": Axis([1.0, 2.0], vectorised=False),
}
FIXED = {name: axis.arguments[0] for name, axis in AXES.items()}


AXES_UNASKED = ("size", "period", "seed")


def draw(seed):
    return jax.random.normal(jax.random.fold_in(jax.random.key(seed), seed))


def double(step, value):
    return 2 * value


def test_axes_that_may_be():
    assert [n for n, axis in AXES.items() if may_be_traced(axis)] == ["size", "period", "seed"]
    assert not may_be_traced(Axis([True, False])) and not may_be_traced(Axis({"one": 1}))
    assert may_be_traced(Axis([2**40]))
    with jax.enable_x64(False):
        assert not may_be_traced(Axis([2**40]))
        assert type_of(Axis([1])) == np.int32


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda v: {"y": v["a"] + v["size"] + v["period"] + v["seed"]}, ("size", "period", "seed")),
        (lambda v: {"y": v["a"] * jnp.ones(v["size"]) + v["seed"]}, ("period", "seed")),
        (lambda v: {"y": v["a"] * (1 if v["period"] > 3 else 2)}, ("size", "seed")),
        (lambda v: {"y": v["a"] * np.random.default_rng(v["seed"]).normal()}, ("size", "period")),
        (lambda v: {"y": v["a"] * len(v["word"]) * float(v["fixed"])}, ("size", "period", "seed")),
        (lambda v: {"y": v["a"] * 10 ** -v["seed"] + v["size"]}, ("size", "period")),
        (lambda v: {"y": v["a"], "n": v["size"] ** 2 * v["period"]}, ("period", "seed")),
        (lambda v: {"y": draw(v["seed"]) * v["size"] * v["a"]}, ("size", "period", "seed")),
        (lambda v: {"y": jax.lax.fori_loop(0, v["size"], double, v["a"])}, ("period", "seed")),
        (lambda v: {"y": jax.jit(jnp.square)(v["size"]) * v["a"]}, ("period", "seed")),
        (lambda v: {"y": jnp.where(v["size"] > 2, v["size"], 0) * v["a"]}, AXES_UNASKED),
        (lambda v: 1 / 0, ()),
        (lambda v: {"y": "a word"}, ()),
    ],
)
def test_the_axes_that_can_be(function, expected):
    assert traceable(function, AXES, FIXED) == ("a", *expected)


def test_numbers_of_which_nothing_was_said_are_weakly_typed():
    row = row_of({"a": AXES["a"], "period": AXES["period"]})
    assert not row["a"].weak_type and row["period"].weak_type
