"""The networks of the verification: 12 units in three blocks, in membrane coordinates.

`F(u) = -u + W sig(u) + B x + b` with `sig(u) = 1 / (1 + exp(-(4 u - 2)))`, state and activity both
being u, and `C = |P sig(u) - y|^2 / 2` with P the last block.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact, PRNGKeyArray

import osciprop

UNITS, BLOCKS, INPUTS = 12, 3, 4
SIGMOID = osciprop.ShiftedSigmoid()


class Field(osciprop.AbstractNetwork):
    """The membrane potential is the state that everything acts on: its own activity."""

    weight: Float[Array, "post pre"]
    inputs: Float[Array, "post inputs"]
    bias: Float[Array, " post"]

    def rest(self, x: Float[Array, "batch inputs"]) -> Float[Array, "batch units"]:
        return jnp.zeros((x.shape[0], self.bias.size), dtype=x.dtype)

    def activity(self, u: Inexact[Array, "batch units"]) -> Inexact[Array, "batch units"]:
        return u

    def drive(self, x: Float[Array, "batch inputs"]) -> Float[Array, "batch units"]:
        return x @ self.inputs.T + self.bias

    def current(
        self, s: Inexact[Array, "batch units"], drive: Float[Array, "batch units"]
    ) -> Inexact[Array, "batch units"]:
        return osciprop.networks.matmul(SIGMOID(s), self.weight.T) + osciprop.networks.complex_like(
            drive, s
        )

    def cost(
        self, s: Inexact[Array, "batch units"], y: Float[Array, "batch outputs"]
    ) -> Inexact[Array, " batch"]:
        return jnp.sum((self.output(s) - osciprop.networks.complex_like(y, s)) ** 2, axis=-1) / 2

    def output(self, s: Inexact[Array, "batch units"]) -> Inexact[Array, "batch outputs"]:
        return SIGMOID(s)[:, -UNITS // BLOCKS :]


def asymmetric(weight: Float[Array, "post pre"]) -> Float[Array, "post pre"]:
    """Every unit to every other, independent both ways."""
    return weight


def feedforward(weight: Float[Array, "post pre"]) -> Float[Array, "post pre"]:
    """Only from each block to the next."""
    block = jnp.arange(UNITS) // (UNITS // BLOCKS)
    return jnp.where(block[:, None] == block[None, :] + 1, weight, 0)


def symmetric(weight: Float[Array, "post pre"]) -> Float[Array, "post pre"]:
    """Reciprocal: in membrane coordinates the Jacobian is still not symmetric."""
    return (weight + weight.T) / 2**0.5


KINDS = {"asymmetric": asymmetric, "feedforward": feedforward, "symmetric": symmetric}


def draw(key: PRNGKeyArray, kind: str, gain: float, target: float) -> tuple[Field, Array, Array]:
    """A network, one input and one target: normal numbers, weights of `gain / sqrt(units)`."""
    keys = jax.random.split(key, 5)
    weight = gain * UNITS**-0.5 * jax.random.normal(keys[0], (UNITS, UNITS), dtype=float)
    network = Field(
        KINDS[kind](weight),
        INPUTS**-0.5 * jax.random.normal(keys[1], (UNITS, INPUTS), dtype=float),
        0.1 * jax.random.normal(keys[2], (UNITS,), dtype=float),
    )
    x = jax.random.normal(keys[3], (1, INPUTS), dtype=float)
    y = target * jax.random.uniform(keys[4], (1, UNITS // BLOCKS), dtype=float)
    return network, x, y
