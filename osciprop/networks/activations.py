"""Activation functions, from membrane potential to activity, each knowing if it is holomorphic.

Complex teaching signals need holomorphic functions; the others are there as controls and for
methods with real teaching signals. All work elementwise on real and complex arrays of any shape.
"""

import abc
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from equinox import AbstractClassVar
from jaxtyping import Array, Inexact

from ..errors import check_at_least, check_positive
from ..settings import Module


class AbstractActivation(Module):
    """An elementwise function of the membrane potential.

    Example:
        >>> osciprop.Tanh().holomorphic, osciprop.ReLU().holomorphic
        (True, False)
    """

    holomorphic: AbstractClassVar[bool]

    # Whether activity never falls where the potential rises.
    increasing: ClassVar[bool] = False

    @abc.abstractmethod
    def __call__(self, potential: Inexact[Array, "*shape"]) -> Inexact[Array, "*shape"]:
        """The activity for a membrane potential."""

    def primitive(self, potential: Inexact[Array, "*shape"]) -> Inexact[Array, "*shape"]:
        """The integral of the activity over the potential, up to a constant.

        It is the convex conjugate of the neuron's own energy `G`, `activity = d primitive / du`.
        Raises `NotImplementedError` where there is no elementary one.
        """
        raise NotImplementedError(
            f"{type(self).__name__} gives no `primitive`, the integral of its activity, which "
            "objectives are made of: use ReLU, Tanh, ShiftedSigmoid, HardSigmoid or Identity"
        )


class Identity(AbstractActivation):
    """`s = u`: the linear network, for which everything is known in closed form.

    Example:
        >>> float(osciprop.Identity()(jnp.asarray(0.3)))
        0.3
    """

    holomorphic: ClassVar[bool] = True
    increasing: ClassVar[bool] = True

    def __call__(self, potential: Inexact[Array, "*shape"]) -> Inexact[Array, "*shape"]:
        return potential

    def primitive(self, potential: Inexact[Array, "*shape"]) -> Inexact[Array, "*shape"]:
        return 0.5 * potential**2


class Tanh(AbstractActivation):
    """`s = tanh(u)`; poles at `i pi (k + 1/2)`.

    Example:
        >>> float(osciprop.Tanh()(jnp.asarray(0.0)))
        0.0
    """

    holomorphic: ClassVar[bool] = True
    increasing: ClassVar[bool] = True

    def __call__(self, potential: Inexact[Array, "*shape"]) -> Inexact[Array, "*shape"]:
        return jnp.tanh(potential)

    def primitive(self, potential: Inexact[Array, "*shape"]) -> Inexact[Array, "*shape"]:
        # log cosh, safe for large potentials, up to log 2.
        return jax.nn.softplus(2 * potential) - potential


class ShiftedSigmoid(AbstractActivation):
    """`s = 1 / (1 + exp(-4 u + 2))`: slope 1 at `u = 0.5` (hep2022, all dense networks).

    `slope` and `shift` generalise to `1 / (1 + exp(-slope u + shift))`. Poles at
    `(shift + i pi (2k + 1)) / slope`.

    Args:
        slope: Slope of the exponent; the activity's own largest slope is a quarter of it.
        shift: What is taken from the exponent: the activity is one half at `shift / slope`.

    Source: hep2022, appendix A.2.

    Example:
        >>> float(osciprop.ShiftedSigmoid()(jnp.asarray(0.5)))
        0.5
    """

    slope: float = eqx.field(static=True, default=4.0)
    shift: float = eqx.field(static=True, default=2.0)
    holomorphic: ClassVar[bool] = True
    increasing: ClassVar[bool] = True

    def __call__(self, potential: Inexact[Array, "*shape"]) -> Inexact[Array, "*shape"]:
        return jax.nn.sigmoid(self.slope * potential - self.shift)

    def primitive(self, potential: Inexact[Array, "*shape"]) -> Inexact[Array, "*shape"]:
        return jax.nn.softplus(self.slope * potential - self.shift) / self.slope


class HolomorphicTanh(AbstractActivation):
    """A holomorphic relative of the hard sigmoid `min(max(0, u/2), 1)` (hep2022, Fig. 4).

    `s = u/2 g(u) + (1 - u/2) g(u - 2)` with the logistic function `g(u) = 1 / (1 + exp(-a u))` of
    sharpness `a`. At `a = 1` it is the `dsilu` of homeostasis2024.

    Args:
        sharpness: Of the two logistic functions, `a`; a larger one comes closer to the hard
            sigmoid.

    Source: hep2022, Fig. 4.

    Example:
        >>> round(float(osciprop.HolomorphicTanh(sharpness=50.0)(jnp.asarray(1.0))), 3)
        0.5
    """

    sharpness: float = eqx.field(static=True, default=1.0)
    holomorphic: ClassVar[bool] = True

    def __call__(self, potential: Inexact[Array, "*shape"]) -> Inexact[Array, "*shape"]:
        half = 0.5 * potential
        rising = half * jax.nn.sigmoid(self.sharpness * potential)
        return rising + (1 - half) * jax.nn.sigmoid(self.sharpness * (potential - 2))


class HardSigmoid(AbstractActivation):
    """`s = min(max(0, u/2), 1)`: the non-holomorphic control of hep2022, Fig. 4.

    Source: hep2022, Fig. 4.

    Example:
        >>> osciprop.HardSigmoid()(jnp.asarray([-1.0, 1.0, 3.0])).tolist()
        [0.0, 0.5, 1.0]
    """

    holomorphic: ClassVar[bool] = False
    increasing: ClassVar[bool] = True

    def __call__(self, potential: Inexact[Array, "*shape"]) -> Inexact[Array, "*shape"]:
        return jnp.clip(0.5 * potential, 0.0, 1.0)

    def primitive(self, potential: Inexact[Array, "*shape"]) -> Inexact[Array, "*shape"]:
        return 0.25 * jax.nn.relu(potential) ** 2 - 0.25 * jax.nn.relu(potential - 2) ** 2


class Softplus(AbstractActivation):
    """`s = log(1 + exp(sharpness u)) / sharpness`: a firing rate, the holomorphic relative of ReLU.

    Branch points at `i pi (2k + 1) / sharpness`.

    Args:
        sharpness: How sharp its bend is, above 0; the larger, the closer to ReLU, and the closer
            the branch points to the real axis.

    Raises:
        ValueError: the sharpness is not positive.

    Example:
        >>> osciprop.networks.Softplus(sharpness=2.0)(jnp.asarray([0.0, 5.0])).round(4).tolist()
        [0.3466, 5.0]
    """

    sharpness: float = eqx.field(static=True, default=1.0)
    holomorphic: ClassVar[bool] = True
    increasing: ClassVar[bool] = True

    def __check_init__(self) -> None:
        check_positive("sharpness", self.sharpness, SHARPNESS_REMEDY)

    def __call__(self, potential: Inexact[Array, "*shape"]) -> Inexact[Array, "*shape"]:
        return _softplus(self.sharpness * potential) / self.sharpness


class SmoothPower(AbstractActivation):
    """`s = softplus(u)^exponent`: a firing rate that is a power of the potential above threshold.

    The rectified power law of cortical neurons, with a smooth threshold and so holomorphic; branch
    points are those of `Softplus`. It has no bound: a network needs inhibition to settle.

    Args:
        exponent: Of the power, a whole number of at least 1; 2 to 5 in visual cortex.
        sharpness: How sharp the threshold is, above 0.

    Raises:
        ValueError: a number is out of its range.

    Source: Priebe and Ferster 2008; supralinear stabilised networks, Rubin et al. 2015.

    Example:
        >>> osciprop.networks.SmoothPower(2, sharpness=8.0)(jnp.asarray([-1.0, 2.0])).round(3)
        Array([0., 4.], dtype=float64)
    """

    exponent: int = eqx.field(static=True, default=2)
    sharpness: float = eqx.field(static=True, default=4.0)
    holomorphic: ClassVar[bool] = True
    increasing: ClassVar[bool] = True

    def __check_init__(self) -> None:
        check_at_least("exponent", self.exponent, 1, "1 is Softplus")
        check_positive("sharpness", self.sharpness, SHARPNESS_REMEDY)

    def __call__(self, potential: Inexact[Array, "*shape"]) -> Inexact[Array, "*shape"]:
        return (_softplus(self.sharpness * potential) / self.sharpness) ** self.exponent


SHARPNESS_REMEDY = "1 bends softly, 8 comes close to a rectifier"


def _softplus(potential: Inexact[Array, "*shape"]) -> Inexact[Array, "*shape"]:
    """`log(1 + exp(u))`, from the side on which the exponential is small: on either the same
    holomorphic function.
    """
    rising = potential.real > 0
    small = jnp.exp(jnp.where(rising, -potential, potential))
    return jnp.where(rising, potential, jnp.zeros_like(potential)) + jnp.log1p(small)


class ReLU(AbstractActivation):
    """`s = max(0, u)`; not holomorphic.

    Example:
        >>> osciprop.ReLU()(jnp.asarray([-1.0, 2.0])).tolist()
        [0.0, 2.0]
    """

    holomorphic: ClassVar[bool] = False
    increasing: ClassVar[bool] = True

    def __call__(self, potential: Inexact[Array, "*shape"]) -> Inexact[Array, "*shape"]:
        return jax.nn.relu(potential)

    def primitive(self, potential: Inexact[Array, "*shape"]) -> Inexact[Array, "*shape"]:
        return 0.5 * jax.nn.relu(potential) ** 2


CEILING_REMEDY = "6 is that of ReLU6"


class ClippedReLU(AbstractActivation):
    """`s = min(max(0, u), ceiling)`; not holomorphic: `SoftClippedReLU` is its counterpart.

    Args:
        ceiling: The largest activity, above 0.

    Raises:
        ValueError: the ceiling is not positive.

    Source: arXiv 2509.26003, whose code has a ceiling of 6.

    Example:
        >>> osciprop.networks.ClippedReLU()(jnp.asarray([-1.0, 2.0, 8.0])).tolist()
        [0.0, 2.0, 6.0]
    """

    ceiling: float = eqx.field(static=True, default=6.0)
    holomorphic: ClassVar[bool] = False
    increasing: ClassVar[bool] = True

    def __check_init__(self) -> None:
        check_positive("ceiling", self.ceiling, CEILING_REMEDY)

    def __call__(self, potential: Inexact[Array, "*shape"]) -> Inexact[Array, "*shape"]:
        return jnp.clip(potential, 0.0, self.ceiling)

    def primitive(self, potential: Inexact[Array, "*shape"]) -> Inexact[Array, "*shape"]:
        above = jax.nn.relu(potential - self.ceiling)
        return 0.5 * jax.nn.relu(potential) ** 2 - 0.5 * above**2


class SoftClippedReLU(AbstractActivation):
    """`s = (log(1 + exp(a u)) - log(1 + exp(a (u - ceiling)))) / a` of sharpness `a`: the
    holomorphic relative of `ClippedReLU`, which it becomes as `a` grows.

    It is `ClippedReLU` averaged over potentials that are spread logistically with a width of
    `1 / a`: nowhere more than `log(2) / a` away from it, its slope between 0 and 1. Branch points
    at `i pi (2k + 1) / a`, and at `ceiling` beside them.

    Args:
        ceiling: The largest activity, above 0.
        sharpness: How sharp both bends are, above 0.

    Raises:
        ValueError: a number is not positive.

    Example:
        >>> soft = osciprop.networks.SoftClippedReLU(ceiling=6.0, sharpness=8.0)
        >>> soft(jnp.asarray([-1.0, 2.0, 8.0])).round(3).tolist()
        [0.0, 2.0, 6.0]
    """

    ceiling: float = eqx.field(static=True, default=6.0)
    sharpness: float = eqx.field(static=True, default=4.0)
    holomorphic: ClassVar[bool] = True
    increasing: ClassVar[bool] = True

    def __check_init__(self) -> None:
        check_positive("ceiling", self.ceiling, CEILING_REMEDY)
        check_positive("sharpness", self.sharpness, SHARPNESS_REMEDY)

    def __call__(self, potential: Inexact[Array, "*shape"]) -> Inexact[Array, "*shape"]:
        rising = _softplus(self.sharpness * potential)
        clipped = _softplus(self.sharpness * (potential - self.ceiling))
        return (rising - clipped) / self.sharpness
