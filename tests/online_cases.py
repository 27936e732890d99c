"""Shared by tests of online learning: a small network that learns random samples for a few periods.

Most tests take `SETTINGS` and the probe of all presentations: one compiled program serves them.
"""

import jax
import numpy as np
import optax
from helpers import small_network

import osciprop

KEY = jax.random.key(5)
SGD = optax.sgd(0.05)


def dataset(samples: int = 24) -> osciprop.datasets.Dataset:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(samples, 5)).astype(np.float32)
    y = rng.integers(0, 3, samples).astype(np.int32)
    return osciprop.datasets.Dataset("random", x, y, x, y, 3, (5,))


def simulation(plasticity=None, **settings) -> osciprop.Simulation:
    defaults = {
        "noise": osciprop.WhiteNoise(0.02),
        "presentation": 2,
        "integrator": osciprop.euler_maruyama(0.5),
    }
    return osciprop.Simulation(
        osciprop.Oscillation(0.1, 20.0),
        osciprop.PeriodicPlasticity(SGD) if plasticity is None else plasticity,
        **{**defaults, **settings},
    )


def observe(network, u, s, mean, error):
    return {
        "activity": s[0][0, :2],
        "error": error[1][0, 0],
        "weight": network.synapses[1].weight[0, 0],
    }


SETTINGS = simulation()
PROBE = osciprop.Probe(observe, samples=8)


def learn(
    settings: osciprop.Simulation, presentations: int, **options
) -> osciprop.online.LearningRun:
    return osciprop.simulate_learning(
        small_network(),
        dataset(),
        settings,
        presentations=presentations,
        **{"batch_size": 2, "key": KEY, "probe": PROBE, "progress": False, **options},
    )
