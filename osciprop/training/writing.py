"""What devices make of updates that are written to them: noise, and steps of finite size.

Transformations of Optax, to be chained behind an optimizer.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from ..errors import check_key, check_not_negative, check_positive


class Writings(NamedTuple):
    """How many updates have been written."""

    written: Int[Array, ""]


def write_noise(stddev: float, key: PRNGKeyArray) -> optax.GradientTransformation:
    """Noise of every writing: each update of each number misses by its own normal number.

    Args:
        stddev: Standard deviation, in units of the parameters, at least 0.
        key: Source of the noise, from `jax.random.key`; another one for each update is made of it.

    Returns:
        A transformation of updates, to stand last in `optax.chain`.

    Raises:
        ValueError: the standard deviation is negative.
        TypeError: the key is none.

    Example:
        >>> noisy = optax.chain(optax.adam(1e-3), osciprop.training.write_noise(1e-4, key))
        >>> net = osciprop.hopfield_mlp([4, 6, 3], key=key)
        >>> net, history = osciprop.fit(
        ...     net, (x, y), osciprop.Implicit(), noisy, epochs=1, batch_size=5, progress=False
        ... )
        >>> len(history.steps["loss"])
        2
    """
    check_not_negative("stddev", stddev, "0 is a device that writes what it is told")
    check_key("key", key)

    return optax.GradientTransformation(_begin, partial(_miss, stddev, key))


# Functions of the module's own: equal transformations are then one program to training.
def _begin(parameters: PyTree) -> Writings:
    return Writings(jnp.zeros((), dtype=jnp.int32))


def _miss(
    stddev: float, key: PRNGKeyArray, updates: PyTree, state: Writings, parameters: Any = None
) -> tuple[PyTree, Writings]:
    leaves, structure = jax.tree.flatten(updates)
    keys = jax.random.split(jax.random.fold_in(key, state.written), max(len(leaves), 1))
    missed = [
        leaf + jnp.asarray(stddev, leaf.dtype) * jax.random.normal(one, leaf.shape, leaf.dtype)
        for leaf, one in zip(leaves, keys, strict=False)
    ]
    return jax.tree.unflatten(structure, missed), Writings(state.written + 1)


def update_steps(size: float) -> optax.GradientTransformation:
    """Updates in steps of finite size, such as by pulses: the nearest multiple, which may be none.

    Args:
        size: Size of a step, in units of the parameters, above 0.

    Returns:
        A transformation of updates, to stand behind an optimizer in `optax.chain`.

    Raises:
        ValueError: the size is not positive.

    Example:
        >>> pulses = osciprop.training.update_steps(0.5)
        >>> pulses.update(jnp.asarray([0.2, 0.9, -1.6]), pulses.init(None))[0].tolist()
        [0.0, 1.0, -1.5]
    """
    check_positive("size", size, "give the change that one pulse makes")

    def rounded(update: Float[Array, "..."]) -> Float[Array, "..."]:
        step = jnp.asarray(size, dtype=update.dtype)
        return step * jnp.round(update / step)

    return optax.stateless(lambda updates, parameters: jax.tree.map(rounded, updates))
