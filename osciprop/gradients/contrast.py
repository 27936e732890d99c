"""The contrast of phi between nudged states: the learning rule of every equilibrium method.

`gradient = Re sum_k w_k d phi_tot / d theta (s_k)` with `phi_tot = phi - beta C`: at fixed states
it is the gradient of a real number by real parameters, so one reverse pass serves all points, and
the weights are never promoted to complex.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact, PyTree

from ..networks.costs import Targets
from ..networks.network import AbstractNetwork, State, States


def contrast(
    network: AbstractNetwork,
    x: Float[Array, "batch ..."],
    y: Targets,
    states: States,
    betas: Inexact[Array, " points"],
    weights: Inexact[Array, " points"],
) -> PyTree[Array]:
    """Batch mean of `Re sum_k weights_k d/dtheta [phi(s_k, x) - beta_k C(s_k, y)]`.

    `states` are activities with axes (points, batch, ...). The result has the structure of
    `eqx.filter(network, eqx.is_inexact_array)`.
    """
    dtype = jax.tree.leaves(states)[0].dtype
    betas, weights = betas.astype(dtype), weights.astype(dtype)
    # Contrasts are small differences of large products. About one center, which carries no points
    # axis, the products themselves are small, and single precision keeps its digits.
    center = jax.tree.map(lambda leaf: jnp.mean(leaf, axis=0).real, states)

    @eqx.filter_grad
    def gradient(parameters: AbstractNetwork) -> Array:
        def point(s: State, beta: Array, weight: Array) -> Array:
            # x carries no points axis: its product with the weights is formed once.
            total = parameters.phi_about(center, s, x) - beta * parameters.cost(s, y)
            return jnp.mean((weight * total).real)

        return jnp.sum(jax.vmap(point)(states, betas, weights))

    return gradient(network)
