"""One training step: a gradient from any method, an update from any Optax optimizer."""

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from ..gradients import AbstractGradientMethod, Estimate
from ..networks.costs import hits
from ..networks.network import AbstractNetwork
from ..settings import Module


class TrainingState(Module):
    """Everything that an update changes."""

    network: AbstractNetwork
    optimizer_state: PyTree


def begin(network: AbstractNetwork, optimizer: optax.GradientTransformation) -> TrainingState:
    """A network with a fresh optimizer state."""
    # Optax itself does not keep to strict promotion.
    with jax.numpy_dtype_promotion("standard"):
        return TrainingState(network, optimizer.init(eqx.filter(network, eqx.is_inexact_array)))


@eqx.filter_jit
def train_step(
    state: TrainingState,
    x: Float[Array, "batch ..."],
    y: Int[Array, " batch"] | Float[Array, "batch outputs"],
    method: AbstractGradientMethod,
    optimizer: optax.GradientTransformation,
    key: PRNGKeyArray | None = None,
) -> tuple[TrainingState, Estimate, Float[Array, "3"]]:
    """One update: the new state, the estimate behind it, and its loss, accuracy and whether it
    converged (1 or 0), of before the update, which the host reads as one array.

    `key` is the source of noise, for methods that have any.
    """
    network = state.network
    estimate = method.estimate(network, x, y, None, key)
    parameters = eqx.filter(network, eqx.is_inexact_array)
    with jax.numpy_dtype_promotion("standard"):
        updates, optimizer_state = optimizer.update(
            estimate.gradient, state.optimizer_state, parameters
        )
    network = eqx.apply_updates(network, eqx.filter(updates, network.trainable()))
    accuracy = jnp.mean(hits(estimate.outputs, y).astype(float))
    parts = estimate.loss, accuracy, jnp.all(estimate.converged)
    measured = jnp.stack([part.astype(estimate.loss.dtype) for part in parts])
    return TrainingState(network, optimizer_state), estimate, measured
