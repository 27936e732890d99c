"""Noise on the input current of every neuron: white or coloured, real or complex, shared or not.

`tau du = (current(s) - beta dC/ds - u + xi) dt + D dW`, in the sense of Ito (the noise is additive,
so that Stratonovich's is the same). White noise has an intensity `D` in units of potential times
the square root of time; coloured noise `xi` a standard deviation and a correlation time.

With one Euler step per time constant, white noise of intensity D is hep2022's: a normal number of
standard deviation D added to every pre-activation at every step.
"""

import abc
import math
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ..errors import check_not_negative, check_number, check_positive
from ..networks.complexity import real_dtype, to_complex
from ..networks.network import State, States
from ..networks.trees import scaled
from ..settings import Module, Number, number

NOISE_REMEDY = "give its size as a positive number, or 0 for none"


class AbstractSharing(Module):
    """Which samples of a batch see which noise.

    Example:
        >>> issubclass(osciprop.dynamics.PerSample, osciprop.dynamics.AbstractSharing)
        True
    """

    @abc.abstractmethod
    def over_batch(
        self, draw: Callable[[PRNGKeyArray], PyTree[Array]], key: PRNGKeyArray, batch: int
    ) -> PyTree[Array]:
        """`draw(key)` for every sample, as arrays with a leading batch axis."""


class PerSample(AbstractSharing):
    """Independent noise for every sample: the first ones see the same in a batch of any size.

    Example:
        >>> osciprop.WhiteNoise(0.1).sharing
        PerSample()
    """

    def over_batch(
        self, draw: Callable[[PRNGKeyArray], PyTree[Array]], key: PRNGKeyArray, batch: int
    ) -> PyTree[Array]:
        keys = jax.vmap(lambda sample: jax.random.fold_in(key, sample))(jnp.arange(batch))
        return jax.vmap(draw)(keys)


class SharedAcrossBatch(AbstractSharing):
    """One noise for all samples of the batch, as in the code of hep2022 (averaging over the batch
    does not reduce it).

    Source: hep2022, Fig. 3c (the authors' code).

    Example:
        >>> osciprop.WhiteNoise(0.1, sharing=osciprop.dynamics.SharedAcrossBatch()).sharing
        SharedAcrossBatch()
    """

    def over_batch(
        self, draw: Callable[[PRNGKeyArray], PyTree[Array]], key: PRNGKeyArray, batch: int
    ) -> PyTree[Array]:
        once = draw(jax.random.fold_in(key, 0))
        return jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (batch, *leaf.shape)), once)


class AbstractPlane(Module):
    """Where in the complex plane noise acts. Every plane has mean power 1: `E|z|^2 = 1`.

    Example:
        >>> osciprop.dynamics.RealAxis.components, osciprop.dynamics.Circular.components
        (1, 2)
    """

    components: eqx.AbstractClassVar[int]

    @abc.abstractmethod
    def place(self, parts: Float[Array, "batch parts ..."], reference: Array) -> Array:
        """Independent real noises as one, real or complex like the state `reference`."""


class RealAxis(AbstractPlane):
    """Real noise: on a complex state it moves the real part only (the convention of hep2022).

    Example:
        >>> osciprop.WhiteNoise(0.1).plane
        RealAxis()
    """

    components = 1

    def place(self, parts: Float[Array, "batch parts ..."], reference: Array) -> Array:
        real = parts[:, 0]
        return to_complex(real) if jnp.iscomplexobj(reference) else real


class Circular(AbstractPlane):
    """Complex noise without a preferred phase: independent real and imaginary parts, each with half
    the power.

    Example:
        >>> osciprop.WhiteNoise(0.1, plane=osciprop.dynamics.Circular()).plane
        Circular()
    """

    components = 2

    def place(self, parts: Float[Array, "batch parts ..."], reference: Array) -> Array:
        _require_complex(reference, "Circular")
        return jax.lax.complex(parts[:, 0], parts[:, 1]) * math.sqrt(0.5)


class Along(AbstractPlane):
    """Real noise turned by `angle` (radians): `exp(i angle) dW`, never its conjugate.

    Args:
        angle: Direction in the complex plane, in radians.

    Example:
        >>> round(float(osciprop.dynamics.Along(np.pi / 2).angle), 3)
        1.571
    """

    angle: Number = eqx.field(converter=number)
    components = 1

    def __check_init__(self) -> None:
        check_number("angle", self.angle, "give the direction in radians")

    def place(self, parts: Float[Array, "batch parts ..."], reference: Array) -> Array:
        _require_complex(reference, "Along")
        angle = self.angle.astype(parts.dtype)
        return jax.lax.complex(parts[:, 0] * jnp.cos(angle), parts[:, 0] * jnp.sin(angle))


def _require_complex(reference: Array, name: str) -> None:
    if not jnp.iscomplexobj(reference):
        raise ValueError(
            f"plane is {name}, but the states are real, as the teaching signal is: use "
            "RealAxis, or a complex teaching signal"
        )


class Wiener(Module):
    """Independent Wiener processes: their shapes, batch first, and which samples share them."""

    shapes: PyTree[jax.ShapeDtypeStruct]
    sharing: AbstractSharing


class AbstractNoise(Module):
    """Noise on every neuron's input current. `own` is the state that the noise itself carries.

    Example:
        >>> issubclass(osciprop.WhiteNoise, osciprop.dynamics.AbstractNoise)
        True
    """

    sharing: eqx.AbstractVar[AbstractSharing]
    plane: eqx.AbstractVar[AbstractPlane]

    @abc.abstractmethod
    def initial(self, u: State, *, key: PRNGKeyArray) -> PyTree:
        """The noise's own state, drawn from its stationary distribution; None if it has none."""

    @abc.abstractmethod
    def current(self, own: PyTree, u: State) -> State:
        """The finite part of the noise: a current like `u`."""

    @abc.abstractmethod
    def velocity(self, own: PyTree) -> PyTree:
        """Time derivative of the noise's own state, without its own noise."""

    @abc.abstractmethod
    def kick(self, step: State) -> tuple[State, PyTree]:
        """What increments of a standard Wiener process (like `u`) add to the integral of the
        current, and to the noise's own state.
        """

    def wiener(self, u: State) -> Wiener:
        """Real Wiener processes of shape (batch, parts, units) for each leaf of `u`."""
        return _wiener(u, self.plane, self.sharing)

    def place(self, parts: PyTree[Array], u: State) -> State:
        """Independent real noises, of the shapes of `wiener`, as one noise like `u`."""
        return jax.tree.map(self.plane.place, parts, u)


class WhiteNoise(AbstractNoise):
    """White noise on every input current: `tau du = (...) dt + intensity dW`.

    A leaky integrator alone, `tau du = -u dt + D dW`, has the stationary variance `D^2 / (2 tau)`.

    Args:
        intensity: In units of potential times the square root of time, not negative.
        sharing: Which samples of a batch see which noise.
        plane: Where in the complex plane the noise acts.

    Raises:
        ValueError: the intensity is negative.

    Source: Gardiner 2009, section 4.4; hep2022, Fig. 3c.

    Example:
        >>> trajectory = osciprop.integrate(
        ...     network, x, times=[0.0, 1.0], noise=osciprop.WhiteNoise(0.01),
        ...     integrator=osciprop.euler_maruyama(0.1), key=key,
        ... )
        >>> bool(trajectory.completed)
        True
    """

    intensity: Number = eqx.field(converter=number)
    sharing: AbstractSharing = eqx.field(default=PerSample(), kw_only=True)
    plane: AbstractPlane = eqx.field(default=RealAxis(), kw_only=True)

    def __check_init__(self) -> None:
        check_not_negative("intensity", self.intensity, NOISE_REMEDY)

    def initial(self, u: State, *, key: PRNGKeyArray) -> None:
        return None

    def current(self, own: None, u: State) -> State:
        return jax.tree.map(jnp.zeros_like, u)

    def velocity(self, own: None) -> None:
        return None

    def kick(self, step: State) -> tuple[State, None]:
        return scaled(self.intensity, step), None


class ColouredNoise(AbstractNoise):
    """Ornstein-Uhlenbeck noise: a current of standard deviation `stddev` that forgets itself over
    `correlation_time` (in units of time), `E xi(t) xi(t') = stddev^2 exp(-|t - t'| / T_c)`.

    Args:
        stddev: Standard deviation of the current, in units of potential, not negative.
        correlation_time: Time over which it forgets itself, in units of time, above 0.
        sharing: Which samples of a batch see which noise.
        plane: Where in the complex plane the noise acts.

    Raises:
        ValueError: `stddev` is negative or `correlation_time` not positive.

    Example:
        >>> osciprop.ColouredNoise(0.1, correlation_time=5.0).stddev.item()
        0.1
    """

    stddev: Number = eqx.field(converter=number)
    correlation_time: Number = eqx.field(converter=number)
    sharing: AbstractSharing = eqx.field(default=PerSample(), kw_only=True)
    plane: AbstractPlane = eqx.field(default=RealAxis(), kw_only=True)

    def __check_init__(self) -> None:
        check_not_negative("stddev", self.stddev, NOISE_REMEDY)
        check_positive(
            "correlation_time", self.correlation_time, "for noise without memory use WhiteNoise"
        )

    def initial(self, u: State, *, key: PRNGKeyArray) -> State:
        parts = normal(self.wiener(u), key)
        return scaled(self.stddev, self.place(parts, u))

    def current(self, own: State, u: State) -> State:
        return own

    def velocity(self, own: State) -> State:
        return scaled(-1 / self.correlation_time, own)

    def kick(self, step: State) -> tuple[State, State]:
        size = self.stddev * jnp.sqrt(2 / self.correlation_time)
        return jax.tree.map(jnp.zeros_like, step), scaled(size, step)


class MeasurementNoise(Module):
    """White noise on the activities as they are read out, not on the neurons themselves.

    A reading that averages over a time `d` has the standard deviation `intensity / sqrt(d)`.

    Args:
        intensity: In units of activity times the square root of time, not negative.
        sharing: Which samples of a batch see which noise.
        plane: Where in the complex plane the noise acts.

    Raises:
        ValueError: the intensity is negative.

    Example:
        >>> float(osciprop.MeasurementNoise(0.1).intensity)
        0.1
    """

    intensity: Number = eqx.field(converter=number)
    sharing: AbstractSharing = eqx.field(default=PerSample(), kw_only=True)
    plane: AbstractPlane = eqx.field(default=Circular(), kw_only=True)

    def __check_init__(self) -> None:
        check_not_negative("intensity", self.intensity, NOISE_REMEDY)

    def wiener(self, s: State) -> Wiener:
        """Real Wiener processes of shape (batch, parts, units) for each leaf of `s`."""
        return _wiener(s, self.plane, self.sharing)

    def place(self, parts: PyTree[Array], s: State) -> State:
        """Increments of those processes as errors of the integrated reading."""
        return scaled(self.intensity, jax.tree.map(self.plane.place, parts, s))

    def read(self, s: States, spacing: Float[Array, ""], *, key: PRNGKeyArray) -> States:
        """Activities (points, batch, ...), one reading every `spacing`, as they are measured."""
        # Points after the batch, as units are: what a sample sees is its own.
        batch_first = jax.tree.map(lambda leaf: jnp.moveaxis(leaf, 0, 1), s)
        errors = self.place(normal(self.wiener(batch_first), key), batch_first)
        errors = scaled(1 / jnp.sqrt(spacing), errors)
        return jax.tree.map(lambda a, b: a + jnp.moveaxis(b, 1, 0), s, errors)


def _wiener(u: State, plane: AbstractPlane, sharing: AbstractSharing) -> Wiener:
    dtype = real_dtype(u)
    shapes = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(
            (leaf.shape[0], plane.components, *leaf.shape[1:]), dtype
        ),
        u,
    )
    return Wiener(shapes, sharing)


def normal(wiener: Wiener, key: PRNGKeyArray) -> PyTree[Array]:
    """Standard normal numbers, one for each process."""
    leaves, structure = jax.tree.flatten(wiener.shapes)

    def draw(index: int, leaf: jax.ShapeDtypeStruct) -> PyTree[Array]:
        return wiener.sharing.over_batch(
            lambda own: jax.random.normal(own, leaf.shape[1:], leaf.dtype),
            jax.random.fold_in(key, index),
            leaf.shape[0],
        )

    return jax.tree.unflatten(structure, [draw(*pair) for pair in enumerate(leaves)])
