"""Costs on the circle: how far phases are from where they should be.

`1 - cos(phase - target)` is entire, unlike its logarithm, so that a complex teaching signal of any
size may act on it.
"""

from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact
from numpy.typing import NDArray

from ..complexity import complex_like, real_dtype
from ..costs import AbstractCost, Targets, target_rows
from ..metrics import AbstractMetric, BinaryAccuracy, ClassAccuracy


class MeanPhaseError(AbstractMetric):
    """The mean of `1 - cos(phase - target)` over samples and outputs: 0 to 2.

    Example:
        >>> metric = osciprop.networks.MeanPhaseError()
        >>> float(metric.batch(jnp.zeros((2, 1)), jnp.full((2, 1), jnp.pi)))
        2.0
    """

    name: ClassVar[str] = "phase_error"

    def batch(self, outputs: Float[Array, "batch outputs"], y: Array) -> Float[Array, ""]:
        return jnp.mean(1 - jnp.cos(outputs - y.astype(outputs.dtype)))

    def sums(self, outputs: NDArray[Any], y: NDArray[Any]) -> NDArray[np.float64]:
        gaps = np.asarray(outputs, dtype=np.float64) - np.asarray(y, dtype=np.float64)
        return np.asarray([gaps.size, np.sum(1 - np.cos(gaps))], dtype=np.float64)

    def scores(self, sums: NDArray[np.float64]) -> dict[str, float]:
        return {self.name: float(sums[1] / sums[0])}


class PhaseError(AbstractCost):
    """`C = sum 1 - cos(phase - target)`, for targets that are phases, rows in radians.

    Outputs are the phases themselves.

    Raises:
        ValueError: targets are labels.

    Example:
        >>> osciprop.networks.PhaseError()(jnp.zeros((1, 1)), jnp.full((1, 1), jnp.pi)).tolist()
        [2.0]
    """

    def output(self, activity: Inexact[Array, "batch units"]) -> Inexact[Array, "batch units"]:
        return activity

    def __call__(
        self, activity: Inexact[Array, "batch units"], target: Targets
    ) -> Inexact[Array, " batch"]:
        if jnp.issubdtype(target.dtype, jnp.integer):
            raise ValueError(
                "y holds labels, but PhaseError() compares phases: give rows in radians, or use "
                "osciprop.networks.PhaseClasses() for classes"
            )
        phases = complex_like(target.astype(real_dtype(activity)), activity)
        return jnp.sum(1 - jnp.cos(activity - phases), axis=-1)

    def metric(self, target: np.ndarray, outputs: int) -> AbstractMetric:
        return MeanPhaseError()


class PhaseClasses(AbstractCost):
    """`C = sum 1 - cos(phase - target)`, for classes: phase 0 for the target's, pi for all others.

    Outputs are the cosines of the phases: 1 at phase 0, -1 in antiphase. A single unit tells two
    classes apart, 1 by phase 0 and 0 by pi. Rows of numbers from 0 to 1 weight the two phases.

    Example:
        >>> cost = osciprop.networks.PhaseClasses()
        >>> cost(jnp.asarray([[0.0, jnp.pi]]), jnp.asarray([0])).tolist()
        [0.0]
    """

    def output(self, activity: Inexact[Array, "batch units"]) -> Inexact[Array, "batch units"]:
        return jnp.cos(activity)

    def __call__(
        self, activity: Inexact[Array, "batch units"], target: Targets
    ) -> Inexact[Array, " batch"]:
        rows = target_rows(target, activity.shape[-1], real_dtype(activity))
        return jnp.sum(1 - complex_like(2 * rows - 1, activity) * jnp.cos(activity), axis=-1)

    def metric(self, target: np.ndarray, outputs: int) -> AbstractMetric:
        return BinaryAccuracy(0.0) if outputs == 1 else ClassAccuracy()
