"""The initial weights of hep2022, number for number.

The authors draw them with Haiku: one split of the seed's key per weight matrix, a normal truncated
at two standard deviations, by the generator that JAX used before version 0.5. The toy network,
whose weights are published, is reproduced to the last digit (`tests/paper_figures/`), so the
networks of which only the seed is known can be had too.
"""

from collections.abc import Sequence
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np


def drawn(seed: int, sizes: Sequence[int], stddev: float) -> list[np.ndarray]:
    """The weight matrices (inputs, outputs) of a seed, from first to last, in single precision."""
    with jax.threefry_partitionable(False), jax.enable_x64(False):
        key, weights = jax.random.PRNGKey(seed), []
        for shape in pairwise(sizes):
            key, own = jax.random.split(key)
            normal = jax.random.truncated_normal(own, -2.0, 2.0, shape)
            weights.append(np.asarray(jnp.asarray(stddev, normal.dtype) * normal))
        return weights
