"""What methods for networks that move have in common, and their references.

`TrajectoryBPTT` differentiates the discrete trajectory itself, `ContinuousAdjoint` the continuous
one by Diffrax.
"""

import abc
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, PRNGKeyArray

from ..dynamics.integration import Integrator, adaptive
from ..errors import check_instance
from ..networks.complexity import real_dtype
from ..networks.hamiltonian.passage import Passage, pass_through
from ..networks.hamiltonian.preparing import prepare_sequences
from ..networks.hamiltonian.sequences import Goal, Sequence, goal_at, input_at
from ..networks.hamiltonian.system import AbstractHamiltonian, Phase, force, speed
from ..networks.network import AbstractNetwork
from ..networks.trees import all_finite
from .accuracy import Accuracy
from .estimate import AbstractDiagnostics, AbstractGradientMethod, TrajectoryEstimate


class AbstractTrajectoryMethod(AbstractGradientMethod):
    """A way to get the gradient of a trajectory's cost: for networks that move
    (`osciprop.networks.AbstractHamiltonian`).

    Example:
        >>> method = osciprop.gradients.CentredEcho(0.1)
        >>> isinstance(method, osciprop.gradients.AbstractTrajectoryMethod)
        True
    """

    def prepare(self, network: Any, x: Any, y: Any) -> tuple[Any, Any]:
        if isinstance(network, AbstractNetwork):
            raise TypeError(
                f"network is a {type(network).__name__}, which relaxes: it has no momenta to flip, "
                f"and forgets where it came from, so {type(self).__name__} does not apply. Use "
                "osciprop.HolomorphicEP, or an osciprop.networks.AbstractHamiltonian"
            )
        check_instance("network", network, AbstractHamiltonian)
        if y is None:
            raise ValueError("y is None: a gradient needs targets, labels, rows or sequences")
        return prepare_sequences(network, x, y)

    def prepare_initial(self, network: Any, x: Any, initial: Any) -> Any:
        raise ValueError(
            "initial is given, but a trajectory begins where the network's own `start` says: "
            f"give one to {type(network).__name__}, and leave initial out"
        )

    def check(self, network: Any) -> None:
        pass

    def estimate(
        self, network: Any, x: Any, y: Any, initial: Any, key: PRNGKeyArray | None = None
    ) -> Any:
        return self.trajectory_estimate(network, x, y, key)

    @abc.abstractmethod
    def trajectory_estimate(
        self, network: AbstractHamiltonian, x: Sequence, y: Goal, key: PRNGKeyArray | None
    ) -> TrajectoryEstimate:
        """The estimate, without looking whether it converged."""

    def accuracy(
        self, network: Any, x: Any, y: Any, estimate: Any, initial: Any = None
    ) -> Accuracy | None:
        return None


class PassageDiagnostics(AbstractDiagnostics):
    """Whether a trajectory and its gradient are finite.

    Args:
        finite: Whether they are.

    Example:
        >>> osciprop.gradients.PassageDiagnostics(jnp.asarray(True)).summary()
        'trajectory: finite'
    """

    finite: Bool[Array, ""]

    @property
    def converged(self) -> Bool[Array, ""]:
        return self.finite

    def failure(self) -> str:
        if bool(self.finite):
            return ""
        return (
            "the trajectory or its gradient is not finite. Remedies: more steps (a step must be "
            "shorter than 2 over the largest frequency), smaller weights or inputs"
        )

    def concerns(self) -> list[str]:
        return []

    def summary(self) -> str:
        return "trajectory: finite" if bool(self.finite) else "trajectory: NOT finite"


class TrajectoryBPTT(AbstractTrajectoryMethod):
    """Backpropagation through the steps of the network's own motion: the exact gradient of the
    discrete loss, with memory that grows with their number.

    Example:
        >>> net = osciprop.networks.oscillator_network(2, 3, 1, duration=5.0, steps=50, key=key)
        >>> found = osciprop.estimate_gradient(
        ...     net, np.ones((4, 5, 2)), np.ones((4, 1)), osciprop.gradients.TrajectoryBPTT()
        ... )
        >>> bool(found.loss > 0)
        True
    """

    def trajectory_estimate(
        self, network: AbstractHamiltonian, x: Sequence, y: Goal, key: PRNGKeyArray | None
    ) -> TrajectoryEstimate:
        @eqx.filter_value_and_grad(has_aux=True)
        def loss(network: AbstractHamiltonian) -> tuple[Array, Passage]:
            passage = pass_through(with_constants_still(network), x, y)
            assert passage.cost is not None
            return jnp.mean(passage.cost), passage

        (value, passage), gradient = loss(network)
        return with_outputs(network, value, gradient, passage.start, passage.end)


class ContinuousAdjoint(AbstractTrajectoryMethod):
    """The gradient of the continuous trajectory, by Diffrax: what the discrete one tends to as
    steps become many.

    Args:
        integrator: How to integrate in time.
        adjoint: How Diffrax differentiates: by default through its own steps.

    Source: Kidger 2021.

    Example:
        >>> osciprop.gradients.ContinuousAdjoint().integrator.max_steps
        4096
    """

    integrator: Integrator = Integrator(stepsize_controller=adaptive(1e-9, 1e-9), max_steps=4096)
    adjoint: diffrax.AbstractAdjoint = diffrax.RecursiveCheckpointAdjoint()

    def trajectory_estimate(
        self, network: AbstractHamiltonian, x: Sequence, y: Goal, key: PRNGKeyArray | None
    ) -> TrajectoryEstimate:
        @eqx.filter_value_and_grad(has_aux=True)
        def loss(network: AbstractHamiltonian) -> tuple[Array, tuple[Phase, Phase]]:
            cost, start, end = self._solve(with_constants_still(network), x, y)
            return jnp.mean(cost), (start, end)

        (value, (start, end)), gradient = loss(network)
        return with_outputs(network, value, gradient, start, end)

    def _solve(
        self, network: AbstractHamiltonian, x: Sequence, y: Goal
    ) -> tuple[Array, Phase, Phase]:
        motion = network.motion
        start = network.start(input_at(x, motion, 0))
        dtype = real_dtype(start.q)

        def velocity(time: ArrayLike, state: tuple[Phase, Array], args: None) -> Any:
            phase, _ = state
            place = jnp.asarray(time) / motion.step(dtype)
            whole = jnp.minimum(jnp.floor(place).astype(int), motion.steps)
            after = place - whole.astype(dtype)
            now = input_at(x, motion, whole, after)
            pull = force(network, phase.q, now)
            lost = network.friction().astype(dtype)
            push = jax.tree.map(lambda f, p: f - lost * p, pull, phase.p)
            cost = network.running_cost(phase.q, goal_at(y, motion, whole, after))
            return Phase(speed(network, phase.p), push), cost

        zero = jnp.zeros(jax.tree.leaves(start.q)[0].shape[0], dtype=dtype)
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(velocity),
            self.integrator.solver,
            t0=jnp.zeros((), dtype=dtype),
            t1=jnp.asarray(motion.duration, dtype=dtype),
            dt0=self.integrator.step(dtype),
            y0=(start, zero),
            stepsize_controller=self.integrator.controller(dtype),
            max_steps=self.integrator.max_steps,
            adjoint=self.adjoint,
            throw=False,
        )
        end, cost = jax.tree.map(lambda leaf: leaf[0], solution.ys)
        wanted = goal_at(y, motion, motion.steps)
        return cost + network.final_cost(end.q, wanted), start, end


def with_constants_still(network: AbstractHamiltonian) -> AbstractHamiltonian:
    """The network, whose constants no gradient reaches."""

    def still(learned: bool, leaf: Any) -> Any:
        known = learned or not eqx.is_inexact_array(leaf)
        return leaf if known else jax.lax.stop_gradient(leaf)

    return jax.tree.map(still, network.trainable(), network)


def with_outputs(
    network: AbstractHamiltonian, loss: Array, gradient: Any, start: Phase, end: Phase
) -> TrajectoryEstimate:
    """A gradient with the outputs at the end of its trajectories."""
    finite = all_finite((gradient, end)) & jnp.isfinite(loss)
    return TrajectoryEstimate(
        gradient, loss, network.output(end.q), start, end, PassageDiagnostics(finite)
    )
