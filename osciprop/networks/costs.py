"""Costs: what the teaching signal nudges the output population to lower.

A cost reads the activity of the network's last population. Values are per sample, without a mean.
Both are holomorphic functions of the activity, so that a complex teaching signal may act on them.
"""

import abc
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Inexact, Int, PRNGKeyArray

from ..errors import check_finite, is_traced
from ..settings import Module
from .complexity import complex_like, matmul
from .synapses import truncated_normal

Targets: TypeAlias = Int[Array, " batch"] | Float[Array, "batch outputs"]


class AbstractCost(Module):
    """A cost of the output population's activity against a target.

    Example:
        >>> class Absolute(osciprop.networks.AbstractCost):
        ...     def output(self, activity):
        ...         return activity
        ...     def __call__(self, activity, target):
        ...         return jnp.sum((activity - target) ** 4, axis=-1)
        >>> Absolute()(jnp.ones((2, 3)), jnp.zeros((2, 3))).tolist()
        [3.0, 3.0]
    """

    @abc.abstractmethod
    def output(self, activity: Inexact[Array, "batch units"]) -> Inexact[Array, "batch outputs"]:
        """What the network answers: scores, the largest of which is the predicted class."""

    @abc.abstractmethod
    def __call__(
        self, activity: Inexact[Array, "batch units"], target: Targets
    ) -> Inexact[Array, " batch"]:
        """The cost of each sample; `target` holds integer labels or one row per sample."""


def _target_rows(target: Targets, outputs: int, dtype: jnp.dtype) -> Float[Array, "batch outputs"]:
    """Targets as one row per sample: labels become one-hot rows."""
    if jnp.issubdtype(target.dtype, jnp.integer):
        return jax.nn.one_hot(target, outputs, dtype=dtype)
    return target.astype(dtype)


def check_targets(target: ArrayLike, batch: int, outputs: int) -> Targets:
    """Targets as a JAX array, or a `ValueError` that says what is wrong with them."""
    array = jnp.asarray(target)
    if array.shape[:1] != (batch,):
        raise ValueError(
            f"y has shape {array.shape} but x holds {batch} samples: give one target per sample"
        )
    if jnp.issubdtype(array.dtype, jnp.integer):
        if array.ndim != 1:
            raise ValueError(
                f"y has integer type {array.dtype} and shape {array.shape}: integer targets are "
                "labels of shape (batch,); give rows of targets as floating-point numbers"
            )
        if is_traced(array) or not array.size:
            return array
        labels = np.asarray(array)
        if labels.min() < 0 or labels.max() >= outputs:
            raise ValueError(
                f"y holds labels from {labels.min()} to {labels.max()}, but the network has "
                f"{outputs} outputs: labels must lie in 0 ... {outputs - 1}"
            )
    elif array.shape != (batch, outputs):
        raise ValueError(
            f"y has shape {array.shape} but ({batch}, {outputs}) is needed: give one row per "
            "sample with one value per output, or integer labels of shape (batch,)"
        )
    else:
        check_finite("y", array, "remove or impute these values")
    return array


class SquaredError(AbstractCost):
    """`C = 1/2 |s - y|^2` on the activity `s` of the output population itself.

    Example:
        >>> osciprop.SquaredError()(jnp.ones((1, 2)), jnp.zeros((1, 2))).tolist()
        [1.0]
    """

    def output(self, activity: Inexact[Array, "batch units"]) -> Inexact[Array, "batch units"]:
        return activity

    def __call__(
        self, activity: Inexact[Array, "batch units"], target: Targets
    ) -> Inexact[Array, " batch"]:
        rows = _target_rows(target, activity.shape[-1], jnp.finfo(activity.dtype).dtype)
        return 0.5 * jnp.sum((activity - complex_like(rows, activity)) ** 2, axis=-1)


def _cross_entropy(
    logits: Inexact[Array, "batch classes"], target: Targets
) -> Inexact[Array, " batch"]:
    """`-log softmax(logits)[target]`."""
    # Shifted by the real maximum: safe for large logits, and holomorphic in them.
    peak = jax.lax.stop_gradient(jnp.max(logits.real, axis=-1, keepdims=True))
    shifted = logits - complex_like(peak, logits)
    log_sum = jnp.log(jnp.sum(jnp.exp(shifted), axis=-1, keepdims=True))
    rows = _target_rows(target, logits.shape[-1], jnp.finfo(logits.dtype).dtype)
    return -jnp.sum(complex_like(rows, logits) * (shifted - log_sum), axis=-1)


class CrossEntropy(AbstractCost):
    """`C = -log softmax(s)[y]` on the activity `s` of the output population itself.

    Example:
        >>> cost = osciprop.CrossEntropy()
        >>> round(float(cost(jnp.zeros((1, 4)), jnp.asarray([2]))[0]), 4)  # log 4
        1.3863
    """

    def output(self, activity: Inexact[Array, "batch units"]) -> Inexact[Array, "batch units"]:
        return activity

    def __call__(
        self, activity: Inexact[Array, "batch units"], target: Targets
    ) -> Inexact[Array, " batch"]:
        return _cross_entropy(activity, target)


class SoftmaxCrossEntropy(AbstractCost):
    """`C = -log softmax(s W + b)[y]`: a trained readout outside the dynamics (hep2022).

    Args:
        weight: Readout weights, `(units, classes)`.
        bias: Readout biases, `(classes,)`; None for zeros.

    Source: hep2022, section 4.

    Example:
        >>> readout = osciprop.SoftmaxCrossEntropy(jnp.ones((5, 3)))
        >>> readout.output(jnp.ones((2, 5))).tolist()
        [[5.0, 5.0, 5.0], [5.0, 5.0, 5.0]]
    """

    weight: Float[Array, "units classes"]
    bias: Float[Array, " classes"]

    # The bias takes its shape and type from the weight.
    def __init__(self, weight: ArrayLike, bias: ArrayLike | None = None):
        self.weight = jnp.asarray(weight)
        self.bias = (
            jnp.zeros(self.weight.shape[1:], self.weight.dtype)
            if bias is None
            else jnp.asarray(bias)
        )

    def output(self, activity: Inexact[Array, "batch units"]) -> Inexact[Array, "batch classes"]:
        return matmul(activity, self.weight) + complex_like(self.bias, activity)[None]

    def __call__(
        self, activity: Inexact[Array, "batch units"], target: Targets
    ) -> Inexact[Array, " batch"]:
        return _cross_entropy(self.output(activity), target)


def softmax_readout(
    units: int, classes: int, *, key: PRNGKeyArray, stddev: float | None = None
) -> SoftmaxCrossEntropy:
    """A readout with truncated-normal weights of `stddev` (default `units**-0.5`), bias zero."""
    scale = units**-0.5 if stddev is None else stddev
    return SoftmaxCrossEntropy(truncated_normal(key, (units, classes), scale))


def hits(scores: Float[Array, "batch outputs"], y: Array) -> Array:
    """Per sample, whether the largest score is the target's."""
    labels = y if jnp.issubdtype(y.dtype, jnp.integer) else jnp.argmax(y, axis=-1)
    return jnp.argmax(scores, axis=-1) == labels.astype(int)
