"""Random numbers of all shapes, by few compiled programs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from osciprop.networks import draws

KEYS = {"of words": jax.random.PRNGKey, "typed": jax.random.key}


@pytest.mark.parametrize("make", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("shape", [(), (1,), (3, 5), (7, 2, 3), (200, 100)])
def test_the_numbers_are_those_of_the_shape_itself(make, shape):
    key = make(3)
    pairs = (
        (draws.normal(key, shape), jax.random.normal(key, shape, float)),
        (draws.uniform(key, shape, 0.5, 1.5), jax.random.uniform(key, shape, float, 0.5, 1.5)),
        (draws.bernoulli(key, shape, 0.3), jax.random.bernoulli(key, 0.3, shape)),
        (draws.truncated_normal(key, shape, 0.7), draws._truncated_normal(key, shape, 0.7)),
    )
    normal = jax.random.truncated_normal(key, -2.0, 2.0, shape, float)
    np.testing.assert_allclose(pairs[-1][0], 0.7 * normal, atol=1e-15)
    for ours, direct in pairs:
        assert ours.dtype == direct.dtype and ours.shape == shape
        np.testing.assert_array_equal(ours, direct)


@pytest.mark.parametrize("make", KEYS.values(), ids=KEYS)
def test_the_keys_are_those_of_a_split(make):
    for count in (1, 2, 17):
        ours, direct = draws.split(make(1), count), jax.random.split(make(1), count)
        assert len(ours) == count and all(key.dtype == direct.dtype for key in ours)
        words = [jax.random.key_data(key) for key in ours]
        np.testing.assert_array_equal(words, jax.random.key_data(direct))


def test_shapes_share_a_program():
    draws.truncated_normal(jax.random.key(0), (4, 5), 1.0)
    compiled = draws._truncated_normal._cache_size()
    for rows in range(1, 20):
        draws.truncated_normal(jax.random.key(0), (rows, 7), 1.0 + rows)
    assert draws._truncated_normal._cache_size() == compiled


def test_a_generator_that_fills_rows_otherwise_is_asked_for_the_shape_itself():
    key = jax.random.key(0, impl="rbg")
    direct = draws._truncated_normal(key, (3, 5), 0.7)
    np.testing.assert_array_equal(draws.truncated_normal(key, (3, 5), 0.7), direct)
    assert len(draws.split(key, 3)) == 3
    with jax.threefry_partitionable(False):
        key = jax.random.key(0)
        np.testing.assert_array_equal(
            draws.normal(key, (3, 5)), jax.random.normal(key, (3, 5), float)
        )


def test_many_keys_at_once():
    keys = jax.random.split(jax.random.key(0), 4)
    together = jax.vmap(lambda key: draws.truncated_normal(draws.split(key, 2)[1], (3,), 1.0))(keys)
    alone = [draws.truncated_normal(draws.split(key, 2)[1], (3,), 1.0) for key in keys]
    np.testing.assert_allclose(together, jnp.stack(alone), rtol=1e-15)


def test_many_numbers_are_drawn_as_they_are(monkeypatch):
    """What takes long to draw is not drawn twice."""
    monkeypatch.setattr(draws, "LARGEST", 100)
    drawn = []
    draws._cut(lambda size: drawn.append(size) or jnp.zeros(size), jax.random.key(0), (101,))
    assert drawn == [(101,)]
