"""Networks that respond by their adjoint: what they promise about the network inside."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import dense, relative_error

import osciprop

NETWORK = osciprop.feedback_mlp([4, 5, 3, 3], key=jax.random.key(3), angle=60.0)
X = np.random.default_rng(0).normal(size=(1, 4))
SLOW = pytest.mark.slow


@pytest.mark.slow
def test_antisymmetric_product_is_that_of_the_dense_jacobian():
    s = osciprop.relax(NETWORK, X).s
    drive = NETWORK.drive(jnp.asarray(X))
    jacobian = dense(lambda activity: NETWORK.current(activity, drive), s)
    rng = np.random.default_rng(1)
    v = [rng.normal(size=(1, n)) + 1j * rng.normal(size=(1, n)) for n in (5, 3)]
    found = osciprop.dynamics.antisymmetric_product(NETWORK, s, drive, tuple(map(jnp.asarray, v)))
    # A transpose, never Hermitian: linear in a complex direction.
    expected = (jacobian - jacobian.T) / 2 @ np.concatenate(v, axis=1)[0]
    np.testing.assert_allclose(np.concatenate(found, axis=1)[0], expected, atol=1e-12)


@pytest.mark.parametrize(
    "around",
    [
        lambda inside: osciprop.dynamics.Corrected(NETWORK, inside),
        lambda inside: osciprop.dynamics.FreeCompanion(NETWORK),
        pytest.param(lambda _: osciprop.dynamics.RunningMean(NETWORK, 50.0), marks=SLOW),
        lambda inside: osciprop.AssumedReciprocal(NETWORK),
    ],
    ids=["Corrected", "FreeCompanion", "RunningMean", "AssumedReciprocal"],
)
def test_free_equilibrium_and_parameters_are_those_of_the_network_inside(around):
    inside = osciprop.relax(NETWORK, X).s
    extension = around(inside)
    found = osciprop.relax(extension, X)
    first = found.s[0] if isinstance(extension, osciprop.networks.AbstractDoubled) else found.s
    assert relative_error(first, inside) < 1e-8
    np.testing.assert_allclose(extension.output(found.s), NETWORK.output(inside), atol=1e-8)
    trained = eqx.filter(extension, extension.trainable())
    assert jax.tree.leaves(trained) == jax.tree.leaves(trained.network)
    assert jax.tree.structure(extension.trainable().network) == jax.tree.structure(
        NETWORK.trainable()
    )
    with pytest.raises(ValueError, match="x has shape"):
        osciprop.relax(extension, X[:, :2])


def small_cnn(build):
    layers = (
        osciprop.networks.Maps(3, pooling=osciprop.networks.SoftmaxPooling()),
        osciprop.networks.Maps(4),
    )
    return build(layers, key=jax.random.PRNGKey(0), image_shape=(4, 4, 2), classes=3)


# A real direction takes the same way, in another type.
@pytest.mark.parametrize("complex_direction", [pytest.param(False, marks=SLOW), True])
@pytest.mark.parametrize(
    ("network", "shape"),
    [
        (osciprop.hopfield_mlp([4, 5, 3], key=jax.random.PRNGKey(0)), (2, 4)),
        (osciprop.recurrent_network([4, 6, 3], key=jax.random.PRNGKey(0)), (2, 4)),
        (osciprop.perceptron([4, 5, 3], key=jax.random.PRNGKey(0)), (2, 4)),
        pytest.param(small_cnn(osciprop.hopfield_cnn), (2, 4, 4, 2), marks=SLOW),
        (small_cnn(osciprop.networks.feedback_cnn), (2, 4, 4, 2)),
        (small_cnn(osciprop.networks.convolutional_perceptron), (2, 4, 4, 2)),
    ],
    ids=["reciprocal", "onto itself", "directed", "tied cnn", "feedback cnn", "directed cnn"],
)
def test_the_transpose_by_synapses_is_that_of_the_current(network, shape, complex_direction):
    random = np.random.default_rng(0)
    x = jnp.asarray(random.normal(size=shape))
    drive = network.drive(x)

    def state():
        parts = [
            (random.normal(size=u.shape), random.normal(size=u.shape)) for u in network.rest(x)
        ]
        return tuple(jnp.asarray(a + 1j * b if complex_direction else a) for a, b in parts)

    s, v = state(), state()
    found = network.transposed(s, drive, v)
    _, pull = jax.vjp(lambda activity: network.current(activity, drive), s)
    for ours, exact in zip(found, pull(v)[0], strict=True):
        np.testing.assert_allclose(ours, exact, atol=1e-12)
