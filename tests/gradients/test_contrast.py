"""The contrast of phi: its value, and how many digits single precision keeps of it."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import osciprop
from osciprop.gradients.contrast import contrast

AMPLITUDE = 1e-3


def cast(tree, dtype):
    return jax.tree.map(lambda a: a.astype(dtype) if eqx.is_inexact_array(a) else a, tree)


def dense():
    network = osciprop.hopfield_mlp([8, 16, 16, 4], key=jax.random.PRNGKey(0))
    return network, (8, 8), 4


def convolutional():
    network = osciprop.hopfield_cnn(
        (
            osciprop.networks.Maps(4, pooling=osciprop.networks.SoftmaxPooling()),
            osciprop.networks.Maps(6),
        ),
        key=jax.random.PRNGKey(0),
        image_shape=(16, 16, 3),
        classes=5,
    )
    return network, (8, 16, 16, 3), 5


def two_points(network, x, complex_states: bool):
    """Single-precision activities `free +- AMPLITUDE * noise`, with their betas and weights."""
    random = np.random.default_rng(1)
    signs = np.asarray([1.0, -1.0])
    free = [jnp.asarray(random.uniform(size=u.shape), jnp.float32) for u in network.rest(x)]
    network, x = cast(network, jnp.float32), x.astype(jnp.float32)
    kind = jnp.complex64 if complex_states else jnp.float32
    states = tuple(
        jnp.stack(
            [s + jnp.asarray(AMPLITUDE * sign * noise, jnp.float32) for sign in signs]
        ).astype(kind)
        for s in free
        for noise in [random.normal(size=s.shape)]
    )
    return network, x, states, AMPLITUDE * signs, -0.5 * signs / AMPLITUDE


def error_of(network, x, y, states, betas, weights) -> float:
    """Relative error of the contrast in single precision; that in double precision is exact."""
    compiled = eqx.filter_jit(lambda *arguments: contrast(*arguments))  # not kept by JAX
    single = states[0].dtype
    double = jnp.complex128 if jnp.iscomplexobj(states[0]) else jnp.float64
    ours, exact = (
        np.concatenate([np.ravel(np.asarray(leaf, float)) for leaf in jax.tree.leaves(gradient)])
        for gradient in (
            compiled(
                network, x, y, states, jnp.asarray(betas, single), jnp.asarray(weights, single)
            ),
            compiled(
                cast(network, jnp.float64),
                x.astype(jnp.float64),
                y,
                cast(states, double),
                jnp.asarray(betas, double),
                jnp.asarray(weights, double),
            ),
        )
    )
    return float(np.linalg.norm(ours - exact) / np.linalg.norm(exact))


@pytest.mark.parametrize("complex_states", [False, True])
@pytest.mark.parametrize("build", [dense, pytest.param(convolutional, marks=pytest.mark.slow)])
def test_single_precision_keeps_its_digits(build, complex_states, monkeypatch):
    network, shape, classes = build()
    random = np.random.default_rng(0)
    x = jnp.asarray(random.normal(size=shape))
    y = jnp.asarray(random.integers(0, classes, shape[0]))
    case = two_points(network, x, complex_states)
    arguments = (*case[:2], y, *case[2:])
    error = error_of(*arguments)
    assert error < 3e-5
    # The same sum without the split about a center, to see that the split is what keeps them.
    monkeypatch.setattr(osciprop.Network, "phi_about", lambda self, _, s, x: self.phi(s, x))
    assert error_of(*arguments) > (1.5 if build is dense else 5) * error


@pytest.mark.parametrize("build", [dense, pytest.param(convolutional, marks=pytest.mark.slow)])
def test_the_split_changes_nothing_but_rounding(build):
    network, shape, _ = build()
    random = np.random.default_rng(0)
    x = jnp.asarray(random.normal(size=shape))
    s, center = (
        tuple(jnp.asarray(random.normal(size=leaf.shape)) for leaf in network.rest(x))
        for _ in range(2)
    )
    plain, split = (
        eqx.filter_jit(eqx.filter_grad(lambda net, f=f: jnp.sum(f(net))))(network)
        for f in (lambda net: net.phi(s, x), lambda net: net.phi_about(center, s, x))
    )
    for a, b in zip(jax.tree.leaves(plain), jax.tree.leaves(split), strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12 * float(jnp.max(jnp.abs(a)) + 1))
