"""Random numbers for the parts of a network, all shapes of them by a few compiled programs.

JAX's generator makes each number of its key and its place alone, so that a row of numbers begins
like a longer one. A network has a shape of its own for every synapse, and to compile a program for
each takes longer than all that is computed with it: so rows of a few lengths are drawn and cut.
"""

import math
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, PRNGKeyArray

from ..errors import is_traced

# Numbers, and keys, that the smallest program draws; the others draw twice as many each, up to
# those that it takes long to draw.
SMALLEST, LARGEST, FEWEST = 2**14, 2**20, 16


def truncated_normal(
    key: PRNGKeyArray, shape: tuple[int, ...], stddev: ArrayLike
) -> Float[Array, "..."]:
    """Normal numbers cut at two standard deviations (the initialisation of hep2022).

    `stddev` is that of the normal distribution before the cut, as in Haiku.
    """
    return _cut(lambda size: _truncated_normal(key, size, stddev), key, shape)


def normal(key: PRNGKeyArray, shape: tuple[int, ...]) -> Float[Array, "..."]:
    """Normal numbers of variance 1."""
    return _cut(lambda size: jax.random.normal(key, size, float), key, shape)


def uniform(
    key: PRNGKeyArray, shape: tuple[int, ...], low: ArrayLike, high: ArrayLike
) -> Float[Array, "..."]:
    """Numbers from `low` to `high`, all alike probable."""
    return _cut(lambda size: jax.random.uniform(key, size, float, low, high), key, shape)


def bernoulli(
    key: PRNGKeyArray, shape: tuple[int, ...], probability: ArrayLike
) -> Bool[Array, "..."]:
    """Truth values, true with a probability."""
    return _cut(lambda size: jax.random.bernoulli(key, probability, size), key, shape)


def split(key: PRNGKeyArray, count: int) -> list[PRNGKeyArray]:
    """As many keys, as `jax.random.split` makes them."""
    if not _by_place(key):
        return list(jax.random.split(key, count))
    keys = jax.random.split(key, _at_least(count, FEWEST))
    if jnp.issubdtype(keys.dtype, jax.dtypes.prng_key):
        words, kind = np.asarray(jax.random.key_data(keys)), jax.random.key_impl(keys)
        return [jax.random.wrap_key_data(own, impl=kind) for own in words[:count]]
    return [jnp.asarray(own) for own in np.asarray(keys)[:count]]


def _cut(
    draw: Callable[[tuple[int, ...]], Array], key: PRNGKeyArray, shape: tuple[int, ...]
) -> Array:
    """`draw(shape)`, out of a row that is long enough."""
    size = math.prod(shape)
    if size > LARGEST or not _by_place(key):
        return draw(shape)
    row = draw((_at_least(size, SMALLEST),))
    return jnp.asarray(np.asarray(row)[:size].reshape(shape))


def _at_least(count: int, smallest: int) -> int:
    """The smallest number, doubled until it is enough."""
    return max(smallest, 1 << max(count - 1, 0).bit_length())


def _by_place(key: PRNGKeyArray) -> bool:
    """Whether a key, whose value is known, makes each number of its place alone."""
    if is_traced(key) or not jax.config.jax_threefry_partitionable:  # type: ignore[attr-defined]
        return False
    typed = jnp.issubdtype(jnp.asarray(key).dtype, jax.dtypes.prng_key)
    default = jax.config.jax_default_prng_impl  # type: ignore[attr-defined]
    kind = str(jax.random.key_impl(key)) if typed else default
    return "threefry2x32" in kind


@partial(jax.jit, static_argnums=1)
def _truncated_normal(
    key: PRNGKeyArray, shape: tuple[int, ...], stddev: Float[Array, ""]
) -> Float[Array, "..."]:
    return stddev * jax.random.truncated_normal(key, -2.0, 2.0, shape, dtype=float)
