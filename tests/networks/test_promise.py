"""The promise to be holomorphic: what breaks it is found, poles beside the real axis are not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import LinearNetwork, linear_network

import osciprop
from osciprop.networks.promise import _violations, check_promise

X = np.random.default_rng(1).normal(size=(3, 3))
Y = np.arange(3) % 2


def with_activation(function):
    """A network whose activation is a function, said to be holomorphic."""

    class Own(osciprop.networks.AbstractActivation):
        holomorphic = True

        def __call__(self, potential):
            return function(potential)

    return osciprop.hopfield_mlp([3, 6, 2], key=jax.random.key(0), activation=Own())


WRONG = {
    "relu": jax.nn.relu,
    "relu about 2": lambda u: jax.nn.relu(u - 2),
    "abs": lambda u: jnp.abs(u).astype(u.dtype),
    "conj": jnp.conj,
    "clip": lambda u: jnp.where(u.real > 1, 1, u),
    "a little": lambda u: jnp.tanh(u) + 1e-3 * jnp.conj(u),
}
RIGHT = {
    "sigmoid": jax.nn.sigmoid,
    "steep": lambda u: jax.nn.sigmoid(50 * u),
    "cube": lambda u: u**3 / 10,
    "poles beside the axis": lambda u: 1 / (1 + 25 * u**2),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_not_holomorphic_is_refused(name):
    own = with_activation(WRONG[name])
    with pytest.raises(osciprop.HolomorphyError, match=r"Network\.activity\(u\) says that it is"):
        osciprop.estimate_gradient(own, X, Y, osciprop.HolomorphicEP(0.1))


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_holomorphic_passes(name):
    own = with_activation(RIGHT[name])
    x, y = jnp.asarray(X[:1]), jnp.asarray(Y[:1])
    assert _violations(own, x, y, own.rest(x)) == {}


def test_single_precision_too():
    def cast(network):
        return jax.tree.map(lambda leaf: leaf.astype("float32"), network)

    x, y = jnp.asarray(X[:1], "float32"), jnp.asarray(Y[:1])
    for name in ("a little",):
        own = cast(with_activation(WRONG[name]))
        assert set(_violations(own, x, y, own.rest(x))) == {"activity(u)"}
    for name in ("steep",):
        own = cast(with_activation(RIGHT[name]))
        assert _violations(own, x, y, own.rest(x)) == {}


BROKEN = {
    "cost": lambda self, s, y: jnp.sum(jnp.abs(s) ** 2, axis=-1).astype(s.dtype),
    "phi": lambda self, s, x: jnp.sum(s * jnp.conj(s), axis=-1) / 2,
}


@pytest.mark.parametrize("name", BROKEN)
def test_cost_and_phi_are_tested_too(name):
    good = linear_network()
    own = type("Own", (LinearNetwork,), {name: BROKEN[name]})(good.coupling, good.inputs)
    with pytest.raises(osciprop.HolomorphyError, match=f"Own.({name}|current)"):
        osciprop.estimate_gradient(own, X, np.ones((3, 4)), osciprop.HolomorphicEP(0.1))


def test_methods_that_take_no_complex_states_say_how():
    good = linear_network()

    def cost(self, s, y):
        return jnp.sum((s - y) ** 2, axis=-1).real

    own = type("Own", (LinearNetwork,), {"cost": cost})(good.coupling, good.inputs)
    with pytest.raises(osciprop.HolomorphyError, match="Own.cost.*complex_like"):
        osciprop.estimate_gradient(own, X, np.ones((3, 4)), osciprop.HolomorphicEP(0.1))


@pytest.mark.slow
def test_where_it_is_asked():
    own, y = with_activation(jax.nn.relu), jnp.asarray(Y)
    osciprop.estimate_gradient(own, X, Y, osciprop.CentredEP(0.01), throw=False)
    signal = osciprop.Oscillation(0.1, 50.0)
    for call in (
        lambda: osciprop.relax(own, X, Y, beta=0.1j),
        lambda: osciprop.integrate(own, X, Y, signal, times=[0.0, 1.0]),
        lambda: osciprop.equilibria.settled_orbit(own, X, Y, signal),
        lambda: osciprop.estimate_gradient(own, X, y, osciprop.OscillatoryEP(0.1, 50.0)),
    ):
        with pytest.raises(osciprop.HolomorphyError, match="CentredEP"):
            call()


def test_a_network_never_met_is_not_known():
    check_promise(with_activation(lambda u: jnp.conj(u) + 0))
