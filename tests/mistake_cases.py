"""Wrong calls and what answers them: a table's rows, and how they are tried.

A row is a call, as text, the error that it raises, and words of the message: the argument, its
value, and the remedy. To add one, add a line to a table in tests/mistakes; what calls may name
stands in `surroundings` here.
"""

import os
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import osciprop

Row = tuple[str, type[Exception], tuple[str, ...]]

# Where annotations are checked, those checks come first and have words of their own.
PLAIN_ONLY = pytest.mark.skipif(
    bool(os.environ.get("OSCIPROP_CHECK_ANNOTATIONS")),
    reason="checks of annotations answer first, with words of their own",
)


def row(call: str, error: type[Exception], *words: str) -> Row:
    """A call, its error, and words of the message."""
    return call, error, words


def table(*rows: Row) -> pytest.MarkDecorator:
    """A test's rows."""
    calls = [call for call, *_ in rows]
    assert len(set(calls)) == len(calls)
    return pytest.mark.parametrize(("call", "error", "words"), rows, ids=calls)


def surroundings(**more: Any) -> dict[str, Any]:
    """What calls may name: common modules, small networks, ten samples."""
    key = jax.random.key(0)
    sizes = [4, 6, 5, 3]
    return {
        "diffrax": diffrax,
        "jax": jax,
        "jnp": jnp,
        "np": np,
        "osciprop": osciprop,
        "key": key,
        "network": osciprop.hopfield_mlp(sizes, key=key),
        "layers": osciprop.perceptron(sizes, key=key),
        "x": np.random.default_rng(0).uniform(size=(10, 4)),
        "y": np.arange(10) % 3,
    } | more


def answered(call: str, error: type[Exception], words: tuple[str, ...], names: dict[str, Any]):
    """Try a call: the error is of Python or of osciprop, and says what was asked of it."""
    with pytest.raises(Exception) as caught:
        eval(call, names)
    kind = type(caught.value)
    assert kind.__module__.split(".")[0] in ("builtins", "osciprop"), f"{kind}: {caught.value}"
    assert isinstance(caught.value, error), f"{kind}: {caught.value}"
    missing = [word for word in words if word not in str(caught.value)]
    assert not missing, f"{missing} not in: {caught.value}"
