import equinox as eqx
import jax
import jax.numpy as jnp
import pytest
from study_functions import gradient

from osciprop.studies.footprint import footprint


def test_counts_what_lives_at_once():
    def function(x):
        a = x * 2.0  # 800 bytes, with b 1600
        b = a + 1.0
        c = jnp.sum(b)  # b ends here
        return c * 3.0

    assert footprint(function, jnp.zeros(100)) == 1600


def test_a_loop_counts_once():
    def loop(n):
        return lambda x: jax.lax.fori_loop(0, n, lambda _, s: jnp.sin(s), x)

    assert footprint(loop(3), jnp.zeros(100)) == footprint(loop(3000), jnp.zeros(100)) > 0


@pytest.mark.parametrize("lanes", [1, pytest.param(8, marks=pytest.mark.slow)])
def test_agrees_with_the_compiler_within_a_small_factor(lanes):
    def many(amplitudes):
        return jax.vmap(lambda amplitude: gradient(amplitude, 0, 4))(amplitudes)

    amplitudes = jnp.linspace(0.1, 0.2, lanes)
    counted = footprint(many, amplitudes)
    compiled = eqx.filter_jit(many).lower(amplitudes).compile()
    told = compiled.compiled.memory_analysis().temp_size_in_bytes
    assert told / 3 < counted < 20 * told
