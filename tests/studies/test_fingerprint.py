"""Settings as JSON: equal for equal values, different for different ones, without addresses."""

import dataclasses
import enum
import functools
import json
import random
import subprocess
import sys
from collections import OrderedDict, namedtuple
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from study_functions import ENVIRONMENT, products

import osciprop
from osciprop.studies import Axis
from osciprop.studies.fingerprint import (
    configuration,
    describe,
    describe_axes,
    function_name,
    holdings,
    source_digest,
    source_folder,
)


@dataclasses.dataclass
class Record:
    value: Any
    other: Any = None


PAIR = np.asarray([1, 2])


class Plain:
    def __init__(self, value):
        self.value = value

    def told(self):
        return self.value


class Slotted:
    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value


class Holding(eqx.Module):
    weight: jax.Array
    function: Any = eqx.field(static=True)


class Level(enum.Enum):
    LOW, HIGH = 1, 2


Pair = namedtuple("Pair", "one two")


def scaled(factor):
    return lambda x, offset=1.0: factor * x + offset


def recursive(depth):
    def call(n):
        return call(n - 1) if n > depth else n

    return call


@pytest.mark.parametrize("value", [None, True, 3, 0.25, "word", float("inf")])
def test_plain_values_stand_as_they_are(value):
    assert describe(value) is value


# Made twice, and something else.
CASES = [
    (lambda: float("nan"), lambda: 0.0),
    (lambda: [float("nan"), 1], lambda: [float("nan"), 2]),
    (lambda: np.array([np.nan, 1.0]), lambda: np.array([np.nan, 2.0])),
    (lambda: np.array([1.0, complex("nan+1j")]), lambda: np.array([1.0, 2.0 + 0j])),
    (lambda: np.float32(0.5), lambda: np.float64(0.5)),
    (lambda: np.zeros(2), lambda: np.zeros(2, np.float32)),
    (lambda: np.zeros((2, 3)), lambda: np.zeros((3, 2))),
    (lambda: np.arange(9), lambda: np.arange(9)[::-1]),
    (lambda: np.array([1.0], ">f8"), lambda: np.array([2.0], ">f8")),
    (lambda: np.array(["a", None], object), lambda: np.array(["b", None], object)),
    (lambda: np.ma.masked_equal(PAIR, 2), lambda: np.ma.masked_equal(PAIR, 1)),
    (lambda: jnp.ones(5), lambda: jnp.zeros(5)),
    (lambda: jax.random.key(0), lambda: jax.random.key(1)),
    (lambda: {"a", "b", "c", ("d", 1)}, lambda: {"a", "b", "c", ("d", 2)}),
    (lambda: frozenset({1.0, float("nan")}), lambda: frozenset({1.0})),
    (lambda: {"a": 1, "b": np.ones(2)}, lambda: {"a": 1, "b": np.zeros(2)}),
    (lambda: OrderedDict(a=1), lambda: {"a": 1}),
    (lambda: (1, 2), lambda: [1, 2]),
    (lambda: [1, 2], lambda: [1.0, 2]),
    (lambda: Pair(1, 2), lambda: (1, 2)),
    (lambda: Record(np.ones(3), {float("nan")}), lambda: Record(np.ones(3), {1.0})),
    (lambda: Plain(np.ones(3)), lambda: Plain(np.zeros(3))),
    (lambda: Slotted(1.0), lambda: Slotted(2.0)),
    (lambda: Level.LOW, lambda: Level.HIGH),
    (lambda: np.random.default_rng(1), lambda: np.random.default_rng(2)),
    (lambda: np.random.RandomState(1), lambda: np.random.RandomState(2)),
    (lambda: np.random.Philox(1), lambda: np.random.Philox(2)),
    (lambda: random.Random(1), lambda: random.Random(2)),
    (lambda: Path("a"), lambda: Path("b")),
    (lambda: slice(1, 2), lambda: slice(1, 3)),
    (lambda: range(3), lambda: range(4)),
    (lambda: scaled(2.0), lambda: scaled(3.0)),
    (lambda: scaled(np.ones(3)), lambda: scaled(np.zeros(3))),
    (lambda: lambda x: x + 1, lambda: lambda x: x + 2),
    (lambda: lambda x: jnp.sin(x), lambda: lambda x: jnp.cos(x)),
    (lambda: lambda x=1: x, lambda: lambda x=2: x),
    (lambda: lambda *, x=1: x, lambda: lambda *, x=2: x),
    (lambda: lambda x: [y for y in (x, 1)], lambda: lambda x: [y for y in (x, 2)]),
    (lambda: recursive(1), lambda: recursive(2)),
    (lambda: functools.partial(products, seed=1), lambda: functools.partial(products, seed=2)),
    (lambda: jax.jit(scaled(2.0)), lambda: jax.jit(scaled(3.0))),
    (lambda: jax.vmap(scaled(2.0)), lambda: jax.vmap(scaled(3.0))),
    (lambda: eqx.filter_jit(scaled(2.0)), lambda: eqx.filter_jit(scaled(3.0))),
    (lambda: jnp.tanh, lambda: jnp.sin),
    (lambda: np.tanh, lambda: np.sin),
    (lambda: jax.nn.relu, lambda: jax.nn.softplus),
    (lambda: [1].append, lambda: [2].append),
    (lambda: Plain(1).told, lambda: Plain(2).told),
    (lambda: optax.adam(1e-3), lambda: optax.adam(1e-2)),
    (lambda: Holding(jnp.ones(2), scaled(2.0)), lambda: Holding(jnp.ones(2), scaled(3.0))),
    (lambda: Holding(jnp.ones(2), scaled(2.0)), lambda: Holding(jnp.zeros(2), scaled(2.0))),
    (lambda: osciprop.HolomorphicEP(0.1, 4), lambda: osciprop.HolomorphicEP(0.2, 4)),
    (lambda: osciprop.HolomorphicEP(0.1, 4), lambda: osciprop.HolomorphicEP(0.1, 6)),
]


@pytest.mark.parametrize(("make", "other"), CASES, ids=range(len(CASES)))
def test_equal_values_and_no_others_have_the_same_description(make, other):
    assert json.dumps(describe(make())) == json.dumps(describe(make()))
    assert json.dumps(describe(make())) != json.dumps(describe(other()))
    assert " 0x" not in str(describe(make()))


def test_what_holds_itself_has_a_description():
    one: list[Any] = [1]
    one.append(one)
    two: list[Any] = [1]
    two.append(two)
    assert describe(one) == describe(two) != describe([1, [1]])


def test_other_objects_count_without_their_address():
    assert describe([object()]) == describe([object()])
    assert describe(x for x in "a") == describe(x for x in "a")


def test_a_description_shows_what_it_is_of():
    assert "HolomorphicEP" in describe(osciprop.HolomorphicEP(0.1, 4))
    assert describe(np.array([1.5, 2.5])).startswith("float64[2] 1.5 2.5 #")
    assert describe(products).startswith("products(defaults=(0)) #")
    assert len(describe(list(range(1000)))) < 1100


OTHER = """
from osciprop.studies.fingerprint import describe
from study_functions import products
import numpy as np, optax
value = [{"x", "y", "z"}, {"k": {1, 2}}, products, lambda x: {x, "a", "b"}, optax.adam(0.1)]
print(describe(value), describe(np.random.default_rng(3)))
"""


@pytest.mark.slow
def test_descriptions_are_the_same_in_every_process():
    texts = {
        subprocess.run(
            [sys.executable, "-c", OTHER],
            env={**ENVIRONMENT, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1


def test_axes():
    axes = {"a": Axis([1, 2], unit="V"), "m": Axis({"one": np.ones(1), "two": 2})}
    made = describe_axes(axes)
    assert made["a"] == {"values": [1, 2], "objects": None, "unit": "V", "vectorised": None}
    assert made["m"]["values"] == ["one", "two"]
    assert made["m"]["objects"] == [describe(np.ones(1)), 2]
    assert json.loads(json.dumps(made)) == made


def test_functions_by_name_text_and_folder():
    assert function_name(products) == "study_functions:products"
    assert function_name(jax.jit(products)) == "study_functions:products"
    partial = functools.partial(products, seed=1)
    assert function_name(partial).startswith("study_functions:products [")
    assert function_name(partial) != function_name(functools.partial(products, seed=2))
    assert source_digest(partial) == source_digest(products)
    assert len(source_digest(products)) == 16 and source_digest(len) is None
    assert (source_folder(products) / "study_functions.py").exists()
    assert source_folder(len) is None


def test_the_settings_that_change_numbers_are_those_of_the_process():
    assert configuration()["jax_enable_x64"] is True
    with jax.enable_x64(False):
        assert configuration()["jax_enable_x64"] is False


def test_what_a_function_reads_beside_its_arguments():
    def closing(a, factor=2.0):
        return {"b": offset * a * factor + PAIR[0] + Plain(a).told()}

    offset = 3.5
    held = holdings(closing)
    assert set(held) == {"offset", "factor", "PAIR"} and held["offset"].startswith("3.5 #")
    assert set(holdings(Plain(1).told)) == {"self"}
    assert holdings(Plain(1).told) != holdings(Plain(2).told)
    assert holdings(functools.partial(closing, factor=1.0)) == held
    assert set(holdings(calling)) == {"reading.PAIR"} and not holdings(np.sin)
    assert set(holdings(asking)) == {"method.self"}


def reading():
    return PAIR


def calling(a):
    return {"b": reading() if a else calling(a - 1)}


def asking(a, method=Plain(3).told):
    return {"b": method()}
