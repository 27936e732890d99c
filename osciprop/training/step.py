"""One training step: a gradient from any method, an update from any Optax optimizer."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from ..gradients import AbstractGradientMethod, Estimate
from ..networks.metrics import AbstractMetric
from ..networks.model import AbstractModel
from ..networks.trees import all_finite
from ..settings import Module
from .optimizers import Optimizer, objective_of, require_optimizer


class TrainingState(Module):
    """Everything that an update changes."""

    network: AbstractModel
    optimizer_state: PyTree


def begin(network: AbstractModel, optimizer: optax.GradientTransformation) -> TrainingState:
    """A network with a fresh optimizer state."""
    require_optimizer(optimizer)
    # Optax itself does not keep to strict promotion.
    with jax.numpy_dtype_promotion("standard"):
        return TrainingState(network, optimizer.init(parameters(network)))


def parameters(network: AbstractModel) -> PyTree:
    """The parameters that training changes, with None in the place of all else.

    That is the structure which Optax sees, and which labels of its `multi_transform` have.

    Args:
        network: The network: `osciprop.Network`, or one of the user's own.

    Returns:
        A pytree like the network.

    Example:
        >>> labels = jax.tree.map(lambda _: "slow", osciprop.training.parameters(network))
        >>> optimizer = optax.multi_transform({"slow": optax.adam(1e-4)}, labels)
    """
    return eqx.filter(network, network.trainable())


@eqx.filter_jit
def train_step(
    state: TrainingState,
    x: Float[Array, "batch ..."],
    y: Int[Array, " batch"] | Float[Array, "batch outputs"],
    method: AbstractGradientMethod,
    optimizer: Optimizer,
    metric: AbstractMetric,
    key: PRNGKeyArray | None = None,
) -> tuple[TrainingState, Estimate, Float[Array, "4"]]:
    """One update: the new state, the estimate behind it, and, of before the update, its loss, the
    metric and whether it converged (1 or 0), and whether the new parameters are finite, which the
    host reads as one array.

    `key` is the source of noise, for methods that have any.
    """
    network: Any = state.network

    def loss(changed: PyTree) -> tuple[Array, PyTree]:
        there = method.estimate(eqx.combine(changed, network), x, y, None, key)
        return there.loss, eqx.filter(there.gradient, network.trainable())

    estimate = method.estimate(network, x, y, None, key)
    gradient = eqx.filter(estimate.gradient, network.trainable())
    updates, own = optimizer.update(
        gradient, state.optimizer_state, parameters(network), estimate.loss, objective_of(loss)
    )
    network = eqx.apply_updates(network, updates)
    parts = (
        estimate.loss,
        metric.batch(estimate.outputs, y),
        jnp.all(estimate.converged),
        all_finite(updates),
    )
    measured = jnp.stack([part.astype(estimate.loss.dtype) for part in parts])
    return TrainingState(network, own), estimate, measured
