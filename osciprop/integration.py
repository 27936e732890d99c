"""Integration in time: a network under any teaching signal, through Diffrax."""

from collections.abc import Sequence

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Int

from .complexity import from_pairs, real_dtype, to_complex, to_pairs
from .costs import Targets
from .dynamics import Dynamics, make_dynamics
from .errors import ConvergenceError, check_at_least, check_finite, is_traced
from .networks import AbstractNetwork, State, States
from .prepare import prepare
from .teaching import AbstractTeaching


class Integrator(eqx.Module):
    """How to integrate: any Diffrax solver and step-size controller.

    The default is Tsit5 with adaptive steps at relative and absolute tolerance 1e-5. A fixed-step
    scheme is `Integrator(diffrax.Heun(), diffrax.ConstantStepSize(), dt0=0.5)`.
    """

    solver: diffrax.AbstractSolver
    stepsize_controller: diffrax.AbstractStepSizeController
    dt0: Float[Array, ""] | None
    max_steps: int = eqx.field(static=True)

    def __init__(
        self,
        solver: diffrax.AbstractSolver | None = None,
        stepsize_controller: diffrax.AbstractStepSizeController | None = None,
        dt0: ArrayLike | None = None,
        max_steps: int = 100_000,
    ):
        self.solver = diffrax.Tsit5() if solver is None else solver
        self.stepsize_controller = (
            adaptive(1e-5, 1e-5) if stepsize_controller is None else stepsize_controller
        )
        if dt0 is None and isinstance(self.stepsize_controller, diffrax.ConstantStepSize):
            raise ValueError("dt0 is None with ConstantStepSize: give the step, e.g. dt0=0.5")
        self.dt0 = None if dt0 is None else jnp.asarray(dt0, dtype=float)
        check_at_least("max_steps", max_steps, 1, "a solve needs a step")
        self.max_steps = max_steps

    def run(
        self,
        dynamics: Dynamics,
        u: State,
        times: Float[Array, " times"],
        progress_meter: diffrax.AbstractProgressMeter | None = None,
        offset: ArrayLike = 0.0,
    ) -> tuple[States, diffrax.Solution]:
        """The states at `times` (the first is where `u` stands), and Diffrax's own solution.

        `offset` is added to the time that the teaching signal sees.
        """
        dtype = real_dtype(u)
        shift = jnp.asarray(offset, dtype=dtype)

        # The controller's tolerances in the precision of the state.
        controller = jax.tree.map(
            lambda leaf: leaf.astype(dtype) if eqx.is_inexact_array(leaf) else leaf,
            self.stepsize_controller,
        )

        # The dynamics are closed over, not `args`: Diffrax would warn of its complex numbers.
        def velocity(time: ArrayLike, pairs: State, args: None) -> State:
            return to_pairs(dynamics.velocity(time + shift, from_pairs(pairs, u)))

        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(velocity),
            self.solver,
            t0=times[0],
            t1=times[-1],
            dt0=None if self.dt0 is None else self.dt0.astype(dtype),
            y0=to_pairs(u),
            saveat=diffrax.SaveAt(ts=times),
            stepsize_controller=controller,
            max_steps=self.max_steps,
            progress_meter=progress_meter or diffrax.NoProgressMeter(),
            throw=False,
        )
        return from_pairs(solution.ys, u), solution


def adaptive(rtol: ArrayLike, atol: ArrayLike) -> diffrax.PIDController:
    """Adaptive steps whose tolerances are arrays: changing them recompiles nothing."""
    return diffrax.PIDController(
        rtol=jnp.asarray(rtol, dtype=float), atol=jnp.asarray(atol, dtype=float)
    )


class Trajectory(eqx.Module):
    """States over time: `u` and `s` have axes (time, batch, ...); `times` in units of time.

    `completed` says whether the integration reached the last time; what it did not reach is
    infinite. `steps` and `rejected` count the solver's steps.
    """

    times: Float[Array, " times"]
    u: States
    s: States
    completed: Bool[Array, ""]
    steps: Int[Array, ""]
    rejected: Int[Array, ""]

    def __str__(self) -> str:
        if is_traced(self):
            return "Trajectory(traced)"
        return (
            f"Trajectory: {self.times.size} times from {float(self.times[0]):.4g} to "
            f"{float(self.times[-1]):.4g}, {int(self.steps)} steps, {int(self.rejected)} rejected, "
            + ("completed" if bool(self.completed) else "NOT completed")
        )


@eqx.filter_jit
def _integrate(
    network: AbstractNetwork,
    x: Array,
    y: Targets | None,
    teaching: AbstractTeaching | None,
    times: Array,
    integrator: Integrator,
    initial: State | None,
    progress_meter: diffrax.AbstractProgressMeter | None,
) -> Trajectory:
    dynamics = make_dynamics(network, x, y, teaching)
    if initial is None:
        start = dynamics.rest(x)
    else:
        start = to_complex(initial) if dynamics.teaching.is_complex() else initial
    u, solution = integrator.run(dynamics, start, times, progress_meter)
    finite = jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(u)])
    return Trajectory(
        times=times,
        u=u,
        s=jax.vmap(network.activity)(u),
        completed=(solution.result == diffrax.RESULTS.successful) & jnp.all(finite),
        steps=solution.stats["num_steps"],
        rejected=solution.stats["num_rejected_steps"],
    )


def integrate(
    network: AbstractNetwork,
    x: ArrayLike,
    y: ArrayLike | None = None,
    teaching: AbstractTeaching | None = None,
    *,
    times: ArrayLike | Sequence[float],
    integrator: Integrator | None = None,
    initial: State | None = None,
    progress: bool = False,
    throw: bool = True,
) -> Trajectory:
    """Integrate a network in time and return its states at `times`, which increase from the start.

    `teaching` with target `y` nudges the cost; without it the network is free. `initial` is the
    membrane potential at `times[0]`, by default rest. `progress=True` shows a bar.

    Raises `ConvergenceError` if the integration did not reach the last time (a step too many, or a
    diverging state), unless `throw=False`; inside `jit` look at `completed`. `ValueError` for input
    that does not fit or times that do not increase.
    """
    x, y = prepare(network, x, y)
    times = jnp.asarray(times, dtype=real_dtype(network.rest(x)))
    check_finite("times", times, "give finite times")
    if times.ndim != 1 or times.size < 2:
        raise ValueError(f"times has shape {times.shape}: give at least a start and an end")
    if not is_traced(times) and not np.all(np.diff(np.asarray(times)) > 0):
        raise ValueError(f"times does not increase (precision {times.dtype}): sort or thin it out")
    meter = diffrax.TqdmProgressMeter(refresh_steps=100) if progress else None
    integrator = Integrator() if integrator is None else integrator
    trajectory = _integrate(network, x, y, teaching, times, integrator, initial, meter)
    if throw and not is_traced(trajectory.completed) and not bool(trajectory.completed):
        raise ConvergenceError(
            f"the integration did not reach its end. {trajectory}. Remedies: more max_steps or "
            "looser tolerances in the Integrator, a smaller amplitude, or throw=False"
        )
    return trajectory
