"""Networks that move, of which numbers are known."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import osciprop
from osciprop.networks import AbstractMotion, Leapfrog, OscillatorNetwork, oscillator_network
from paper_figures.time.echoes import wave

DRIVE = wave(1.0, 1.3)
GOAL = wave(0.5, 0.9, np.pi / 2)

# Of the notes behind docs/time.md, by a program that shares no code with this one: two oscillators
# driven by cos(1.3 t), the second of which is to follow sin(0.9 t) / 2, for 6 units of time.
CONTINUOUS = {
    "loss": 0.5339936839,
    "gradient": (0.5026871943, 0.3490274419, 0.7026561966, 0.3670486626, 0.5169273954),
    "end": (1.4672611543, 0.8358221880, 0.2944011206, 1.0279608276),
}
DISCRETE = (0.5383170472, 0.3578800893, 0.7413697808, 0.3954247137, 0.5846240058)
"""Of 60 steps of leapfrog."""


class AllLearned(OscillatorNetwork):
    """Oscillators whose masses and springs learn too."""

    def trainable(self) -> Any:
        learned = jax.tree.map(lambda _: True, self)
        return eqx.tree_at(
            lambda net: (net.motion, net.damping),
            learned,
            (jax.tree.map(lambda _: False, self.motion), False),
        )


def all_learned(network: OscillatorNetwork) -> AllLearned:
    return AllLearned(**{name: getattr(network, name) for name in network.__dataclass_fields__})


def two_oscillators(motion: AbstractMotion | None = None, damping: float = 0.0) -> Any:
    return AllLearned(
        pairs=jnp.asarray([[0.0, 0.6], [0.0, 0.0]]),
        stiffness=jnp.asarray([1.0, 1.5]),
        cubic=jnp.full(2, 0.4),
        mass=jnp.ones(2),
        input_weight=jnp.asarray([[0.8, 0.0]]),
        begin_q=jnp.asarray([0.3, -0.2]),
        begin_p=jnp.asarray([0.1, 0.4]),
        motion=Leapfrog(6.0, 60) if motion is None else motion,
        outputs=(1,),
        running=osciprop.SquaredError(),
        damping=damping,
    )


def known_numbers(gradient: Any) -> tuple[float, ...]:
    """The derivatives by stiffnesses, coupling, the common cubic term and the input weight."""
    return (
        *map(float, gradient.stiffness),
        float(gradient.pairs[0, 1]),
        float(gradient.cubic.sum()),
        float(gradient.input_weight[0, 0]),
    )


def some_network(**settings: Any) -> Any:
    """A network of 4 oscillators, two of which are read at the end, and a batch for it."""
    options: dict[str, Any] = {"duration": 4.0, "steps": 20, "cubic": 0.3}
    options = options | {"key": jax.random.key(1)} | settings
    network = oscillator_network(3, 4, 2, **options)
    random = np.random.default_rng(0)
    return network, random.normal(size=(2, 5, 3)), random.normal(size=(2, 2))
