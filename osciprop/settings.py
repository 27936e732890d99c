"""What modules that hold settings have in common: how numbers are kept, checked and printed.

Numbers are NumPy's, single ones its scalars: compiled functions trace them, so that another value
compiles nothing anew, and yet an instance that is the default of an argument starts no device and
fixes no precision when it is imported. Where they meet a state they take its type.

Scalars, not arrays without dimensions: JAX (0.10 to 0.12) remembers by its identity an array that
was once a constant of a program, and in its precision at that time, so that one shared by many
programs, as a default is, breaks those of another precision (tests/test_settings.py).

Every module is checked when it is made, field by field: a field whose annotation is a class of
modules holds an instance of it, and one with a converter from here a number. Converters leave what
is none as it is, because the check knows the field's name.
"""

import dataclasses
import functools
import inspect
import types
import typing
import weakref
from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import wadler_lindig
from jaxtyping import Array, ArrayLike, Float, Inexact

from .errors import check_instance, is_numeric, is_real, is_traced, shown

if TYPE_CHECKING:
    # Given as anything that is a number, kept as an array: what converters do, mypy cannot know.
    Number: TypeAlias = Any
    Numbers: TypeAlias = Any
    ComplexNumbers: TypeAlias = Any
else:
    Number = Float[Array, ""] | Float[np.ndarray, ""] | np.floating
    Numbers = Float[Array, "*entries"] | Float[np.ndarray, "*entries"] | np.floating
    ComplexNumbers = Inexact[Array, "*entries"] | Inexact[np.ndarray, "*entries"] | np.inexact

# Arrays of up to this many numbers are printed as they are.
SHOWN = 8

# What is asked of a field: raises an error that names it.
Check: TypeAlias = Callable[[str, Any], None]


class Module(eqx.Module):
    """An Equinox module that checks its fields, and prints its numbers, not only that there are
    some.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = cls.__dict__.get("__check_init__")
        if own is not None:
            cls.__check_init__ = _after_fields(own)  # type: ignore[assignment, method-assign]

    def __check_init__(self) -> None:
        # After the checks of its class, which ask for more and say so.
        for name, value in _check_fields(self):
            if np.any(np.isnan(np.asarray(value))):
                raise ValueError(f"{name} is {shown(value)}: give a number")

    def __repr__(self) -> str:
        return wadler_lindig.pformat(self, width=100, hide_defaults=False, custom=_shown)


def _after_fields(check: Callable[[Any], None]) -> Callable[[Any], None]:
    """A class's own check, which may take for granted that every field is what it should be.

    Equinox calls the check of the last class first.
    """

    @functools.wraps(check)
    def after(self: Module) -> None:
        _check_fields(self)
        check(self)

    return after


def _check_fields(module: Module) -> list[tuple[str, Any]]:
    """Raise an error for a field of the wrong kind; the numbers among them, by name."""
    given = []
    for name, check, default in _checks(type(module)):
        value = getattr(module, name)
        if value is not default:
            check(name, value)
            if check in NUMBERS and value is not None and not is_traced(value):
                given.append((name, value))
    return given


def _shown(part: Any) -> wadler_lindig.AbstractDoc | None:
    """Small real settings by value, larger arrays by type and shape."""
    if isinstance(part, jax.core.Tracer):
        return wadler_lindig.TextDoc(f"traced {part.dtype.name}[{','.join(map(str, part.shape))}]")
    if not isinstance(part, (jax.Array, np.ndarray, np.generic)) or jnp.issubdtype(
        part.dtype, jax.dtypes.extended
    ):
        return None
    host = part.ndim == 0 or (not isinstance(part, jax.Array) and part.size <= SHOWN)
    if host and getattr(part, "is_fully_addressable", True):
        values = np.asarray(part)
        text = ", ".join(f"{value:.6g}" for value in np.ravel(values))
        return wadler_lindig.TextDoc(text if values.ndim == 0 else f"[{text}]")
    return wadler_lindig.array_summary(part.shape, part.dtype.name, kind=None)


def number(value: ArrayLike) -> Number:
    """A converter for fields: a number as a floating-point array.

    What is an array of JAX stays one, traced or not; everything else becomes one of NumPy.
    """
    return _as_array(value)


def numbers(value: ArrayLike | Sequence[ArrayLike]) -> Numbers:
    """`number`, or several of them."""
    return _as_array(value)


def _as_array(value: Any) -> Numbers:
    if not _regular(value):
        return value
    if any(isinstance(part, jax.Array) for part in jax.tree.leaves(value)):
        return jnp.asarray(value, dtype=float)
    return np.asarray(value, dtype=float)[()]  # a scalar, if there is one number only


def _regular(value: Any) -> bool:
    """Whether a value is real, and if it is a list of lists, rows of one length."""
    several = isinstance(value, (list, tuple))
    return is_real(value) and (not several or len(set(map(np.shape, value))) < 2)


def parameter(value: Any) -> Any:
    """A converter for fields of networks: a number, or several, as an array of JAX."""
    return jnp.asarray(value, dtype=float) if _regular(value) else value


def weights(value: Any) -> Any:
    """A converter for fields of networks: weights as an array of JAX, in their own precision."""
    if not _regular(value):
        return value
    array = jnp.asarray(value)
    return array if jnp.issubdtype(array.dtype, jnp.floating) else array.astype(float)


def entries(value: Any) -> Any:
    """A converter for fields: a list as a tuple, all else as it is."""
    return tuple(value) if isinstance(value, list) else value


def optional_number(value: ArrayLike | None) -> Number | None:
    """`number`, where None has a meaning of its own."""
    return None if value is None else number(value)


def real_or_complex(value: ArrayLike) -> ComplexNumbers:
    """`number`, for numbers that may be complex: they keep their kind and precision."""
    if not is_numeric(value):
        return value
    kept = isinstance(value, jax.Array)
    array = jnp.asarray(value) if kept else np.asarray(value)[()]
    return array if jnp.issubdtype(array.dtype, jnp.inexact) else array.astype(float)


def _real(name: str, value: Any) -> None:
    if not is_real(value):
        raise ValueError(f"{name} must be a number, got {shown(value)}: give an int or a float")


def _one_real(name: str, value: Any) -> None:
    _real(name, value)
    if np.ndim(value) > 0:
        raise ValueError(
            f"{name} must be one number, got {shown(value)}: for several values make several of "
            "these modules, under jax.vmap for instance"
        )


def _optional_real(name: str, value: Any) -> None:
    if value is not None:
        _one_real(name, value)


def _numeric(name: str, value: Any) -> None:
    if not is_numeric(value):
        raise ValueError(
            f"{name} must be a number, real or complex, got {shown(value)}: give an int, a float "
            "or a complex number"
        )


def _weights(name: str, value: Any) -> None:
    if not is_real(value):
        raise TypeError(
            f"{name} must be an array of real numbers, got {shown(value)}: weights stay real, also "
            "under a complex teaching signal"
        )


def _plain_number(name: str, value: Any) -> None:
    """A number that programs are compiled for."""
    if not isinstance(value, Real) or isinstance(value, bool) or value != value:
        raise ValueError(
            f"{name} must be a number, got {shown(value)}: give an int or a float, no array"
        )


def _plain_integer(name: str, value: Any) -> None:
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise ValueError(f"{name} must be an integer, got {shown(value)}: give an int")


def _truth(name: str, value: Any) -> None:
    if not isinstance(value, (bool, np.bool_)):
        raise ValueError(f"{name} must be True or False, got {shown(value)}")


CONVERTED: dict[Any, Check] = {
    number: _one_real,
    numbers: _real,
    parameter: _real,
    weights: _weights,
    optional_number: _optional_real,
    real_or_complex: _numeric,
}
NUMBERS = (_real, _one_real, _optional_real, _numeric)
PLAIN: dict[Any, Check] = {float: _plain_number, int: _plain_integer, bool: _truth}

_CHECKS: weakref.WeakKeyDictionary[type, list[tuple[str, Check, Any]]] = weakref.WeakKeyDictionary()


def _checks(kind: type) -> list[tuple[str, Check, Any]]:
    """The fields of a class that can be checked, each with its check and its default."""
    if kind not in _CHECKS:
        found = []
        for field in _own_fields(kind):
            converter = field.metadata.get("converter")
            check = CONVERTED.get(converter) or _instances(field.type)
            if check is None and converter is None:
                check = PLAIN.get(field.type)
            if check is not None:
                found.append((field.name, check, field.default))
        _CHECKS[kind] = found
    return _CHECKS[kind]


def _own_fields(kind: type) -> list[dataclasses.Field[Any]]:
    """The fields that classes of osciprop declare: the annotations of others may mean less."""
    package = __name__.split(".")[0]
    own = next(each for each in kind.__mro__ if each.__module__.split(".")[0] == package)
    return list(dataclasses.fields(own))


def _instances(annotation: Any) -> Check | None:
    """The check of an annotation that names classes of modules only, or a tuple of such."""
    if typing.get_origin(annotation) is tuple and typing.get_args(annotation)[1:] == (...,):
        return _each(_instances(typing.get_args(annotation)[0]))
    union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
    options = typing.get_args(annotation) if union else (annotation,)
    kinds = tuple(typing.get_origin(option) or option for option in options)
    modules = tuple(
        kind for kind in kinds if inspect.isclass(kind) and issubclass(kind, eqx.Module)
    )
    if not modules or len(modules) + (type(None) in kinds) < len(kinds):
        return None

    def check(name: str, value: Any) -> None:
        if value is not None or type(None) not in kinds:
            check_instance(name, value, modules)

    return check


def _each(check: Check | None) -> Check | None:
    if check is None:
        return None
    one = check

    def several(name: str, value: Any) -> None:
        if not isinstance(value, tuple):
            raise TypeError(f"{name} is {shown(value)}: give a tuple, such as (first, second)")
        for place, entry in enumerate(value):
            one(f"{name}[{place}]", entry)

    return several
