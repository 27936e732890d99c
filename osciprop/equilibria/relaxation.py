"""What brings a network to equilibrium: the interface of all ways there, and what judges them.

The tolerance decides when a relaxation ends, not a number of steps.
"""

import abc
from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..dynamics.dynamics import Dynamics
from ..errors import check_positive
from ..networks.network import State
from ..networks.trees import sample_peaks
from ..settings import Module, Number
from .solution import Solution

DEFAULTS = {"float32": 2e-6, "float64": 1e-10}
# Activities beyond which a residual is compared with the time passed, and what it may be of it.
FAR, SETTLED = 1e3, 0.1
TOLERANCE_REMEDY = "leave it None for the precision's default (2e-6 float32, 1e-10 float64)"


class AbstractRelaxation(Module):
    """A way to bring a network to equilibrium.

    `tolerance` bounds `Dynamics.residual`, a change of activity, relative to the largest of its
    population where that is above 1; None takes the default of the precision, 2e-6 in float32,
    1e-10 in float64, four units of round-off in half precision (3e-2 in bfloat16, 4e-3 in float16).

    Example:
        >>> float(osciprop.AndersonIteration().threshold(jnp.dtype("float32"))) < 3e-6
        True
    """

    if TYPE_CHECKING:
        # A field or a property. To mypy an abstract variable is an argument of every subclass.
        @property
        def tolerance(self) -> Number | None: ...
    else:
        tolerance: eqx.AbstractVar[Number | None]

    def __check_init__(self) -> None:
        check_tolerance(self.tolerance)

    @abc.abstractmethod
    def run(
        self, dynamics: Dynamics, u: State, tolerance: Float[Array, ""]
    ) -> tuple[State, Int[Array, ""], Float[Array, ""]]:
        """The final state, the number of steps, and the simulated time."""

    def threshold(self, dtype: jnp.dtype) -> Float[Array, ""]:
        """The tolerance for states of a type, real or complex, in its precision."""
        return precision_threshold(self.tolerance, dtype)

    def solve(self, dynamics: Dynamics, u: State) -> Solution:
        """Relax from `u` and look at what came of it. Never raises: see `relax`."""
        return self.assess(dynamics, AbstractRelaxation.track(self, dynamics, u))

    def track(self, dynamics: Dynamics, u: State) -> Solution:
        """From an equilibrium `u` to where a nudge moves it: without asking for its stability."""
        tolerance = self.threshold(jax.tree.leaves(u)[0].dtype)
        final, steps, time = self.run(dynamics, u, tolerance)
        return judge(dynamics, final, tolerance, steps, time)

    def assess(self, dynamics: Dynamics, found: Solution) -> Solution:
        """What `run` reached, and the flags of what else is asked of it: here only the residual."""
        return found


def judge(
    dynamics: Dynamics,
    u: State,
    tolerance: Float[Array, ""],
    steps: Int[Array, ""],
    time: Float[Array, ""],
) -> Solution:
    """A state as a `Solution`: its residual decides whether it counts as an equilibrium."""
    residual = dynamics.residual(0.0, u)
    s = dynamics.network.activity(u)
    # What moves on for ever moves little in units of how far it has come: its residual is about
    # one over the time, while that of what settles falls faster than any power of it.
    runs_away = (sample_peaks(s) > FAR) & (residual * jnp.maximum(time, 1) > SETTLED)
    return Solution(
        u=u,
        s=s,
        residual=residual,
        converged=(residual <= tolerance) & ~runs_away,  # false for NaN
        steps=steps,
        time=time,
        tolerance=tolerance,
    )


def precision_threshold(tolerance: Number | None, dtype: jnp.dtype) -> Float[Array, ""]:
    """A tolerance, or the default of a precision, in that precision."""
    precision = jnp.finfo(dtype)
    if tolerance is None:
        default = DEFAULTS.get(precision.dtype.name, 4 * float(precision.eps))
        return jnp.asarray(default, dtype=precision.dtype)
    return jnp.asarray(tolerance, dtype=precision.dtype)


def check_tolerance(tolerance: Number | None) -> None:
    """Raise `ValueError` unless a tolerance is positive, or None."""
    if tolerance is not None:
        check_positive("tolerance", tolerance, TOLERANCE_REMEDY)
