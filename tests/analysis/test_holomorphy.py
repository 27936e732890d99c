"""The check that networks are holomorphic, on networks that are and on networks that are not."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import osciprop
from osciprop.analysis import check_holomorphic, force_matches_phi, holomorphy

X = np.random.default_rng(0).normal(size=(2, 5))
Y = np.array([0, 2])


def small_network(activation: osciprop.networks.AbstractActivation, build=osciprop.hopfield_mlp):
    return build([5, 4, 4, 3], key=jax.random.key(0), activation=activation)


@pytest.mark.parametrize(
    "network",
    [
        pytest.param(small_network(osciprop.Identity()), marks=pytest.mark.slow),
        pytest.param(small_network(osciprop.Tanh()), marks=pytest.mark.slow),
        small_network(osciprop.HolomorphicTanh()),
        small_network(osciprop.ShiftedSigmoid(), osciprop.hopfield_regressor),
    ],
    ids=["identity", "tanh", "holomorphic tanh", "sigmoid, squared error"],
)
def test_holomorphic_networks_pass(network):
    report = check_holomorphic(network, X, Y)
    assert report.holomorphic, str(report)
    assert set(report.violations) == {"activity", "current", "cost", "phi", "force"}
    assert max(report.violations.values()) < 5e-15
    assert str(report).startswith("holomorphic")


@pytest.mark.slow
def test_single_precision_has_its_own_tolerance():
    network = small_network(osciprop.ShiftedSigmoid(), osciprop.hopfield_regressor)
    single = jax.tree.map(
        lambda leaf: leaf.astype(jnp.float32) if eqx.is_inexact_array(leaf) else leaf, network
    )
    report = check_holomorphic(single, X, Y)
    assert report.holomorphic and report.tolerance == pytest.approx(1e3 * 2**-23)


def test_relu_fails_although_it_is_holomorphic_almost_everywhere():
    report = check_holomorphic(small_network(osciprop.ReLU()), X, Y)
    assert not report.holomorphic
    assert report.violations["activity"] > 1e-3
    for part in ("current", "cost", "phi", "force"):
        assert report.violations[part] <= report.tolerance
    assert "activity FAILS" in str(report) and "relu" in str(report)


def test_errors_for_complex_input_are_kept():
    report = check_holomorphic(small_network(osciprop.HardSigmoid()), X, Y)
    assert not report.holomorphic
    assert "complex" in report.messages["activity"]
    assert report.messages["activity"] in str(report)


class Elementwise(osciprop.networks.AbstractActivation):
    """Any function of the potential, which claims to be holomorphic."""

    function: Callable[[jax.Array], jax.Array] = eqx.field(static=True)
    holomorphic = True

    def __call__(self, potential):
        return self.function(potential)


def far_kink(u):
    return jax.nn.relu(u + 2.9)


@pytest.mark.parametrize(
    "function",
    [
        jnp.conj,
        far_kink,
        pytest.param(jnp.abs, marks=pytest.mark.slow),
        pytest.param(jnp.real, marks=pytest.mark.slow),
    ],
    ids=lambda f: f.__name__,
)
def test_functions_that_are_not_holomorphic_fail(function):
    network = osciprop.hopfield_mlp(
        [5, 1, 3], key=jax.random.key(0), activation=Elementwise(function)
    )
    report = check_holomorphic(network, X[:1], Y[:1])
    assert not report.violations["activity"] <= report.tolerance, str(report)


class Spoilt(osciprop.Network):
    """A network of which one part is not what it should be."""

    current_of: Callable[[jax.Array], jax.Array] = eqx.field(static=True, default=lambda s: s)
    cost_of: Callable[[jax.Array], jax.Array] = eqx.field(static=True, default=lambda s: s)
    phi_of: Callable[[jax.Array], jax.Array] = eqx.field(static=True, default=lambda s: s)

    def current(self, s, drive):
        return super().current(jax.tree.map(self.current_of, s), drive)

    def cost(self, s, y):
        return super().cost(jax.tree.map(self.cost_of, s), y)

    def phi(self, s, x):
        return super().phi(jax.tree.map(self.phi_of, s), x)


@pytest.mark.parametrize("part", ["current", "cost", "phi"])
def test_the_part_at_fault_is_named(part: str):
    network = small_network(osciprop.Tanh())
    spoilt = Spoilt(
        network.populations, network.synapses, network.readout, **{f"{part}_of": jnp.conj}
    )
    report = check_holomorphic(spoilt, X, Y)
    failed = {name for name, size in report.violations.items() if size > report.tolerance}
    assert failed == {part}


def test_a_cost_that_refuses_complex_numbers():
    network = small_network(osciprop.Tanh())

    def refuse(s):
        if jnp.iscomplexobj(s):
            raise TypeError("this cost takes real activities")
        return s

    spoilt = Spoilt(network.populations, network.synapses, network.readout, cost_of=refuse)
    report = check_holomorphic(spoilt, X, Y)
    assert report.messages == {"cost": "TypeError: this cost takes real activities"}
    assert not report.holomorphic


def test_a_current_that_does_not_follow_from_phi(monkeypatch):
    monkeypatch.setenv("OSCIPROP_CHECK_NETWORKS", "0")  # which would not go as far
    network = small_network(osciprop.Tanh())
    assert force_matches_phi(network, X) < 1e-15
    spoilt = Spoilt(
        network.populations, network.synapses, network.readout, current_of=lambda s: 1.5 * s
    )
    report = check_holomorphic(spoilt, X, Y)
    assert report.violations["force"] > 1e-2 and not report.holomorphic
    # The synaptic part of the current is one and a half times too large.
    assert force_matches_phi(spoilt, X) > 1e-2


def test_networks_without_phi_are_checked_without_it():
    network = small_network(osciprop.Tanh())
    weights = jnp.asarray(np.random.default_rng(4).normal(size=(4, 4)))
    directed = osciprop.Network(
        network.populations,
        (*network.synapses, osciprop.Directed(weights, 0, 0)),
        network.readout,
    )
    report = check_holomorphic(directed, X, Y)
    assert report.holomorphic and set(report.violations) == {"activity", "current", "cost"}
    with pytest.raises(TypeError, match="directed"):
        force_matches_phi(directed, X)


@pytest.mark.slow
def test_a_near_pole_needs_smaller_radii():
    # Poles at 0.05 + i pi / 20 (2 k + 1): 0.157 from the real axis.
    network = small_network(osciprop.ShiftedSigmoid(slope=20.0, shift=1.0))
    assert not check_holomorphic(network, X, Y).holomorphic
    report = check_holomorphic(network, X, Y, radii=(0.05,))
    assert report.holomorphic, str(report)


def test_another_key_takes_other_places():
    network = small_network(osciprop.Tanh())
    u, v, w = (
        holomorphy.centres(network.rest(jnp.asarray(X)), 3, holomorphy._generator(key))
        for key in (None, None, jax.random.key(1))
    )
    np.testing.assert_array_equal(u[2][0], v[2][0])
    assert np.all(u[2][0] != w[2][0])
    # Zero first, then a third of the range each.
    assert np.all(u[0][0] == 0) and np.all((-3 < u[1][0]) & (u[1][0] < -1) & (1 < u[3][0]))
    report = check_holomorphic(small_network(osciprop.ReLU()), X, Y, key=jax.random.key(1))
    assert not report.holomorphic


def test_the_check_refuses_unfit_input():
    network = small_network(osciprop.Tanh())
    with pytest.raises(ValueError, match="points"):
        check_holomorphic(network, X, Y, points=4)
    with pytest.raises(ValueError, match="radii"):
        check_holomorphic(network, X, Y, radii=(0.1, -0.1))
    with pytest.raises(ValueError, match="labels"):
        check_holomorphic(network, X, np.array([0, 3]))
