"""The verb itself: bad input, transformations, recompilation, honest failure."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import batch, flat, small_network

import osciprop

# The default relaxation, a large program, is that of two of them.
SWEEPS = osciprop.AndersonIteration()
METHODS = [
    osciprop.Implicit(),
    osciprop.RecurrentBackprop(SWEEPS),
    osciprop.BPTT(120),
    osciprop.ClassicEP(0.1, SWEEPS),
    osciprop.CentredEP(0.1, SWEEPS),
    osciprop.HolomorphicEP(0.2, 4),
    osciprop.OscillatoryEP(0.2, 60.0, samples=8),
]
NAMES = [type(method).__name__ for method in METHODS]
JITTED = {"BPTT"}
CHEAP = [osciprop.Implicit(), osciprop.HolomorphicEP(0.2, 4)]


@pytest.mark.parametrize(
    "method",
    # The smallest; the others share their code.
    [
        method if name in JITTED else pytest.param(method, marks=pytest.mark.slow)
        for name, method in zip(NAMES, METHODS, strict=True)
    ],
    ids=NAMES,
)
def test_jit_as_a_whole_equals_eager(method):
    network, (x, y) = small_network(), batch(5, 3, 2)
    eager = osciprop.estimate_gradient(network, x, y, method)

    @jax.jit
    def compiled(network, x, y):
        estimate = osciprop.estimate_gradient(network, x, y, method)
        return estimate.gradient, estimate.loss

    gradient, loss = compiled(network, jnp.asarray(x), jnp.asarray(y))
    np.testing.assert_allclose(flat(gradient), flat(eager.gradient), atol=1e-11)
    assert float(loss) == pytest.approx(float(eager.loss), abs=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("method", [CHEAP[0], METHODS[-1]], ids=type)
def test_vmap_over_networks_and_batches(method):
    networks = [small_network(seed) for seed in range(3)]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *networks)
    data = [batch(5, 3, 2, seed) for seed in range(3)]
    x, y = (jnp.stack([jnp.asarray(pair[i]) for pair in data]) for i in (0, 1))

    def gradient(network, x, y):
        return osciprop.estimate_gradient(network, x, y, method).gradient

    together = jax.vmap(gradient)(stacked, x, y)
    for index, network in enumerate(networks):
        alone = gradient(network, x[index], y[index])
        one = jax.tree.map(lambda leaf, i=index: leaf[i], together)
        np.testing.assert_allclose(flat(one), flat(alone), atol=1e-7)


@pytest.mark.slow
def test_vmap_over_amplitudes():
    network, (x, y) = small_network(), batch(5, 3, 2)

    def loss(amplitude):
        method = osciprop.HolomorphicEP(amplitude, 6)
        return osciprop.estimate_gradient(network, x, y, method).gradient.readout.bias

    swept = jax.vmap(loss)(jnp.asarray([0.1, 0.2]))
    np.testing.assert_allclose(swept[0], loss(0.1), atol=1e-9)


@pytest.mark.slow
def test_numbers_may_change_without_recompilation(monkeypatch):
    network, (x, y) = small_network(), batch(5, 3, 2)
    traces = []

    class Counting(osciprop.AbstractEnergyNetwork):
        inner: osciprop.Network

        def rest(self, x):
            return self.inner.rest(x)

        def activity(self, u):
            return self.inner.activity(u)

        def phi(self, s, x):
            traces.append(1)
            return self.inner.phi(s, x)

        def cost(self, s, y):
            return self.inner.cost(s, y)

        def output(self, s):
            return self.inner.output(s)

    counting = Counting(network)

    def sweep(make):
        make_first, *others = make
        osciprop.estimate_gradient(counting, x, y, make_first, throw=False)
        before = len(traces)
        for method in others:
            osciprop.estimate_gradient(counting, x, y, method, throw=False)
        assert len(traces) == before

    sweep([osciprop.HolomorphicEP(r, 4) for r in (0.1, 0.2, 0.3)])
    sweep(
        [
            osciprop.HolomorphicEP(0.1, 4, osciprop.AndersonIteration(tolerance=tolerance))
            for tolerance in (1e-6, 1e-8)
        ]
    )
    sweep([osciprop.OscillatoryEP(r, t, samples=8) for r, t in [(0.1, 50.0), (0.2, 70.0)]])


def program(method: osciprop.gradients.AbstractGradientMethod) -> str:
    network, (x, y) = small_network(), batch(5, 3, 2)

    def gradient(network: osciprop.Network, x: jax.Array, y: jax.Array) -> Any:
        return osciprop.estimate_gradient(network, x, y, method).gradient

    return str(jax.make_jaxpr(gradient)(network, jnp.asarray(x), jnp.asarray(y)))


@pytest.mark.parametrize("method", METHODS[:-1], ids=NAMES[:-1])
def test_no_host_callback_in_the_compiled_method(method):
    text = program(method)
    assert "while[" in text or "scan[" in text
    assert "pure_callback" not in text and "io_callback" not in text


@pytest.mark.parametrize("method", [METHODS[-1], osciprop.SettledOscillation(0.1)])
def test_diffrax_checks_its_arguments_by_a_callback(method):
    """Behind a branch; JAX's cache keeps no such program (docs/sharp_bits.md)."""
    assert "pure_callback" in program(method)


STUCK = osciprop.HolomorphicEP(0.2, 4, osciprop.SynchronousIteration(max_steps=3))


def test_failure_raises_or_is_flagged():
    network, (x, y) = small_network(), batch(5, 3, 2)
    with pytest.raises(osciprop.ConvergenceError, match="max_steps"):
        osciprop.estimate_gradient(network, x, y, STUCK)
    flagged = osciprop.estimate_gradient(network, x, y, STUCK, throw=False)
    assert not bool(flagged.converged)
    assert "NOT converged" in str(flagged)
    assert np.isfinite(flat(flagged.gradient)).all()


def test_failure_inside_jit_is_nan():
    network, (x, y) = small_network(), batch(5, 3, 2)

    @eqx.filter_jit
    def compiled(throw):
        return osciprop.estimate_gradient(
            network, jnp.asarray(x), jnp.asarray(y), STUCK, throw=throw
        )

    poisoned = compiled(True)
    assert np.isnan(flat(poisoned.gradient)).all() and np.isnan(poisoned.loss)
    assert np.isfinite(flat(compiled(False).gradient)).all()


def test_prints_a_readable_summary():
    network, (x, y) = small_network(), batch(5, 3, 2)
    text = str(osciprop.estimate_gradient(network, x, y, CHEAP[1]))
    assert (
        "loss" in text
        and "predicted relative error of the gradient 4.5e-05" in text
        and "2 of 2 samples converged" in text
    )


def bad(message, *, x=None, y=None, method=METHODS[0]):
    network, (inputs, labels) = small_network(), batch(5, 3, 4)
    with pytest.raises(ValueError, match=message):
        osciprop.estimate_gradient(
            network, inputs if x is None else x, labels if y is None else y, method
        )


def test_bad_input_is_named():
    bad(r"x has shape \(4, 6\).*\(batch, 5\)", x=np.zeros((4, 6)))
    bad(r"x has shape \(20,\)", x=np.zeros(20))
    bad(r"x has shape \(0, 5\)", x=np.zeros((0, 5)))
    nan = np.zeros((4, 5))
    nan[1, 2] = np.nan
    bad(r"x holds 1 NaN or infinite of 20", x=nan)
    bad(r"y holds labels from 0 to 3, but the network has 3", y=np.array([0, 1, 2, 3]))
    bad(r"y holds labels from -1", y=np.array([0, 1, -1, 2]))
    bad(r"y has shape \(3,\) but x holds 4", y=np.array([0, 1, 2]))
    bad(r"y has shape \(4, 2\) .* but \(4, 3\)", y=np.zeros((4, 2)))
    bad(r"y holds 12 NaN", y=np.full((4, 3), np.nan))
    network, (x, _) = small_network(), batch(5, 3, 4)
    with pytest.raises(TypeError, match="method"):
        osciprop.estimate_gradient(network, x, np.zeros(4, int), osciprop.Implicit)


@pytest.mark.parametrize("amplitude", [0.0, -0.1, np.nan, np.inf])
@pytest.mark.parametrize(
    "method",
    [
        osciprop.ClassicEP,
        osciprop.CentredEP,
        osciprop.HolomorphicEP,
        osciprop.OscillatoryEP,
    ],
)
def test_amplitude_must_be_positive(method, amplitude):
    with pytest.raises(ValueError, match="amplitude must be a finite number above 0"):
        method(amplitude)


def test_settings_must_make_sense():
    with pytest.raises(ValueError, match="points must be an integer of at least 2, got 1"):
        osciprop.HolomorphicEP(0.1, 1)
    with pytest.raises(ValueError, match="period must be a finite number above 0, got 0"):
        osciprop.OscillatoryEP(0.1, 0.0)
    with pytest.raises(ValueError, match="samples must be an integer of at least 4"):
        osciprop.OscillatoryEP(0.1, 10.0, samples=2)
    with pytest.raises(ValueError, match="tolerance must be"):
        osciprop.AndersonIteration(tolerance=-1.0)
    with pytest.raises(ValueError, match="damping must be"):
        osciprop.SynchronousIteration(damping=0.0)
    with pytest.raises(ValueError, match="steps must be"):
        osciprop.BPTT(0)


def test_directed_synapses_have_no_energy():
    network = small_network()
    directed = osciprop.Network(
        network.populations,
        (
            network.synapses[0],
            osciprop.Directed(network.synapses[1].weight, 0, 1),
        ),
        network.readout,
    )
    x, y = batch(5, 3, 2)
    osciprop.estimate_gradient(directed, x, y, osciprop.Implicit())
    with pytest.raises(TypeError, match=r"synapses\[1\], from population 0 to 1, is directed"):
        osciprop.estimate_gradient(directed, x, y, osciprop.HolomorphicEP(0.1, 4))
