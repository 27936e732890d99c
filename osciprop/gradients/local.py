"""The local learning rule: the gradient from each neuron's mean activity and error signal alone.

`gradient = dC/dtheta - e . dF/dtheta` at the mean activity, with the error signal `e = ds/dbeta`
and the dynamics F (docs/asymmetric.md). For a synapse from i to j that is `-s_i e_j`, and for a
reciprocal one `-(s_i e_j + e_i s_j)`: each synapse needs the two numbers of its own two neurons. It
equals the first Fourier coefficient of `-s_i s_j` where the response is analytic, since only
products of orders 0 and 1 reach the first harmonic.
"""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from ..networks.costs import Targets
from ..networks.network import AbstractNetwork, State
from ..networks.trees import sample_products


def local_gradient(
    network: AbstractNetwork,
    x: Float[Array, "batch ..."],
    y: Targets,
    mean: State,
    error: State,
) -> PyTree[Array]:
    """The batch-mean gradient by the local rule.

    With the response `ds/dbeta` for the error signal it is exact where the Jacobian is symmetric,
    with the adjoint `J^-T dC/ds` for every network.

    Args:
        network: The network: `osciprop.Network`, or one of the user's own.
        x: Inputs, `(batch, features)`, or of whatever shape the network takes.
        y: Targets: integer labels `(batch,)`, or rows `(batch, outputs)`.
        mean: Real free activity, a pytree of arrays (batch, units).
        error: Real error signal of each activity, likewise.

    Returns:
        The gradient of the batch-mean cost, shaped like `eqx.filter(network,
            eqx.is_inexact_array)`.

    Source: homeostasis2024, Eq. 8; nonconservative2026.

    Example:
        >>> exact = osciprop.estimate_gradient(network, x, y, osciprop.Implicit())
        >>> again = osciprop.gradients.local_gradient(
        ...     network, jnp.asarray(x), jnp.asarray(y), exact.equilibrium.s, exact.error_signal
        ... )
        >>> osciprop.relative_error(again, exact.gradient) < 1e-9
        True
    """

    @eqx.filter_grad
    def gradient(parameters: AbstractNetwork) -> Array:
        return jnp.mean(parameters.cost(mean, y) - _matched(parameters, x, mean, error))

    return gradient(network)


def error_gradient(
    network: AbstractNetwork, x: Float[Array, "batch ..."], mean: State, error: State
) -> PyTree[Array]:
    """The part of `local_gradient` that the error signal carries: `-e . dF/dtheta`."""

    @eqx.filter_grad
    def gradient(parameters: AbstractNetwork) -> Array:
        return -jnp.mean(_matched(parameters, x, mean, error))

    return gradient(network)


def _matched(
    network: AbstractNetwork, x: Float[Array, "batch ..."], mean: State, error: State
) -> Float[Array, " batch"]:
    """`e . F` of each sample, up to what does not depend on parameters."""
    return sample_products(network.error(error), network.current(mean, network.drive(x)))
