"""How a network that moves crosses time: kicks of the momenta and drifts of the positions.

A composition of kicks and drifts is symplectic whatever its numbers are, and run backwards it
retraces its way to round-off. That is what an echo needs: with it the gradient is that of the
discrete loss, not an approximation of a continuous one.
"""

import abc
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from ...errors import check_at_least, check_instance, check_positive, is_real
from ...settings import Module, Number, number


class AbstractMotion(Module):
    """A time grid of equal steps, and the parts of one step.

    One step is `kicks[0]`, `drifts[0]`, `kicks[1]`, ..., `drifts[-1]`, `kicks[-1]`, each a part of
    the step's length; there is one kick more than there are drifts.

    Example:
        >>> motion = osciprop.networks.Leapfrog(duration=6.0, steps=60)
        >>> float(motion.step())
        0.1
    """

    duration: eqx.AbstractVar[Number]
    steps: eqx.AbstractVar[int]

    @abc.abstractmethod
    def parts(self) -> tuple[np.ndarray, np.ndarray]:
        """Kicks and drifts, as parts of a step."""

    def step(self, dtype: np.dtype | None = None) -> Float[Array, ""]:
        """Length of a step, in units of time."""
        return jnp.asarray(self.duration, dtype=dtype or float) / self.steps

    def time(self, number: ArrayLike) -> Float[Array, ""]:
        """The time of a point of the grid, also between two of them."""
        step = self.step()
        return jnp.asarray(number).astype(step.dtype) * step


def as_motion(motion: Any) -> AbstractMotion:
    """A motion as it is. Raise `TypeError` for what is no composition of kicks and drifts; where it
    is an integrator, with the number that shows why not.
    """
    solver = (
        motion.solver
        if isinstance(getattr(motion, "solver", None), diffrax.AbstractSolver)
        else motion
    )
    if isinstance(solver, diffrax.AbstractSolver) and not isinstance(
        solver, diffrax.SemiImplicitEuler
    ):
        raise TypeError(
            f"motion is {type(solver).__name__}, which is not symplectic: a step of length 1 "
            "changes areas in the phase plane of an oscillator of frequency 1 by "
            f"{100 * area_change(solver):+.2g} %, and run backwards it does not retrace its way. "
            "An echo needs kicks and drifts: give Leapfrog(duration, steps), FourthOrder or "
            "Splitting"
        )
    check_instance("motion", motion, AbstractMotion)
    return motion


def area_change(solver: diffrax.AbstractSolver[Any]) -> float:
    """By what part a step changes areas of the phase plane: determinant of the step, minus 1."""
    turn = diffrax.ODETerm(lambda t, phase, args: jnp.stack([phase[1], -phase[0]]))

    def step(phase: Array) -> Array:
        solution = diffrax.diffeqsolve(turn, solver, 0.0, 1.0, 1.0, phase)
        assert solution.ys is not None
        return solution.ys[-1]

    return float(jnp.linalg.det(jax.vmap(step)(jnp.eye(2)))) - 1


def _check_grid(motion: AbstractMotion) -> None:
    check_positive("duration", motion.duration, "give the length of a trajectory in units of time")
    check_at_least("steps", motion.steps, 1, "a trajectory needs a step")


class Leapfrog(AbstractMotion):
    """Half a kick, a drift, half a kick: second order in the step (Stoermer-Verlet).

    Stable where the step is shorter than 2 over the largest frequency of the network.

    Args:
        duration: Length of a trajectory, in units of time, above 0.
        steps: Number of steps.

    Raises:
        ValueError: a number is not positive.

    Source: Hairer, Lubich and Wanner 2003.

    Example:
        >>> osciprop.networks.Leapfrog(duration=6.0, steps=60).parts()
        (array([0.5, 0.5]), array([1.]))
    """

    duration: Number = eqx.field(converter=number)
    steps: int = eqx.field(static=True)

    def __check_init__(self) -> None:
        _check_grid(self)

    def parts(self) -> tuple[np.ndarray, np.ndarray]:
        return np.asarray([0.5, 0.5]), np.asarray([1.0])


class FourthOrder(AbstractMotion):
    """Three leapfrog steps forth, back and forth again: fourth order in the step (Yoshida).

    Args:
        duration: Length of a trajectory, in units of time, above 0.
        steps: Number of steps, each of which takes three times the work of a leapfrog step.

    Raises:
        ValueError: a number is not positive.

    Source: Yoshida 1990.

    Example:
        >>> kicks, drifts = osciprop.networks.FourthOrder(duration=6.0, steps=60).parts()
        >>> float(drifts.sum().round(12)), len(kicks)
        (1.0, 4)
    """

    duration: Number = eqx.field(converter=number)
    steps: int = eqx.field(static=True)

    def __check_init__(self) -> None:
        _check_grid(self)

    def parts(self) -> tuple[np.ndarray, np.ndarray]:
        outer = 1 / (2 - 2 ** (1 / 3))
        inner = 1 - 2 * outer
        half = np.asarray([outer, outer + inner, outer + inner, outer]) / 2
        return half, np.asarray([outer, inner, outer])


def _as_floats(values: Any) -> Any:
    if is_real(values) and np.ndim(values) == 1:
        return tuple(map(float, np.asarray(values)))
    return values


class Splitting(AbstractMotion):
    """Kicks and drifts of one's own.

    Args:
        duration: Length of a trajectory, in units of time, above 0.
        steps: Number of steps.
        kicks: Parts of a step, `(parts + 1,)`, that sum to 1; 0 where a step begins with a drift.
        drifts: Parts of a step, `(parts,)`, that sum to 1.

    Raises:
        ValueError: there is not one kick more than there are drifts, or parts do not sum to 1.

    Example:
        >>> drift_first = osciprop.networks.Splitting(6.0, 60, [0.0, 1.0, 0.0], [0.5, 0.5])
        >>> drift_first.parts()[1].tolist()
        [0.5, 0.5]
    """

    duration: Number = eqx.field(converter=number)
    steps: int = eqx.field(static=True)
    kicks: tuple[float, ...] = eqx.field(static=True, converter=_as_floats)
    drifts: tuple[float, ...] = eqx.field(static=True, converter=_as_floats)

    def __check_init__(self) -> None:
        _check_grid(self)
        if len(self.kicks) != len(self.drifts) + 1:
            raise ValueError(
                f"kicks={self.kicks} and drifts={self.drifts}: give one kick more than drifts, as "
                "a step begins and ends with a kick, which may be 0"
            )
        for name, parts in (("kicks", self.kicks), ("drifts", self.drifts)):
            if abs(sum(parts) - 1) > 1e-6:
                raise ValueError(
                    f"{name} sum to {sum(parts):.6g}: parts of a step sum to 1, or the network "
                    "moves at another speed than its equations say"
                )

    def parts(self) -> tuple[np.ndarray, np.ndarray]:
        return np.asarray(self.kicks), np.asarray(self.drifts)
