"""Devices: what they make of what is written, and that networks learn through them."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import relative_error

import osciprop
from osciprop.networks import Bounded, Drifting, Mismatched, Positive, Quantised, constrain

KEY = jax.random.key(1)
SWEEPS = osciprop.SequentialIteration()


def weight(network):
    return network.synapses[1].weight


def test_bounds_hold_and_invert():
    device = Bounded(0.1, 2.0)
    value = jnp.asarray([0.2, 1.0, 1.99])
    np.testing.assert_allclose(device(device.free(value)), value, rtol=1e-12)
    assert device(jnp.asarray([-1e3, 1e3])).tolist() == [0.1, 2.0]
    with pytest.raises(ValueError, match="between 0.1 and 2"):
        device.free(jnp.asarray([2.0]))


@pytest.mark.parametrize(
    "device", [Bounded(-3.0, 3.0), Quantised(16, -3.0, 3.0), Mismatched(0.2, KEY), Drifting(100.0)]
)
def test_devices_take_the_network_s_precision(device):
    with jax.enable_x64(False):
        network = osciprop.hopfield_mlp([4, 3, 3, 2], key=KEY)
        found = osciprop.relax(
            constrain(network, weight, device), np.ones((2, 4)), relaxation=SWEEPS
        )
    assert {leaf.dtype.name for leaf in found.u} == {"float32"}


def test_levels_are_on_the_grid_and_gradients_pass_straight():
    device = Quantised(2**3, -1.0, 1.0)
    free = jnp.linspace(-1.5, 1.5, 101)
    shown = np.unique(np.asarray(device(free)))
    np.testing.assert_allclose(shown, np.linspace(-1, 1, 8), atol=1e-15)
    assert (np.abs(device(free) - free)[np.abs(free) <= 1] <= 1 / 7 + 1e-12).all()
    factors = jnp.arange(101.0)
    slope = jax.grad(lambda written: jnp.sum(factors * device(written)))(free)
    assert (slope == factors).all()


def test_a_pattern_is_fixed_and_log_normal():
    chip, other = Mismatched(0.2, KEY), Mismatched(0.2, jax.random.key(2))
    written = jnp.ones((200, 100))
    made = np.log(chip(written))
    np.testing.assert_allclose([made.mean(), made.std()], [0, 0.2], atol=0.005)
    assert (chip(written) == chip(written)).all() and (chip(written) != other(written)).all()
    np.testing.assert_allclose(chip(-3 * written), -3 * chip(written))


def test_drift_is_a_power_law():
    written = jnp.asarray([2.0, -1.0])
    np.testing.assert_allclose(Drifting(1.0)(written), written)
    late = Drifting(500.0, exponent=[0.1, 0.3], written=5.0)
    np.testing.assert_allclose(late(written), [2 * 100**-0.1, -(100**-0.3)])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Bounded(1.0, 1.0), ValueError, "low below high"),
        (lambda: Quantised(1, 0.0, 1.0), ValueError, "levels"),
        (lambda: Quantised(4, 1.0, 0.0), ValueError, "low below high"),
        (lambda: Mismatched(-0.1, KEY), ValueError, "spread"),
        (lambda: Mismatched(0.1, jnp.zeros(3)), TypeError, "key"),
        (lambda: Drifting(0.0), ValueError, "time"),
        (lambda: Drifting(1.0, written=-1.0), ValueError, "written"),
    ],
)
def test_mistakes_are_told(make, error, message):
    with pytest.raises(error, match=message):
        make()


DEVICES = [
    Bounded(-1.0, 1.0),
    Quantised(2**4, -1.0, 1.0),
    Mismatched(0.3, KEY),
    Drifting(100.0),
]


@pytest.mark.parametrize(
    "device",
    [*DEVICES[:2], *(pytest.param(device, marks=pytest.mark.slow) for device in DEVICES[2:])],
    ids=lambda device: type(device).__name__,
)
def test_the_gradient_is_that_of_the_shown_values_times_the_devices_slope(device):
    plain = osciprop.hopfield_mlp([4, 6, 5, 3], key=KEY)
    x, y = np.ones((2, 4)), np.asarray([0, 2])
    network = constrain(plain, weight, device)
    method = osciprop.Implicit(relaxation=SWEEPS)
    found = osciprop.estimate_gradient(network, x, y, method).gradient
    inside = osciprop.estimate_gradient(network.network, x, y, method).gradient
    numbers = network.free.synapses[1].weight.numbers
    _, pull = jax.vjp(device, numbers)
    learned = found.free.synapses[1].weight.numbers
    assert relative_error(learned, pull(weight(inside))[0]) < 1e-12
    assert relative_error(found.free.synapses[0].weight, inside.synapses[0].weight) < 1e-12


@pytest.mark.slow
@pytest.mark.parametrize(
    "device", [DEVICES[1], pytest.param(DEVICES[2], marks=pytest.mark.slow)], ids=["levels", "chip"]
)
def test_networks_learn_through_devices(device):
    network = constrain(osciprop.hopfield_mlp([4, 8, 5, 3], key=KEY), weight, device)
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 60)
    x = rng.normal(size=(60, 4)) + 2 * np.eye(3, 4)[y]
    trained, history = osciprop.fit(
        network,
        (x, y),
        osciprop.Implicit(relaxation=SWEEPS),
        optax.adam(0.05),
        epochs=5,
        progress=False,
    )
    losses = history.epochs["train_loss"]
    assert losses[-1] < 0.8 * losses[0]
    made = weight(trained.network)
    assert (device(trained.free.synapses[1].weight.numbers) == made).all()


def test_one_device_after_another():
    network = osciprop.hopfield_mlp([4, 6, 5, 3], key=KEY)
    positive = constrain(network, weight, Positive(), value=0.5)
    chip = constrain(positive, weight, Mismatched(0.1, KEY))
    expected = Mismatched(0.1, KEY)(jnp.full((6, 5), 0.5))
    np.testing.assert_allclose(weight(chip.network), expected, rtol=1e-12)
