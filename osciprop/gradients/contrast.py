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
from ..networks.signals import Readings


def contrast(
    network: AbstractNetwork,
    x: Float[Array, "batch ..."] | Readings,
    y: Targets | Readings,
    states: States,
    betas: Inexact[Array, " points"],
    weights: Inexact[Array, " points"],
) -> PyTree[Array]:
    """Batch mean of `Re sum_k weights_k d/dtheta [phi(s_k, x) - beta_k C(s_k, y)]`.

    `states` are activities with axes (points, batch, ...); x and y may be readings of the points.
    The result has the structure of `eqx.filter(network, eqx.is_inexact_array)`.
    """
    dtype = jax.tree.leaves(states)[0].dtype
    betas, weights = betas.astype(dtype), weights.astype(dtype)
    # Contrasts are small differences of large products. About one center, which carries no points
    # axis, the products themselves are small, and single precision keeps its digits.
    center = jax.tree.map(lambda leaf: jnp.mean(leaf, axis=0).real, states)

    # What stands still carries no points axis: the product of x with the weights is formed once.
    (inputs, each_input), (targets, each_target) = _along_points(x), _along_points(y)

    @eqx.filter_grad
    def gradient(parameters: AbstractNetwork) -> Array:
        def point(s: State, x: Array, y: Targets, beta: Array, weight: Array) -> Array:
            total = parameters.phi_about(center, s, x) - beta * parameters.cost(s, y)
            return jnp.mean((weight * total).real)

        points = jax.vmap(point, in_axes=(0, each_input, each_target, 0, 0))
        return jnp.sum(points(states, inputs, targets, betas, weights))

    return gradient(network)


def _along_points(value: Array | Readings) -> tuple[Array, int | None]:
    """An array, and its axis of points, if it has one."""
    return (value.values, 0) if isinstance(value, Readings) else (value, None)
