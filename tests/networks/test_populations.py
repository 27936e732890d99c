"""Shapes of populations."""

import jax.numpy as jnp
import pytest

import osciprop
from osciprop.networks import FeatureMaps

NEURON = osciprop.LeakyIntegrator()


def test_shapes_and_sizes():
    row = osciprop.Population(NEURON, jnp.zeros(7))
    maps = FeatureMaps(NEURON, jnp.zeros(3), height=4, width=5)
    assert (row.shape, row.size) == ((7,), 7)
    assert (maps.shape, maps.size) == ((4, 5, 3), 60)


@pytest.mark.parametrize(("height", "width", "name"), [(0, 5, "height"), (4, 0, "width")])
def test_maps_have_pixels(height, width, name):
    with pytest.raises(ValueError, match=name):
        FeatureMaps(NEURON, jnp.zeros(3), height, width)
