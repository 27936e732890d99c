"""The exceptions and warnings that osciprop raises, and the checks that many files share."""

import jax
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


def is_traced(tree: PyTree) -> bool:
    """Whether a pytree holds values known only at run time (inside `jit`, `vmap` or `grad`)."""
    return any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(tree))


def check_positive(name: str, value: object, remedy: str) -> None:
    """Raise `ValueError` unless a known scalar is finite and above zero; traced values pass."""
    if is_traced(value):
        return
    if not np.all(np.isfinite(np.asarray(value))) or not np.all(np.asarray(value) > 0):
        raise ValueError(f"{name} must be a finite number above 0, got {value}: {remedy}")


def check_not_negative(name: str, value: object, remedy: str) -> None:
    """Raise `ValueError` unless a known scalar is finite and not below zero; traced values pass."""
    if is_traced(value):
        return
    if not np.all(np.isfinite(np.asarray(value))) or not np.all(np.asarray(value) >= 0):
        raise ValueError(f"{name} must be a finite number, not negative, got {value}: {remedy}")


def check_at_least(name: str, value: object, minimum: int, remedy: str) -> None:
    """Raise `ValueError` unless an integer reaches its minimum."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < minimum:
        raise ValueError(f"{name} must be an integer of at least {minimum}, got {value}: {remedy}")


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
