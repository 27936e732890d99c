"""Learning rules: how a synapse turns one period of activity into its gradient.

Both take the activity at equally spaced phases of one turn of the teaching signal. Without noise
and in a network with an energy they agree; what they cost and what they need of the network
differ.
"""

import abc

import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, PyTree

from ..networks.costs import Targets
from ..networks.network import AbstractNetwork, State, States, require_energy
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

    @abc.abstractmethod
    def gradient(
        self,
        network: AbstractNetwork,
        x: Array,
        y: Targets,
        activity: States,
        betas: Complex[Array, " samples"],
    ) -> tuple[PyTree[Array], PyTree[Array]]:
        """The gradient and its quadrature (the imaginary part, zero in a settled network).

        `activity` has axes (samples, batch, ...), `betas` are the teaching signals of the samples.
        """


class ActivityProducts(AbstractLearningRule):
    """The first Fourier coefficient of `-d phi_tot / d theta`: the product of pre- and postsynaptic
    activity at every phase (hep2022, Fig. 2c). One reverse pass over samples times batch.

    For networks with an energy (`ReciprocityError`).

    Source: hep2022, Fig. 2c.

    Example:
        >>> osciprop.OscillatoryEP(rule=osciprop.gradients.ActivityProducts()).rule
        ActivityProducts()
    """

    def check(self, network: AbstractNetwork) -> None:
        require_energy(network)

    def gradient(
        self,
        network: AbstractNetwork,
        x: Array,
        y: Targets,
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
    symmetric.

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
        x: Array,
        y: Targets,
        activity: States,
        betas: Complex[Array, " samples"],
    ) -> tuple[PyTree[Array], PyTree[Array]]:
        mean = jax.tree.map(lambda leaf: jnp.mean(leaf, axis=0).real, activity)
        response = first_coefficient(activity, betas)
        error = jax.tree.map(jnp.real, response)
        quadrature = jax.tree.map(jnp.imag, response)
        return (
            local_gradient(network, x, y, mean, error),
            error_gradient(network, x, mean, quadrature),
        )


def first_coefficient(activity: States, betas: Complex[Array, " samples"]) -> State:
    """The first Fourier coefficient over the turn, per unit of teaching signal: `ds/dbeta`."""
    return jax.tree.map(lambda leaf: jnp.tensordot(1 / betas, leaf, axes=1) / len(betas), activity)
