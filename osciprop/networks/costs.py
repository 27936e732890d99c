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

from ..datasets.arrays import as_real_array
from ..errors import check_finite, is_traced
from ..settings import Module
from .complexity import complex_like, matmul
from .draws import truncated_normal
from .metrics import AbstractMetric, BinaryAccuracy, ClassAccuracy, metric_for

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

    def metric(self, target: np.ndarray, outputs: int) -> AbstractMetric:
        """What training tells beside the cost, for all targets of a data set."""
        return metric_for(target, outputs)

    def reads_activity(self) -> bool:
        """Whether `output` is the activity itself, so that targets can be clamped to it."""
        return False


def target_rows(target: Targets, outputs: int, dtype: jnp.dtype) -> Float[Array, "batch outputs"]:
    """Targets as one row per sample: labels become one-hot rows, for one output numbers 0 and 1."""
    if not jnp.issubdtype(target.dtype, jnp.integer):
        return target.astype(dtype)
    if outputs == 1:
        return target.astype(dtype)[:, None]
    return jax.nn.one_hot(target, outputs, dtype=dtype)


def check_targets(target: ArrayLike, batch: int, outputs: int) -> Targets:
    """Targets as labels `(batch,)` or rows `(batch, outputs)`, or a `ValueError` that says what is
    wrong with them.

    A column of labels or, for a single output, a vector of numbers is taken for what it is; so are
    rows of integers or booleans that have one number per output.
    """
    # Judged as given: JAX would wrap integers beyond its own.
    array = target if isinstance(target, jax.Array) else as_real_array("y", target)
    if array.shape[:1] != (batch,):
        raise ValueError(
            f"y has shape {array.shape} but x holds {batch} samples: give one target per sample"
        )
    if array.dtype == bool:
        array = array.astype(np.int32)
    if jnp.issubdtype(array.dtype, jnp.integer):
        if array.ndim == 2 and outputs > 1 and array.shape[1] == outputs:
            return jnp.asarray(array).astype(float)
        return _labels(array.reshape(-1) if array.shape == (batch, 1) else array, outputs)
    if jnp.issubdtype(array.dtype, jnp.complexfloating):
        raise ValueError(f"y is complex ({array.dtype}): give real targets")
    if array.ndim == 1 and outputs == 1:
        array = array[:, None]
    if array.shape != (batch, outputs):
        raise ValueError(
            f"y has shape {array.shape} and type {array.dtype}, but ({batch}, {outputs}) is "
            "needed: give one row per sample with one value per output, or class labels as "
            "integers of shape (batch,), e.g. y.astype(int)"
        )
    check_finite("y", array, "remove or impute these values")
    return jnp.asarray(array)


def _labels(array: np.ndarray | Array, outputs: int) -> Int[Array, " batch"]:
    if array.ndim != 1:
        raise ValueError(
            f"y has integer type {array.dtype} and shape {array.shape}: integer targets are "
            f"labels of shape (batch,), or rows with one value for each of {outputs} outputs"
        )
    if is_traced(array) or not array.size:
        return jnp.asarray(array)
    labels = np.asarray(array)
    classes = max(outputs, 2)  # a single output tells two classes apart
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(
            f"y holds labels from {labels.min()} to {labels.max()}, but the network has "
            f"{outputs} output{'s' * (outputs > 1)}: labels must lie in 0 ... {classes - 1}"
            + "; give numbers to be reached as floating-point ones"
            * (outputs == 1)
        )
    return jnp.asarray(labels)


class SquaredError(AbstractCost):
    """`C = 1/2 |s - y|^2` on the activity `s` of the output population itself.

    Labels count as rows that are 1 at their class and 0 elsewhere, for one unit as numbers 0 and 1.

    Example:
        >>> osciprop.SquaredError()(jnp.ones((1, 2)), jnp.zeros((1, 2))).tolist()
        [1.0]
    """

    def output(self, activity: Inexact[Array, "batch units"]) -> Inexact[Array, "batch units"]:
        return activity

    def reads_activity(self) -> bool:
        return True

    def __call__(
        self, activity: Inexact[Array, "batch units"], target: Targets
    ) -> Inexact[Array, " batch"]:
        rows = target_rows(target, activity.shape[-1], jnp.finfo(activity.dtype).dtype)
        return 0.5 * jnp.sum((activity - complex_like(rows, activity)) ** 2, axis=-1)


def _cross_entropy(
    logits: Inexact[Array, "batch classes"], target: Targets
) -> Inexact[Array, " batch"]:
    """`-log softmax(logits)[target]`; a single logit is that of class 1 against one of 0."""
    if logits.shape[-1] == 1:
        rows = target_rows(target, 1, jnp.finfo(logits.dtype).dtype)
        logits = jnp.concatenate([jnp.zeros_like(logits), logits], axis=-1)
        target = jnp.concatenate([1 - rows, rows], axis=-1)
    # Shifted by the real maximum: safe for large logits, and holomorphic in them.
    peak = jax.lax.stop_gradient(jnp.max(logits.real, axis=-1, keepdims=True))
    shifted = logits - complex_like(peak, logits)
    log_sum = jnp.log(jnp.sum(jnp.exp(shifted), axis=-1, keepdims=True))
    rows = target_rows(target, logits.shape[-1], jnp.finfo(logits.dtype).dtype)
    return -jnp.sum(complex_like(rows, logits) * (shifted - log_sum), axis=-1)


class CrossEntropy(AbstractCost):
    """`C = -log softmax(s)[y]` on the activity `s` of the output population itself.

    A population of one unit tells two classes apart: `C = log(1 + exp(s)) - s y`, for labels 0 and
    1 or the probability of 1.

    Example:
        >>> cost = osciprop.CrossEntropy()
        >>> round(float(cost(jnp.zeros((1, 4)), jnp.asarray([2]))[0]), 4)  # log 4
        1.3863
    """

    def output(self, activity: Inexact[Array, "batch units"]) -> Inexact[Array, "batch units"]:
        return activity

    def reads_activity(self) -> bool:
        return True

    def __call__(
        self, activity: Inexact[Array, "batch units"], target: Targets
    ) -> Inexact[Array, " batch"]:
        return _cross_entropy(activity, target)

    def metric(self, target: np.ndarray, outputs: int) -> AbstractMetric:
        return _class_metric(outputs)


class SoftmaxCrossEntropy(AbstractCost):
    """`C = -log softmax(s W + b)[y]`: a trained readout outside the dynamics (hep2022).

    With weights for one class, two are told apart, as by `CrossEntropy`.

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

    def metric(self, target: np.ndarray, outputs: int) -> AbstractMetric:
        return _class_metric(outputs)


def _class_metric(outputs: int) -> AbstractMetric:
    """That of a cross-entropy, whose rows are probabilities of classes."""
    return BinaryAccuracy(0.0) if outputs == 1 else ClassAccuracy()


def readout_obstacle(readout: AbstractCost) -> str:
    """Why what a readout gives cannot be clamped; empty where that is the activity itself."""
    if readout.reads_activity():
        return ""
    return (
        f"its readout, {type(readout).__name__}, does not say, by `reads_activity`, that it gives "
        "the activity of units as it is. Use osciprop.SquaredError() or osciprop.CrossEntropy(), "
        "or a method that nudges, such as osciprop.CentredEP"
    )


def softmax_readout(
    units: int, classes: int, *, key: PRNGKeyArray, stddev: float | None = None
) -> SoftmaxCrossEntropy:
    """A readout with truncated-normal weights of `stddev` (default `units**-0.5`), bias zero."""
    scale = units**-0.5 if stddev is None else stddev
    return SoftmaxCrossEntropy(truncated_normal(key, (units, classes), scale))
