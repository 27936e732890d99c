"""Hamiltonian echoes: exact gradients of trajectories by letting them run back, nudged.

A network passes through time, its momenta are flipped, and under the same inputs in reverse it
runs back to where it came from. Nudged on the way by `epsilon` times the cost, it misses; and

    dL/dtheta = d/d epsilon of the integral of dH/dtheta over the echo, at epsilon = 0

(recurrent Hamiltonian echo learning, arXiv 2506.05259). Nothing is stored and nothing runs
backward but the network itself. The echo is an analytic function of epsilon: on N points of a
circle in the complex plane its first Fourier coefficient is the gradient up to `(r / R)^N`, at a
finite nudge (docs/time.md). With kicks and drifts all of this holds for the discrete trajectory.
"""

import abc
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PRNGKeyArray, PyTree

from ..dynamics.stochastic import require_key
from ..dynamics.teaching import AMPLITUDE_REMEDY, Contour
from ..equilibria.spectra import harmonic_sizes, radius_from_decay, whole_circle
from ..errors import check_at_least, check_not_negative, check_positive
from ..networks.complexity import complex_like, real_dtype
from ..networks.hamiltonian.passage import Passage, pass_through
from ..networks.hamiltonian.sequences import Goal, Sequence
from ..networks.hamiltonian.system import AbstractHamiltonian
from ..networks.trees import all_finite, norm
from ..settings import Number, number, optional_number
from .accuracy import Accuracy
from .echo_friction import AbstractEchoFriction, LagrangianWeight
from .echo_pass import EchoPass, over_points
from .estimate import AbstractDiagnostics, TrajectoryEstimate
from .trajectories import AbstractTrajectoryMethod

# A predicted error of the gradient that is worth a warning.
ERROR_LIMIT = 0.1


class EchoDiagnostics(AbstractDiagnostics):
    """How well the echoes retraced the trajectory, and what the nudges' size left out.

    Args:
        amplitude: Size of the nudges.
        points: Number of nudges on the circle; 1 where there is one, and an echo without.
        missed: Distance of the echoes' mean from the start of the trajectory, relative to their
            response to the nudge: 0 for an echo that retraces its way, and a small nudge.
        harmonics: Size of the Fourier coefficients of where echoes end, `(points,)`.
        finite: Whether all that was found is finite.
        bias: Reasons to expect an error that no number above tells.
        noisy: Whether there was noise.

    Example:
        >>> net = osciprop.networks.oscillator_network(2, 3, 1, duration=5.0, steps=50, key=key)
        >>> method = osciprop.gradients.HolomorphicEcho(0.1, points=8)
        >>> found = osciprop.estimate_gradient(net, np.ones((4, 5, 2)), np.ones((4, 1)), method)
        >>> float(found.diagnostics.missed) < 1e-6
        True
    """

    amplitude: Number
    points: int = eqx.field(static=True)
    missed: Float[Array, ""]
    harmonics: Float[Array, " points"]
    finite: Bool[Array, ""]
    bias: Float[Array, ""]
    noisy: bool = eqx.field(static=True)

    @property
    def converged(self) -> Bool[Array, ""]:
        return self.finite

    def failure(self) -> str:
        if bool(self.finite):
            return ""
        return (
            f"an echo is not finite (amplitude {float(self.amplitude):.4g}): the nudge is beyond "
            "what its trajectory bears, or a step is too long. Remedies: a smaller amplitude, more "
            "steps (shorter than 2 over the largest frequency)"
        )

    def predicted_error(self) -> Float[Array, ""]:
        """The relative error of the gradient that the echoes' mean tells.

        The mean misses the start by the response of order N, `(r / R)^(N - 1)` of the first, and
        the gradient by that of order N + 1. A single nudge does not tell its own bias. Where the
        echo does not undo friction, that is what counts.
        """
        order = self.points / max(self.points - 1, 1)
        return jnp.where(self.bias > 0, self.bias, self.missed**order)

    def radius_of_convergence(self) -> float:
        """The estimated amplitude beyond which the echoes tell no gradient: the distance of the
        nearest singularity (see `radius_from_decay`). Needs at least 8 points.
        """
        if self.points < 8:
            raise ValueError(f"points={self.points} show too few harmonics: use at least 8")
        return radius_from_decay(self.harmonics, self.amplitude, floor=1e-10)

    def concerns(self) -> list[str]:
        if self.noisy:
            return []
        found = []
        if float(self.bias) > ERROR_LIMIT:
            found.append(
                "the echo does not undo friction: expect a relative error of "
                f"{float(self.bias):.2g}. Use friction=osciprop.gradients.LagrangianWeight()"
            )
        elif float(self.predicted_error()) > ERROR_LIMIT:
            found.append(
                f"the echoes miss the start of the trajectory by {float(self.missed):.3g} of their "
                f"response, so expect a relative error of {float(self.predicted_error()):.2g}. Use "
                "a smaller amplitude or more points; where that does not help, the energies or the "
                "cost are not holomorphic (abs, conj, real): use CentredEcho; or the trajectory is "
                "too chaotic for the precision: use double precision, or a shorter duration"
            )
        return found

    def summary(self) -> str:
        return (
            f"echo: {self.points} nudges of {float(self.amplitude):.4g}, mean of the echoes misses "
            f"the start by {float(self.missed):.3g} of their response"
        )


class AbstractEcho(AbstractTrajectoryMethod):
    """Gradients from echoes: what all of them share.

    Example:
        >>> issubclass(osciprop.gradients.CentredEcho, osciprop.gradients.AbstractEcho)
        True
    """

    if TYPE_CHECKING:
        # To mypy an abstract variable is an argument of every subclass.
        @property
        def amplitude(self) -> Number: ...
        @property
        def friction(self) -> AbstractEchoFriction: ...
        @property
        def noise(self) -> Number | None: ...
    else:
        amplitude: eqx.AbstractVar[Number]
        friction: eqx.AbstractVar[AbstractEchoFriction]
        noise: eqx.AbstractVar[Number | None]

    @abc.abstractmethod
    def nudges(self) -> tuple[Array, Array, Array]:
        """Nudges `epsilon`, the weight of each in the derivative, and in the mean."""

    @abc.abstractmethod
    def count(self) -> int:
        """Number of points on the whole circle; 1 for a nudge of one sign."""

    def trajectory_estimate(
        self, network: AbstractHamiltonian, x: Sequence, y: Goal, key: PRNGKeyArray | None
    ) -> TrajectoryEstimate:
        keys: Any = (None, None)
        if self.noise is not None:
            keys = jax.random.split(require_key(key))
        noise = None if self.noise is None else jnp.asarray(self.noise, dtype=float)
        passage = pass_through(network, x, y, noise=noise, key=keys[0])
        assert passage.cost is not None
        epsilons, weights, shares = self.nudges()
        echo = EchoPass(network, x, y, self.friction, epsilons, weights, noise, keys[1])
        ended, gradient = echo.run(passage)
        return TrajectoryEstimate(
            gradient=gradient,
            loss=jnp.mean(passage.cost),
            outputs=network.output(passage.end.q),
            start=passage.start,
            end=passage.end,
            diagnostics=self._diagnostics(network, passage, ended, weights, shares, gradient),
        )

    def accuracy(
        self, network: Any, x: Any, y: Any, estimate: Any, initial: Any = None
    ) -> Accuracy | None:
        diagnostics: EchoDiagnostics = estimate.diagnostics
        if diagnostics.noisy or diagnostics.points == 1:
            return None
        apart = jnp.zeros(estimate.outputs.shape[0], dtype=estimate.loss.dtype)
        return Accuracy(diagnostics.predicted_error(), apart)

    def concerns(self, network: Any, x: Any, estimate: Any) -> list[str]:
        return estimate.diagnostics.concerns()

    def _diagnostics(
        self,
        network: AbstractHamiltonian,
        passage: Passage,
        ended: PyTree[Array],
        weights: Array,
        shares: Array,
        gradient: PyTree[Array],
    ) -> EchoDiagnostics:
        gap = jax.tree.map(
            lambda mean, start: mean - start, over_points(shares, ended), passage.start
        )
        response = over_points(weights, ended)
        dtype = real_dtype(passage.start.q)
        radius = jnp.asarray(self.amplitude, dtype=dtype)
        tiny = jnp.finfo(dtype).tiny
        points = self.count()
        circle = whole_circle(ended, points) if points > 2 else ended
        return EchoDiagnostics(
            amplitude=self.amplitude,
            points=points,
            missed=norm(gap) / jnp.maximum(radius * norm(response), tiny),
            harmonics=harmonic_sizes(circle),
            finite=all_finite((gradient, ended)),
            bias=self.friction.bias(network.friction().astype(dtype), network.motion),
            noisy=self.noise is not None,
        )


class HolomorphicEcho(AbstractEcho):
    """Echoes nudged on a circle in the complex plane: exact at a finite nudge, up to
    `(amplitude / R)^points`.

    Complex trajectories of a real network: they need energies and costs that are holomorphic, as
    all of osciprop's are.

    Args:
        amplitude: Radius of the circle, above 0. Inside the radius of convergence R, which shrinks
            as trajectories become long and chaotic.
        points: Number of nudges, at least 2; two are those of `CentredEcho`.
        friction: How the echo meets a network's friction; it does not matter where there is none.
        noise: Size of white noise on the momenta, on the way and back, per root of time; None for
            none.

    Raises:
        ValueError: a number is out of its range.

    Source: docs/time.md.

    Example:
        >>> net = osciprop.networks.oscillator_network(2, 3, 1, duration=5.0, steps=50, key=key)
        >>> x, y = np.ones((4, 5, 2)), np.ones((4, 1))
        >>> method = osciprop.gradients.HolomorphicEcho(0.3, points=8)
        >>> found = osciprop.estimate_gradient(net, x, y, method)
        >>> exact = osciprop.estimate_gradient(net, x, y, osciprop.gradients.TrajectoryBPTT())
        >>> osciprop.relative_error(found.gradient, exact.gradient) < 1e-6
        True
    """

    amplitude: Number = eqx.field(default=0.1, converter=number)
    points: int = eqx.field(default=8, static=True)
    friction: AbstractEchoFriction = LagrangianWeight()
    noise: Number | None = eqx.field(default=None, converter=optional_number)

    def __check_init__(self) -> None:
        _check(self)
        check_at_least(
            "points", self.points, 2, "for one nudge use osciprop.gradients.OneSidedEcho"
        )

    def nudges(self) -> tuple[Array, Array, Array]:
        return _on_circle(Contour(self.amplitude, self.points))

    def count(self) -> int:
        return self.points


class CentredEcho(AbstractEcho):
    """Two echoes, nudged to either side: exact up to the square of a small nudge.

    Args:
        amplitude: Size of the nudge, above 0.
        friction: How the echo meets a network's friction; it does not matter where there is none.
        noise: Size of white noise on the momenta, on the way and back, per root of time; None for
            none.

    Raises:
        ValueError: a number is out of its range.

    Source: arXiv 2506.05259.

    Example:
        >>> net = osciprop.networks.oscillator_network(2, 3, 1, duration=5.0, steps=50, key=key)
        >>> x, y = np.ones((4, 5, 2)), np.ones((4, 1))
        >>> method = osciprop.gradients.CentredEcho(0.01)
        >>> found = osciprop.estimate_gradient(net, x, y, method)
        >>> exact = osciprop.estimate_gradient(net, x, y, osciprop.gradients.TrajectoryBPTT())
        >>> osciprop.relative_error(found.gradient, exact.gradient) < 1e-3
        True
    """

    amplitude: Number = eqx.field(default=0.01, converter=number)
    friction: AbstractEchoFriction = LagrangianWeight()
    noise: Number | None = eqx.field(default=None, converter=optional_number)

    def __check_init__(self) -> None:
        _check(self)

    def nudges(self) -> tuple[Array, Array, Array]:
        return _on_circle(Contour(self.amplitude, 2))

    def count(self) -> int:
        return 2


class OneSidedEcho(AbstractEcho):
    """One nudged echo against one without nudge: exact up to the size of a small nudge.

    Args:
        amplitude: Size of the nudge, above 0.
        friction: How the echo meets a network's friction; it does not matter where there is none.
        noise: Size of white noise on the momenta, on the way and back, per root of time; None for
            none.

    Raises:
        ValueError: a number is out of its range.

    Source: arXiv 2506.05259.

    Example:
        >>> net = osciprop.networks.oscillator_network(2, 3, 1, duration=5.0, steps=50, key=key)
        >>> x, y = np.ones((4, 5, 2)), np.ones((4, 1))
        >>> method = osciprop.gradients.OneSidedEcho(0.001)
        >>> found = osciprop.estimate_gradient(net, x, y, method)
        >>> exact = osciprop.estimate_gradient(net, x, y, osciprop.gradients.TrajectoryBPTT())
        >>> osciprop.relative_error(found.gradient, exact.gradient) < 0.05
        True
    """

    amplitude: Number = eqx.field(default=0.001, converter=number)
    friction: AbstractEchoFriction = LagrangianWeight()
    noise: Number | None = eqx.field(default=None, converter=optional_number)

    def __check_init__(self) -> None:
        _check(self)

    def nudges(self) -> tuple[Array, Array, Array]:
        one = jnp.asarray(self.amplitude, dtype=float)
        epsilons = jnp.stack([jnp.zeros_like(one), one])
        return epsilons, jnp.stack([-1 / one, 1 / one]), jnp.asarray([1.0, 0.0], dtype=float)

    def count(self) -> int:
        return 1


def _check(echo: AbstractEcho) -> None:
    check_positive("amplitude", echo.amplitude, AMPLITUDE_REMEDY)
    if echo.noise is not None:
        check_not_negative("noise", echo.noise, "give its size, or None for none")


def _on_circle(contour: Contour) -> tuple[Array, Array, Array]:
    epsilons, count = contour.upper()
    shares = count / contour.points
    return epsilons, complex_like(shares, epsilons) / epsilons, shares
