"""Shared by tests of inputs that move: signals, and a linear network that they drive."""

from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from oscillation_cases import EXACT as EXACT

import osciprop


class Wave(osciprop.networks.AbstractSignal):
    """`mean + Re(phasor exp(i nu t))`."""

    mean: Array
    phasor: Array
    frequency: Array

    def __call__(self, time):
        angle = self.frequency * time
        return self.mean + self.phasor.real * jnp.cos(angle) - self.phasor.imag * jnp.sin(angle)


class Counted(Wave):
    """A wave that counts the programs that are made of it."""

    made: ClassVar[list[int]] = []

    def __call__(self, time):
        if isinstance(self.frequency, jax.core.Tracer):
            self.made.append(1)
        return super().__call__(time)


class Still(osciprop.networks.AbstractSignal):
    """A signal that stands still."""

    value: Array

    def __call__(self, time):
        return self.value


def wave(phasor, frequency: float, mean=0.0) -> Wave:
    """A wave with a phasor of shape (batch, features)."""
    phasor = jnp.asarray(phasor, dtype=complex)
    return Wave(jnp.broadcast_to(jnp.asarray(mean), phasor.shape), phasor, jnp.asarray(frequency))


class Driven(osciprop.AbstractEnergyNetwork):
    """Two linear units, the second of which is the output (substrates.md, section 8)."""

    coupling: Array
    inputs: Array

    def rest(self, x):
        return jnp.zeros((x.shape[0], 2), dtype=x.dtype)

    def activity(self, u):
        return u

    def phi(self, s, x):
        drive = osciprop.networks.complex_like(x @ self.inputs, s)
        pairs = osciprop.networks.matmul(s, (self.coupling + self.coupling.T) / 2)
        return jnp.sum((pairs / 2 + drive) * s, axis=-1)

    def cost(self, s, y):
        return 0.5 * jnp.sum((s[:, 1:] - osciprop.networks.complex_like(y, s)) ** 2, axis=-1)

    def output(self, s):
        return s[:, 1:]


W, B, A = np.array([[0.2, 0.5], [0.5, -0.3]]), np.array([1.0, 0.4]), 0.7
DRIVEN = Driven(jnp.asarray(W), jnp.asarray(B[None]))


def transfer(frequency: float) -> np.ndarray:
    """`(1 + i nu tau - W)^-1`."""
    return np.linalg.inv((1 + 1j * frequency) * np.eye(2) - W)


def merged(gradient) -> np.ndarray:
    """By W11, by W12 and W21 together, by W22."""
    by = np.asarray(gradient)
    return np.array([by[0, 0], by[0, 1] + by[1, 0], by[1, 1]])
