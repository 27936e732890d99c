"""Relaxation in a precision below that of the network."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, DTypeLike, Float, Int, PyTree

from ..dynamics.dynamics import Dynamics
from ..errors import shown
from ..networks.complexity import is_complex, real_dtype
from ..networks.network import State
from ..settings import Number
from .iterations import SequentialIteration
from .relaxation import AbstractRelaxation
from .solution import Solution


def as_dtype(value: DTypeLike) -> jnp.dtype:
    """A converter for fields: a type of numbers, however it is named."""
    try:
        return jnp.dtype(value)
    except TypeError as error:
        raise TypeError(f"dtype is {shown(value)}: give a type such as jnp.bfloat16") from error


class ReducedPrecision(AbstractRelaxation):
    """Another relaxation, run in a lower precision: `bfloat16`, `float16`, or `float32`.

    Network, drive, target and state are cast to `dtype`, `relaxation` runs to its tolerance, by
    default that of `dtype` (four units of round-off in half precision), and the state returns in
    the precision that it came in. All that follows, gradients included, has full precision. To go
    on from there to the full precision's tolerance, use
    `Chained(ReducedPrecision(), AndersonIteration())`.

    There are no complex numbers of half precision: complex states pass on to `relaxation` as they
    are, in full precision with its tolerance. With a complex teaching signal the free equilibrium
    is thus reduced, and the nudged ones are not.

    Args:
        relaxation: What runs in the lower precision.
        dtype: A real floating-point type, such as `jnp.bfloat16`.

    Raises:
        ValueError: `dtype` is none.

    Example:
        >>> rough = osciprop.equilibria.ReducedPrecision()
        >>> bool(osciprop.relax(network, x, relaxation=rough).converged.all())
        True
    """

    relaxation: AbstractRelaxation = SequentialIteration()
    dtype: jnp.dtype = eqx.field(default=jnp.bfloat16, converter=as_dtype, static=True)

    def __check_init__(self) -> None:
        if not jnp.issubdtype(self.dtype, jnp.floating):
            raise ValueError(
                f"dtype is {self.dtype}: use a real floating-point type, such as jnp.bfloat16 or "
                "jnp.float16"
            )

    @property
    def tolerance(self) -> Number | None:
        """That of the relaxation."""
        return self.relaxation.tolerance

    def threshold(self, dtype: jnp.dtype) -> Float[Array, ""]:
        chosen = self.relaxation.tolerance is not None
        if chosen or jnp.issubdtype(dtype, jnp.complexfloating):
            return self.relaxation.threshold(dtype)
        return self.relaxation.threshold(self.dtype).astype(jnp.finfo(dtype).dtype)

    def run(
        self, dynamics: Dynamics, u: State, tolerance: Float[Array, ""]
    ) -> tuple[State, Int[Array, ""], Float[Array, ""]]:
        if is_complex(u):
            return self.relaxation.run(dynamics, u, tolerance)
        full = real_dtype(u)
        low_dynamics, low_u = _cast((dynamics, u), self.dtype)
        final, steps, time = self.relaxation.run(low_dynamics, low_u, tolerance.astype(self.dtype))
        return _cast(final, full), steps, time.astype(full)

    def assess(self, dynamics: Dynamics, found: Solution) -> Solution:
        # In full precision, which is what there is of the state by then.
        return self.relaxation.assess(dynamics, found)


def _cast(tree: PyTree, dtype: jnp.dtype) -> PyTree:
    """Every floating-point array in another precision; labels and constants as they are."""
    return jax.tree.map(
        lambda leaf: leaf.astype(dtype) if eqx.is_inexact_array(leaf) else leaf, tree
    )
