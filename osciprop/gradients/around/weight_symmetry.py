"""Symmetric weights as a comparison: Kolen-Pollack learning and direct symmetrisation.

Both concern the pairs of directed synapses that join two populations both ways, and are methods
around a method. They use what homeostasis does without: that a synapse knows its partner's update,
or its partner's weight.
"""

import abc
import math
from dataclasses import replace
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from ...errors import check_not_negative, check_positive
from ...networks.convolution import Convolution
from ...networks.costs import Targets
from ...networks.joined import Network
from ...networks.network import AbstractNetwork, State
from ...networks.synapses import (
    INPUT,
    AbstractSynapse,
    Directed,
    DirectedProjection,
    FeedbackProjection,
)
from ...settings import Number, number
from ..accuracy import Accuracy
from ..estimate import AbstractGradientMethod, Estimate, cost_gradient


def reciprocal_pairs(network: AbstractNetwork) -> list[tuple[int, int]]:
    """Places in `network.synapses` of one-way synapses that join two populations both ways.

    Both are dense, or both are convolutions.

    Args:
        network: An `osciprop.Network`.

    Returns:
        Pairs (forward, feedback); forward goes to the later population.

    Raises:
        TypeError: the network is no `osciprop.Network`.
        ValueError: there is no pair.

    Example:
        >>> osciprop.gradients.reciprocal_pairs(directed)
        [(1, 3), (2, 4)]
    """
    synapses = _as_network(network).synapses
    places = {
        (synapse.source, synapse.target, _weight(network, index).shape): index
        for index, synapse in enumerate(synapses)
        if _one_way(synapse)
    }
    pairs = [
        (index, places[target, source, shape])
        for (source, target, shape), index in places.items()
        if source < target and (target, source, shape) in places
    ]
    if not pairs:
        raise ValueError("no two populations are joined both ways by directed synapses")
    return pairs


def _one_way(synapse: AbstractSynapse) -> bool:
    if synapse.source == INPUT:
        return False
    return isinstance(synapse, Directed) or (
        isinstance(synapse, (DirectedProjection, FeedbackProjection))
        and isinstance(synapse.transform, Convolution)
    )


def _as_network(network: AbstractNetwork) -> Network:
    if not isinstance(network, Network):
        raise TypeError(
            f"network is a {type(network).__name__}: pairs of synapses are those of a Network"
        )
    return network


def _leaf(synapse: AbstractSynapse) -> Any:
    """The weights of a one-way synapse, as it holds them."""
    if isinstance(synapse, Directed):
        return synapse.weight
    assert isinstance(synapse, (DirectedProjection, FeedbackProjection))
    assert isinstance(synapse.transform, Convolution)
    return synapse.transform.kernel


def _turned(synapse: AbstractSynapse, array: Array) -> Array:
    """Weights as the way up has them, or back: dense ones are transposed on the way down, kernels
    have one orientation.
    """
    down = isinstance(synapse, Directed) and synapse.source > synapse.target
    return array.T if down else array


def _weight(network: AbstractNetwork, place: int) -> Array:
    """The weights of a synapse as the way up has them."""
    synapse = _as_network(network).synapses[place]
    return _turned(synapse, _leaf(synapse))


def weight_angle(network: AbstractNetwork) -> float:
    """The angle in degrees between forward and (transposed) feedback weights, all pairs together.

    0 for symmetric weights, about 90 for independent ones.

    Args:
        network: An `osciprop.Network`.

    Returns:
        The angle in degrees.

    Raises:
        TypeError: the network is no `osciprop.Network`.
        ValueError: there is no pair.

    Example:
        >>> 40 < osciprop.gradients.weight_angle(directed) < 70
        True
    """
    pairs = reciprocal_pairs(network)
    forward = np.concatenate([np.ravel(_weight(network, place)) for place, _ in pairs])
    feedback = np.concatenate([np.ravel(_weight(network, place)) for _, place in pairs])
    p, q = forward / np.linalg.norm(forward), feedback / np.linalg.norm(feedback)
    # Accurate near 0, where an arc cosine is not.
    return math.degrees(2 * math.atan2(np.linalg.norm(p - q), np.linalg.norm(p + q)))


class _BothWays(AbstractGradientMethod):
    """Shared frame of methods that change the gradients of both synapses of every pair."""

    method: eqx.AbstractVar[AbstractGradientMethod]

    @abc.abstractmethod
    def changed(self, own: Array, other: Array, weight: Array, partner: Array) -> Array:
        """A synapse's new gradient from its own and its partner's, and from the two weights, all
        as the way up has them.
        """

    def check(self, network: AbstractNetwork) -> None:
        reciprocal_pairs(network)
        self.method.check(network)

    def estimate(
        self,
        network: AbstractNetwork,
        x: Float[Array, "batch ..."],
        y: Targets,
        initial: State | None,
        key: PRNGKeyArray | None = None,
    ) -> Estimate:
        found = self.method.estimate(network, x, y, initial, key)
        places, new = [], []
        for forward, feedback in reciprocal_pairs(network):
            for own, other in ((forward, feedback), (feedback, forward)):
                slopes = _weight(found.gradient, own), _weight(found.gradient, other)
                weights = _weight(network, own), _weight(network, other)
                places.append(own)
                synapse = _as_network(network).synapses[own]
                new.append(_turned(synapse, self.changed(*slopes, *weights)))
        gradient = eqx.tree_at(
            lambda tree: [_leaf(tree.synapses[place]) for place in places], found.gradient, new
        )
        return replace(found, gradient=gradient, cost_gradient=cost_gradient(found))

    def accuracy(
        self,
        network: AbstractNetwork,
        x: Float[Array, "batch ..."],
        y: Targets,
        estimate: Estimate,
        initial: State | None = None,
    ) -> Accuracy | None:
        return self.method.accuracy(network, x, y, estimate, initial)

    def concerns(
        self, network: AbstractNetwork, x: Float[Array, "batch ..."], estimate: Estimate
    ) -> list[str]:
        return self.method.concerns(network, x, estimate)


class KolenPollack(_BothWays):
    """Any method, with the same update for both synapses of a pair, and weight decay.

    Forward and feedback weight both get the sum of the two gradients (one transposed) plus
    `decay` times the weight, so that their difference decays whatever is learned.

    Args:
        method: What finds the gradients of both synapses of a pair.
        decay: Of both weights, above 0.

    Raises:
        ValueError: `decay` is not positive; by `estimate_gradient`, there is no pair.
        TypeError: by `estimate_gradient`, the network is no `osciprop.Network`.

    Source: Kolen and Pollack 1994; Akrout et al. 2019.

    Example:
        >>> method = osciprop.gradients.KolenPollack(osciprop.Implicit())
        >>> bool(osciprop.estimate_gradient(directed, x, y, method).converged)
        True
    """

    method: AbstractGradientMethod
    decay: Number = eqx.field(default=1e-3, converter=number)

    def __check_init__(self) -> None:
        check_positive("decay", self.decay, "without decay the difference of the weights stays")

    def changed(self, own: Array, other: Array, weight: Array, partner: Array) -> Array:
        return own + other + self.decay.astype(weight.dtype) * weight


class Symmetrised(_BothWays):
    """Any method, with the gradient of `strength / 2 |W - V^T|_F^2` for every pair `W`, `V` added.

    The most direct way to symmetric weights, by a rule that is not local: each synapse sees its
    partner's weight.

    Args:
        method: What finds the gradient of the cost.
        strength: Of the pull towards symmetric weights, not negative.

    Raises:
        ValueError: `strength` is negative; by `estimate_gradient`, there is no pair.
        TypeError: by `estimate_gradient`, the network is no `osciprop.Network`.

    Example:
        >>> method = osciprop.gradients.Symmetrised(osciprop.Implicit())
        >>> bool(osciprop.estimate_gradient(directed, x, y, method).converged)
        True
    """

    method: AbstractGradientMethod
    strength: Number = eqx.field(default=0.1, converter=number)

    def __check_init__(self) -> None:
        check_not_negative("strength", self.strength, "0 leaves the weights to the method")

    def changed(self, own: Array, other: Array, weight: Array, partner: Array) -> Array:
        return own + self.strength.astype(weight.dtype) * (weight - partner)
