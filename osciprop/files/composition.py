"""What values are made of, as text: equal, in any process, exactly where they do the same.

Functions count by name, bytecode, constants, defaults, the values they close over and what they
name in their module; arrays by type, shape and content; data classes, such as Equinox modules, by
their fields; other objects by what a copy would be made of, or, where nobody can see that, by what
they print. NaN equals NaN. Addresses count nowhere.
"""

import copyreg
import dataclasses
import enum
import functools
import hashlib
import re
import sys
import sysconfig
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from pickle import PickleError
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .arrays import numbers, update
from .functions import by_name, parts

SHOWN = 8
"""Arrays of up to this many numbers show them."""

DEEPEST = 50
"""Values within values, after which what is further inside counts by what it prints."""

NOT_COPIED = (TypeError, ValueError, AttributeError, NotImplementedError, RuntimeError, PickleError)
"""What objects raise that are not to be copied."""

Compose = Callable[[Any], str]

_SCALARS = (bool, int, float, complex, str, bytes, types.NoneType, types.EllipsisType)
_ARRAYS = (np.ndarray, np.generic, jax.Array)


def composition(value: Any) -> str:
    """All that a value is made of."""
    return _Walk()(value)


def digest_of(text: str) -> str:
    """A digest of a text, short enough to be read."""
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def name_of(value: Any) -> str:
    """Module and name of a class or function."""
    return f"{value.__module__}:{value.__qualname__}"


def fields_of(value: Any) -> Iterator[tuple[str, Any]]:
    """Names and values of the fields of a data class; a half-made one has not all of them."""
    for field in dataclasses.fields(value):
        part = getattr(value, field.name, dataclasses.MISSING)
        if part is not dataclasses.MISSING:
            yield field.name, part


class _Walk:
    """Composes a value of what it holds; each function once, however often it occurs."""

    def __init__(self) -> None:
        self._around: list[int] = []
        # With the function itself, so that no other gets its `id` meanwhile.
        self._known: dict[int, tuple[Any, str]] = {}

    def __call__(self, value: Any) -> str:
        if type(value) in _SCALARS:
            return _scalar(value)
        if id(value) in self._known:
            return self._known[id(value)][1]
        if id(value) in self._around:  # a function that calls itself, a list that holds itself
            return f"itself {len(self._around) - self._around.index(id(value))} up"
        if len(self._around) == DEEPEST:
            return _printed(value)
        self._around.append(id(value))
        try:
            found = (kind(value, self) for kind in _KINDS)
            text = next(text for text in found if text is not None)
        finally:
            self._around.pop()
        if isinstance(value, types.FunctionType):
            self._known[id(value)] = value, text
        return text


def _scalar(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:80]}... #{digest_of(text)}"


def _named(value: Any, compose: Compose) -> str | None:
    """What has a name that says it all."""
    if isinstance(value, enum.Enum):
        return f"{name_of(type(value))}.{value.name}={compose(value.value)}"
    if isinstance(value, type):
        return name_of(value)
    if isinstance(value, types.ModuleType):
        return f"module {value.__name__}"
    return f"dtype {value}" if isinstance(value, np.dtype) else None


def _array(value: Any, compose: Compose) -> str | None:
    if isinstance(value, jax.core.Tracer):
        return f"traced {value.dtype}{list(value.shape)}"
    if not isinstance(value, _ARRAYS):
        return None
    if isinstance(value, np.ma.MaskedArray):  # what is masked counts for nothing
        mask = np.ma.getmaskarray(value)
        shown = np.where(mask, np.zeros((), value.dtype), value.data)
        return f"masked {compose(shown)} by {compose(mask)}"
    kind = value.dtype
    array = numbers(value)
    if array.dtype.hasobject:
        return f"object{list(array.shape)} {compose(array.tolist())}"
    array = _one_nan(array)
    digest = hashlib.blake2b(digest_size=8)
    update(digest, array)
    values = " " + " ".join(map(str, np.ravel(array))) if array.size <= SHOWN else ""
    return f"{kind}{list(array.shape)}{values} #{digest.hexdigest()}"


def _one_nan(array: np.ndarray) -> np.ndarray:
    """The array with all its NaN, of which there are many, made the same."""
    if not jnp.issubdtype(array.dtype, jnp.inexact):
        return array
    missing = np.isnan(array)
    return np.where(missing, np.asarray(np.nan, array.dtype), array) if missing.any() else array


def _container(value: Any, compose: Compose) -> str | None:
    if isinstance(value, tuple) and (fields := getattr(type(value), "_fields", None)):
        named = (f"{name}={compose(part)}" for name, part in zip(fields, value, strict=True))
        return f"{name_of(type(value))}({', '.join(named)})"
    if type(value) in (tuple, list):
        begin, end = "()" if type(value) is tuple else "[]"
        return f"{begin}{', '.join(map(compose, value))}{end}"
    if type(value) in (set, frozenset):
        return f"{type(value).__name__}({', '.join(sorted(map(compose, value)))})"
    if type(value) is dict:
        entries = sorted(f"{compose(key)}: {compose(part)}" for key, part in value.items())
        return f"{{{', '.join(entries)}}}"
    return None


def _fields(value: Any, compose: Compose) -> str | None:
    """A data class, such as every Equinox module, static fields included."""
    if not dataclasses.is_dataclass(value):
        return None
    given = ", ".join(f"{name}={compose(part)}" for name, part in fields_of(value))
    return f"{name_of(type(value))}({given})"


def _function(value: Any, compose: Compose) -> str | None:
    if isinstance(value, types.FunctionType):
        return _python_function(value, compose)
    if isinstance(value, types.MethodType):
        return f"{compose(value.__func__)} of {compose(value.__self__)}"
    if isinstance(value, functools.partial):
        inside = ", ".join(map(compose, (value.func, value.args, value.keywords)))
        return f"{name_of(type(value))}({inside})"
    if isinstance(value, types.BuiltinFunctionType):
        owner = value.__self__
        free = owner is None or isinstance(owner, types.ModuleType)
        return f"{name_of(value)}{'' if free else f' of {compose(owner)}'}"
    if callable(value) and by_name(value) and is_installed(value.__module__):
        return f"{value.__module__}:{value.__name__}"
    if isinstance(value, jax.custom_jvp | jax.custom_vjp):
        rules = {name: part for name, part in vars(value).items() if not name.startswith("__")}
        return f"{name_of(type(value))}({compose(rules)})"
    # What `jax.jit` and `functools.cache` make of a function; their own state tells its lines.
    inner = getattr(value, "__wrapped__", None)
    return None if inner is None else f"{name_of(type(value))}({compose(inner)})"


def _python_function(function: types.FunctionType, compose: Compose) -> str:
    made = parts(function)
    # A library's own functions and containers change with its version only, or are its memory.
    counts = _is_constant if is_installed(function.__module__) else _is_setting
    reached = [f"{name}={compose(value)}" for name, value in made.used if counts(value)]
    for name, module in made.used:
        if isinstance(module, types.ModuleType) and not is_installed(module.__name__):
            inside = ((e, vars(module)[e]) for e in made.names if e in vars(module))
            reached += [f"{name}.{e}={compose(v)}" for e, v in inside if _is_constant(v)]
    digest = digest_of("\n".join([_code(made.code, function.__doc__, compose), *reached]))
    shown = [f"{name}={compose(value)}" for name, value in (*made.held, *made.keywords)]
    if made.defaults:
        shown.append(f"defaults={compose(made.defaults)}")
    return f"{name_of(function)}({', '.join(shown)}) #{digest}"


def _code(code: types.CodeType, documentation: str | None, compose: Compose) -> str:
    """All that decides what code does; neither where it stands nor what its docstring says."""
    constants = [
        _code(constant, None, compose)
        if isinstance(constant, types.CodeType)
        else compose(None if constant == documentation else constant)
        for constant in code.co_consts
    ]
    arguments = code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags
    words = code.co_names, code.co_varnames, code.co_cellvars, code.co_freevars
    return f"{code.co_code.hex()} {code.co_exceptiontable.hex()} {arguments} {words} {constants}"


def _is_constant(value: Any) -> bool:
    """Whether a module's name stands for a number, a word, or several."""
    if isinstance(value, tuple | frozenset):
        return all(map(_is_constant, value))
    return isinstance(value, (*_SCALARS, enum.Enum, np.generic))


def _is_setting(value: Any) -> bool:
    """Whether a module's name stands for something that decides what a function does."""
    kinds = (*_SCALARS, tuple, list, dict, set, frozenset, enum.Enum, *_ARRAYS)
    return isinstance(value, kinds) or callable(value) or dataclasses.is_dataclass(value)


@functools.cache
def is_installed(module: str | None) -> bool:
    """Whether a module came with Python or a package, and so changes with their versions only."""
    if module == "__main__":  # a program is one of the user, also one that pytest runs
        return False
    file = getattr(sys.modules.get(module or ""), "__file__", None)
    if file is None:
        return True
    path, library = Path(file).resolve(), Path(sysconfig.get_path("stdlib")).resolve()
    packages = not {"site-packages", "dist-packages"}.isdisjoint(path.parts)
    return packages or path.is_relative_to(library)


def _random(value: Any, compose: Compose) -> str | None:
    """NumPy's sources of random numbers, by where they stand."""
    if isinstance(value, np.random.Generator):
        return f"Generator({compose(value.bit_generator)})"
    if isinstance(value, np.random.BitGenerator):
        return f"{name_of(type(value))}({compose(dict(value.state))})"
    return None


def _object(value: Any, compose: Compose) -> str:
    """Anything else, by what a copy would be made of."""
    registered = copyreg.dispatch_table.get(type(value))
    try:
        made = registered(value) if registered else value.__reduce_ex__(2)
    except NOT_COPIED:
        return _printed(value)
    if isinstance(made, str):
        return f"{name_of(type(value))} {made}"
    state = [compose(part) for part in made[1:3]]
    state += [compose(list(part)) for part in made[3:5] if part is not None]
    return f"{name_of(type(value))}({', '.join(state)})"


_KINDS = (_named, _array, _container, _fields, _function, _random, _object)


def _printed(value: Any) -> str:
    text = re.sub(r"( at)? 0x[0-9a-fA-F]+", "", repr(value))
    return f"{name_of(type(value))} {_scalar(text)}"
