"""Checks of arguments: what passes, and what the message names."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from osciprop import errors


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf, [1.0, 0.0]])
def test_numbers_that_are_not_positive_are_named(bad):
    with pytest.raises(ValueError, match=r"rate must be a finite number above 0, got .*: be kind"):
        errors.check_positive("rate", bad, "be kind")


def test_what_is_good_or_traced_passes():
    errors.check_positive("rate", [1.0, 2.0], "")
    errors.check_not_negative("rate", 0.0, "")
    errors.check_at_least("count", np.int64(3), 3, "")

    @jax.jit
    def traced(value):
        errors.check_positive("rate", value, "")
        return value

    traced(-1.0)


@pytest.mark.parametrize("bad", [2, -3, True])
def test_integers_below_the_minimum_are_named(bad):
    with pytest.raises(ValueError, match="count must be an integer of at least 3"):
        errors.check_at_least("count", bad, 3, "")


def test_numbers_that_are_not_finite_are_counted():
    with pytest.raises(ValueError, match="x holds 2 NaN or infinite of 3 values"):
        errors.check_finite("x", jnp.asarray([1.0, jnp.nan, jnp.inf]), "")
    with pytest.raises(ValueError, match="not negative"):
        errors.check_not_negative("size", -1e-9, "")


def test_traced_values_are_recognised_anywhere_in_a_pytree():
    seen = []
    jax.jit(lambda value: seen.append(errors.is_traced({"a": (value, 1)})))(1.0)
    assert seen == [True] and not errors.is_traced({"a": (1.0, 1)})


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "no space left on device")])
def test_what_was_computed_is_attached_to_what_ends_it(error):
    with pytest.raises(type(error)) as caught, errors.attached("run", [1, 2], "error.run"):
        raise error
    assert caught.value.run == [1, 2] and "to this error: error.run" in error.__notes__[0]
