"""Dual propagation: every neuron is a dyad of two compartments that are nudged apart.

The mean of a dyad, `alpha s+ + (1 - alpha) s-`, is the activity that other neurons see; its
difference `s+ - s-` carries the error (two_tales2024). Both compartments receive the current
of the means, and opposite shares of the feedback `J^T (s+ - s-)` and of the nudge:

    original, DP          u+ = current + alpha feedback,  u- = current - (1 - alpha) feedback
    adjoint state, DP^T   u+ = current + (1 - alpha) feedback,  u- = current - alpha feedback

with `feedback = (d current / d s)^T (s+ - s-) - beta dC/ds`. With the second the mean stays the
free activity to first order for every `alpha`, and the difference is `beta` times the adjoint: it
is dyadic EP (`osciprop.dynamics.Dyad`) with its two states as two neurons. The mean of the first
moves by `(2 alpha - 1) sigma' feedback`, which feeds back on itself: it is biased and may
be unstable.

These are networks: they relax, layer by layer or as an ODE, and take noise like any other. States
have the structure of the network inside, each leaf with an axis of the two compartments after the
batch: `(batch, 2, units)`.
"""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact, PyTree

from ..errors import check_positive, is_real, is_traced, shown
from ..networks.costs import Targets
from ..networks.extensions import AbstractExtension
from ..networks.network import AbstractNetwork, Scores, State
from ..networks.trees import sample_sums
from ..settings import Module, Number, Numbers, number, numbers
from .dynamics import cost_force

Shares = tuple[Array, Array]


class AbstractOutputNudge(Module):
    """How the cost moves the two compartments of an output neuron.

    Example:
        >>> issubclass(osciprop.dynamics.Proximal, osciprop.dynamics.AbstractOutputNudge)
        True
    """

    @abc.abstractmethod
    def shares(self, share: Array) -> Shares:
        """What of `-beta dC/ds` moves the first compartment, and against it the second; `share` is
        the first one's part of any feedback.
        """


class Linearised(AbstractOutputNudge):
    """By the slope of the cost at what the output would be without feedback; for every cost.

    Example:
        >>> first, second = osciprop.dynamics.Linearised().shares(jnp.asarray(0.5))
        >>> float(first), float(second)
        (0.5, 0.5)
    """

    def shares(self, share: Array) -> Shares:
        return share, 1 - share


class Proximal(AbstractOutputNudge):
    """By the squared error at each compartment's own activity (the authors' closed form).

    `s+ = (a + share beta y) / (1 + share beta)` for a linear output `a` and a squared error, and
    `s- = (a - (1 - share) beta y) / (1 - (1 - share) beta)`, which needs `(1 - share) beta < 1`.

    Args:
        amplitude: That of the nudge, the same as the method's.

    Raises:
        ValueError: the amplitude is not positive.

    Source: two_tales2024, inference of dual propagation.

    Example:
        >>> first, second = osciprop.dynamics.Proximal(0.5).shares(jnp.asarray(0.5))
        >>> round(float(first), 3), round(float(second), 3)
        (0.4, 0.667)
    """

    amplitude: Number = eqx.field(converter=number)

    def __check_init__(self) -> None:
        check_positive("amplitude", self.amplitude, "give the amplitude of the nudge")

    def shares(self, share: Array) -> Shares:
        beta = self.amplitude.astype(jnp.finfo(share.dtype).dtype).astype(share.dtype)
        return share / (1 + share * beta), (1 - share) / (1 - (1 - share) * beta)


class AbstractDual(AbstractExtension):
    """A network whose neurons are dyads; `alpha` is one number, or one per population.

    Its output and the cost of its output are those of the means.

    Example:
        >>> issubclass(osciprop.dynamics.AdjointDual, osciprop.dynamics.AbstractDual)
        True
    """

    network: eqx.AbstractVar[AbstractNetwork]
    alpha: eqx.AbstractVar[Numbers]
    nudge: eqx.AbstractVar[AbstractOutputNudge]

    def __check_init__(self) -> None:
        check_fraction("alpha", self.alpha)

    @abc.abstractmethod
    def share(self, alpha: Array) -> Array:
        """The part of the feedback that moves the first compartment."""

    def alphas(self, state: State) -> PyTree[Array]:
        """`alpha` of each population, in the type of its leaf of `state`."""
        leaves, structure = jax.tree.flatten(state)
        if self.alpha.ndim and self.alpha.size != len(leaves):
            raise ValueError(
                f"alpha has {self.alpha.size} entries for {len(leaves)} populations: give one "
                "number for all, or one per population"
            )
        every = jnp.broadcast_to(self.alpha, (len(leaves),))
        cast = [every[place].astype(leaf.real.dtype) for place, leaf in enumerate(leaves)]
        typed = [number.astype(leaf.dtype) for number, leaf in zip(cast, leaves, strict=True)]
        return jax.tree.unflatten(structure, typed)

    def mean(self, s: State) -> State:
        """The activity that other neurons see."""
        return jax.tree.map(
            lambda leaf, alpha: alpha * leaf[:, 0] + (1 - alpha) * leaf[:, 1], s, self.alphas(s)
        )

    def difference(self, s: State) -> State:
        """What carries the error."""
        return jax.tree.map(lambda leaf: leaf[:, 0] - leaf[:, 1], s)

    def around(self, u: State) -> State:
        """Both compartments at the potentials of the network inside."""
        return jax.tree.map(lambda leaf: jnp.stack([leaf, leaf], axis=1), u)

    def rest(self, x: Float[Array, "batch ..."]) -> State:
        return self.around(self.network.rest(x))

    def activity(self, u: State) -> State:
        return jax.vmap(self.network.activity, in_axes=1, out_axes=1)(u)

    def current(self, s: State, drive: PyTree) -> State:
        mean, difference = self.mean(s), self.difference(s)
        current, pull_back = jax.vjp(lambda seen: self.network.current(seen, drive), mean)
        (feedback,) = pull_back(difference)

        def apart(inflow: Array, push: Array, alpha: Array) -> Array:
            share = self.share(alpha)
            return jnp.stack([inflow + share * push, inflow - (1 - share) * push], axis=1)

        return jax.tree.map(apart, current, feedback, self.alphas(s))

    def velocity(self, u: State, current: State) -> State:
        return jax.vmap(self.network.velocity, in_axes=1, out_axes=1)(u, current)

    def cost(self, s: State, y: Targets) -> Inexact[Array, " batch"]:
        """The difference of the cost between the compartments of the output, to first order."""
        nudges = jax.tree.map(lambda alpha: self.nudge.shares(self.share(alpha)), self.alphas(s))

        def unnudged(leaf: Array, shares: Shares) -> Array:
            first, second = shares
            return (second * leaf[:, 0] + first * leaf[:, 1]) / (first + second)

        slope = jax.lax.stop_gradient(
            cost_force(self.network, jax.tree.map(unnudged, s, nudges), y)
        )

        def product(leaf: Array, force: Array, shares: Shares) -> Array:
            moved = shares[0] * leaf[:, 0] - shares[1] * leaf[:, 1]
            return sample_sums(moved * force)

        return sum(jax.tree.leaves(jax.tree.map(product, s, slope, nudges)))

    def output(self, s: State) -> Scores:
        return self.network.output(self.mean(s))


class Dual(AbstractDual):
    """Dyads of the original dual propagation, DP(alpha): symmetric at `alpha = 1/2`.

    The difference is the adjoint only there: with `alpha > 1/2` it is too small, with
    `alpha < 1/2` too large, and beyond some amplitude the dyads have no stable equilibrium.

    Args:
        network: The layered network inside.
        alpha: Share of the nudge that moves the first compartment, 0 to 1; one number, or one per
            population.
        nudge: How the cost moves the two compartments of an output neuron.

    Raises:
        ValueError: `alpha` is outside of 0 to 1.

    Source: two_tales2024, inference of dual propagation.

    Example:
        >>> dual = osciprop.dynamics.Dual(layers, alpha=0.25)
        >>> float(dual.share(jnp.asarray(0.25)))
        0.25
    """

    network: AbstractNetwork
    alpha: Numbers = eqx.field(default=0.5, converter=numbers)
    nudge: AbstractOutputNudge = Linearised()

    def share(self, alpha: Array) -> Array:
        return alpha


class AdjointDual(AbstractDual):
    """Dyads of adjoint-state dual propagation, DP^T(alpha): stable for every `alpha`.

    At `alpha = 0` the second compartment is the free network, at `alpha = 1` the first, and the
    other carries all feedback.

    Args:
        network: The layered network inside.
        alpha: Share of the nudge that moves the first compartment, 0 to 1; one number, or one per
            population.
        nudge: How the cost moves the two compartments of an output neuron.

    Raises:
        ValueError: `alpha` is outside of 0 to 1.

    Source: two_tales2024, inference of dual propagation.

    Example:
        >>> dual = osciprop.dynamics.AdjointDual(layers, alpha=0.0)
        >>> float(dual.share(jnp.asarray(0.0)))
        1.0
    """

    network: AbstractNetwork
    alpha: Numbers = eqx.field(default=0.5, converter=numbers)
    nudge: AbstractOutputNudge = Linearised()

    def share(self, alpha: Array) -> Array:
        return 1 - alpha


def check_fraction(name: str, value: Numbers) -> None:
    """Raise `ValueError` unless a known number, or each of several, lies in 0 ... 1."""
    known = is_real(value) and not is_traced(value)
    inside = not known or np.all((np.asarray(value) >= 0) & (np.asarray(value) <= 1))
    if not is_real(value) or np.ndim(value) > 1 or not inside:
        raise ValueError(
            f"{name} must lie in 0 ... 1, one number or one per population, got {shown(value)}: "
            "0.5 nudges both compartments alike"
        )
