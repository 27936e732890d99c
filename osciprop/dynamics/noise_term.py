"""How noise enters Diffrax: a term of its own, and a solver that counts the steps."""

from collections.abc import Callable
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Int, PyTree

from .brownian import Area


class NoiseTerm(diffrax.AbstractTerm[Any, Any]):
    """A system's noise for Diffrax, on real pairs: no product there can conjugate it.

    Functions, like an `ODETerm`'s: Diffrax would warn of complex numbers in the system itself.
    """

    gain: Callable[[ArrayLike], PyTree]
    kick: Callable[[PyTree, PyTree], PyTree]
    increments: Callable[..., PyTree]
    number: Int[Array, ""]

    def vf(self, t: ArrayLike, y: PyTree, args: None) -> PyTree:
        return self.gain(t)

    def contr(self, t0: ArrayLike, t1: ArrayLike, **kwargs: bool) -> PyTree:
        return self.increments(self.number, jnp.asarray(t0), jnp.asarray(t1), **kwargs)

    def prod(self, vf: PyTree, control: PyTree) -> PyTree:
        return self.kick(vf, control)


class Counting(diffrax.AbstractWrappedSolver[Any]):
    """A solver that tells the noise which step it makes."""

    solver: diffrax.AbstractSolver[Any]  # type: ignore[misc]

    @property
    def term_structure(self) -> Any:
        return self.solver.term_structure

    @property
    def interpolation_cls(self) -> Any:  # type: ignore[override]
        return self.solver.interpolation_cls

    @property
    def term_compatible_contr_kwargs(self) -> Any:
        return self.solver.term_compatible_contr_kwargs

    def order(self, terms: PyTree) -> int | None:
        return self.solver.order(terms)

    def strong_order(self, terms: PyTree) -> Any:
        return self.solver.strong_order(terms)

    def error_order(self, terms: PyTree) -> Any:
        return self.solver.error_order(terms)

    def init(self, terms: PyTree, t0: Any, t1: Any, y0: PyTree, args: None) -> Any:
        return self.solver.init(numbered(terms, jnp.asarray(0)), t0, t1, y0, args), jnp.asarray(0)

    def step(
        self,
        terms: PyTree,
        t0: Any,
        t1: Any,
        y0: PyTree,
        args: None,
        solver_state: tuple[Any, Int[Array, ""]],
        made_jump: Any,
    ) -> tuple[Any, ...]:
        own, number = solver_state
        y1, error, dense, own, result = self.solver.step(
            numbered(terms, number), t0, t1, y0, args, own, made_jump
        )
        return y1, error, dense, (own, number + 1), result

    def func(self, terms: PyTree, t0: Any, y0: PyTree, args: None) -> PyTree:
        return self.solver.func(terms, t0, y0, args)


def numbered(terms: PyTree, number: Int[Array, ""]) -> PyTree:
    """Terms whose noise is that of the step of a number."""

    def tell(term: PyTree) -> PyTree:
        if not isinstance(term, NoiseTerm):
            return term
        return eqx.tree_at(lambda tree: tree.number, term, number)

    return jax.tree.map(tell, terms, is_leaf=lambda part: isinstance(part, NoiseTerm))


def area_for(solver: diffrax.AbstractSolver[Any]) -> Area:
    """The increments, with or without Levy areas, that a solver asks for."""
    needed = getattr(solver, "minimal_levy_area", diffrax.AbstractBrownianIncrement)
    areas: tuple[Area, ...] = (
        diffrax.BrownianIncrement,
        diffrax.SpaceTimeLevyArea,
        diffrax.SpaceTimeTimeLevyArea,
    )
    return next(area for area in areas if issubclass(area, needed))
