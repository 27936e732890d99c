"""Numbers of settings: traced, of no precision of their own, and no arrays of JAX at import."""

import subprocess
import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import osciprop
from osciprop.settings import Module, Number, number, numbers, real_or_complex

IMPORT = """
import sys
import osciprop
assert not {"jax", "numpy"} & set(sys.modules), "importing imports"
osciprop.datasets, osciprop.fit, osciprop.simulate_learning
lazy = {"matplotlib", "scipy.optimize", "scipy.linalg", "pooch", "PIL", "sklearn", "xarray"}
assert not lazy & set(sys.modules), lazy & set(sys.modules)

import osciprop.demo
from jax._src import xla_bridge
assert not xla_bridge._backends, "importing starts a backend"

before = osciprop.ClassicEP(relaxation=osciprop.SynchronousIteration())
import jax
jax.config.update("jax_enable_x64", True)
import numpy as np
network = osciprop.hopfield_mlp([2, 3, 2], key=jax.random.key(0))
gradients = [
    osciprop.estimate_gradient(network, np.ones((2, 2)), np.arange(2), method).gradient
    for method in (before, osciprop.ClassicEP(relaxation=osciprop.SynchronousIteration()))
]
assert {leaf.dtype.name for leaf in jax.tree.leaves(gradients)} == {"float64"}
assert osciprop.relative_error(*gradients) == 0.0
"""


def test_importing_loads_little_starts_no_backend_and_fixes_no_precision():
    subprocess.run([sys.executable, "-c", IMPORT], check=True)


class Leak(Module):
    rate: Number = eqx.field(default=0.1, converter=number)
    name: str = eqx.field(default="a", static=True)


def test_another_number_compiles_nothing_anew():
    traced = []

    @eqx.filter_jit
    def decay(leak: Leak):
        traced.append(leak.name)
        return 2 * leak.rate

    assert [float(decay(Leak(rate))) for rate in (0.1, 0.25)] == [0.2, 0.5]
    assert traced == ["a"]


def test_a_default_that_was_a_constant_serves_another_precision():
    """Inside the outer program all numbers of the shared instance are constants."""
    shared = Leak()
    double = eqx.filter_jit(lambda leak, x: x * leak.rate.astype(x.dtype))
    x = jnp.ones(3, dtype=jnp.float32)
    inside = eqx.filter_jit(lambda x: double(shared, x))
    for wide in (True, False, True):
        with jax.enable_x64(wide):
            for run in (inside, lambda x: double(shared, x)):
                np.testing.assert_allclose(run(x), 0.1, rtol=1e-6)


def test_values_are_printed():
    assert repr(Leak(0.25)) == "Leak(rate=0.25, name='a')"
    assert "amplitude=0.4" in repr(osciprop.HolomorphicEP(0.4))
    assert "f64[3]" in repr(osciprop.Population(osciprop.LeakyIntegrator(), jnp.zeros(3)))


def test_converters_keep_what_is_traced_and_what_is_complex():
    assert isinstance(number(1), np.floating) and number(1).dtype == float
    assert isinstance(number(jnp.ones(())), type(jnp.ones(())))
    assert numbers([1, 2]).tolist() == [1.0, 2.0]
    assert real_or_complex(1j).dtype == complex
    assert real_or_complex(1).dtype == float
