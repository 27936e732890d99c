"""Deep resistive networks: Kirchhoff's laws with amplifiers, gradients, learning."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import relative_error

import osciprop
from osciprop.equilibria import LimitedNewton
from osciprop.networks import GROUND, ResistiveCircuit, ResistiveLayers, resistive_layers

NEWTON = osciprop.Newton()
KEY = jax.random.key(5)


def small(**options):
    return resistive_layers(
        [2, 5, 4, 2], key=KEY, gain=3.0, input_gain=2.0, constraint=None, **options
    )


X = np.random.default_rng(1).normal(size=(3, 2))
Y = np.random.default_rng(2).normal(size=(3, 2)) / 5


def test_every_node_keeps_to_kirchhoffs_current_law():
    network = small()
    u = [np.asarray(layer) for layer in osciprop.relax(network, X, relaxation=NEWTON).u]
    g = [np.asarray(each) for each in network.conductances]
    one = np.ones((3, 1))
    below = [2.0 * np.concatenate([X, -X, one, -one], axis=1), 3.0 * u[0], 3.0 * u[1]]
    signs = [np.where(np.arange(layer.shape[1]) % 2, 1, -1) for layer in u]
    for place in range(3):
        leaves = u[place] * g[place].sum(0) - below[place] @ g[place]
        if place < 2:
            through = 1e-3 * np.expm1(signs[place] * u[place] / 0.026)
            above = 3.0 * u[place] * g[place + 1].sum(1) - u[place + 1] @ g[place + 1].T
            leaves = leaves + signs[place] * through + above / 3.0
        np.testing.assert_allclose(leaves, 0, atol=1e-9)


@pytest.mark.slow
def test_without_amplification_it_is_a_circuit_branch_by_branch():
    layers = resistive_layers([2, 3, 1], key=KEY, gain=1.0, constraint=None)
    first, second = layers.conductances
    pairs, values = [], []
    for below in range(6):
        for node in range(3):
            pairs.append((node, 5 + below))
            values.append(first[below, node])
    for node in range(3):
        for out in (3, 4):
            pairs.append((node, out))
            values.append(second[node, out - 3])
    circuit = ResistiveCircuit(
        pairs,
        jnp.stack(values),
        nodes=5,
        inputs=4,
        voltages=[1.0, -1.0],
        diodes=[(GROUND, 0), (1, GROUND), (GROUND, 2)],
        outputs=((3, 4),),
    )
    v = osciprop.relax(circuit, np.concatenate([X, -X], axis=1), relaxation=NEWTON).u
    u = osciprop.relax(layers, X, relaxation=NEWTON).u
    np.testing.assert_allclose(np.concatenate(u, axis=1), v, atol=1e-9)
    np.testing.assert_allclose(layers.output(u), circuit.output(v), atol=1e-9)
    heat = layers.dissipation(u, X)
    assert heat.resistors.shape == (3, 2) and heat.diodes.shape == (3, 1)
    branch_by_branch = circuit.dissipation(v, np.concatenate([X, -X], axis=1))
    np.testing.assert_allclose(heat.total, branch_by_branch.total, rtol=1e-8)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::osciprop.GradientAccuracyWarning")
@pytest.mark.parametrize(
    "method",
    [
        osciprop.HolomorphicEP(0.05, 16, LimitedNewton(tolerance=1e-13)),
        osciprop.AsymmetricEP(0.05, 16, LimitedNewton(tolerance=1e-13)),
    ],
    ids=lambda method: type(method).__name__,
)
def test_every_exact_method_gives_the_gradient(method):
    network = small()
    implicit = osciprop.Implicit(relaxation=LimitedNewton(tolerance=1e-13))
    exact = osciprop.estimate_gradient(network, X, Y, implicit)
    found = osciprop.estimate_gradient(network, X, Y, method)
    assert relative_error(found.gradient.conductances, exact.gradient.conductances) < 1e-8


@pytest.mark.slow
def test_the_gradient_is_that_of_finite_differences():
    network = small()
    exact = osciprop.estimate_gradient(network, X, Y, osciprop.Implicit(relaxation=NEWTON))
    steps = [jax.random.normal(KEY, each.shape) / each.shape[0] for each in network.conductances]

    def loss(size):
        moved = tuple(g + size * d for g, d in zip(network.conductances, steps, strict=True))
        there = small_like(network, moved)
        exactly = osciprop.Newton(tolerance=1e-13)
        return float(
            jnp.mean(there.cost(osciprop.relax(there, X, relaxation=exactly).s, jnp.asarray(Y)))
        )

    slope = (loss(1e-4) - loss(-1e-4)) / 2e-4
    expected = sum(
        float(jnp.sum(g * d)) for g, d in zip(exact.gradient.conductances, steps, strict=True)
    )
    np.testing.assert_allclose(slope, expected, rtol=1e-6)


def small_like(network: ResistiveLayers, conductances) -> ResistiveLayers:
    return ResistiveLayers(
        conductances,
        gain=network.gain,
        input_gain=network.input_gain,
    )


@pytest.mark.slow
def test_it_learns_what_no_linear_circuit_can():
    x = np.asarray([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]) * 2 - 1
    y = np.asarray([[-1.0], [1.0], [1.0], [-1.0]]) / 5  # exclusive or
    network = resistive_layers([2, 12, 1], key=KEY, input_gain=2.0)
    trained, history = osciprop.fit(
        network,
        (x, y),
        osciprop.Implicit(relaxation=NEWTON),
        optax.adam(0.1),
        epochs=120,
        batch_size=4,
        progress=False,
    )
    assert history.epochs["train_loss"][-1] < 0.1 * history.epochs["train_loss"][0]
    for each in trained.network.conductances:
        assert (each > 0).all()


@pytest.mark.slow
def test_by_default_it_settles():
    network = small()
    found = osciprop.relax(network, X).u
    expected = osciprop.relax(network, X, relaxation=NEWTON).u
    for layer, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(layer, wanted, atol=1e-8)


@pytest.mark.parametrize(
    ("conductances", "options", "message"),
    [
        ([], {}, "list of matrices"),
        ([np.ones(4)], {}, "list of matrices"),
        ([np.ones((4, 3)), np.ones((2, 2))], {}, "3 nodes above it"),
        ([np.ones((3, 3)), np.ones((3, 2))], {}, "inputs come in pairs"),
        ([np.ones((4, 3)), np.ones((3, 3))], {}, "outputs come in pairs"),
        ([-np.ones((4, 2))], {}, "conductances\\[0\\]"),
        ([np.ones((4, 2))], {"gain": 0.0}, "gain must be"),
        ([np.ones((4, 2))], {"thermal_voltage": 0.0}, "thermal_voltage"),
    ],
)
def test_mistakes_are_told(conductances, options, message):
    with pytest.raises(ValueError, match=message):
        ResistiveLayers(conductances, **options)


def test_inputs_that_do_not_fit_are_told():
    with pytest.raises(ValueError, match="2 inputs"):
        osciprop.relax(small(), np.ones((1, 3)))
