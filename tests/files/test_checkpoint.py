"""Checkpoints as files: what they hold, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import osciprop
from osciprop.files import checkpoint

TREE = {"a": jnp.arange(3.0), "b": np.arange(2)}


def test_there_and_back(tmp_path):
    path = tmp_path / "folder" / "run"
    checkpoint.save_checkpoint(path, TREE, {"settings": {"seed": 1}, "epoch": 2})
    tree, header = checkpoint.load_checkpoint(path, TREE)
    np.testing.assert_array_equal(tree["a"], TREE["a"])
    assert header["epoch"] == 2
    assert checkpoint.require_settings(path, {"seed": 1})["epoch"] == 2


def test_other_settings_are_named(tmp_path):
    checkpoint.save_checkpoint(tmp_path / "run", TREE, {"settings": {"seed": 1}})
    with pytest.raises(osciprop.CheckpointError, match=r"seed: 1 != 2"):
        checkpoint.require_settings(tmp_path / "run", {"seed": 2})


@pytest.mark.parametrize("content", [b"", b"{}\n", b"no json\n"])
def test_another_file_is_none(tmp_path, content):
    (tmp_path / "run").write_bytes(content)
    with pytest.raises(osciprop.CheckpointError, match="not an osciprop checkpoint"):
        checkpoint.read_header(tmp_path / "run")


def test_a_file_that_ends_early_is_damaged(tmp_path):
    path = tmp_path / "run"
    checkpoint.save_checkpoint(path, TREE, {})
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(osciprop.CheckpointError, match="damaged"):
        checkpoint.load_checkpoint(path, TREE)


def test_settings_as_text_differ_where_their_numbers_do():
    assert checkpoint.described(osciprop.ClassicEP(0.1)) == checkpoint.described(
        osciprop.ClassicEP(0.1)
    )
    assert checkpoint.described(osciprop.ClassicEP(0.1)) != checkpoint.described(
        osciprop.ClassicEP(0.1 + 1e-12)
    )


def test_keys_of_both_kinds_are_numbers():
    assert checkpoint.key_numbers(jax.random.key(3)) == [0, 3]
    assert checkpoint.key_numbers(jax.random.PRNGKey(3)) == [0, 3]


def test_functions_are_named_without_addresses():
    """Which no other process has, so that none could go on."""
    # An integrator's controller holds a norm, which is a function.
    text = checkpoint.described(osciprop.Integrator())
    assert "function rms_norm>" in text and " at 0x" not in text


def test_a_failed_write_keeps_the_previous_checkpoint(tmp_path):
    path = tmp_path / "run"
    checkpoint.save_checkpoint(path, TREE, {"epoch": 1})
    with pytest.raises(TypeError):
        checkpoint.save_checkpoint(path, TREE, {"epoch": object()})
    assert checkpoint.load_checkpoint(path, TREE)[1]["epoch"] == 1
    assert [file.name for file in tmp_path.iterdir()] == ["run"]
