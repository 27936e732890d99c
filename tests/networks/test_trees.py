"""Tree algebra against NumPy on the same numbers in one row per sample."""

import jax.numpy as jnp
import numpy as np
import pytest

from osciprop.networks import trees

RANDOM = np.random.default_rng(0)
A, B = (
    (jnp.asarray(RANDOM.normal(size=(3, 4))), jnp.asarray(RANDOM.normal(size=(3, 2, 5))))
    for _ in range(2)
)
ROWS = [np.concatenate([np.reshape(leaf, (3, -1)) for leaf in tree], axis=1) for tree in (A, B)]


def test_rows_there_and_back():
    np.testing.assert_array_equal(trees.as_rows(A), ROWS[0])
    for leaf, again in zip(A, trees.from_rows(trees.as_rows(A), A), strict=True):
        np.testing.assert_array_equal(leaf, again)


def test_sums_norms_and_peaks():
    np.testing.assert_allclose(trees.sample_sums(A[1]), ROWS[0][:, 4:].sum(axis=1))
    np.testing.assert_allclose(trees.sample_products(A, B), (ROWS[0] * ROWS[1]).sum(axis=1))
    np.testing.assert_allclose(trees.sample_norms(A), np.linalg.norm(ROWS[0], axis=1))
    np.testing.assert_allclose(trees.sample_peaks(A), abs(ROWS[0]).max(axis=1))
    assert float(trees.norm(A)) == pytest.approx(np.linalg.norm(ROWS[0]))


def test_products_do_not_conjugate():
    turned = [leaf * (1 + 0j) * 1j for leaf in map(np.asarray, A)]
    product = trees.sample_products(*([jnp.asarray(leaf) for leaf in turned],) * 2)
    np.testing.assert_allclose(product, -((ROWS[0] ** 2).sum(axis=1)))


def test_changes_are_relative_where_activities_are_large():
    before, after = jnp.asarray([[0.0], [100.0]]), jnp.asarray([[0.5], [101.0]])
    np.testing.assert_allclose(trees.largest_change(before, after), [0.5, 1 / 101])
    small = jnp.asarray([[0.0], [0.0]])
    both = trees.largest_change((before, small), (after, small + 0.3))
    np.testing.assert_allclose(both, [0.5, 0.3])  # by the scale of its own population


def test_samples_not_to_keep_are_blank_even_where_they_are_nan():
    keep = jnp.asarray([True, False])
    values = jnp.asarray([[1.0, 2.0], [jnp.nan, jnp.inf]])
    assert trees.keep_samples(keep, values).tolist() == [[1.0, 2.0], [0.0, 0.0]]
    assert not bool(trees.all_finite((values,)))
    assert bool(trees.all_finite((values[:1],)))


def test_scaled_keeps_the_type_of_each_array():
    single = trees.scaled(jnp.asarray(2.0), {"a": jnp.ones(2, dtype=jnp.float32)})
    assert single["a"].dtype == jnp.float32 and single["a"].tolist() == [2.0, 2.0]
