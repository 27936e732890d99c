"""The homeostatic penalty, against dense linear algebra."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import batch, dense, relative_error, three_blocks
from jaxtyping import Array

import osciprop

KEY = jax.random.key(0)
# Plain steps: they compile faster than the default.
QUICK = osciprop.SynchronousIteration()


@pytest.fixture(scope="module")
def case():
    network = three_blocks(seed=3, gain=1.0)
    x = jnp.asarray(np.random.default_rng(0).normal(size=(1, 4)))
    s = osciprop.relax(network, x, relaxation=QUICK).s
    drive = network.drive(x)
    jacobian = dense(lambda activity: network.current(activity, drive), s) - np.eye(12)
    return network, s, x, jacobian


def test_estimator_is_unbiased_and_its_terms_too(case):
    network, s, x, jacobian = case
    probes = 4000
    keys = jax.random.split(KEY, probes)
    first, second = (
        np.asarray(terms)[:, 0]
        for terms in jax.vmap(
            lambda key: osciprop.gradients.homeostatic_terms(network, s, x, key=key, probes=1)
        )(keys)
    )
    antisymmetric = (jacobian - jacobian.T) / 2
    for values, expected in (
        (first, np.sum(jacobian**2)),
        (second, np.trace(jacobian @ jacobian)),
        (first - second, 2 * np.sum(antisymmetric**2)),
    ):
        assert abs(values.mean() - expected) < 3 * values.std() / probes**0.5


@pytest.mark.slow
def test_gradient_is_that_of_the_antisymmetric_part(case):
    """Of `2 |A|_F^2` at fixed activity: `4 (W - W^T)` for each weight, on average over probes."""
    network, s, x, jacobian = case

    @eqx.filter_grad
    def gradient(parameters):
        penalty = osciprop.gradients.HomeostaticPenalty(probes=20_000, per_unit=False)
        return penalty(parameters, s, x, key=KEY)

    slopes = gradient(network)
    blocks = {(synapse.source, synapse.target): synapse.weight for synapse in slopes.synapses[1:]}
    found = np.block([[np.asarray(blocks[pre, post]) for post in range(3)] for pre in range(3)])
    weight = jacobian.T + np.eye(12)  # (pre, post)
    expected = 2 * (weight - weight.T)
    assert relative_error(found, expected) < 0.1
    assert not np.any(slopes.synapses[0].weight)


def test_terms_can_be_separated_and_scaled(case):
    network, s, x, _ = case
    first, second = osciprop.gradients.homeostatic_terms(network, s, x, key=KEY, probes=3)
    cases = {
        (1.0, 0.0, False): float(first[0]),
        (0.0, 1.0, False): -float(second[0]),
        (1.0, 1.0, True): float(first[0] - second[0]) / 12,
        (2.0, 2.0, False): 2 * float(first[0] - second[0]),
    }
    for (sensitivity, reconstruction, per_unit), expected in cases.items():
        penalty = osciprop.gradients.HomeostaticPenalty(sensitivity, reconstruction, 3, per_unit)
        assert float(penalty(network, s, x, key=KEY)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.slow
def test_symmetric_network_pays_nothing():
    network = osciprop.feedback_mlp([5, 6, 7, 3, 3], key=jax.random.PRNGKey(0), angle=0.0)
    x = jnp.asarray(batch(5, 3, 2)[0])
    s = network.activity(network.current(network.activity(network.rest(x)), network.drive(x)))
    penalty = osciprop.gradients.HomeostaticPenalty()(network, s, x, key=KEY)
    assert abs(float(penalty)) < 1e-12


@pytest.mark.slow
def test_it_goes_with_any_method(case):
    network, _s, x, _ = case
    y = np.zeros((1, 4))
    for method in (osciprop.DyadicEP(), osciprop.VectorFieldEP(0.01)):
        plain = osciprop.estimate_gradient(network, x, y, method)
        both = osciprop.estimate_gradient(
            network,
            x,
            y,
            osciprop.Homeostatic(method, osciprop.gradients.HomeostaticPenalty(0.3)),
            key=KEY,
        )
        assert relative_error(both.error_signal, plain.error_signal) < 1e-12
        added = jax.tree.map(lambda a, b: a - b, both.gradient, plain.gradient)
        # Input weights and biases do not enter the Jacobian.
        assert not np.any(added.synapses[0].weight) and not np.any(added.populations[0].bias)
        assert np.any(added.synapses[1].weight)
        assert "homeostatic penalty" in str(both)
    with pytest.raises(ValueError, match="key is None, but the penalty has random probes"):
        osciprop.estimate_gradient(network, x, y, osciprop.Homeostatic(osciprop.DyadicEP()))


def test_bad_settings_are_named():
    with pytest.raises(ValueError, match="sensitivity must be"):
        osciprop.gradients.HomeostaticPenalty(-1.0)
    with pytest.raises(ValueError, match="reconstruction must be"):
        osciprop.gradients.HomeostaticPenalty(1.0, -1.0)
    with pytest.raises(ValueError, match="probes must be"):
        osciprop.gradients.HomeostaticPenalty(probes=0)


class Ring(osciprop.AbstractNetwork):
    """Every unit is driven by its two neighbours, with weights of its own: as many as units."""

    left: Array
    right: Array

    def rest(self, x):
        return jnp.zeros((x.shape[0], self.left.size), dtype=x.dtype)

    def activity(self, u):
        return jnp.tanh(u)

    def current(self, s, drive):
        left, right = (
            osciprop.networks.complex_like(self.left, s),
            osciprop.networks.complex_like(self.right, s),
        )
        inflow = left * jnp.roll(s, 1, axis=1) + right * jnp.roll(s, -1, axis=1)
        return inflow + osciprop.networks.complex_like(jnp.sum(drive, axis=1, keepdims=True), s)

    def cost(self, s, y):
        return 0.5 * jnp.sum((s[:, :1] - osciprop.networks.complex_like(y, s)) ** 2, axis=-1)

    def output(self, s):
        return s[:, :1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "method",
    [
        osciprop.Homeostatic(osciprop.AsymmetricEP(0.1, 4, QUICK)),
        osciprop.DyadicEP(),
        pytest.param(
            osciprop.OscillatoryAEP(reference=osciprop.gradients.OwnMean(500.0)),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_memory_grows_with_the_units_not_their_square(method):
    """At 8,000 units a Jacobian would take 512 MB per sample."""

    def temporary(units: int) -> int:
        weights = jax.ShapeDtypeStruct((units,), float)
        sample = jax.ShapeDtypeStruct((2, 4), float), jax.ShapeDtypeStruct((2, 1), float)

        def gradient(left, right, x, y, key):
            return method.estimate(Ring(left, right), x, y, None, key).gradient

        compiled = jax.jit(gradient).lower(weights, weights, *sample, KEY).compile()
        memory = compiled.memory_analysis()
        assert memory is not None
        return memory.temp_size_in_bytes

    small, large = temporary(2000), temporary(8000)
    assert large < 4.5 * small
    assert large < 100e6
