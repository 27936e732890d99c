"""Teaching signals: the complex number `beta(t)` that scales the nudge `-beta dC/ds`."""

import abc
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Complex, Float, Inexact

from ..errors import check_at_least, check_not_negative, check_positive, shown
from ..settings import ComplexNumbers, Module, Number, number, real_or_complex

AMPLITUDE_REMEDY = "the nudge must have a size; 0.1 to 0.5 suits most networks"
RAMP_REMEDY = "0 starts at the full amplitude"
PERIOD_REMEDY = "give the teaching signal's period in the units of the time constants"


class AbstractTeaching(Module):
    """A teaching signal over time.

    Example:
        >>> issubclass(osciprop.Oscillation, osciprop.dynamics.AbstractTeaching)
        True
    """

    @abc.abstractmethod
    def __call__(self, time: Float[Array, ""]) -> Inexact[Array, "*batch"]:
        """`beta` at a time: a scalar, or one number per sample."""

    @abc.abstractmethod
    def is_complex(self) -> bool:
        """Whether the signal leaves the real axis, so that states must be complex."""


class Constant(AbstractTeaching):
    """A teaching signal that does not change: 0 (free), or a nudge to a point of the plane.

    Args:
        beta: Its value, real or complex: a number, or one per sample.

    Example:
        >>> osciprop.Constant(0.1j).is_complex(), osciprop.Constant().is_complex()
        (True, False)
    """

    beta: ComplexNumbers = eqx.field(default=0.0, converter=real_or_complex)

    def __check_init__(self) -> None:
        if np.ndim(self.beta) > 1:
            raise ValueError(
                f"beta has shape {np.shape(self.beta)}: give one number, or one per sample (batch,)"
            )

    def __call__(self, time: Float[Array, ""]) -> Inexact[Array, "*batch"]:
        return jnp.asarray(self.beta)

    def is_complex(self) -> bool:
        return jnp.iscomplexobj(self.beta)


def nudge(y: ArrayLike | None, beta: ArrayLike | None) -> Constant | None:
    """The teaching signal of a nudge, None for a free network. Raises `ValueError` for a half."""
    if y is not None and beta is None:
        raise ValueError(
            "y is given, but beta is not: a nudge needs both, such as beta=0.1; leave y out for "
            "the free equilibrium"
        )
    if beta is not None and y is None:
        raise ValueError(
            f"beta is {shown(beta)}, but y is not given: a nudge needs both, targets too; leave "
            "beta out for the free equilibrium"
        )
    return None if beta is None else Constant(beta)


def roots_of_unity(points: int) -> np.ndarray:
    """`exp(2 pi i k / N)` for `k = 0 ... N - 1`, in double precision, shape (points,)."""
    return np.exp(2j * np.pi * np.arange(points) / points)


class Contour(Module):
    """`points` equally spaced values `r exp(2 pi i k / N)` on a circle around zero.

    Real weights give mirror-symmetric responses, `s(conj beta) = conj s(beta)`, so only the upper
    half circle is simulated; `upper` lists it with the number of points that each one stands for.

    Args:
        amplitude: Radius of the circle, above 0.
        points: Number of points, at least 1.

    Raises:
        ValueError: a number is not positive.

    Source: hep2022, Eq. 12.

    Example:
        >>> osciprop.Contour(0.5, 2).upper()[0].tolist()
        [0.5, -0.5]
    """

    amplitude: Number = eqx.field(converter=number)
    points: int = eqx.field(static=True)

    def __check_init__(self) -> None:
        check_positive("amplitude", self.amplitude, AMPLITUDE_REMEDY)
        check_at_least("points", self.points, 1, "a contour needs points")

    def betas(self) -> Complex[Array, " points"]:
        """All points, counter-clockwise from the positive real axis."""
        circle = roots_of_unity(self.points)
        real, imaginary = (
            jnp.asarray(circle.real, dtype=float),
            jnp.asarray(circle.imag, dtype=float),
        )
        return jax.lax.complex(self.amplitude * real, self.amplitude * imaginary)

    def upper(self) -> tuple[Inexact[Array, " half"], Float[Array, " half"]]:
        """Points with non-negative imaginary part, and their multiplicities 1 or 2.

        One point is `r`, two are `r` and `-r`: real, so that no complex number is needed.
        """
        if self.points <= 2:
            signs = jnp.asarray([1.0, -1.0][: self.points], dtype=float)
            return self.amplitude * signs, jnp.ones(self.points, dtype=float)
        half = self.points // 2 + 1
        count = jnp.full(half, 2.0, dtype=float).at[0].set(1.0)
        if self.points % 2 == 0:
            count = count.at[-1].set(1.0)
        return self.betas()[:half], count


class Oscillation(AbstractTeaching):
    """`beta(t) = r exp(2 pi i t / T)`: a rotation in the complex plane that never stops.

    With `ramp > 0` the amplitude rises from 0 as `sin^2` over that much time, which keeps the
    switch-on from exciting transients.

    Args:
        amplitude: Radius of the rotation, above 0.
        period: Time of one turn, in units of time, above 0.
        ramp: Time over which the amplitude rises from 0, in units of time.

    Raises:
        ValueError: amplitude or period is not positive, or the ramp is negative.

    Source: hep2022, section 3.3.

    Example:
        >>> signal = osciprop.Oscillation(amplitude=0.4, period=100.0)
        >>> beta = signal(jnp.asarray(25.0))
        >>> round(float(beta.imag), 6), abs(float(beta.real)) < 1e-12
        (0.4, True)
    """

    amplitude: Number = eqx.field(converter=number)
    period: Number = eqx.field(converter=number)
    ramp: Number = eqx.field(default=0.0, converter=number)

    def __check_init__(self) -> None:
        check_positive("amplitude", self.amplitude, AMPLITUDE_REMEDY)
        check_positive("period", self.period, PERIOD_REMEDY)
        check_not_negative("ramp", self.ramp, RAMP_REMEDY)

    def __call__(self, time: Float[Array, ""]) -> Complex[Array, ""]:
        turns = time / self.period.astype(time.dtype)
        ramp = self.ramp.astype(time.dtype)
        progress = jnp.clip(jnp.where(ramp > 0, time / jnp.where(ramp > 0, ramp, 1), 1), 0, 1)
        radius = self.amplitude.astype(time.dtype) * jnp.sin(math.pi / 2 * progress) ** 2
        # Whole turns are dropped first: the phase keeps its precision however long the run.
        angle = 2 * math.pi * (turns - jnp.floor(turns))
        return jax.lax.complex(radius * jnp.cos(angle), radius * jnp.sin(angle))

    def is_complex(self) -> bool:
        return True


class RealOscillation(AbstractTeaching):
    """`beta(t) = r cos(2 pi t / T)`: the sum of two rotations, one in either sense.

    Real, and so for any activation; but what the two rotations make of each other falls on the mean
    and on the first harmonic, a bias of order `r^2` that one rotation alone (`Oscillation`) does
    not have.

    Args:
        amplitude: Its largest value `r`, above 0.
        period: Time of one period, in units of time, above 0.

    Raises:
        ValueError: amplitude or period is not positive.

    Source: Anisetti, Kandala, Scellier and Schwarz 2024 (arXiv 2208.08862).

    Example:
        >>> signal = osciprop.dynamics.RealOscillation(amplitude=0.4, period=100.0)
        >>> round(float(signal(jnp.asarray(50.0))), 6), signal.is_complex()
        (-0.4, False)
    """

    amplitude: Number = eqx.field(converter=number)
    period: Number = eqx.field(converter=number)

    def __check_init__(self) -> None:
        check_positive("amplitude", self.amplitude, AMPLITUDE_REMEDY)
        check_positive("period", self.period, PERIOD_REMEDY)

    def __call__(self, time: Float[Array, ""]) -> Float[Array, ""]:
        turns = time / self.period.astype(time.dtype)
        angle = 2 * math.pi * (turns - jnp.floor(turns))
        return self.amplitude.astype(time.dtype) * jnp.cos(angle)

    def is_complex(self) -> bool:
        return False
