"""Shared by tests of always-on methods: two small networks with their data, exact integration."""

import jax
import numpy as np
from helpers import linear_network

import osciprop

EXACT = osciprop.Integrator(stepsize_controller=osciprop.dynamics.adaptive(1e-11, 1e-12))


def tanh_network(seed: int = 3) -> osciprop.Network:
    return osciprop.hopfield_regressor(
        [3, 4, 3], key=jax.random.PRNGKey(seed), activation=osciprop.Tanh(), scale=0.8, bias=0.2
    )


LINEAR = (
    linear_network(units=4, inputs=3, norm=0.5),
    np.random.default_rng(1).normal(size=(1, 3)),
    np.random.default_rng(2).normal(size=(1, 4)),
)
TANH = (
    tanh_network(),
    np.random.default_rng(1).normal(size=(1, 3)),
    np.random.default_rng(2).normal(size=(1, 3)),
)
