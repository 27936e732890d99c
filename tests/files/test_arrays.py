"""The bytes of arrays."""

import hashlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from osciprop.files import arrays

KINDS = [np.arange(6.0).reshape(2, 3), np.asarray(1.5), np.zeros((0, 3)), np.asarray(["a", "bc"])]


@pytest.mark.parametrize("array", [*KINDS, np.asarray(jnp.arange(3, dtype=jnp.bfloat16))])
def test_bytes_are_those_in_the_order_of_rows(array):
    for one in (array, np.asfortranarray(array)):
        assert bytes(arrays.as_bytes(one)) == array.tobytes()


def test_a_digest_of_pieces_is_that_of_the_whole():
    array = np.random.default_rng(0).normal(size=(300, 15000))
    digests = []
    for one in (array, np.asfortranarray(array), array[::-1].copy()[::-1]):
        digest = hashlib.blake2b()
        arrays.update(digest, one)
        digests.append(digest.hexdigest())
    assert len(set(digests)) == 1


def test_arrays_in_files_are_recognised(tmp_path):
    mapped = np.memmap(tmp_path / "file", np.uint8, "w+", shape=(4, 2))
    assert arrays.is_mapped(mapped) and arrays.is_mapped(np.asarray(mapped)[1:])
    assert not arrays.is_mapped(np.array(mapped)) and not arrays.is_mapped(1.0)


def test_keys_are_told_from_their_numbers():
    assert arrays.is_key(jax.random.key(0)) and not arrays.is_key(jax.random.PRNGKey(0))
    assert arrays.is_key(jax.eval_shape(lambda: jax.random.key(0)))
