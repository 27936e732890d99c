"""Leaky integrators: velocity, time constants, what is refused."""

import jax.numpy as jnp
import numpy as np
import pytest

import osciprop


def test_velocity_vanishes_where_the_potential_is_the_current():
    neuron = osciprop.LeakyIntegrator(osciprop.Tanh(), time_constant=np.asarray([1.0, 4.0]))
    u, current = jnp.asarray([[1.0, 1.0]]), jnp.asarray([[3.0, 3.0]])
    np.testing.assert_allclose(neuron.velocity(u, current), [[2.0, 0.5]])
    assert not np.any(neuron.velocity(u, u))
    assert float(neuron.slowest()) == 4.0


@pytest.mark.parametrize("dtype", ["float32", "complex64", "complex128"])
def test_the_potential_keeps_its_type(dtype):
    u = jnp.ones((1, 2), dtype=dtype)
    assert osciprop.LeakyIntegrator(time_constant=3.0).velocity(u, 2 * u).dtype == dtype


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan])
def test_time_constants_are_positive(bad):
    with pytest.raises(ValueError, match="time_constant must be a finite number above 0"):
        osciprop.LeakyIntegrator(time_constant=bad)
