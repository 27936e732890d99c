"""What takes long to compile, tried by a small part of it first."""

import abc
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array

from ..errors import is_traced
from ..networks.model import AbstractModel
from ..networks.network import AbstractNetwork
from ..settings import Module

Method = TypeVar("Method")
Result = TypeVar("Result")


class AbstractLarge(Module):
    """A solver that is a large program, most of it for networks that need it.

    Example:
        >>> osciprop.Settling().small(network)
        ContractingIteration(tolerance=None, max_steps=1000)
    """

    @abc.abstractmethod
    def small(self, network: AbstractNetwork) -> Module:
        """The solver to try first: what it solves is solved, and it flags what it does not."""


def at_once_or(
    network: AbstractModel,
    method: Method,
    solve: Callable[[Method], Result],
    converged: Callable[[Result], Array],
) -> Result:
    """`solve(method)`, in which the small part of what is large is tried first.

    Most networks need no more, and the whole takes several times longer to compile. Inside `jit`,
    where nothing can be decided, it is compiled.
    """

    def is_large(node: object) -> bool:
        return isinstance(node, AbstractLarge)

    def attempt(node: Any) -> Any:
        return node.small(network) if is_large(node) else node

    if any(map(is_large, jax.tree.leaves(method, is_leaf=is_large))):
        found = solve(jax.tree.map(attempt, method, is_leaf=is_large))
        settled = converged(found)
        if not is_traced(settled) and bool(jnp.all(settled)):
            return found
    return solve(method)
