"""What fits: parts of a network whose sizes agree, in whatever way they carry."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import osciprop
from osciprop.networks import AbstractSynapse, Convolution, FeatureMaps, FeedbackProjection

NEURON = osciprop.LeakyIntegrator()
MAPS = FeatureMaps(NEURON, jnp.zeros(2), 6, 6)
ROW = osciprop.Population(NEURON, jnp.zeros(4))


def directed(kernel: tuple[int, ...], source: int, target: int):
    convolution = Convolution(jnp.ones(kernel))
    return osciprop.networks.DirectedProjection(transform=convolution, source=source, target=target)


IMAGES = directed((3, 3, 1, 2), osciprop.INPUT, 0)


def network(populations, *synapses):
    return osciprop.Network(populations, (IMAGES, *synapses), osciprop.SquaredError())


def test_maps_and_rows_that_fit():
    more = FeatureMaps(NEURON, jnp.zeros(3), 6, 6)
    up = Convolution(jnp.ones((3, 3, 2, 3)))
    network((MAPS, more), FeedbackProjection(up, 1, 0))
    network((MAPS, more), osciprop.networks.ReciprocalProjection(up, 0, 1))
    network((MAPS, ROW), osciprop.Reciprocal(np.ones((72, 4)), 0, 1))
    per_unit = osciprop.LeakyIntegrator(time_constant=np.ones(4))
    network((MAPS, osciprop.Population(per_unit, jnp.zeros(4))))


@pytest.mark.parametrize(
    ("synapse", "words"),
    [
        (
            osciprop.Directed(np.ones((70, 4)), 0, 1),
            r"synapses\[1\] starts.*\(6, 6, 2\).*\(70, 4\)",
        ),
        (osciprop.Directed(np.ones((4, 70)), 1, 0), r"currents of shape \(70,\): give one of 72"),
        (
            directed((3, 3, 2, 2), 0, 1),
            r"population 1 of shape \(4,\), but makes currents of shape \(6, 6, 2\)",
        ),
        (
            directed((3, 3, 1, 2), 0, 1),
            r"which it does not take: .*width, 1\)",
        ),
    ],
)
def test_synapses_that_do_not_fit(synapse, words):
    with pytest.raises(ValueError, match=words):
        network((MAPS, ROW), synapse)


def test_synapses_of_ones_own_are_tried():
    class Shift(AbstractSynapse):
        source: int
        target: int

        def forward(self, pre):
            return pre[:, 1:]

        def check(self, name, activity):
            pass

    with pytest.raises(ValueError, match=r"synapses\[1\] leads.*currents of shape \(5, 6, 2\)"):
        network((MAPS, ROW), Shift(0, 1))


def test_networks_are_made_inside_programs_too():
    @jax.jit
    def first(key):
        return osciprop.hopfield_mlp([3, 4, 2], key=key).synapses[0].weight

    assert first(jax.random.key(0)).shape == (3, 4)
