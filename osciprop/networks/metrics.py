"""Metrics: how often, or how closely, outputs are right, in numbers that people compare."""

import abc
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float
from numpy.typing import NDArray

from ..settings import Module, Number, Numbers, number, numbers


class AbstractMetric(Module):
    """What training and evaluation tell beside the cost.

    `batch` is the one number that every update records, under `name`; a whole data set is told by
    `scores`, from sums that add up over its batches.

    Example:
        >>> issubclass(osciprop.networks.ClassAccuracy, osciprop.networks.AbstractMetric)
        True
    """

    name: eqx.AbstractClassVar[str]

    @abc.abstractmethod
    def batch(self, outputs: Float[Array, "batch outputs"], y: Array) -> Float[Array, ""]:
        """The number of one batch."""

    @abc.abstractmethod
    def sums(self, outputs: NDArray[Any], y: NDArray[Any]) -> NDArray[np.float64]:
        """What adds up over batches."""

    @abc.abstractmethod
    def scores(self, sums: NDArray[np.float64]) -> dict[str, float]:
        """The numbers of all samples whose sums these are, by name."""


class ClassAccuracy(AbstractMetric):
    """The fraction of samples whose largest output is the target's: its label, or the largest
    number of its row.

    Example:
        >>> metric = osciprop.networks.ClassAccuracy()
        >>> float(metric.batch(jnp.eye(3), jnp.asarray([0, 1, 1]))).__round__(2)
        0.67
    """

    name: ClassVar[str] = "accuracy"

    def batch(self, outputs: Float[Array, "batch outputs"], y: Array) -> Float[Array, ""]:
        return jnp.mean(self.hits(outputs, y).astype(float))

    def hits(self, outputs: Float[Array, "batch outputs"], y: Array) -> Bool[Array, " batch"]:
        """Per sample, whether it is right."""
        labels = y if jnp.issubdtype(y.dtype, jnp.integer) else jnp.argmax(y, axis=-1)
        return jnp.argmax(outputs, axis=-1) == labels.astype(int)

    def sums(self, outputs: NDArray[Any], y: NDArray[Any]) -> NDArray[np.float64]:
        return _hit_sums(np.asarray(self.hits(jnp.asarray(outputs), jnp.asarray(y))))

    def scores(self, sums: NDArray[np.float64]) -> dict[str, float]:
        return {self.name: float(sums[1] / sums[0])}


class BinaryAccuracy(AbstractMetric):
    """The fraction of samples whose only output lies on the target's side of a threshold.

    Args:
        threshold: Outputs above it say 1, all others 0; targets above 1/2 are 1.

    Example:
        >>> metric = osciprop.networks.BinaryAccuracy(0.5)
        >>> float(metric.batch(jnp.asarray([[0.9], [0.2]]), jnp.asarray([1, 1])))
        0.5
    """

    threshold: Number = eqx.field(default=0.5, converter=number)
    name: ClassVar[str] = "accuracy"

    def batch(self, outputs: Float[Array, "batch 1"], y: Array) -> Float[Array, ""]:
        return jnp.mean(self.hits(outputs, y).astype(float))

    def hits(self, outputs: Float[Array, "batch 1"], y: Array) -> Bool[Array, " batch"]:
        """Per sample, whether it is right."""
        threshold = jnp.asarray(self.threshold, dtype=outputs.dtype)
        return (outputs[:, 0] > threshold) == (y.reshape(len(outputs)).astype(float) > 0.5)

    def sums(self, outputs: NDArray[Any], y: NDArray[Any]) -> NDArray[np.float64]:
        return _hit_sums(np.asarray(self.hits(jnp.asarray(outputs), jnp.asarray(y))))

    def scores(self, sums: NDArray[np.float64]) -> dict[str, float]:
        return {self.name: float(sums[1] / sums[0])}


def _hit_sums(right: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.asarray([right.size, np.count_nonzero(right)], dtype=np.float64)


class RegressionError(AbstractMetric):
    """The mean squared error of numbers, over samples and outputs, and the coefficient of
    determination `R^2 = 1 - residuals / variance`, the mean over outputs.

    An output whose targets are all equal has no variance to explain: its `R^2` is 1 if it is
    exact, else 0 (as in scikit-learn).

    Args:
        center: A number, or one per output, near the mean of the targets: squares are summed about
            it, and so keep their digits.

    Example:
        >>> metric = osciprop.networks.RegressionError()
        >>> y = np.asarray([[1.0], [2.0], [3.0]])
        >>> metric.scores(metric.sums(y + 1, y))
        {'mean_squared_error': 1.0, 'r_squared': -0.5}
    """

    center: Numbers = eqx.field(default=0.0, converter=numbers)
    name: ClassVar[str] = "mean_squared_error"

    def batch(self, outputs: Float[Array, "batch outputs"], y: Array) -> Float[Array, ""]:
        return jnp.mean((outputs - y.astype(outputs.dtype)) ** 2)

    def sums(self, outputs: NDArray[Any], y: NDArray[Any]) -> NDArray[np.float64]:
        """Per output: number of samples, targets, their squares, and squared residuals."""
        wanted = np.asarray(y, dtype=np.float64)
        residuals = np.asarray(outputs, dtype=np.float64) - wanted
        about = wanted - np.asarray(self.center)
        parts = np.ones_like(about), about, about**2, residuals**2
        return np.stack([np.sum(part, axis=0) for part in parts])

    def scores(self, sums: NDArray[np.float64]) -> dict[str, float]:
        count, total, squares, residuals = sums
        mean = total / count
        variation = squares - total * mean
        # Equal targets differ from their mean by its rounding.
        rounding = 4 * np.finfo(np.float64).eps
        size = np.abs(np.asarray(self.center)) + np.abs(mean)
        flat = variation <= rounding * squares + count * (rounding * size) ** 2
        explained = 1 - residuals / np.where(flat, 1, variation)
        r_squared = np.where(flat, (residuals == 0).astype(float), explained)
        return {
            self.name: float(np.mean(residuals / count)),
            "r_squared": float(np.mean(r_squared)),
        }


def metric_for(y: NDArray[Any], outputs: int, *, threshold: float = 0.5) -> AbstractMetric:
    """The metric that plainly belongs to targets: accuracy for labels and for rows that mark one
    class each, the squared error for other numbers; `threshold` is that of a single output.

    Args:
        y: Integer labels `(n,)`, or rows of numbers `(n, outputs)`.
        outputs: Number of outputs of the network.
        threshold: Between the two classes, where there is a single output.

    Returns:
        The metric.

    Example:
        >>> osciprop.networks.metric_for(np.asarray([[0.5], [2.0]]), 1)
        RegressionError(center=[1.25])
        >>> osciprop.networks.metric_for(np.eye(3), 3)
        ClassAccuracy()
    """
    labels = np.issubdtype(y.dtype, np.integer)
    marks = labels or bool(np.all((y == 0) | (y == 1)))
    if outputs == 1 and marks:
        return BinaryAccuracy(threshold)
    if labels or (marks and bool(np.all(np.sum(y, axis=1) == 1))):
        return ClassAccuracy()
    return RegressionError(np.mean(y, axis=0, dtype=np.float64))
