"""Leaves of pytrees in files: what fits, and what comes back."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from osciprop.files import leaves


@pytest.mark.parametrize(
    ("stored", "here", "words"),
    [
        (jnp.zeros(3), jnp.zeros(4), r"float64\[3\] in the file and float64\[4\] here"),
        (jnp.zeros(3), jnp.zeros(3, np.float32), r"float64\[3\] in the file and float32\[3\]"),
        (jnp.zeros(()), 0.0, r"float64\[\] in the file and a float of Python here"),
        (0, 0.0, r"a int of Python in the file and a float of Python here"),
        (jax.random.key(0), jax.random.PRNGKey(0), r"key<fry>\[\] in the file and uint32\[2\]"),
        (jnp.tanh, jnp.sin, r"tanh in the file and .*sin here"),
    ],
)
def test_what_does_not_fit_is_told(stored, here, words):
    assert re.search(words, leaves.misfit(leaves.outline(stored), here))


@pytest.mark.parametrize("leaf", [jnp.zeros(3), np.zeros(3), jax.ShapeDtypeStruct((3,), float)])
def test_arrays_of_all_kinds_fit_each_other(leaf):
    assert leaves.misfit(leaves.outline(jnp.ones(3)), leaf) == ""


def test_double_precision_where_it_is_switched_off():
    stored = leaves.outline(np.zeros(3))
    with jax.enable_x64(False):
        for leaf in (jnp.zeros(3), jax.ShapeDtypeStruct((3,), np.float64)):
            assert 'jax.config.update("jax_enable_x64", True)' in leaves.misfit(stored, leaf)
        assert leaves.misfit(stored, np.zeros(3)) == ""
        assert "x64" not in leaves.misfit(leaves.outline(np.zeros(4)), jnp.zeros(3))


@pytest.mark.parametrize("setting", [np.float64(0.1), np.asarray([0.1, 0.2]), np.int64(3)])
def test_settings_come_back_from_a_program_in_the_precision_of_jax(setting, tmp_path):
    """Of a network that was trained in single precision, beside one that is new."""
    with jax.enable_x64(False):
        returned = jax.jit(lambda leaf: leaf)(setting)
        assert returned.dtype != setting.dtype
        stored = leaves.outline(returned)
        assert leaves.misfit(stored, setting) == ""
        (tmp_path / "leaf").write_bytes(leaves.content(returned))
        with (tmp_path / "leaf").open("rb") as file:
            found = leaves.restored(file, stored, setting)
        assert isinstance(found, type(setting)) or np.ndim(setting) == 0
        np.testing.assert_array_equal(found, returned)
        assert found.dtype == returned.dtype
    assert leaves.misfit(stored, setting)  # with double precision it would be another number


@pytest.mark.parametrize("leaf", [np.asarray([None]), np.zeros(2, [("a", float)])])
def test_what_holds_no_numbers_is_refused(leaf):
    with pytest.raises(TypeError, match="cannot be stored"):
        leaves.outline(leaf)
