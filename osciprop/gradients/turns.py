"""Where in a turn of the teaching signal an oscillation is read.

Where all that is clamped stands still, at the ends of equal steps: the settled oscillation closes
on itself, and its beginning is the end of the turn before. Where something moves, in the middles of
these steps: between them a steady drift leaves no trace in phase with the teaching signal.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..dynamics.teaching import roots_of_unity


def stored(samples: int, moving: bool, dtype: jnp.dtype) -> Float[Array, " stored"]:
    """The parts of a turn at which states are stored: its beginning, all readings, its end."""
    steps = jnp.arange(samples + 1, dtype=dtype) / samples
    if not moving:
        return steps
    return jnp.concatenate([steps[:1], (steps[1:] + steps[:-1]) / 2, steps[-1:]])


def phases(samples: int, moving: bool) -> np.ndarray:
    """`exp(2 pi i t / T)` at the readings, in double precision."""
    roots = roots_of_unity(samples)
    return roots * np.exp(1j * np.pi / samples) if moving else np.roll(roots, -1)
