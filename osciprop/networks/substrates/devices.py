"""What devices make of weights that are written to them: bounds, levels, mismatch and drift.

Constraints for `osciprop.networks.constrain`, on any synapse's weights and on conductances. Free
numbers are what is written, and what training changes; the network has what the device makes of it.
Noise of each writing is a matter of the updates: `osciprop.training.write_noise`.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from ...errors import (
    check_at_least,
    check_key,
    check_not_negative,
    check_number,
    check_positive,
    is_traced,
    shown,
)
from ...settings import Number, Numbers, number, numbers
from ..constraints import AbstractConstraint, require_values


class Bounded(AbstractConstraint):
    """Values between two bounds, which are approached but never reached: a logistic function.

    Args:
        low: The lower bound, in units of the parameter.
        high: The upper bound, above `low`.

    Raises:
        ValueError: `low` is not below `high`.

    Example:
        >>> bounded = osciprop.networks.Bounded(-1.0, 3.0)
        >>> bounded(jnp.asarray([-50.0, 0.0, 50.0])).round(6).tolist()
        [-1.0, 1.0, 3.0]
    """

    low: Number = eqx.field(converter=number)
    high: Number = eqx.field(converter=number)

    def __check_init__(self) -> None:
        _check_range(self.low, self.high)

    def __call__(self, free: Float[Array, "..."]) -> Float[Array, "..."]:
        low, high = self.low.astype(free.dtype), self.high.astype(free.dtype)
        return low + (high - low) * jax.nn.sigmoid(free)

    def free(self, value: Float[Array, "..."]) -> Float[Array, "..."]:
        low, high = self.low.astype(value.dtype), self.high.astype(value.dtype)
        asked = f"between {float(self.low):.4g} and {float(self.high):.4g}, without these"
        require_values((value > low) & (value < high), value, "Bounded", asked)
        return jnp.log(value - low) - jnp.log(high - value)


class Quantised(AbstractConstraint):
    """Values on a grid of levels between two bounds; the gradient passes straight through.

    The device shows the level next to what is written; the number written keeps small updates, and
    learns as if it were shown itself.

    Args:
        levels: Number of levels, at least 2: `2**4` for four bits.
        low: The lowest level, in units of the parameter.
        high: The highest level, above `low`.

    Raises:
        ValueError: there are fewer than two levels, or `low` is not below `high`.

    Source: straight-through gradients, Bengio, Léonard and Courville 2013.

    Example:
        >>> two_bits = osciprop.networks.Quantised(2**2, 0.0, 3.0)
        >>> two_bits(jnp.asarray([-1.0, 0.4, 1.6, 7.0])).tolist()
        [0.0, 0.0, 2.0, 3.0]
    """

    levels: int = eqx.field(static=True)
    low: Number = eqx.field(converter=number)
    high: Number = eqx.field(converter=number)

    def __check_init__(self) -> None:
        check_at_least("levels", self.levels, 2, "2**4 are those of four bits")
        _check_range(self.low, self.high)

    def __call__(self, free: Float[Array, "..."]) -> Float[Array, "..."]:
        low, high = self.low.astype(free.dtype), self.high.astype(free.dtype)
        step = (high - low) / (self.levels - 1)
        level = low + step * jnp.round((jnp.clip(free, low, high) - low) / step)
        # Of the value without the gradient of rounding, which is none; exact, as it is not added.
        return _straight_through(free, level)

    def free(self, value: Float[Array, "..."]) -> Float[Array, "..."]:
        """The values themselves: any may be written."""
        return value


@jax.custom_jvp
def _straight_through(free: Float[Array, "..."], level: Float[Array, "..."]) -> Array:
    return level


@_straight_through.defjvp
def _passed(primals: tuple[Array, Array], tangents: tuple[Array, Array]) -> tuple[Array, Array]:
    return primals[1], tangents[0]


class Mismatched(AbstractConstraint):
    """Values that differ from what is written by a factor that every device keeps: a fixed pattern.

    The factors are log-normal, `exp(spread z)` with normal `z`, so that signs stay.

    Args:
        spread: Standard deviation of the factors' logarithm, at least 0: nearly the relative one.
        key: Source of the pattern, from `jax.random.key`.

    Raises:
        ValueError: the spread is negative.
        TypeError: the key is none.

    Source: device mismatch, Pelgrom, Duinmaijer and Welbers 1989.

    Example:
        >>> chip = osciprop.networks.Mismatched(0.1, jax.random.key(3))
        >>> made = chip(jnp.ones(1000))
        >>> round(float(jnp.std(jnp.log(made))), 2)
        0.1
    """

    spread: Number = eqx.field(converter=number)
    key: PRNGKeyArray

    def __check_init__(self) -> None:
        check_not_negative("spread", self.spread, "0.1 is a spread of ten per cent")
        check_key("key", self.key)

    def __call__(self, free: Float[Array, "..."]) -> Float[Array, "..."]:
        pattern = jax.random.normal(self.key, free.shape, free.dtype)
        return free * jnp.exp(self.spread.astype(free.dtype) * pattern)

    def free(self, value: Float[Array, "..."]) -> Float[Array, "..."]:
        """The values themselves: they are written, and the device makes others of them."""
        return value


class Drifting(AbstractConstraint):
    """Values that decay by a power law of the time since they were written: `w (t/t0)^-nu`.

    Args:
        time: Time since writing, in the units of `written`, above 0.
        exponent: Of the decay, `nu`; one number, or one per weight.
        written: Time after which a device shows what was written, `t0`, above 0.

    Raises:
        ValueError: a time is not positive, or the exponent is no number.

    Source: drift of phase-change memory, Ielmini et al. 2007.

    Example:
        >>> late = osciprop.networks.Drifting(100.0, exponent=0.5)
        >>> bool(jnp.allclose(late(jnp.asarray([1.0, -2.0])), jnp.asarray([0.1, -0.2])))
        True
    """

    time: Number = eqx.field(converter=number)
    exponent: Numbers = eqx.field(default=0.05, converter=numbers, kw_only=True)
    written: Number = eqx.field(default=1.0, converter=number, kw_only=True)

    def __check_init__(self) -> None:
        remedy = "times count from when the weight was written"
        check_positive("time", self.time, remedy)
        check_positive("written", self.written, remedy)
        check_number("exponent", self.exponent, "0 is a device that does not drift")

    def __call__(self, free: Float[Array, "..."]) -> Float[Array, "..."]:
        passed = jnp.asarray(jnp.log(self.time / self.written), dtype=free.dtype)
        return free * jnp.exp(-jnp.asarray(self.exponent, dtype=free.dtype) * passed)

    def free(self, value: Float[Array, "..."]) -> Float[Array, "..."]:
        """The values themselves: they are written, and decay."""
        return value


def _check_range(low: Number, high: Number) -> None:
    for name, value in (("low", low), ("high", high)):
        check_number(name, value, "give a finite bound")
    if not is_traced((low, high)) and not low < high:
        raise ValueError(f"low is {shown(low)} and high {shown(high)}: give low below high")
