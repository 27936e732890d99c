"""Values whose descriptions two processes compare."""

import collections
import dataclasses
import datetime
import enum
import functools
import operator
import re
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

import osciprop

RATE = 0.1
TABLE = {"rates": [0.1, 0.2]}


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Level(enum.IntEnum):
    LOW = 1


@dataclasses.dataclass
class Pair:
    one: Any
    other: Any = None


class Plain:
    """An object that says nothing of itself when it is printed."""

    def __init__(self, value: Any):
        self.value = value


class Slotted:
    __slots__ = ("value",)

    def __init__(self, value: Any):
        self.value = value


class Unit(eqx.Module):
    weight: jax.Array
    function: Any = eqx.field(static=True)
    scale: float = 1.0


def schedule(step: Any) -> Any:
    return RATE * helper(step)


def helper(step: Any) -> Any:
    return TABLE["rates"][0] * step


def even(number: int) -> bool:
    return number == 0 or odd(number - 1)


def odd(number: int) -> bool:
    return number != 0 and even(number - 1)


def scaling(factor: float) -> Any:
    return lambda step, offset=0: [factor * value for value in (step, offset)]


def derived(slope: float) -> Any:
    @jax.custom_jvp
    def function(x: Any) -> Any:
        return x

    function.defjvp(lambda primals, tangents: (primals[0], slope * tangents[0]))
    return function


def recursive(depth: int) -> Any:
    def down(count: int) -> int:
        return depth if count == 0 else down(count - 1)

    return down


def looping() -> list[Any]:
    itself: list[Any] = [1]
    itself.append(itself)
    return itself


def advanced(draws: int) -> np.random.Generator:
    generator = np.random.default_rng(3)
    generator.normal(size=draws)
    return generator


def network(seed: int = 0, time_constant: float = 1.0, **options: Any) -> osciprop.Network:
    made = osciprop.hopfield_mlp([5, 4, 4, 3], key=jax.random.key(seed), **options)
    neuron = osciprop.LeakyIntegrator(made.populations[0].neuron.activation, time_constant)
    return eqx.tree_at(lambda tree: tree.populations[0].neuron, made, neuron)


def rounded(tree: Any) -> Any:
    """Random numbers are the same up to round-off, which depends on how a process compiles."""
    return jax.tree.map(lambda leaf: jnp.asarray(np.round(np.asarray(leaf), 6)), tree)


WORDS = {"alpha", "beta", "gamma", "delta"}

MAKE: dict[str, Any] = {
    "adam": lambda: optax.adam(1e-3),
    "adam, rate": lambda: optax.adam(1e-2),
    "adam, b1": lambda: optax.adam(1e-3, b1=0.8),
    "adam, array": lambda: optax.adam(jnp.asarray(1e-3)),
    "adamw": lambda: optax.adamw(1e-3),
    "sgd": lambda: optax.sgd(1e-3),
    "sgd, momentum": lambda: optax.sgd(1e-3, momentum=0.9),
    "decay": lambda: optax.adam(optax.exponential_decay(1e-3, 10, 0.9)),
    "decay, slower": lambda: optax.adam(optax.exponential_decay(1e-3, 20, 0.9)),
    "cosine": lambda: optax.sgd(optax.cosine_decay_schedule(1e-3, 10)),
    "own schedule": lambda: optax.sgd(schedule),
    "warm up": lambda: optax.sgd(optax.warmup_cosine_decay_schedule(0.0, 1e-3, 5, 50)),
    "chain": lambda: optax.chain(optax.clip_by_global_norm(1.0), optax.adam(1e-3)),
    "chain, other": lambda: optax.chain(optax.clip_by_global_norm(2.0), optax.adam(1e-3)),
    "injected": lambda: optax.inject_hyperparams(optax.adam)(learning_rate=1e-3),
    "injected, rate": lambda: optax.inject_hyperparams(optax.adam)(learning_rate=1e-2),
    "masked": lambda: optax.masked(optax.sgd(1e-3), {"a": True, "b": False}),
    "lambda": lambda: scaling(2.0),
    "lambda, other": lambda: scaling(3.0),
    "recursive": lambda: recursive(1),
    "recursive, other": lambda: recursive(2),
    "mutual": lambda: (even, odd),
    "partial": lambda: functools.partial(scaling, 2.0),
    "partial, other": lambda: functools.partial(scaling, factor=2.0),
    "jitted": lambda: jax.jit(scaling(2.0)),
    "jitted, other": lambda: jax.jit(scaling(3.0)),
    "own derivative": lambda: derived(2.0),
    "own derivative, other": lambda: derived(3.0),
    "ufunc of JAX": lambda: jnp.add,
    "filter jitted": lambda: eqx.filter_jit(scaling(2.0)),
    "of JAX": lambda: (jnp.tanh, jax.nn.relu, jax.nn.softmax, jnp.linalg.norm),
    "of JAX, other": lambda: (jnp.tanh, jax.nn.relu, jax.nn.softmax, jnp.mean),
    "of NumPy": lambda: (np.tanh, np.mean, np.float32, np.dtype("float32")),
    "of Python": lambda: (len, operator.itemgetter(1), operator.itemgetter, print),
    "method": lambda: Plain(1).__eq__,
    "bound": lambda: [1, 2].index,
    "dataclass": lambda: Pair(1, Pair(jnp.arange(3))),
    "dataclass, other": lambda: Pair(1, Pair(jnp.arange(4))),
    "plain": lambda: Plain(Plain([1, np.arange(20)])),
    "plain, other": lambda: Plain(Plain([1, np.arange(21)])),
    "slots": lambda: Slotted(1),
    "slots, other": lambda: Slotted(2),
    "module": lambda: Unit(jnp.arange(3.0), jnp.tanh),
    "module, static": lambda: Unit(jnp.arange(3.0), jnp.sin),
    "module, number": lambda: Unit(jnp.arange(3.0), jnp.tanh, 2.0),
    "module, array": lambda: Unit(jnp.arange(4.0), jnp.tanh),
    "enum": lambda: Colour.RED,
    "enum, other": lambda: Colour.BLUE,
    "enum of integers": lambda: Level.LOW,
    "set": lambda: set(WORDS),
    "set, smaller": lambda: WORDS - {"beta"},
    "frozen set": lambda: frozenset(WORDS),
    "in a set": lambda: lambda word: word in {"alpha", "beta", "gamma"},
    "dict": lambda: {word: len(word) for word in WORDS},
    "dict, other": lambda: {**{word: len(word) for word in WORDS}, "beta": 0},
    "ordered": lambda: collections.OrderedDict(a=1, b=2),
    "deque": lambda: collections.deque([1, 2], 3),
    "deque, other": lambda: collections.deque([1, 3], 3),
    "loop": looping,
    "one": lambda: 1,
    "one, true": lambda: True,
    "one, float": lambda: 1.0,
    "one, word": lambda: "1",
    "one, bytes": lambda: b"1",
    "one, complex": lambda: 1 + 0j,
    "one, NumPy": lambda: np.float32(1),
    "one, in double precision": lambda: np.float64(1),
    "one, array": lambda: np.ones(1),
    "zero": lambda: 0.0,
    "zero, negative": lambda: -0.0,
    "nothing": lambda: None,
    "NaN": lambda: float("nan"),
    "NaN, arrays": lambda: np.asarray([np.nan, 1.0]),
    "long word": lambda: "a" * 1000,
    "long word, other": lambda: "a" * 999 + "b",
    "list": lambda: [1, 2],
    "tuple": lambda: (1, 2),
    "half precision": lambda: jnp.arange(3, dtype=jnp.bfloat16),
    "booleans": lambda: jnp.asarray([True, False]),
    "empty": lambda: np.zeros((0, 3)),
    "key": lambda: jax.random.key(3),
    "key, other": lambda: jax.random.key(4),
    "key, old kind": lambda: jax.random.PRNGKey(3),
    "large": lambda: np.arange(1000.0).reshape(10, 100),
    "large, of columns": lambda: np.asfortranarray(np.arange(1000.0).reshape(100, 10)),
    "large, one other": lambda: np.where(np.arange(1000) == 500, 0.0, np.arange(1000.0)),
    "generator": lambda: advanced(3),
    "generator, on": lambda: advanced(4),
    "shape": lambda: jax.ShapeDtypeStruct((3,), jnp.float32),
    "path": lambda: Path("a/b"),
    "pattern": lambda: re.compile("a+b"),
    "pattern, other": lambda: re.compile("a+c"),
    "date": lambda: datetime.date(2024, 1, 2),
    "slice": lambda: slice(1, 2),
    "range": lambda: range(3),
    "object": lambda: jax.devices()[0],
    "generator function": lambda: (value for value in "abc"),
    "method of osciprop": lambda: osciprop.HolomorphicEP(0.1, 4),
    "method of osciprop, other": lambda: osciprop.HolomorphicEP(0.2, 4),
    "integrator": lambda: osciprop.Integrator(),
    "simulation": lambda: osciprop.Simulation(
        osciprop.Oscillation(0.05, 10.0), osciprop.PeriodicPlasticity(optax.sgd(0.1))
    ),
    "network": lambda: rounded(network()),
    "network, seed": lambda: rounded(network(1)),
    "network, time constant": lambda: rounded(network(time_constant=2.0)),
}
