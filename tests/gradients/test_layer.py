"""An equilibrium as a layer, against differentiation through the iteration that leads there."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import Field, relative_error, three_blocks
from mistake_cases import PLAIN_ONLY

import osciprop
from osciprop.gradients import EquilibriumLayer

SAMPLES, INPUTS, OUTPUTS = 3, 4, 3
TIGHT = osciprop.AndersonIteration(tolerance=1e-13)
HASTY = osciprop.SynchronousIteration(max_steps=1)
POPULATION = 32


class Unrolled(eqx.Module):
    """The same layer as plain code, which JAX differentiates by itself: damped steps until there is
    nothing left to move."""

    network: osciprop.AbstractNetwork

    def __call__(self, x):
        drive = self.network.drive(x)

        def step(u, _):
            current = self.network.current(self.network.activity(u), drive)
            return jax.tree.map(lambda a, b: (a + 2 * b) / 3, u, current), None

        u, _ = jax.lax.scan(step, self.network.rest(x), length=600)
        return self.network.output(self.network.activity(u))


def hopfield(seed: int, scale: float = 0.6):
    return osciprop.hopfield_regressor(
        [INPUTS, 6, OUTPUTS], key=jax.random.key(seed), activation=osciprop.Tanh(), scale=scale
    )


def classifier(seed: int, scale: float = 0.6):
    """Its output is that of weights outside of the dynamics."""
    return osciprop.hopfield_mlp(
        [INPUTS, 6, 5, OUTPUTS], key=jax.random.key(seed), activation=osciprop.Tanh(), scale=scale
    )


def directed(seed: int, scale: float = 0.6):
    return three_blocks(seed, gain=scale)


def inputs(seed: int = 0, width: int = INPUTS, samples: int = SAMPLES):
    return jnp.asarray(np.random.default_rng(seed).normal(size=(samples, width)))


def loss(function, x):
    """No cost of the network: every output has a weight of its own, and not linearly."""
    output = function(x)
    weights = jnp.arange(1.0, 1.0 + output.size, dtype=output.dtype)
    return jnp.sum(jnp.sin(output) * weights.reshape(output.shape))


def slopes(function, x):
    """The gradients of `loss` by all parameters, and by the input."""
    return eqx.filter_grad(lambda pair: loss(*pair))((function, x))


def both(layer, x):
    """What a layer finds and what JAX does, of what is trained."""
    learned = layer.network.trainable()
    found, expected = slopes(layer, x), slopes(Unrolled(layer.network), x)
    return (
        (eqx.filter(found[0].network, learned), found[1]),
        (eqx.filter(expected[0].network, learned), expected[1]),
    )


compiled = eqx.filter_jit(both)


def gap(layer, x) -> float:
    """The larger relative error of the two gradients."""
    found, expected = compiled(layer, x)
    return max(relative_error(*pair) for pair in zip(found, expected, strict=True))


CASES = [
    (hopfield, osciprop.Implicit(TIGHT), 1e-7),
    (hopfield, osciprop.HolomorphicEP(0.05, 8, TIGHT), 1e-6),
    (hopfield, osciprop.CentredEP(1e-3, TIGHT), 1e-5),
    (hopfield, osciprop.SettledOscillation(0.05, 2000.0, relaxation=TIGHT), 1e-3),
    (classifier, osciprop.Implicit(TIGHT), 1e-7),
    (directed, osciprop.Implicit(TIGHT), 1e-7),
    (directed, osciprop.AsymmetricEP(0.05, 8, TIGHT), 1e-6),
    (directed, osciprop.DyadicEP(1.0, TIGHT), 1e-7),
]


def population(build, method) -> list[float]:
    """The errors of random networks, from nearly linear ones to some closer to critical."""
    return [
        gap(EquilibriumLayer(build(seed, 0.3 + 0.01 * seed), method, TIGHT), inputs(seed))
        for seed in range(POPULATION)
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("build", "method", "limit"),
    CASES,
    ids=[f"{build.__name__}-{type(method).__name__}" for build, method, _ in CASES],
)
def test_gradients_of_random_networks_are_those_of_the_unrolled_iteration(build, method, limit):
    assert max(population(build, method)) < limit


@pytest.mark.slow
def test_with_the_settings_it_comes_with():
    assert gap(EquilibriumLayer(hopfield(0)), inputs()) < 1e-6


def test_the_output_is_that_of_the_equilibrium():
    network, x = classifier(0), inputs()
    free = osciprop.relax(network, x)
    np.testing.assert_array_equal(EquilibriumLayer(network)(x), network.output(free.s))


@pytest.mark.slow
def test_the_cost_of_a_network_is_one_loss_of_many():
    network, x, y = hopfield(0), inputs(), inputs(1, OUTPUTS)
    found = eqx.filter_grad(lambda layer: jnp.sum((layer(x) - y) ** 2) / (2 * SAMPLES))(
        EquilibriumLayer(network)
    )
    estimate = osciprop.estimate_gradient(network, x, y, osciprop.Implicit())
    learned = network.trainable()
    assert (
        relative_error(eqx.filter(found.network, learned), eqx.filter(estimate.gradient, learned))
        < 1e-9
    )


class Blocks(eqx.Module):
    """Two equilibria with an ordinary layer between them."""

    first: Any
    between: eqx.nn.Linear
    second: Any

    def __call__(self, x):
        return self.second(jnp.tanh(jax.vmap(self.between)(self.first(x))))


def blocks(kind, seed: int = 0) -> Blocks:
    key = jax.random.key(seed)
    between = eqx.nn.Linear(OUTPUTS, INPUTS, key=key)
    return Blocks(kind(hopfield(seed)), between, kind(classifier(seed + 1)))


def learned_of(gradient: Blocks, model: Blocks):
    """All gradients but those of what is not trained."""
    parts = [
        eqx.filter(part.network, own.network.trainable())
        for part, own in ((gradient.first, model.first), (gradient.second, model.second))
    ]
    return [*parts, gradient.between]


@pytest.mark.parametrize(
    ("method", "wrap"),
    [
        (osciprop.Implicit(TIGHT), eqx.filter_jit),
        pytest.param(osciprop.Implicit(TIGHT), lambda f: f, marks=pytest.mark.slow),
        pytest.param(osciprop.HolomorphicEP(0.1, 8, TIGHT), eqx.filter_jit, marks=pytest.mark.slow),
    ],
    ids=["exact", "not compiled", "holomorphic"],
)
def test_two_blocks_in_a_row(method, wrap):
    model = blocks(lambda network: EquilibriumLayer(network, method, TIGHT))
    plain, x = blocks(Unrolled), inputs()
    found, by_input = wrap(slopes)(model, x)
    expected, exact = eqx.filter_jit(slopes)(plain, x)
    assert relative_error(learned_of(found, model), learned_of(expected, model)) < 1e-6
    assert relative_error(by_input, exact) < 1e-6


@pytest.mark.slow
def test_one_network_used_twice():
    network, x = hopfield(0), inputs(0, OUTPUTS)
    network = osciprop.hopfield_regressor([OUTPUTS, 5, OUTPUTS], key=jax.random.key(3))

    def twice(layer):
        return lambda x: layer(0.3 + layer(x))

    def of(layer):
        return eqx.filter_grad(lambda own: loss(twice(own), x))(layer)

    found, expected = of(EquilibriumLayer(network)), eqx.filter_jit(of)(Unrolled(network))
    learned = network.trainable()
    assert (
        relative_error(eqx.filter(found.network, learned), eqx.filter(expected.network, learned))
        < 1e-6
    )


@pytest.mark.slow
def test_single_samples_under_vmap_and_in_a_sequence():
    network, x = hopfield(0), inputs()
    single = EquilibriumLayer(network, batched=False)
    linear = eqx.nn.Linear(OUTPUTS, 2, key=jax.random.key(0))
    model = eqx.nn.Sequential([single, linear])
    assert single(x[0]).shape == (OUTPUTS,)

    def each(model, x):
        return jnp.sum(jnp.sin(jax.vmap(model)(x)) ** 2)

    def together(layer, x):
        return jnp.sum(jnp.sin(jax.vmap(linear)(layer(x))) ** 2)

    found = eqx.filter_jit(eqx.filter_grad(lambda pair: each(*pair)))((model, x))
    expected = eqx.filter_grad(lambda pair: together(*pair))((EquilibriumLayer(network), x))
    assert relative_error(found[0][0].network, expected[0].network) < 1e-6
    assert relative_error(found[1], expected[1]) < 1e-6


@pytest.mark.slow
def test_batches_under_vmap():
    layer = EquilibriumLayer(hopfield(0), osciprop.HolomorphicEP(0.1, 4))
    x = jnp.stack([inputs(seed) for seed in range(2)])
    found = jax.jit(jax.vmap(jax.grad(lambda x: loss(layer, x))))(x)
    expected = [jax.grad(lambda x: loss(layer, x))(each) for each in x]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-8)


@pytest.mark.slow
def test_what_is_not_trained_has_no_gradient():
    network = hopfield(0)
    fixed = osciprop.networks.constrain(
        network, lambda net: net.synapses[1].weight, osciprop.networks.Fixed()
    )
    gradient = eqx.filter_grad(loss)(EquilibriumLayer(fixed), inputs())
    kept = eqx.filter(gradient.network, fixed.trainable(), inverse=True)
    assert jax.tree.leaves(kept) and all(not leaf.any() for leaf in jax.tree.leaves(kept))
    learned = eqx.filter(gradient.network, fixed.trainable())
    assert any(leaf.any() for leaf in jax.tree.leaves(learned))
    # Nor have settings that are arrays, of which there could be gradients.
    method = osciprop.CentredEP(jnp.asarray(0.1))
    gradient = eqx.filter_grad(loss)(EquilibriumLayer(network, method), inputs())
    assert float(gradient.method.amplitude) == 0


@pytest.mark.slow
@pytest.mark.parametrize("size", [1e-6, 1.0, 1e4])
def test_single_precision_at_any_size_of_the_slope(size):
    method = osciprop.HolomorphicEP(0.2, 6)
    layer = EquilibriumLayer(hopfield(0), method)
    half = jax.tree.map(
        lambda leaf: leaf.astype(jnp.float32) if eqx.is_inexact_array(leaf) else leaf, layer
    )
    x = inputs()

    def of(layer, x, size):
        return eqx.filter_grad(lambda pair: size * loss(*pair))((layer, x))

    found = of(half, x.astype(jnp.float32), jnp.float32(size))
    assert {leaf.dtype for leaf in jax.tree.leaves(found)} == {jnp.dtype("float32")}
    assert relative_error(found, of(layer, x, size)) < 1e-4


@pytest.mark.slow
def test_a_loss_that_does_not_depend_on_it():
    gradient = eqx.filter_grad(lambda layer: 0 * jnp.sum(layer(inputs())))(
        EquilibriumLayer(hopfield(0))
    )
    assert all(not leaf.any() for leaf in jax.tree.leaves(gradient))


@pytest.mark.slow
def test_networks_of_ones_own_and_extensions():
    rng = np.random.default_rng(0)
    field = Field(
        *(
            jnp.asarray(part)
            for part in (0.4 * rng.normal(size=(4, 4)), rng.normal(size=4), np.ones(4))
        )
    )
    assert gap(EquilibriumLayer(field), inputs()) < 1e-6
    weak = osciprop.networks.ScaledFeedback(hopfield(0), 0.3)
    assert gap(EquilibriumLayer(weak, osciprop.HolomorphicEP(0.1, 8)), inputs()) < 1e-6


@pytest.mark.slow
def test_methods_around_a_method_and_with_noise():
    layer = EquilibriumLayer(hopfield(0), osciprop.Homeostatic(osciprop.Implicit()))
    plain = EquilibriumLayer(hopfield(0))
    # The penalty is no part of the derivative.
    found = eqx.filter_grad(lambda layer: jnp.sum(layer(inputs(), key=jax.random.key(1))))(layer)
    expected = eqx.filter_grad(lambda layer: jnp.sum(layer(inputs())))(plain)
    assert relative_error(found.network, expected.network) < 1e-9


@pytest.mark.slow
def test_it_costs_no_second_relaxation():
    """The backward pass goes on from the equilibrium of the way there."""
    asked = []

    class Counted(osciprop.AndersonIteration):
        def run(self, dynamics, u, tolerance):
            asked.append(dynamics.target is None)
            return super().run(dynamics, u, tolerance)

    jax.clear_caches()
    way = Counted()
    layer = EquilibriumLayer(hopfield(0), osciprop.Implicit(way), way)
    eqx.filter_jit(eqx.filter_grad(loss))(layer, inputs())
    assert asked == [True]


def test_what_does_not_settle_is_told():
    network, x = hopfield(0), inputs()
    hasty = EquilibriumLayer(network, relaxation=HASTY)
    with pytest.raises(
        osciprop.ConvergenceError, match="equilibrium of the layer did not converge"
    ):
        hasty(x)
    with pytest.raises(
        osciprop.ConvergenceError, match="equilibrium of the layer did not converge"
    ):
        eqx.filter_grad(loss)(hasty, x)
    assert np.isnan(eqx.filter_jit(lambda layer, x: layer(x))(hasty, x)).all()
    gradient, by_input = eqx.filter_jit(slopes)(hasty, x)
    assert np.isnan(gradient.network.synapses[0].weight).all() and np.isnan(by_input).all()


@pytest.mark.slow
def test_a_method_that_does_not_converge_is_told():
    network, x = hopfield(0), inputs()
    lost = EquilibriumLayer(network, osciprop.CentredEP(0.1, HASTY))
    with pytest.raises(osciprop.ConvergenceError, match="CentredEP: nudged equilibria"):
        eqx.filter_grad(loss)(lost, x)
    gradient, by_input = eqx.filter_jit(slopes)(lost, x)
    assert np.isnan(gradient.network.synapses[0].weight).all() and np.isnan(by_input).all()


@pytest.mark.slow
def test_an_inaccurate_gradient_is_warned_of():
    layer = EquilibriumLayer(hopfield(0, 1.0), osciprop.ClassicEP(0.5))
    with pytest.warns(osciprop.GradientAccuracyWarning, match="ClassicEP"):
        eqx.filter_grad(loss)(layer, inputs())


@PLAIN_ONLY
def test_what_is_no_network_or_method_is_named():
    with pytest.raises(TypeError, match="network is 3"):
        EquilibriumLayer(3)
    with pytest.raises(TypeError, match="method is the class Implicit"):
        EquilibriumLayer(hopfield(0), osciprop.Implicit)


def test_errors_name_the_remedy():
    with pytest.raises(osciprop.ReciprocityError, match="AsymmetricEP"):
        EquilibriumLayer(directed(0), osciprop.CentredEP())
    relu = osciprop.hopfield_mlp([4, 5, 3], key=jax.random.key(0), activation=osciprop.ReLU())
    with pytest.raises(osciprop.HolomorphyError, match="not holomorphic"):
        EquilibriumLayer(relu, osciprop.HolomorphicEP())
    with pytest.raises(ValueError, match="x has shape"):
        EquilibriumLayer(hopfield(0))(inputs(0, 7))
    with pytest.raises(TypeError, match="a slope comes back and no target.*CentredEP"):
        EquilibriumLayer(hopfield(0), osciprop.gradients.CoupledLearning())(inputs())
    with pytest.raises(ValueError, match="what comes back to the layer holds"):
        eqx.filter_grad(lambda layer: jnp.nan * jnp.sum(layer(inputs())))(
            EquilibriumLayer(hopfield(0))
        )


def test_it_prints_what_it_is_made_of():
    shown = repr(EquilibriumLayer(hopfield(0), osciprop.CentredEP(0.25)))
    assert "CentredEP(amplitude=0.25" in shown
