"""Skips: what carries an activity on as it is, past the populations in between.

`ReciprocalProjection(Skip(gain), a, b)` adds `gain s_a . s_b` to a network's phi: population b
receives `gain s_a`, population a receives `gain s_b`. Both have the same shape; where shapes
differ, a dense synapse or a convolution of 1 x 1 projects.
"""

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Inexact

from ..errors import check_number
from ..settings import weights
from .complexity import complex_like
from .synapses import AbstractTransform, Activity
from .trees import along_samples

GAIN_REMEDY = "1 is the identity, 0.5 settles fast"


class _Scaling(AbstractTransform):
    """Shared part of the transforms that change no more than the size of an activity."""

    def about(self, center: Activity, activity: Activity) -> Activity:
        deviation = self(activity - complex_like(center, activity))
        return deviation + complex_like(self(center), deviation)

    def transposed(self, pre: Activity, post: Activity) -> Activity:
        return self(post.reshape(pre.shape))

    def is_holomorphic(self) -> bool:
        return True


class Skip(_Scaling):
    """`gain s`: the identity of residual networks, with nothing to learn.

    Both populations have the same shape. Where they differ, take
    `osciprop.Reciprocal(weight, ...)`, or a `ReciprocalProjection` of
    `osciprop.networks.Convolution(kernel, padding=0, stride=2)` with a kernel of 1 x 1.

    Args:
        gain: What an activity is multiplied by, up and down; a constant.

    Raises:
        ValueError: the gain is no finite number.

    Source: He et al. 2016; between states that settle, arXiv 2509.26003.

    Example:
        >>> skip = osciprop.networks.ReciprocalProjection(osciprop.networks.Skip(0.5), 0, 2)
        >>> [population for population, _ in skip.currents((jnp.ones((1, 3)),) * 3)]
        [2, 0]
    """

    gain: float = eqx.field(static=True, default=1.0)

    def __check_init__(self) -> None:
        check_number("gain", self.gain, GAIN_REMEDY)

    def __call__(self, activity: Activity) -> Activity:
        return self.gain * activity

    def check(self, name: str, activity: Array | jax.ShapeDtypeStruct) -> None:
        """Every activity is taken."""


class LearnedSkip(_Scaling):
    """`gain s` with gains that are learned: one for all, or one of each map or unit.

    Args:
        gain: One number, or an array that is broadcast to the activity of a sample: `(channels,)`
            for maps, `(units,)` for a row.

    Raises:
        ValueError: by a network, for an activity of another shape.
        TypeError: the gain holds no real numbers.

    Source: SkipInit, De and Smith 2020, where one number is learned for each skipped block.

    Example:
        >>> osciprop.networks.LearnedSkip(jnp.asarray([0.5, 2.0]))(jnp.ones((3, 4, 4, 2))).shape
        (3, 4, 4, 2)
    """

    gain: Float[Array, "..."] = eqx.field(converter=weights)

    # Written out, because type checkers do not know that the converter takes any number.
    def __init__(self, gain: ArrayLike):
        self.gain = weights(gain)

    def __call__(self, activity: Inexact[Array, "batch ..."]) -> Inexact[Array, "batch ..."]:
        return along_samples(complex_like(self.gain, activity), activity) * activity

    def check(self, name: str, activity: Array | jax.ShapeDtypeStruct) -> None:
        shape = activity.shape[1:]
        try:
            fits = np.broadcast_shapes(self.gain.shape, shape) == shape
        except ValueError:
            fits = False
        if not fits:
            raise ValueError(
                f"{name} has shape {activity.shape}, but the gain of this skip has shape "
                f"{self.gain.shape}: give one number, or one per map or unit"
            )
