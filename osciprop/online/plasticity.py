"""Online plasticity: how synapses move while the network oscillates."""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, PyTree

from ..errors import check_at_least, check_positive
from ..networks.network import AbstractNetwork
from ..networks.trees import scaled
from ..settings import Module, Number, number
from ..training.optimizers import check_update, require_optimizer


class AbstractPlasticity(Module):
    """A rule for the weights, given the gradient of the local learning rule.

    `begin` makes the rule's own state. `velocity` moves the parameters all the time; `update`
    changes them at the end of a period.

    Example:
        >>> issubclass(osciprop.PeriodicPlasticity, osciprop.online.AbstractPlasticity)
        True
    """

    @abc.abstractmethod
    def check(self, period: Number) -> None:
        """Raise `ValueError` if the synapses would not be slow against the oscillation."""

    @abc.abstractmethod
    def begin(self, parameters: PyTree[Array]) -> PyTree:
        """The rule's own state before the first update."""

    @abc.abstractmethod
    def moves(self) -> bool:
        """Whether the parameters are part of the integrated state."""

    @abc.abstractmethod
    def velocity(self, gradient: PyTree[Array]) -> PyTree[Array]:
        """Time derivative of the parameters."""

    @abc.abstractmethod
    def update(
        self, gradient: PyTree[Array], own: PyTree, network: AbstractNetwork, index: Array
    ) -> tuple[AbstractNetwork, PyTree]:
        """The network and the rule's state after period number `index` (0 is the first)."""


class ContinuousPlasticity(AbstractPlasticity):
    """Synapses that move at every moment: `d theta / dt = -gradient / time_constant`.

    The weights are part of the integrated state. A period changes them as a step of gradient
    descent with learning rate `period / time_constant` would.

    Args:
        time_constant: Time over which a weight moves by its gradient, in units of time, longer than
            a period.

    Raises:
        ValueError: the time constant is not positive; by `Simulation`, it is shorter than a period.

    Example:
        >>> osciprop.ContinuousPlasticity(1e4).moves()
        True
    """

    time_constant: Number = eqx.field(converter=number)

    def __check_init__(self) -> None:
        check_positive(
            "time_constant", self.time_constant, "synapses are slow: several periods or more"
        )

    def check(self, period: Number) -> None:
        if float(self.time_constant) <= float(period):
            raise ValueError(
                f"time_constant of the plasticity is {float(self.time_constant):.4g}, not longer "
                f"than the teaching period {float(period):.4g}: synapses that follow the "
                "oscillation demodulate it wrongly. Give several periods"
            )

    def begin(self, parameters: PyTree[Array]) -> None:
        return None

    def moves(self) -> bool:
        return True

    def velocity(self, gradient: PyTree[Array]) -> PyTree[Array]:
        return scaled(-1 / self.time_constant, gradient)

    def update(
        self, gradient: PyTree[Array], own: None, network: AbstractNetwork, index: Array
    ) -> tuple[AbstractNetwork, None]:
        return network, own


class PeriodicPlasticity(AbstractPlasticity):
    """One step of an Optax optimizer at the end of every `every`-th period, the network never
    stopping: what the filters know at that moment is the gradient.

    Args:
        optimizer: Any Optax optimizer.
        every: Periods between two updates.

    Raises:
        ValueError: `every` is less than one.
        TypeError: the optimizer is none of Optax; by `Learning`, `ValueError` if it needs more than
            gradient and parameters.

    Example:
        >>> osciprop.PeriodicPlasticity(optax.sgd(0.1), every=3).moves()
        False
    """

    optimizer: optax.GradientTransformation
    every: int = eqx.field(default=1, static=True)

    def __check_init__(self) -> None:
        require_optimizer(self.optimizer)
        check_at_least("every", self.every, 1, "synapses must not be faster than the oscillation")

    def check(self, period: Number) -> None:
        return None

    def begin(self, parameters: PyTree[Array]) -> PyTree:
        # Optax itself does not keep to strict promotion.
        with jax.numpy_dtype_promotion("standard"):
            own = self.optimizer.init(parameters)
            check_update(
                lambda: self.optimizer.update(parameters, own, parameters),
                "the gradient and the parameters",
            )
        return own

    def moves(self) -> bool:
        return False

    def velocity(self, gradient: PyTree[Array]) -> PyTree[Array]:
        return jax.tree.map(jnp.zeros_like, gradient)

    def update(
        self, gradient: PyTree[Array], own: PyTree, network: AbstractNetwork, index: Array
    ) -> tuple[AbstractNetwork, PyTree]:
        trained = network.trainable()
        with jax.numpy_dtype_promotion("standard"):
            updates, after = self.optimizer.update(
                eqx.filter(gradient, trained), own, eqx.filter(network, trained)
            )
        due = (index + 1) % self.every == 0
        kept = jax.tree.map(lambda new, old: jnp.where(due, new, old), after, own)
        updates = jax.tree.map(lambda step: jnp.where(due, step, 0), updates)
        return eqx.apply_updates(network, updates), kept
