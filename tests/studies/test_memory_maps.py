"""Memory maps of compiled programs: counted, and given back when there are too many."""

import jax
import jax.numpy as jnp
import pytest

from osciprop.studies import memory_maps
from osciprop.studies.memory_maps import LISTED, MemoryMaps

pytestmark = pytest.mark.skipif(not LISTED.exists(), reason="this system lists no memory maps")


@pytest.mark.slow
def test_programs_are_dropped_when_there_are_too_many(monkeypatch):
    double = jax.jit(lambda value: 2 * value)
    double(jnp.ones(3))
    maps = MemoryMaps(pause=0.0)
    maps.spare()
    assert double._cache_size() == 1
    monkeypatch.setattr(memory_maps, "MANY", 10)
    MemoryMaps(pause=60.0).spare()
    assert double._cache_size() == 1  # looked too recently
    maps.spare()
    assert double._cache_size() == 0
    assert double(jnp.ones(3)).tolist() == [2.0, 2.0, 2.0]


def test_systems_without_a_list_are_left_alone(monkeypatch, tmp_path):
    monkeypatch.setattr(memory_maps, "LISTED", tmp_path / "none")
    monkeypatch.setattr(memory_maps, "MANY", 0)
    double = jax.jit(lambda value: 2 * value)
    double(jnp.ones(3))
    MemoryMaps(pause=0.0).spare()
    assert double._cache_size() == 1
