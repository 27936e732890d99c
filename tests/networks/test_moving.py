"""Signals that are prepared: looked at where they begin, cast, or refused."""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import batch, small_network
from mistake_cases import PLAIN_ONLY
from signal_cases import Still, wave

import osciprop
from osciprop.networks.moving import prepare_moving, prepare_moving_pair
from osciprop.networks.preparation import prepare

NETWORK, (X, Y) = small_network(), batch(5, 3, 2)
INPUT = wave(np.ones((2, 5)), 0.3)
ROWS = wave(np.ones((2, 3)), 0.3)


def signal(function: Any) -> osciprop.networks.FunctionOfTime:
    return osciprop.networks.FunctionOfTime(function)


def test_signals_take_the_precision_of_the_network():
    single = jax.tree.map(
        lambda leaf: leaf.astype(jnp.float32) if eqx.is_inexact_array(leaf) else leaf, NETWORK
    )
    for network, kind in ((NETWORK, np.float64), (single, np.float32)):
        x, y = prepare_moving(network, INPUT, ROWS, 0.0)
        assert x(0.5).dtype == y(0.5).dtype == kind
        np.testing.assert_allclose(x(0.5), INPUT(0.5), rtol=1e-6)
    whole = Still(jnp.ones((2, 5), dtype=int))
    assert prepare_moving(NETWORK, whole, None, 0.0)[0](1.0).dtype == np.float64


def test_what_stands_still_is_prepared_as_ever():
    x, y = prepare_moving_pair(NETWORK, X, Y, 0.0)
    expected = prepare(NETWORK, X, Y)
    np.testing.assert_array_equal(x, expected[0])
    np.testing.assert_array_equal(y, expected[1])
    mixed = prepare_moving_pair(NETWORK, INPUT, Y, 0.0)
    np.testing.assert_array_equal(mixed[1], Y)


@PLAIN_ONLY
@pytest.mark.parametrize(
    ("x", "y", "error", "message"),
    [
        (Still(jnp.ones((2, 4))), None, ValueError, r"\(2, 4\)"),
        (Still(jnp.full((2, 5), jnp.nan)), None, ValueError, "x holds 10 NaN"),
        (Still(jnp.ones((2, 5), dtype=complex)), None, ValueError, "x is complex"),
        (INPUT, Still(jnp.ones((3, 3))), ValueError, "y has shape .* but x holds 2 samples"),
        (INPUT, Still(jnp.zeros(2, dtype=int)), ValueError, "y is a signal.*one_hot"),
        (
            signal(lambda t: np.full((2, 5), math.sin(t))),
            None,
            TypeError,
            "x is a signal .*jax.num",
        ),
        (signal(lambda t: (t, t)), None, TypeError, "x is a signal .*is a tuple"),
    ],
)
def test_refused(x, y, error, message):
    with pytest.raises(error, match=message):
        prepare_moving(NETWORK, x, y, 0.0)


@PLAIN_ONLY
def test_a_gradient_needs_targets():
    with pytest.raises(ValueError, match="y is None"):
        prepare_moving_pair(NETWORK, INPUT, None, 0.0)


@PLAIN_ONLY
def test_elsewhere_signals_are_refused():
    with pytest.raises(TypeError, match=r"x is a signal \(Wave\)"):
        prepare(NETWORK, INPUT, None)
    with pytest.raises(TypeError, match=r"y is a signal \(Wave\)"):
        prepare(NETWORK, X, ROWS)
