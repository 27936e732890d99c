"""Learning rules: how a synapse turns one period of activity into its gradient.

Both take the activity at equally spaced phases of one turn of the teaching signal. Without noise
and in a network with an energy they agree; what they cost and what they need of the network
differ.
"""

import abc

import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, PyTree

from ..dynamics.correction import jacobian_product, transposed_product
from ..networks.costs import Targets
from ..networks.network import AbstractNetwork, State, States, require_energy
from ..networks.signals import Readings, mean_reading
from ..settings import Module
from .contrast import contrast
from .local import error_gradient, local_gradient


class AbstractLearningRule(Module):
    """What a synapse makes of one period.

    Example:
        >>> osciprop.OscillatoryEP().rule
        ActivityProducts()
    """

    @abc.abstractmethod
    def check(self, network: AbstractNetwork) -> None:
        """Raise if the rule does not apply to the network."""

    def signal(self, network: AbstractNetwork, response: State) -> State:
        """The error signal that the response to the teaching signal tells."""
        return response

    def product(self, network: AbstractNetwork, s: State, drive: PyTree, v: State) -> State:
        """The product of the Jacobian in the equation that the error signal solves: nothing
        corrects for its antisymmetric part.
        """
        return jacobian_product(network, s, drive, v)

    @abc.abstractmethod
    def gradient(
        self,
        network: AbstractNetwork,
        x: Array | Readings,
        y: Targets | Readings,
        activity: States,
        betas: Complex[Array, " samples"],
    ) -> tuple[PyTree[Array], PyTree[Array]]:
        """The gradient and its quadrature (the imaginary part, zero in a settled network).

        `activity` has axes (samples, batch, ...), `betas` are the teaching signals of the samples.
        Inputs and targets that move come as `osciprop.networks.Readings` of the same samples.
        """


class ActivityProducts(AbstractLearningRule):
    """The first Fourier coefficient of `-d phi_tot / d theta`: the product of pre- and postsynaptic
    activity at every phase (hep2022, Fig. 2c). One reverse pass over samples times batch.

    For networks with an energy (`ReciprocityError`). Where inputs or targets move, every sample's
    `phi_tot` is that of the input and target then.

    Source: hep2022, Fig. 2c.

    Example:
        >>> osciprop.OscillatoryEP(rule=osciprop.gradients.ActivityProducts()).rule
        ActivityProducts()
    """

    def check(self, network: AbstractNetwork) -> None:
        require_energy(network)

    def signal(self, network: AbstractNetwork, response: State) -> State:
        return network.adjoint(response)

    def product(self, network: AbstractNetwork, s: State, drive: PyTree, v: State) -> State:
        # The contrast of an energy knows the metric in which it is followed.
        apply = transposed_product if network.has_metric() else jacobian_product
        return apply(network, s, drive, v)

    def gradient(
        self,
        network: AbstractNetwork,
        x: Array | Readings,
        y: Targets | Readings,
        activity: States,
        betas: Complex[Array, " samples"],
    ) -> tuple[PyTree[Array], PyTree[Array]]:
        weights = -1 / (betas * len(betas))
        return (
            contrast(network, x, y, activity, betas, weights),
            contrast(network, x, y, activity, betas, -1j * weights),
        )


class ErrorSignals(AbstractLearningRule):
    """Mean activity times error signal: the products of the two neurons' own Fourier coefficients
    of order 0 and 1, which are all that reaches the first harmonic (homeostasis2024).

    Each neuron demodulates by itself, so many samples cost next to nothing: the rule of choice in
    noise, where every sample helps (docs/findings.md). In a network without reciprocal synapses it
    is the always-on form of generalized equilibrium propagation, exact where the Jacobian is
    symmetric. Where inputs or targets move, it takes their means over the period too.

    Source: homeostasis2024, Eq. 8.

    Example:
        >>> osciprop.OscillatoryEP(rule=osciprop.ErrorSignals(), samples=100).rule
        ErrorSignals()
    """

    def check(self, network: AbstractNetwork) -> None:
        pass

    def gradient(
        self,
        network: AbstractNetwork,
        x: Array | Readings,
        y: Targets | Readings,
        activity: States,
        betas: Complex[Array, " samples"],
    ) -> tuple[PyTree[Array], PyTree[Array]]:
        mean = jax.tree.map(lambda leaf: jnp.mean(leaf, axis=0).real, activity)
        response = first_coefficient(activity, betas)
        error = jax.tree.map(jnp.real, response)
        mean_x, mean_y = mean_reading(x), mean_reading(y)
        quadrature = jax.tree.map(jnp.imag, response)
        return (
            local_gradient(network, mean_x, mean_y, mean, error),
            error_gradient(network, mean_x, mean, quadrature),
        )


def first_coefficient(activity: States, betas: Complex[Array, " samples"]) -> State:
    """The first Fourier coefficient over the turn, per unit of teaching signal: `ds/dbeta`."""
    return jax.tree.map(lambda leaf: jnp.tensordot(1 / betas, leaf, axes=1) / len(betas), activity)
