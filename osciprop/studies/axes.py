"""The axes of a study: what is varied, in which unit, and whether in one compiled call."""

import collections
import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np

from ..errors import check_at_least

Value = bool | int | float | str


@dataclasses.dataclass(frozen=True)
class Axis:
    """The values of one axis.

    Args:
        values: Numbers or words, or a mapping from words to whatever the function of the study is
            to get there, such as gradient methods by name.
        unit: Goes into the result's attributes.
        vectorised: Whether many points along this axis, which holds numbers, run in one compiled
            call: the function gets scalars that JAX traces, and must be made of what `jax.vmap`
            takes. None, beside another axis for which that is said, for where the function can be
            traced; without one, and with False, the function gets plain numbers.

    Example:
        >>> methods = {"classic": osciprop.ClassicEP(), "implicit": osciprop.Implicit()}
        >>> osciprop.studies.Axis(methods).coordinates.tolist()
        ['classic', 'implicit']
    """

    values: Sequence[Value] | np.ndarray | jax.Array | Mapping[str, Any]
    unit: str = ""
    vectorised: bool | None = None

    def __post_init__(self) -> None:
        if isinstance(self.values, jax.Array):
            object.__setattr__(self, "values", np.asarray(self.values))

    @functools.cached_property
    def coordinates(self) -> np.ndarray:
        """The values as one-dimensional array; words where the function gets objects."""
        return np.asarray(list(self.values))

    @functools.cached_property
    def arguments(self) -> list[Any]:
        """What the function gets, value by value."""
        if isinstance(self.values, Mapping):
            return list(self.values.values())
        return self.coordinates.tolist()

    @property
    def is_numeric(self) -> bool:
        """Whether the values are numbers, and no names of objects, words or truth values."""
        return not isinstance(self.values, Mapping) and self.coordinates.dtype.kind in "iuf"

    @property
    def fits_traced(self) -> bool:
        """Whether JAX, in the precision that is set, has integers as large as the values."""
        return self.coordinates.dtype.kind == "f" or self._beyond(traced_bits()) is None

    def __len__(self) -> int:
        return len(self.values)

    def check(self, name: str) -> None:
        """Raise `ValueError` or `TypeError` if the axis called `name` cannot be one."""
        if isinstance(self.values, str) or not isinstance(
            self.values, (Mapping, Sequence, np.ndarray)
        ):
            raise TypeError(
                f"axis {name!r} is {self.values!r}: give a list of values, or one of linspace, "
                "logspace and seeds"
            )
        if not len(self):
            raise ValueError(f"axis {name!r} is empty: give it a value, or leave it out")
        kinds = {_kind(name, value) for value in self.values}
        if len(kinds) > 1:
            raise ValueError(
                f"axis {name!r} mixes {' and '.join(sorted(kinds))}: give values of one kind"
            )
        twice = [
            value
            for value, count in collections.Counter(self.coordinates.tolist()).items()
            if count > 1
        ]
        if twice:
            raise ValueError(
                f"axis {name!r} holds {', '.join(map(repr, twice))} more than once: name every "
                "value once (for repetitions add an axis of seeds)"
            )
        if self.vectorised and (isinstance(self.values, Mapping) or kinds != {"numbers"}):
            raise ValueError(
                f"axis {name!r} cannot be vectorised: only one of numbers can; leave vectorised out"
            )
        if kinds == {"numbers"}:
            self._check_size(name)

    def _check_size(self, name: str) -> None:
        if self.coordinates.dtype.kind == "f":
            return
        bits, remedy = 64, "give smaller ones"
        if self.vectorised and traced_bits() == 32:
            # Traced, they would wrap around.
            bits, remedy = 32, "set jax_enable_x64, give smaller ones, or leave vectorised out"
        if (value := self._beyond(bits)) is not None:
            raise ValueError(f"axis {name!r} holds {value}, beyond {bits}-bit integers: {remedy}")

    def _beyond(self, bits: int) -> int | None:
        """A value that is no signed integer of so many bits, None if there is none."""
        limit = 2 ** (bits - 1)
        large = (value for value in self.coordinates.tolist() if not -limit <= value < limit)
        return next(large, None)


def traced_bits() -> int:
    """Bits of the integers that JAX traces, in the precision that is set."""
    return 32 if jax.dtypes.canonicalize_dtype(np.int64) == np.int32 else 64


def _kind(name: str, value: Any) -> str:
    if isinstance(value, str):
        return "words"
    if isinstance(value, (bool, np.bool_)):
        return "truth values"
    if isinstance(value, (int, float, np.integer, np.floating)):
        if not math.isfinite(value):
            raise ValueError(f"axis {name!r} holds {value}: give finite numbers")
        return "numbers"
    raise TypeError(
        f"axis {name!r} holds {value!r}, neither a number nor a word: to vary objects, give a "
        "mapping from names to them"
    )


def linspace(
    start: float, stop: float, number: int, *, unit: str = "", vectorised: bool | None = None
) -> Axis:
    """So many values from `start` to `stop`, both included, at equal differences.

    Args:
        start: The first value.
        stop: The last value.
        number: How many, at least 1.
        unit: As for `Axis`.
        vectorised: As for `Axis`.

    Returns:
        An axis.

    Raises:
        ValueError: `number` is below 1.

    Example:
        >>> osciprop.studies.linspace(0.0, 1.0, 3).coordinates.tolist()
        [0.0, 0.5, 1.0]
    """
    check_at_least("number", number, 1, "of values")
    return Axis(np.linspace(start, stop, number), unit, vectorised)


def logspace(
    start: float, stop: float, number: int, *, unit: str = "", vectorised: bool | None = None
) -> Axis:
    """So many values from `start` to `stop`, both included, at equal ratios.

    Args:
        start: The first value itself, not an exponent as in NumPy's function of this name.
        stop: The last value itself.
        number: How many, at least 1.
        unit: As for `Axis`.
        vectorised: As for `Axis`.

    Returns:
        An axis.

    Raises:
        ValueError: `number` is below 1, or `start` or `stop` not above 0.

    Example:
        >>> osciprop.studies.logspace(0.01, 1.0, 3).coordinates.round(6).tolist()
        [0.01, 0.1, 1.0]
    """
    check_at_least("number", number, 1, "of values")
    for name, value in (("start", start), ("stop", stop)):
        if not value > 0:
            raise ValueError(
                f"{name} of a logspace is {value}: give the values themselves, not exponents, "
                "as in logspace(1e-3, 1.0, 10)"
            )
    return Axis(np.geomspace(start, stop, number), unit, vectorised)


def seeds(number: int, *, first: int = 0, vectorised: bool | None = None) -> Axis:
    """The seeds `first`, `first + 1`, ...: repetitions with other random numbers.

    Args:
        number: How many, at least 1.
        first: The first, not negative.
        vectorised: As for `Axis`.

    Returns:
        An axis.

    Raises:
        ValueError: a number is out of range.

    Example:
        >>> osciprop.studies.seeds(3, first=7).coordinates.tolist()
        [7, 8, 9]
    """
    check_at_least("number", number, 1, "of seeds")
    check_at_least("first", first, 0, "seeds are not negative")
    return Axis(range(first, first + number), vectorised=vectorised)


def as_axis(values: Any) -> Axis:
    """An axis from what a user gave: one, or plain values."""
    return values if isinstance(values, Axis) else Axis(values)
