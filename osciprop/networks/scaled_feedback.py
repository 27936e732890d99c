"""Feedback that is weaker than the way up, and exact all the same.

With feedback scaled by `g` the current of population l is `W s_{l-1} + g W^T s_{l+1} + b`. It is no
gradient, but `g^l` times it is, that of

    Phi = sum over synapses of g^upper  s_upper . W s_lower  +  sum over populations of g^l  b . s

so that such a network descends an energy, in a metric. What a nudge of the last population L does
to population l is `g^(L - l)` times the adjoint state, exactly: a contrast of `Phi / g^L` between
nudged states has these factors in it and is the gradient, by every method that contrasts an energy.
Synapses that skip populations keep all of it if they are scaled by `g` for each one they span.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact, PyTree

from ..errors import check_instance, check_positive
from ..settings import Number, number
from .complexity import real_dtype
from .extensions import AbstractExtension
from .joined import Network
from .network import State
from .synapses import AbstractSynapse
from .trees import scaled


class ScaledFeedback(AbstractExtension):
    """A network of reciprocal synapses whose way back is weaker than the way up.

    As `feedback_scale` goes to 0 relaxations become those of a feedforward network, a sweep or two,
    and the gradient that of backpropagation. `HolomorphicEP`, `CentredEP`, `OscillatoryEP` and
    `SettledOscillation` stay exact; so do `AsymmetricEP`, `DyadicEP` and `Implicit`. The response
    itself, as `VectorFieldEP` has it, has the right direction in each population, and misses its
    size by `feedback_scale` for each population above. The response of a low population drowns in
    round-off where `feedback_scale^depth` does.

    Args:
        network: The network. Each of its synapses leads from a population to a later one, or comes
            from the input.
        feedback_scale: What feedback is multiplied by, for each population that a synapse spans,
            above 0; 1 is the network as it is.

    Raises:
        ValueError: `feedback_scale` is not positive, or a synapse leads down.

    Source: FRE-RNN, arXiv 2508.11659; the energy: docs/feedback.md.

    Example:
        >>> weak = osciprop.networks.ScaledFeedback(network, 0.1)
        >>> found = osciprop.estimate_gradient(weak, x, y, osciprop.HolomorphicEP(0.1, 8))
        >>> exact = osciprop.estimate_gradient(weak, x, y, osciprop.Implicit())
        >>> osciprop.relative_error(found.gradient, exact.gradient) < 1e-6
        True
    """

    network: Network
    feedback_scale: Number = eqx.field(converter=number)

    def __check_init__(self) -> None:
        check_instance("network", self.network, Network)
        check_positive("feedback_scale", self.feedback_scale, "1 is the network as it is")
        for index, synapse in enumerate(self.network.synapses):
            if synapse.source >= synapse.target:
                raise ValueError(
                    f"synapses[{index}] of the network leads from population {synapse.source} to "
                    f"{synapse.target}: feedback is scaled where populations are in the order of "
                    "the way up"
                )

    def current(self, s: State, drive: PyTree) -> State:
        dtype = real_dtype(s)

        def feedback(synapse: AbstractSynapse) -> Float[Array, ""]:
            return self._power(synapse.upper - synapse.lower, dtype)

        return self.network.current_with(s, drive, feedback)

    def phi(self, s: State, x: Float[Array, "batch ..."]) -> Inexact[Array, " batch"]:
        return self.network.products(s, x, None, self._importance(s))

    def phi_about(
        self, center: State, s: State, x: Float[Array, "batch ..."]
    ) -> Inexact[Array, " batch"]:
        return self.network.products(s, x, center, self._importance(s))

    def energy_obstacle(self) -> str:
        return self.network.energy_obstacle()

    def adjoint(self, response: State) -> State:
        weigh = self._importance(response)
        return tuple(
            jax.tree.map(lambda leaf, place=place: scaled(weigh(place), leaf), part)
            for place, part in enumerate(response)
        )

    def has_metric(self) -> bool:
        return True

    def phi_is_reduced(self) -> bool:
        # Its derivative is the current in another metric.
        return True

    def sweeps_tell_stability(self) -> bool:
        # The Jacobian is symmetric in a metric that does not change.
        return self.network.sweeps_tell_stability()

    def _importance(self, s: State) -> Callable[[int], Array]:
        """The weight of what reaches a population, by its place; 1 for the last."""
        last, dtype = len(self.network.populations) - 1, real_dtype(s)
        return lambda place: self._power(place - last, dtype)

    def _power(self, exponent: int, dtype: jnp.dtype) -> Float[Array, ""]:
        # A constant of the network: no gradient reaches it.
        scale = jax.lax.stop_gradient(jnp.asarray(self.feedback_scale, dtype=dtype))
        return scale**exponent
