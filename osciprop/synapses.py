"""Synapses between populations: what current an activity sends, and back.

A synapse knows the places it connects: `source` and `target` are indices of populations, `INPUT`
is the clamped input. Reciprocal synapses carry both directions with one (tied) weight and so have
an energy; directed synapses carry only from source to target.
"""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Inexact, PRNGKeyArray

from .complexity import matmul

INPUT = -1


def truncated_normal(
    key: PRNGKeyArray, shape: tuple[int, ...], stddev: float
) -> Float[Array, "..."]:
    """Normal numbers cut at two standard deviations (the initialisation of hep2022).

    `stddev` is that of the normal distribution before the cut, as in Haiku.
    """
    return stddev * jax.random.truncated_normal(key, -2.0, 2.0, shape, dtype=float)


class AbstractSynapse(eqx.Module):
    """A connection from the activity of `source` to the current of `target`."""

    source: eqx.AbstractVar[int]
    target: eqx.AbstractVar[int]

    @abc.abstractmethod
    def forward(self, pre: Inexact[Array, "batch pre"]) -> Inexact[Array, "batch post"]:
        """The current that the source's activity sends to the target."""


class AbstractReciprocalSynapse(AbstractSynapse):
    """A synapse whose backward current is the transpose of its forward one."""

    @abc.abstractmethod
    def backward(self, post: Inexact[Array, "batch post"]) -> Inexact[Array, "batch pre"]:
        """The current that the target's activity sends back to the source."""


class Directed(AbstractSynapse):
    """A dense one-way synapse; the clamped input always uses this kind."""

    weight: Float[Array, "pre post"]
    source: int = eqx.field(static=True)
    target: int = eqx.field(static=True)

    def __init__(self, weight: ArrayLike, source: int, target: int):
        self.weight, self.source, self.target = jnp.asarray(weight), source, target

    def forward(self, pre: Inexact[Array, "batch pre"]) -> Inexact[Array, "batch post"]:
        return matmul(pre, self.weight)


class Reciprocal(AbstractReciprocalSynapse):
    """A dense two-way synapse with one tied weight: `W` forward, its transpose backward."""

    weight: Float[Array, "pre post"]
    source: int = eqx.field(static=True)
    target: int = eqx.field(static=True)

    def __init__(self, weight: ArrayLike, source: int, target: int):
        self.weight, self.source, self.target = jnp.asarray(weight), source, target

    def forward(self, pre: Inexact[Array, "batch pre"]) -> Inexact[Array, "batch post"]:
        return matmul(pre, self.weight)

    def backward(self, post: Inexact[Array, "batch post"]) -> Inexact[Array, "batch pre"]:
        # Transpose, never Hermitian: holomorphic derivatives do not conjugate.
        return matmul(post, self.weight.T)
