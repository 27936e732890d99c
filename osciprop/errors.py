"""The exceptions and warnings that osciprop raises, and the checks that many files share."""

import contextlib
import inspect
import numbers
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from reprlib import Repr

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree


class ConvergenceError(RuntimeError):
    """A solve did not reach its tolerance; the message holds the numbers and a remedy.

    Example:
        >>> hasty = osciprop.SynchronousIteration(max_steps=1)
        >>> osciprop.relax(network, x, relaxation=hasty)
        Traceback (most recent call last):
        ...
        osciprop.errors.ConvergenceError: ...
    """


class HolomorphyError(ValueError):
    """A complex teaching signal met an activation or cost that is not holomorphic.

    Example:
        >>> hard = osciprop.hopfield_mlp([4, 6, 3], key=key, activation=osciprop.ReLU())
        >>> osciprop.estimate_gradient(hard, x, y, osciprop.HolomorphicEP())
        Traceback (most recent call last):
        ...
        osciprop.errors.HolomorphyError: ...
    """


class ReciprocityError(TypeError):
    """A method that contrasts an energy met a network whose synapses are not reciprocal.

    Example:
        >>> osciprop.estimate_gradient(directed, x, y, osciprop.ClassicEP())
        Traceback (most recent call last):
        ...
        osciprop.errors.ReciprocityError: ...
    """


class ContractError(TypeError):
    """A network of the user's own, or a part of one, does not give what the contract of
    `osciprop.AbstractNetwork` asks for; the message names class, method, shapes and a remedy.

    Example:
        >>> class Scalar(osciprop.networks.AbstractCost):
        ...     def output(self, activity):
        ...         return activity
        ...     def __call__(self, activity, target):
        ...         return jnp.mean((activity - target) ** 2)  # without axis=-1
        >>> own = osciprop.perceptron([4, 6, 3], key=key, cost=Scalar())
        >>> osciprop.estimate_gradient(own, x, np.eye(3)[y], osciprop.Implicit())
        Traceback (most recent call last):
        ...
        osciprop.errors.ContractError: ...
    """


class NonFiniteLossError(RuntimeError):
    """Learning was stopped because the loss is NaN or infinite.

    Example:
        >>> issubclass(osciprop.NonFiniteLossError, RuntimeError)
        True
    """


class GradientAccuracyWarning(UserWarning):
    """A gradient was computed, but its own diagnostics say that it is inaccurate.

    Example:
        >>> issubclass(osciprop.GradientAccuracyWarning, UserWarning)
        True
    """


@contextlib.contextmanager
def attached(name: str, run: object, holds: str) -> Iterator[None]:
    """Whatever ends the block early takes the run with it, as an attribute of that name."""
    try:
        yield
    except BaseException as error:  # an interrupt too
        setattr(error, name, run)
        error.add_note(f"What was computed until then is attached to this error: {holds}.")
        raise


def is_traced(tree: PyTree) -> bool:
    """Whether a pytree holds values known only at run time (inside `jit`, `vmap` or `grad`)."""
    return any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(tree))


def is_numeric(value: object) -> bool:
    """Whether a value is a number, real or complex, an array of numbers, or a list of such: no
    text, and no truth value.
    """
    return _every(value, lambda part: isinstance(part, numbers.Number), jnp.number)


def is_real(value: object) -> bool:
    """`is_numeric`, without complex numbers."""
    return _every(value, lambda part: isinstance(part, numbers.Real), jnp.floating, jnp.integer)


def _every(value: object, alone: Callable[[object], bool], *kinds: type) -> bool:
    several = isinstance(value, (list, tuple))
    parts = jax.tree.leaves(value, is_leaf=lambda part: part is None) if several else [value]

    def fits(part: object) -> bool:
        if isinstance(part, (jax.Array, np.ndarray, np.generic)):
            return any(jnp.issubdtype(part.dtype, kind) for kind in kinds)
        return alone(part) and not isinstance(part, bool)

    return all(map(fits, parts))


def shown(value: object) -> str:
    """A value as messages show it: in one line, and not too long."""
    if isinstance(value, (jax.Array, np.ndarray)) and (is_traced(value) or value.size > SHOWN):
        return f"an array of shape {value.shape} and type {value.dtype}"
    if isinstance(value, (jax.Array, np.ndarray, np.generic, float)) and is_numeric(value):
        return " ".join(str(value).split())
    if not isinstance(value, (str, bytes, list, tuple, dict, set)) and len(repr(value)) > LONGEST:
        return f"{type(value).__name__}(...)"
    short = Repr()
    short.maxstring = short.maxother = LONGEST
    return " ".join(short.repr(value).split())


# Arrays of up to this many numbers are shown as they are.
SHOWN = 8
LONGEST = 60


def _holds(value: object, condition: Callable[[np.ndarray], np.ndarray]) -> bool:
    """Whether a value is real and, as far as it is known, finite and within a condition."""
    if not is_real(value):
        return False
    if is_traced(value):
        return True
    array = np.asarray(value)
    return bool(np.all(np.isfinite(array) & condition(array)))


def check_positive(name: str, value: object, remedy: str) -> None:
    """Raise `ValueError` unless a known number is finite and above zero; traced values pass."""
    if not _holds(value, lambda array: array > 0):
        raise ValueError(f"{name} must be a finite number above 0, got {shown(value)}: {remedy}")


def check_not_negative(name: str, value: object, remedy: str) -> None:
    """Raise `ValueError` unless a known number is finite and not below zero; traced values pass."""
    if not _holds(value, lambda array: array >= 0):
        raise ValueError(
            f"{name} must be a finite number, not negative, got {shown(value)}: {remedy}"
        )


def check_number(name: str, value: object, remedy: str) -> None:
    """Raise `ValueError` unless a known number is real and finite; traced values pass."""
    if not _holds(value, np.isfinite):
        raise ValueError(f"{name} must be a finite number, got {shown(value)}: {remedy}")


def check_at_least(name: str, value: object, minimum: int, remedy: str) -> None:
    """Raise `ValueError` unless an integer reaches its minimum."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < minimum:
        raise ValueError(
            f"{name} must be an integer of at least {minimum}, got {shown(value)}: {remedy}"
        )


def check_finite(name: str, array: PyTree, remedy: str) -> None:
    """Raise `ValueError` if a known array holds NaN or infinity; traced values pass."""
    if is_traced(array):
        return
    for leaf in jax.tree.leaves(array):
        bad = np.size(leaf) - np.count_nonzero(np.isfinite(np.asarray(leaf)))
        if bad:
            raise ValueError(
                f"{name} holds {bad} NaN or infinite of {np.size(leaf)} values: {remedy}"
            )


def check_key(name: str, key: object) -> None:
    """Raise `TypeError` unless a value is one random key of JAX, of the new kind or the old."""
    if isinstance(key, (jax.Array, np.ndarray)):
        if jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
            if key.ndim == 0:
                return
        # Keys of the old kind are two or, of other generators, four of these.
        elif key.dtype == np.uint32 and key.shape in ((2,), (4,)):
            return
        several = f"{name} has shape {key.shape} and type {key.dtype}"
    else:
        several = f"{name} is {shown(key)}"
    raise TypeError(
        f"{several}: give one random key of JAX, such as jax.random.key(0); jax.random.split makes "
        "several, and keys[0] is one of them"
    )


def check_instance(name: str, value: object, kind: type | tuple[type, ...]) -> None:
    """Raise `TypeError` unless a value is an instance of a class, or of one of several."""
    if isinstance(value, kind):
        return
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if inspect.isclass(value) and issubclass(value, kinds):
        raise TypeError(
            f"{name} is the class {value.__name__}, not an instance of it: give {_called(value)}"
        )
    wanted = " or ".join(map(public_name, kinds))
    own = ", or one of a class of your own that derives from it" * inspect.isabstract(kinds[0])
    examples = [example for each in kinds for example in _examples(each)]
    such = f", such as {_listed(examples)}" if examples else ""
    raise TypeError(f"{name} is {shown(value)}: give an instance of {wanted}{such}{own}")


def check_callable(name: str, value: object, call: str) -> None:
    """Raise `TypeError` unless a value can be called; `call` shows how it will be."""
    if not callable(value):
        raise TypeError(f"{name} is {shown(value)}: give a function, called as {call}")


def as_path(name: str, value: object) -> Path:
    """The path that a user gave, or a `TypeError`."""
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(
            f"{name} is {shown(value)}: give the path of a file, as text or as a pathlib.Path"
        )
    return Path(value)


def optional_path(name: str, value: object) -> Path | None:
    """`as_path`, where nothing may be given."""
    return None if value is None else as_path(name, value)


def public_name(kind: type) -> str:
    """The name by which a user finds a class: in the package itself, or in a folder of it."""
    package, *folders = kind.__module__.split(".")
    if package != "osciprop":
        return f"{package}.{kind.__name__}"
    if hasattr(sys.modules.get(package), kind.__name__):
        return f"{package}.{kind.__name__}"
    return f"{package}.{folders[0]}.{kind.__name__}"


def _called(kind: type) -> str:
    """How a class is called, with dots for arguments that it needs."""
    parameters = inspect.signature(kind).parameters.values()
    needed = any(
        part.default is part.empty and part.kind != part.VAR_KEYWORD for part in parameters
    )
    return f"{public_name(kind)}({'...' * needed})"


def _examples(kind: type, count: int = 3) -> list[str]:
    """Classes that a user may give where a kind is asked for, those first that need no argument."""
    found: list[str] = []
    waiting = [kind]
    while waiting:
        first = waiting.pop(0)
        waiting += first.__subclasses__()
        package = first.__module__.split(".")[0]
        hidden = first.__name__.startswith(("_", "Abstract"))
        hidden |= package != kind.__module__.split(".")[0]
        if not hidden and not inspect.isabstract(first):
            found.append(_called(first))
    return sorted(found, key=lambda call: "..." in call)[:count]


def _listed(words: list[str]) -> str:
    *before, last = words
    return f"{', '.join(before)} or {last}" if before else last
