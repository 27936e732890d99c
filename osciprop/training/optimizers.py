"""Optimizers as training calls them: what is equal is one program, whatever the learning rate.

Optax makes an optimizer of functions, each new for each call; to JAX another function is another
program. Here two optimizers that are made of the same code and values share one, and the learning
rate (the `step_size` of `optax.scale`, which all of Optax's own end in) is an argument of it.
"""

import types
from collections.abc import Callable, Hashable, Iterator
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, PyTree

from ..errors import shown
from ..settings import Module
from .equality import contents

# The objective as Optax's line searches take it: from parameters to the loss.
Objective = Callable[[PyTree], Array]

STEP = "step_size"
_known: dict[Hashable, tuple[optax.GradientTransformation, int]] = {}


class Optimizer(Module):
    """An Optax optimizer as an argument of compiled functions: equal ones are one, and another
    learning rate compiles nothing.

    `version` tells one whose functions read a value of their module from the same one after that
    value has changed.
    """

    transformation: optax.GradientTransformation = eqx.field(static=True)
    steps: tuple[Array, ...]
    version: int = eqx.field(default=0, static=True)

    def update(
        self, gradient: PyTree, own: PyTree, parameters: PyTree, loss: Array, objective: Objective
    ) -> tuple[PyTree, PyTree]:
        """What is added to the parameters, and the optimizer's own state after that.

        The loss, the gradient and the objective reach those optimizers that ask for them.
        """
        remaining = iter(self.steps)
        optimizer = _with_steps(self.transformation, lambda _: next(remaining))
        told = optax.with_extra_args_support(optimizer)
        # Optax itself does not keep to strict promotion.
        with jax.numpy_dtype_promotion("standard"):
            updates, after = told.update(
                gradient, own, parameters, value=loss, grad=gradient, value_fn=objective
            )
            # Some return the precision of their own numbers.
            updates = jax.tree.map(lambda new, old: new.astype(old.dtype), updates, parameters)
        return updates, after


def as_optimizer(optimizer: optax.GradientTransformation) -> Optimizer:
    """An optimizer of Optax as `train_step` takes it.

    Raises `TypeError` for anything else.
    """
    require_optimizer(optimizer)
    steps: list[float] = []

    def take(step: float) -> None:
        steps.append(step)

    outline = contents(_with_steps(optimizer, take))
    # Weakly typed, as numbers of Python are: they take the type of what they multiply.
    transformation, version = _known.setdefault(outline, (optimizer, len(_known)))
    return Optimizer(transformation, tuple(map(jnp.asarray, steps)), version)


def require_optimizer(optimizer: object) -> None:
    """Raise `TypeError` for what is no optimizer of Optax."""
    if not isinstance(optimizer, optax.GradientTransformation):
        raise TypeError(
            f"optimizer is {shown(optimizer)}: give one of Optax, such as optax.adam(1e-3)"
        )


def objective_of(loss: Callable[[PyTree], tuple[Array, PyTree]]) -> Objective:
    """A function from parameters to the loss, for line searches, that is differentiated by the
    gradient that comes with it: `loss` returns both.
    """

    @jax.custom_vjp
    def objective(parameters: PyTree) -> Array:
        return loss(parameters)[0]

    def forward(parameters: PyTree) -> tuple[Array, PyTree]:
        return loss(parameters)

    def backward(gradient: PyTree, change: Array) -> tuple[PyTree]:
        return (jax.tree.map(lambda leaf: change.astype(leaf.dtype) * leaf, gradient),)

    objective.defvjp(forward, backward)
    return objective


def with_settings_of(fresh: PyTree, state: PyTree) -> PyTree:
    """An optimizer's state with the settings that `optax.inject_hyperparams` keeps in a fresh one,
    of an optimizer of the same kind.
    """

    def keeps_settings(node: Any) -> bool:
        return isinstance(node, tuple) and hasattr(node, "hyperparams")

    def take(old: Any, new: Any) -> Any:
        return old._replace(hyperparams=new.hyperparams) if keeps_settings(old) else old

    return jax.tree.map(take, state, fresh, is_leaf=keeps_settings)


def check_update(update: Callable[[], Any], given: str) -> None:
    """Raise `ValueError` if an optimizer needs more than it is given; `update` calls it."""
    try:
        jax.eval_shape(update)
    except (TypeError, ValueError) as error:
        if not any(words in str(error) for words in ("must be provided", "required", "missing")):
            raise
        raise ValueError(
            f"the optimizer needs more than it is given here, which is {given}: {error}. Choose "
            "another optimizer"
        ) from error


def _with_steps(value: Any, replace: Callable[[float], Any]) -> Any:
    """A value of functions and tuples with every number called `step_size` replaced."""
    if isinstance(value, tuple):
        parts = [_with_steps(part, replace) for part in value]
        if all(new is old for new, old in zip(parts, value, strict=True)):
            return value
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if not isinstance(value, types.FunctionType) or not value.__closure__:
        return value
    cells = []
    names = value.__code__.co_freevars
    for name, cell in zip(names, value.__closure__, strict=True):
        held = next(_held(cell), value)  # an empty cell holds the function itself
        if name == STEP and type(held) is float:
            cells.append(types.CellType(replace(held)))
        elif held is value or not isinstance(held, (tuple, types.FunctionType)):
            cells.append(cell)
        else:
            inner = _with_steps(held, replace)
            cells.append(cell if inner is held else types.CellType(inner))
    if all(new is old for new, old in zip(cells, value.__closure__, strict=True)):
        return value
    rebuilt = types.FunctionType(
        value.__code__, value.__globals__, value.__name__, value.__defaults__, tuple(cells)
    )
    rebuilt.__kwdefaults__ = value.__kwdefaults__
    return rebuilt


def _held(cell: types.CellType) -> Iterator[Any]:
    try:
        yield cell.cell_contents
    except ValueError:
        return
