"""Complex states of real networks: products, pairs, and types."""

import jax
import jax.numpy as jnp
import numpy as np

from osciprop.networks import complexity

RANDOM = np.random.default_rng(0)
Z = jnp.asarray(RANDOM.normal(size=(3, 4)) + 1j * RANDOM.normal(size=(3, 4)))
W = jnp.asarray(RANDOM.normal(size=(4, 5)))


def test_a_complex_activity_times_a_real_matrix():
    np.testing.assert_allclose(complexity.matmul(Z, W), np.asarray(Z) @ np.asarray(W))
    np.testing.assert_array_equal(complexity.matmul(Z.real, W), Z.real @ W)


def test_the_product_is_made_of_real_ones_only():
    text = str(jax.make_jaxpr(complexity.matmul)(Z, W))
    assert all("c128" not in line for line in text.splitlines() if "dot_general" in line)


def test_pairs_there_and_back():
    tree = {"a": Z, "b": W}
    pairs = complexity.to_pairs(tree)
    assert not complexity.is_complex(pairs)
    again = complexity.from_pairs(pairs, tree)
    np.testing.assert_array_equal(again["a"], Z)
    np.testing.assert_array_equal(again["b"], W)


def test_types():
    assert complexity.complex_like(W, Z).dtype == complex
    assert complexity.complex_like(W, W) is W
    assert complexity.real_dtype((Z,)) == np.dtype("float64")
    single = complexity.to_complex((jnp.ones(2, dtype=jnp.float32), Z))
    assert [leaf.dtype.name for leaf in single] == ["complex64", "complex128"]
