"""Dual propagation: gradients from neurons with two compartments, in a single phase.

The learning rule is `-(1 / amplitude) (s+ - s-) mean^T` for every synapse, difference of the neuron
after it times mean activity of the one before (two_tales2024). In the adjoint-state form the
difference is `amplitude` times the adjoint up to order `amplitude`, for every `alpha`; in both
forms to order `amplitude^2` at `alpha = 1/2`. Both work with any activation. Where it is
holomorphic, a contour of complex amplitudes leaves no bias of a finite nudge: its error falls as
`(r / R)^N`.
"""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PRNGKeyArray

from ..dynamics.dual import (
    AbstractDual,
    AbstractOutputNudge,
    AdjointDual,
    Dual,
    Linearised,
    Proximal,
    check_fraction,
)
from ..dynamics.dynamics import Dynamics, require_holomorphic, starting_point
from ..dynamics.teaching import AMPLITUDE_REMEDY, Constant, Contour
from ..equilibria.iterations import SequentialIteration, sweep
from ..equilibria.orders import ZigZag
from ..equilibria.relaxation import AbstractRelaxation, judge
from ..equilibria.solution import Solution
from ..errors import check_at_least, check_positive, is_traced
from ..networks.activations import Identity
from ..networks.complexity import real_dtype
from ..networks.costs import SquaredError, Targets
from ..networks.joined import Network
from ..networks.network import AbstractNetwork, State
from ..networks.synapses import AbstractReciprocalSynapse
from ..settings import Number, Numbers, number, numbers
from .contour import contour_response
from .estimate import AbstractDiagnostics, AbstractGradientMethod, Estimate, at_equilibrium
from .local import local_gradient

LAYERED_REMEDY = (
    "dual propagation is made for layered networks whose populations stand in order, each joined "
    "to the next by a Directed synapse (osciprop.perceptron, feedforward_mlp). Recurrent networks "
    "learn by DyadicEP, its continuous relative, or AsymmetricEP"
)


class DualDiagnostics(AbstractDiagnostics):
    """How well the dyads have settled.

    `unrest` is, by population, how much of the differences one more sweep up and down would change,
    relative to them; `tolerance` is what is accepted. `free` is the forward pass, `dyads` what the
    inference ended in.
    """

    free: Solution
    dyads: Solution
    unrest: Float[Array, " populations"]
    tolerance: Number
    alpha: Numbers
    amplitude: Number

    @property
    def converged(self) -> Bool[Array, ""]:
        return jnp.all(self.free.converged) & jnp.all(self.unrest <= self.tolerance)

    def failure(self) -> str:
        if not np.all(self.free.converged):
            return (
                f"one forward pass is no equilibrium of this network ({self.free}): "
                + LAYERED_REMEDY
            )
        unrest = np.asarray(self.unrest)
        if np.all(unrest <= float(self.tolerance)):
            return ""
        worst = int(np.argmax(np.where(np.isnan(unrest), np.inf, unrest)))
        grows = not unrest[worst] < 0.5
        return (
            f"the dyads of population {worst} {'diverged' if grows else 'did not settle'} with "
            f"alpha={np.asarray(self.alpha).tolist()}, amplitude={float(self.amplitude):.4g}: one "
            f"more sweep would change their differences by {unrest[worst]:.3g} of their size, "
            f"tolerance {float(self.tolerance):.3g} ({self.dyads}). Remedies: "
            "DualPropagationAdjoint, which is stable for every alpha; alpha=0.5; a smaller "
            "amplitude; LipschitzDamping(); more max_steps, at least one per population if the "
            "order is Forward()"
        )

    def concerns(self) -> list[str]:
        return []

    def summary(self) -> str:
        unrest = ", ".join(f"{value:.2g}" for value in np.asarray(self.unrest))
        return f"dyads: {self.dyads}; unrest by population {unrest}"


def layered(network: AbstractNetwork) -> None:
    """Raise `ValueError` if a network of populations and synapses is not layered.

    Networks of other classes are judged by what a forward pass does to them.
    """
    if not isinstance(network, Network):
        return
    for index, synapse in enumerate(network.synapses):
        reciprocal = isinstance(synapse, AbstractReciprocalSynapse)
        if reciprocal or synapse.source >= synapse.target:
            kind = "reciprocal" if reciprocal else "not forward"
            raise ValueError(
                f"synapses[{index}], from population {synapse.source} to {synapse.target}, is "
                f"{kind}: {LAYERED_REMEDY}"
            )


def forward_pass(
    network: AbstractNetwork, x: Float[Array, "batch ..."], initial: State | None
) -> tuple[Dynamics, Solution]:
    """The free network and its equilibrium, reached in one sweep if the network is layered."""
    dynamics = Dynamics(network, network.drive(x), None, Constant())
    before = starting_point(network, x, initial)
    dtype = real_dtype(before)
    u = sweep(dynamics, before, jnp.ones((), dtype=dtype))
    # The same products a second time: what is left of them is rounding.
    rounding = jnp.asarray(1e-8 if dtype == jnp.float64 else 1e-4, dtype=dtype)
    return dynamics, judge(dynamics, u, rounding, jnp.asarray(1), jnp.ones((), dtype=dtype))


class _DualMethod(AbstractGradientMethod):
    """Shared frame: relax the dyads from the forward pass, and read means and differences."""

    amplitude: eqx.AbstractVar[Number]
    alpha: eqx.AbstractVar[Numbers]
    relaxation: eqx.AbstractVar[AbstractRelaxation]
    nudge: eqx.AbstractVar[AbstractOutputNudge]
    tolerance: eqx.AbstractVar[Number]

    def __check_init__(self) -> None:
        check_positive("amplitude", self.amplitude, AMPLITUDE_REMEDY)
        check_fraction("alpha", self.alpha)
        remedy = "give a relative change of the differences, as 0.01"
        check_positive("tolerance", self.tolerance, remedy)

    @abc.abstractmethod
    def dual(self, network: AbstractNetwork) -> AbstractDual:
        """The network of dyads."""

    def check(self, network: AbstractNetwork) -> None:
        layered(network)
        if isinstance(self.nudge, Proximal):
            require_squared_error(network)
            _check_proximal(
                self.amplitude,
                self.nudge.amplitude,
                1 - self.dual(network).share(jnp.asarray(self.alpha)),
            )

    def estimate(
        self,
        network: AbstractNetwork,
        x: Float[Array, "batch ..."],
        y: Targets,
        initial: State | None,
        key: PRNGKeyArray | None = None,
    ) -> Estimate:
        dual = self.dual(network)
        free_dynamics, free = forward_pass(network, x, initial)
        beta = self.amplitude.astype(real_dtype(free.u))
        dynamics = Dynamics(dual, free_dynamics.drive, y, Constant(beta))
        settled = self.relaxation.track(dynamics, dual.around(free.u))
        differences = dual.difference(settled.s)
        # A whole sweep up and down: what grows slowly hardly moves in one step of all at once.
        again = sweep(dynamics, settled.u, jnp.ones((), dtype=real_dtype(free.u)), ZigZag())
        then = dual.difference(dual.activity(again))
        error = jax.tree.map(lambda leaf: leaf / beta.astype(leaf.dtype), differences)
        gradient = local_gradient(network, x, y, dual.mean(settled.s), error)
        diagnostics = DualDiagnostics(
            free=free,
            dyads=settled,
            unrest=_unrest(differences, then),
            tolerance=self.tolerance.astype(real_dtype(free.u)),
            alpha=self.alpha,
            amplitude=self.amplitude,
        )
        return at_equilibrium(network, y, free, gradient, diagnostics, error)


def _unrest(now: State, then: State) -> Float[Array, " populations"]:
    """By population, the size of the change relative to what changes; 0 of nothing is 0."""

    def relative(before: Array, after: Array) -> Array:
        size = jnp.linalg.norm(before.ravel())
        change = jnp.linalg.norm((after - before).ravel())
        return jnp.where(change == 0, 0.0, change / size)

    return jnp.stack(jax.tree.leaves(jax.tree.map(relative, now, then)))


# Up and down until settled.
SWEEPS = SequentialIteration(max_steps=200, order=ZigZag())


class DualPropagation(_DualMethod):
    """Dual propagation in its original form, DP(alpha), for layered networks.

    The gradient is unbiased to order `amplitude^2` only at `alpha = 1/2`; beside that its size is
    wrong, and for `alpha < 1/2` the inference diverges at finite amplitudes.

    Args:
        amplitude: Size of the nudge, above 0.
        alpha: Share of the nudge that moves the first compartment, 0 to 1; one number, or one per
            population.
        relaxation: How the dyads settle, from the forward pass: by default sweeps up and down, or
            in another order (`SequentialIteration(order=..., max_steps=...)`); `LipschitzDamping`
            is the authors' damped form, `Flow` the dyads' own ODE.
        nudge: How the cost moves an output neuron: `Linearised()` for every cost, or
            `Proximal(amplitude)`, the authors' closed form for a squared error on a linear output.
        tolerance: By how much of their size one more sweep may change a population's differences
            for the dyads to count as settled, above 0.

    Raises:
        ValueError: a number is out of its range; by `estimate_gradient`, the network is not
            layered, or the nudge does not go with it.

    Source: two_tales2024, dual propagation.

    Example:
        >>> bool(osciprop.estimate_gradient(layers, x, y, osciprop.DualPropagation(0.1)).converged)
        True
    """

    amplitude: Number = eqx.field(default=0.1, converter=number)
    alpha: Numbers = eqx.field(default=0.5, converter=numbers)
    relaxation: AbstractRelaxation = SWEEPS
    nudge: AbstractOutputNudge = Linearised()
    tolerance: Number = eqx.field(default=1e-2, converter=number)

    def dual(self, network: AbstractNetwork) -> AbstractDual:
        return Dual(network, self.alpha, self.nudge)


class DualPropagationAdjoint(_DualMethod):
    """Dual propagation in its adjoint-state form, DP^T(alpha): stable for every `alpha`.

    The mean stays the forward pass to order `amplitude`, and the difference is `amplitude` times
    the adjoint, to the same order; to order `amplitude^2` both at `alpha = 1/2`, where it equals
    `DualPropagation`. For `alpha` of 0 or 1 one compartment is the forward pass itself, and a
    single backward sweep infers all there is:
    `SequentialIteration(order=Backward(), max_steps=1)`. That leaves the bias of a finite nudge.

    Args:
        amplitude: Size of the nudge, above 0.
        alpha: Share of the nudge that moves the first compartment, 0 to 1; one number, or one per
            population.
        relaxation: How the dyads settle, from the forward pass: by default sweeps up and down, or
            in another order (`SequentialIteration(order=..., max_steps=...)`); `LipschitzDamping`
            is the authors' damped form, `Flow` the dyads' own ODE.
        nudge: How the cost moves an output neuron: `Linearised()` for every cost, or
            `Proximal(amplitude)`, the authors' closed form for a squared error on a linear output.
        tolerance: By how much of their size one more sweep may change a population's differences
            for the dyads to count as settled, above 0.

    Raises:
        ValueError: a number is out of its range; by `estimate_gradient`, the network is not
            layered, or the nudge does not go with it.

    Source: two_tales2024, dual propagation.

    Example:
        >>> found = osciprop.estimate_gradient(layers, x, y, osciprop.DualPropagationAdjoint(0.01))
        >>> exact = osciprop.estimate_gradient(layers, x, y, osciprop.Implicit())
        >>> osciprop.relative_error(found.gradient, exact.gradient) < 1e-2
        True
    """

    amplitude: Number = eqx.field(default=0.1, converter=number)
    alpha: Numbers = eqx.field(default=0.5, converter=numbers)
    relaxation: AbstractRelaxation = SWEEPS
    nudge: AbstractOutputNudge = Linearised()
    tolerance: Number = eqx.field(default=1e-2, converter=number)

    def dual(self, network: AbstractNetwork) -> AbstractDual:
        return AdjointDual(network, self.alpha, self.nudge)


class HolomorphicDualPropagation(AbstractGradientMethod):
    """Adjoint-state dual propagation on a contour of complex amplitudes.

    The first Fourier coefficient of the dyads' difference over `points` amplitudes
    `r exp(2 pi i k / N)` is the exact adjoint for every `alpha`: what a finite nudge adds falls as
    `(r / R)^N`.

    Args:
        amplitude: Radius `r` of the circle, above 0.
        points: Number `N` of amplitudes, at least 1. More than 2 need a holomorphic network.
        alpha: Share of the nudge that moves the first compartment, 0 to 1; one number, or one per
            population.
        relaxation: How the dyads settle, from the forward pass.

    Raises:
        ValueError: a number is out of its range; by `estimate_gradient`, the network is not
            layered.
        HolomorphyError: by `estimate_gradient`, for more than two points on a network that is not
            holomorphic.

    Source: two_tales2024, dual propagation; on the contour ours.

    Example:
        >>> smooth = osciprop.perceptron([4, 6, 3], key=key, activation=osciprop.Tanh())
        >>> method = osciprop.gradients.HolomorphicDualPropagation(0.1)
        >>> bool(osciprop.estimate_gradient(smooth, x, y, method).converged)
        True
    """

    amplitude: Number = eqx.field(default=0.1, converter=number)
    points: int = eqx.field(default=8, static=True)
    alpha: Numbers = eqx.field(default=0.5, converter=numbers)
    relaxation: AbstractRelaxation = SWEEPS

    def __check_init__(self) -> None:
        check_positive("amplitude", self.amplitude, AMPLITUDE_REMEDY)
        check_at_least("points", self.points, 1, "a contour needs points")
        check_fraction("alpha", self.alpha)

    def check(self, network: AbstractNetwork) -> None:
        layered(network)
        if self.points > 2:
            require_holomorphic(network)

    def estimate(
        self,
        network: AbstractNetwork,
        x: Float[Array, "batch ..."],
        y: Targets,
        initial: State | None,
        key: PRNGKeyArray | None = None,
    ) -> Estimate:
        dual = AdjointDual(network, self.alpha)
        free_dynamics, free = forward_pass(network, x, initial)
        dynamics = Dynamics(dual, free_dynamics.drive, None, Constant())
        around = eqx.tree_at(
            lambda tree: (tree.u, tree.s), free, (dual.around(free.u), dual.around(free.s))
        )
        response = contour_response(
            dynamics, around, y, Contour(self.amplitude, self.points), self.relaxation
        )
        error = dual.difference(response.slope)
        gradient = local_gradient(network, x, y, free.s, error)
        return at_equilibrium(network, y, free, gradient, response.diagnostics, error)


def require_squared_error(network: AbstractNetwork) -> None:
    """Raise `ValueError` unless the output population is linear with a squared error."""
    linear = (
        isinstance(network, Network)
        and isinstance(network.readout, SquaredError)
        and isinstance(network.populations[-1].neuron.activation, Identity)
    )
    if not linear:
        raise ValueError(
            f"nudge is Proximal(...), whose closed form is that of a SquaredError on a linear "
            f"output, which this {type(network).__name__} does not have: use "
            "osciprop.dynamics.Linearised()"
        )


def _check_proximal(amplitude: Number, own: Number, second: Array) -> None:
    """Raise `ValueError` unless the nudge knows the method's amplitude, and its objective has a
    minimum; `second` is the second compartment's share.
    """
    if is_traced((amplitude, own, second)):
        return
    if float(own) != float(amplitude):
        raise ValueError(
            f"nudge is Proximal({float(own)}), but amplitude is {float(amplitude)}: give both the "
            "same number"
        )
    if not np.all(np.asarray(second) * float(amplitude) < 1):
        raise ValueError(
            f"amplitude is {float(amplitude)} and the second compartment's share "
            f"{np.asarray(second).tolist()}: a proximal nudge needs a product below 1. Use a "
            "smaller amplitude, another alpha, or osciprop.dynamics.Linearised()"
        )
