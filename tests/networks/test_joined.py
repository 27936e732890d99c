"""Networks of populations and synapses, and networks of the user's own."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import batch, linear_network, relative_error, small_network

import osciprop
from osciprop.networks.network import current_from_phi


@pytest.mark.parametrize("complex_state", [False, True])
def test_current_is_the_derivative_of_phi(complex_state):
    network, (x, _) = small_network(), batch(5, 3, 4)
    rng = np.random.default_rng(0)
    s = tuple(
        jnp.asarray(
            rng.normal(size=(4, n)) + (1j * rng.normal(size=(4, n)) if complex_state else 0)
        )
        for n in (7, 6)
    )
    direct = network.current(s, network.drive(jnp.asarray(x)))
    derived = current_from_phi(network, s, jnp.asarray(x))
    for a, b in zip(direct, derived, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)


def test_real_weights_are_never_promoted():
    """No complex matrix product in the compiled current of a complex state."""
    network, (x, _) = small_network(), batch(5, 3, 4)
    s = tuple(jnp.ones((4, n), dtype=complex) for n in (7, 6))
    jaxpr = jax.make_jaxpr(network.current)(s, network.drive(jnp.asarray(x)))
    products = [eqn for eqn in jaxpr.eqns if eqn.primitive.name == "dot_general"]
    assert products
    assert all(var.aval.dtype == jnp.float64 for eqn in products for var in eqn.invars)


def test_bad_networks_are_named():
    population = osciprop.Population(osciprop.LeakyIntegrator(), jnp.zeros(3))
    cost = osciprop.SquaredError()
    to_nowhere = osciprop.Directed(jnp.zeros((2, 3)), osciprop.INPUT, 1)
    with pytest.raises(ValueError, match=r"synapses\[0\].target is 1"):
        osciprop.Network((population,), (to_nowhere,), cost)
    with pytest.raises(ValueError, match="no synapse comes from INPUT"):
        osciprop.Network((population,), (), cost)
    tied = osciprop.Reciprocal(jnp.zeros((2, 3)), osciprop.INPUT, 0)
    with pytest.raises(ValueError, match="comes from the clamped input"):
        osciprop.Network((population,), (tied,), cost)


class Ring(osciprop.AbstractNetwork):
    """A user's network without an energy: a directed ring of tanh units driven by the input."""

    weights: jax.Array

    def rest(self, x):
        return {"ring": jnp.zeros_like(x)}

    def activity(self, u):
        return {"ring": jnp.tanh(u["ring"])}

    def current(self, s, drive):
        turned = jnp.roll(s["ring"], 1, axis=-1)
        return {
            "ring": turned * osciprop.networks.complex_like(self.weights, s)
            + osciprop.networks.complex_like(drive, s)
        }

    def cost(self, s, y):
        return 0.5 * jnp.sum((s["ring"] - osciprop.networks.complex_like(y, s)) ** 2, axis=-1)

    def output(self, s):
        return s["ring"]


@pytest.fixture(scope="module")
def ring():
    """The user's network, inputs and targets, and the gradient."""
    network = Ring(jnp.asarray([0.5, -0.3, 0.8, 0.2]))
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    implicit = osciprop.estimate_gradient(network, x, y, osciprop.Implicit()).gradient
    return network, x, y, implicit


@pytest.mark.slow
def test_a_users_network_without_energy(ring):
    network, x, y, implicit = ring
    other = osciprop.estimate_gradient(network, x, y, osciprop.RecurrentBackprop()).gradient
    assert relative_error(other, implicit) < 1e-8
    assert osciprop.check_holomorphic(network, x, y).holomorphic
    for method in (osciprop.HolomorphicEP(0.1, 4), osciprop.OscillatoryEP(0.1, 20.0)):
        with pytest.raises(TypeError, match="Ring has no energy"):
            osciprop.estimate_gradient(network, x, y, method)


@pytest.mark.slow
def test_a_users_network_in_time_and_by_every_relaxation(ring):
    network, x, y, implicit = ring
    other = osciprop.estimate_gradient(network, x, y, osciprop.BPTT(100)).gradient
    assert relative_error(other, implicit) < 1e-8
    for relaxation in (osciprop.Flow(), osciprop.Newton(), osciprop.SynchronousIteration()):
        osciprop.relax(network, x, y, beta=0.1j, relaxation=relaxation)
    osciprop.integrate(network, x, y, osciprop.Oscillation(0.1, 10.0), times=[0.0, 5.0])


@pytest.mark.slow
def test_a_users_energy_network_works_with_every_method():
    network = linear_network()
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 3)), rng.normal(size=(2, 4))
    reference = osciprop.estimate_gradient(network, x, y, osciprop.Implicit()).gradient
    for method, tolerance in [
        (osciprop.RecurrentBackprop(), 1e-8),
        (osciprop.BPTT(200), 1e-8),
        (osciprop.ClassicEP(1e-5), 1e-3),
        (osciprop.CentredEP(1e-2), 1e-3),
        (osciprop.HolomorphicEP(0.1, 12), 1e-6),
        (osciprop.OscillatoryEP(0.1, 800.0), 1e-3),
    ]:
        estimate = osciprop.estimate_gradient(network, x, y, method)
        assert relative_error(estimate.gradient, reference) < tolerance, type(method).__name__
    assert osciprop.check_holomorphic(network, x, y).holomorphic
