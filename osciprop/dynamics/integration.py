"""Integration in time: a network under any teaching signal, through Diffrax."""

from collections.abc import Callable, Sequence
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Int, PRNGKeyArray, PyTree

from ..errors import (
    ConvergenceError,
    check_at_least,
    check_finite,
    check_instance,
    check_positive,
    is_real,
    is_traced,
    shown,
)
from ..networks.complexity import from_pairs, real_dtype, to_complex, to_pairs
from ..networks.costs import Targets
from ..networks.moving import prepare_moving
from ..networks.network import AbstractNetwork, State, States
from ..networks.signals import AbstractSignal, Clamped, value_at
from ..networks.trees import all_finite
from ..settings import Module, Number, number, optional_number
from .brownian import AbstractBrownian, AbstractBrownianPath, FreshSteps
from .dynamics import as_state, make_dynamics, require_holomorphic, starting_point
from .noise import AbstractNoise
from .noise_term import Counting, NoiseTerm, area_for
from .stochastic import (
    AbstractSilentSystem,
    AbstractStochasticSystem,
    require_key,
    two_keys,
    with_noise,
)
from .teaching import AbstractTeaching

TOLERANCE_REMEDY = "1e-5 suits most integrations"


def adaptive(rtol: ArrayLike, atol: ArrayLike) -> diffrax.PIDController:
    """Adaptive steps whose tolerances are arrays: changing them recompiles nothing.

    Args:
        rtol: Tolerance relative to the state, above 0.
        atol: Absolute tolerance, above 0.

    Returns:
        A step-size controller for `osciprop.Integrator`.

    Raises:
        ValueError: a tolerance is not positive.

    Example:
        >>> type(osciprop.dynamics.adaptive(1e-3, 1e-6)).__name__
        'PIDController'
    """
    check_positive("rtol", rtol, TOLERANCE_REMEDY)
    check_positive("atol", atol, TOLERANCE_REMEDY)
    return diffrax.PIDController(rtol=number(rtol), atol=number(atol))


class Integrator(Module):
    """How to integrate: any Diffrax solver and step-size controller.

    With noise, only stochastic solvers are right: see `euler_maruyama`.

    Args:
        solver: Any Diffrax solver.
        stepsize_controller: Any Diffrax controller of step sizes.
        dt0: The first step, or with `diffrax.ConstantStepSize()` each, in units of time; None for
            one that the solver chooses.
        max_steps: Number of steps after which the solve gives up.
        brownian: How the paths of noise are drawn.

    Raises:
        ValueError: constant steps without `dt0`.

    Example:
        >>> heun = osciprop.Integrator(diffrax.Heun(), diffrax.ConstantStepSize(), dt0=0.5)
        >>> float(heun.dt0)
        0.5
    """

    solver: diffrax.AbstractSolver[Any] = diffrax.Tsit5()
    stepsize_controller: diffrax.AbstractStepSizeController[Any, Any] = adaptive(1e-5, 1e-5)
    dt0: Number | None = eqx.field(default=None, converter=optional_number)
    max_steps: int = eqx.field(default=100_000, static=True)
    brownian: AbstractBrownian = FreshSteps()

    def __check_init__(self) -> None:
        if self.dt0 is None and isinstance(self.stepsize_controller, diffrax.ConstantStepSize):
            raise ValueError("dt0 is None with ConstantStepSize: give the step, e.g. dt0=0.5")
        if self.dt0 is not None:
            check_positive("dt0", self.dt0, "give the first step in units of time, or None")
        check_at_least("max_steps", self.max_steps, 1, "a solve needs a step")

    def run(
        self,
        system: AbstractStochasticSystem | AbstractSilentSystem,
        start: PyTree,
        times: Float[Array, " times"],
        *,
        key: PRNGKeyArray | None = None,
        progress_meter: diffrax.AbstractProgressMeter[Any] | None = None,
        offset: ArrayLike = 0.0,
    ) -> tuple[PyTree, diffrax.Solution]:
        """The states at `times`, the first of which is `start`, and Diffrax's own solution.

        A state is any pytree of real and complex arrays. `offset` is added to the time that the
        system sees; `key` is the source of a stochastic system's noise.
        """
        save = diffrax.SaveAt(ts=since_start(times, start))
        solution = self._solve(system, start, times, save, key, progress_meter, offset)
        return from_pairs(solution.ys, start), solution

    def advance(
        self,
        system: AbstractStochasticSystem | AbstractSilentSystem,
        start: PyTree,
        times: Float[Array, " times"],
        observe: Callable[[PyTree], PyTree] | None,
        *,
        key: PRNGKeyArray | None = None,
        offset: ArrayLike = 0.0,
    ) -> tuple[PyTree, PyTree, diffrax.Solution]:
        """The state at the last of `times`, what `observe` sees at all of them, and the solution.

        Unlike `run`, it does not store the states in between.
        """
        subs = [diffrax.SubSaveAt(t1=True)]
        if observe is not None:
            see = observe

            def look(time: ArrayLike, pairs: PyTree, args: None) -> PyTree:
                return to_pairs(see(from_pairs(pairs, start)))

            subs.append(diffrax.SubSaveAt(ts=since_start(times, start), fn=look))
        save = diffrax.SaveAt(subs=subs)
        solution = self._solve(system, start, times, save, key, None, offset)
        last, *observed = solution.ys  # type: ignore[misc]
        final = jax.tree.map(lambda leaf: leaf[0], from_pairs(last, start))
        if observe is None:
            return final, None, solution
        return final, from_pairs(observed[0], jax.eval_shape(observe, start)), solution

    def step(self, dtype: jnp.dtype) -> Float[Array, ""] | None:
        """The first step in the precision of a state; None for one that the solver chooses."""
        return None if self.dt0 is None else jnp.asarray(self.dt0, dtype=dtype)

    def controller(self, dtype: jnp.dtype) -> diffrax.AbstractStepSizeController[Any, Any]:
        """The step-size controller, its tolerances in the precision of a state."""
        return jax.tree.map(
            lambda leaf: leaf.astype(dtype) if eqx.is_inexact_array(leaf) else leaf,
            self.stepsize_controller,
        )

    def _solve(
        self,
        system: AbstractStochasticSystem | AbstractSilentSystem,
        start: PyTree,
        times: Float[Array, " times"],
        save: diffrax.SaveAt,
        key: PRNGKeyArray | None,
        progress_meter: diffrax.AbstractProgressMeter[Any] | None,
        offset: ArrayLike,
    ) -> diffrax.Solution:
        dtype = real_dtype(start)
        first, times = times[0].astype(dtype), since_start(times, start)
        shift = jnp.asarray(offset, dtype=dtype) + first
        step = self.step(dtype)

        # The system is closed over, not `args`: Diffrax would warn of its complex numbers.
        def velocity(time: ArrayLike, pairs: PyTree, args: None) -> PyTree:
            return to_pairs(system.velocity(time + shift, from_pairs(pairs, start)))

        terms: diffrax.AbstractTerm[Any, Any] = diffrax.ODETerm(velocity)
        solver = self.solver
        if isinstance(system, AbstractStochasticSystem):
            noise = NoiseTerm(
                gain=lambda time: system.gain(time + shift),
                kick=lambda gain, control: to_pairs(system.kick(gain, control, start)),
                increments=self._path(system, start, times, step, key, first).increments,
                number=jnp.asarray(0),
            )
            terms, solver = diffrax.MultiTerm(terms, noise), Counting(solver)
        elif isinstance(self.solver, diffrax.AbstractSRK):
            raise ValueError(
                f"solver is {type(self.solver).__name__}, which needs noise, but there is none: "
                "use an ordinary solver such as diffrax.Tsit5() or diffrax.Heun()"
            )
        return diffrax.diffeqsolve(
            terms,
            solver,
            t0=times[0],
            t1=times[-1],
            dt0=step,
            y0=to_pairs(start),
            saveat=save,
            stepsize_controller=self.controller(dtype),
            max_steps=self.max_steps,
            progress_meter=progress_meter or diffrax.NoProgressMeter(),
            throw=False,
        )

    def _path(
        self,
        system: AbstractStochasticSystem,
        start: PyTree,
        times: Float[Array, " times"],
        step: Float[Array, ""] | None,
        key: PRNGKeyArray | None,
        origin: Float[Array, ""],
    ) -> AbstractBrownianPath:
        if not isinstance(
            self.solver, diffrax.AbstractItoSolver | diffrax.AbstractStratonovichSolver
        ):
            raise ValueError(
                f"solver is {type(self.solver).__name__}, which cannot integrate noise: use "
                "diffrax.Euler() (Euler-Maruyama), or diffrax.SEA(), SRA1() or ShARK(), which are "
                "made for additive noise"
            )
        if not isinstance(self.stepsize_controller, diffrax.ConstantStepSize):
            step = None
        area = area_for(self.solver)
        return self.brownian.path(system.wiener(start), require_key(key), times, step, area, origin)


def since_start(times: Float[Array, " times"], state: PyTree) -> Float[Array, " times"]:
    """Times since the first, in a state's precision: their last digits do not run out late."""
    times = times.astype(real_dtype(state))
    return times - times[0]


def euler_maruyama(step: ArrayLike) -> Integrator:
    """The Euler-Maruyama scheme with a constant step: the simplest for noise, and the fastest.

    Args:
        step: In units of time, above 0; a tenth of the shortest time constant is usual.

    Returns:
        An integrator for noise.

    Raises:
        ValueError: the step is not positive.

    Example:
        >>> float(osciprop.euler_maruyama(0.1).dt0)
        0.1
    """
    check_positive("step", step, "a fraction of the shortest time constant is usual")
    return Integrator(diffrax.Euler(), diffrax.ConstantStepSize(), dt0=step)


class Trajectory(Module):
    """States over time, as `integrate` returns them.

    Args:
        times: `(times,)`, in units of time.
        u: Membrane potentials, with axes (time, batch, ...).
        s: Activities, with axes (time, batch, ...).
        noise: What coloured noise carries at these times; None for other noise.
        completed: Whether the integration reached its end; what it did not reach is infinite.
        steps: Number of steps made.
        rejected: Number of steps rejected.

    Example:
        >>> trajectory = osciprop.integrate(network, x, times=[0.0, 1.0, 2.0])
        >>> trajectory.s[0].shape
        (3, 10, 6)
    """

    times: Float[Array, " times"]
    u: States
    s: States
    noise: States | None
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
    x: Clamped,
    y: Targets | AbstractSignal | None,
    teaching: AbstractTeaching | None,
    times: Array,
    integrator: Integrator,
    noise: AbstractNoise | None,
    key: PRNGKeyArray | None,
    initial: State | None,
    initial_noise: State | None,
    progress_meter: diffrax.AbstractProgressMeter[Any] | None,
) -> Trajectory:
    dynamics = make_dynamics(network, x, y, teaching)
    start = starting_point(network, value_at(x, times[0]), initial)
    if dynamics.teaching.is_complex():
        start = to_complex(start)
    system = with_noise(dynamics, noise)
    begin_key, path_key = two_keys(key)
    begun = system.begin(start, begin_key) if initial_noise is None else (start, initial_noise)
    (u, own), solution = integrator.run(
        system, begun, times, key=path_key, progress_meter=progress_meter
    )
    return Trajectory(
        times=times,
        u=u,
        s=jax.vmap(network.activity)(u),
        noise=own,
        completed=(solution.result == diffrax.RESULTS.successful) & all_finite(u),
        steps=solution.stats["num_steps"],
        rejected=solution.stats["num_rejected_steps"],
    )


def integrate(
    network: AbstractNetwork,
    x: ArrayLike | AbstractSignal,
    y: ArrayLike | AbstractSignal | None = None,
    teaching: AbstractTeaching | None = None,
    *,
    times: ArrayLike | Sequence[float],
    integrator: Integrator = Integrator(),
    noise: AbstractNoise | None = None,
    key: PRNGKeyArray | None = None,
    initial: State | None = None,
    initial_noise: State | None = None,
    progress: bool = False,
    throw: bool = True,
) -> Trajectory:
    """Integrate a network in time and return its states at `times`.

    Args:
        network: The network: `osciprop.Network`, or one of the user's own.
        x: Inputs, `(batch, features)`, or of whatever shape the network takes; or a signal of such,
            read at the times that the network sees.
        y: Targets: integer labels `(batch,)`, or rows `(batch, outputs)`, or a signal of rows; None
            without `teaching`.
        teaching: The teaching signal, which nudges the cost; None for a free network.
        times: Times at which the states are returned, increasing from the start, in units of time.
        integrator: How to integrate in time; noise needs one for stochastic equations, such as
            `euler_maruyama(0.1)`.
        noise: Noise on every neuron's input current; None for none.
        key: Source of the noise; None without noise.
        initial: Membrane potentials at the first time; None for rest.
        initial_noise: What coloured noise carries at the first time, to go on where another
            trajectory ended; None to draw it from its stationary distribution.
        progress: Whether to show a bar.
        throw: Whether an integration that does not reach its end is an error.

    Returns:
        The states at `times`.

    Raises:
        ConvergenceError: the last time was not reached, for want of steps or because the state
            diverged; inside `jit` look at `completed`.
        ValueError: input does not fit, or times do not increase.
        TypeError: an argument is none of its kind.

    Example:
        >>> osciprop.integrate(network, x, times=[0.0, 2.0, 5.0]).u[1].shape
        (3, 10, 5)
    """
    check_instance("integrator", integrator, Integrator)
    if noise is not None:
        check_instance("noise", noise, AbstractNoise)
        require_key(key)
    if teaching is not None:
        check_instance("teaching", teaching, AbstractTeaching)
    if not is_real(times):
        raise ValueError(f"times is {shown(times)}: give increasing numbers, in units of time")
    times = jnp.asarray(times, dtype=float)
    check_finite("times", times, "give finite times")
    if times.ndim != 1 or times.size < 2:
        raise ValueError(f"times has shape {times.shape}: give at least a start and an end")
    inputs, targets = prepare_moving(network, x, y, times[0])
    if teaching is not None and targets is not None and teaching.is_complex():
        require_holomorphic(network)
    if initial is not None:
        initial = as_state("initial", network, inputs, initial)
    times = times.astype(real_dtype(network.rest(value_at(inputs, times[0]))))
    if not is_traced(times) and not np.all(np.diff(np.asarray(times)) > 0):
        raise ValueError(f"times does not increase (precision {times.dtype}): sort or thin it out")
    meter = diffrax.TqdmProgressMeter(refresh_steps=100) if progress else None
    trajectory = _integrate(
        network,
        inputs,
        targets,
        teaching,
        times,
        integrator,
        noise,
        key,
        initial,
        initial_noise,
        meter,
    )
    if throw and not is_traced(trajectory.completed) and not bool(trajectory.completed):
        raise ConvergenceError(
            f"the integration did not reach its end. {trajectory}. Remedies: more max_steps or "
            "looser tolerances in the Integrator, a smaller amplitude, or throw=False"
        )
    return trajectory
