"""Always-on gradients of asymmetric networks, against transfer functions and the criterion."""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import dense, flat, potentials_as_vector, relative_error, three_blocks

import osciprop

TIGHT = osciprop.AndersonIteration(tolerance=1e-13, max_steps=3000)
EXACT = osciprop.Implicit(TIGHT, tolerance=1e-11)
FINE = osciprop.Integrator(stepsize_controller=osciprop.dynamics.adaptive(1e-9, 1e-11))
SIGNALS = osciprop.ErrorSignals()


@pytest.fixture(scope="module")
def case():
    network = osciprop.recurrent_network([4, 8, 3], key=jax.random.key(3), bias=0.2)
    return network, np.random.default_rng(5).normal(size=(1, 4)), np.array([1])


@pytest.fixture(scope="module")
def linearised(case):
    """Of the free equilibrium the Jacobian in activity space, `1 / sigma'` and `dC/ds`, dense, and
    the loss."""
    network, x, y = case
    free = osciprop.relax(network, x, relaxation=TIGHT)
    drive = network.drive(jnp.asarray(x))
    weights = dense(lambda s: network.current(s, drive), free.s)
    inverse = np.diag(1 / np.diag(dense(network.activity, free.u)))
    loss, slope = jax.value_and_grad(lambda s: jnp.sum(network.cost(s, jnp.asarray(y))))(free.s)
    return weights - inverse, inverse, potentials_as_vector(slope), float(loss)


@pytest.mark.slow
@pytest.mark.parametrize("period", [40.0, pytest.param(80.0, marks=pytest.mark.slow)])
def test_companion_responds_by_the_adjoints_transfer_function(case, linearised, period):
    """`(J^T - i omega tau / sigma')^-1 dC/ds`, exactly, for any amplitude inside the radius."""
    jacobian, inverse, slope, loss = linearised
    omega = 2 * np.pi / period
    expected = np.linalg.solve(jacobian.T - 1j * omega * inverse, slope).real
    oscillation = osciprop.OscillatoryEP(
        0.1, period, samples=32, settle_periods=6, rule=SIGNALS, integrator=FINE
    )
    estimate = osciprop.estimate_gradient(*case, osciprop.OscillatoryAEP(oscillation))
    np.testing.assert_allclose(
        potentials_as_vector(estimate.error_signal), expected, atol=2e-6 * np.abs(expected).max()
    )
    np.testing.assert_allclose(estimate.loss, loss, rtol=1e-6)


@pytest.mark.slow
def test_running_mean_responds_by_its_transfer_function(case, linearised):
    """The mean follows a little: A acts by `i omega tau_m / (1 + i omega tau_m)` of itself."""
    jacobian, inverse, slope, _ = linearised
    period, time_constant = 50.0, 100.0
    turn = 2j * np.pi / period
    part = turn * time_constant / (1 + turn * time_constant)
    twice = jacobian - jacobian.T
    expected = np.linalg.solve(jacobian - part * twice - turn * inverse, slope).real
    oscillation = osciprop.OscillatoryEP(
        0.1, period, samples=32, settle_periods=40, rule=SIGNALS, integrator=FINE
    )
    method = osciprop.OscillatoryAEP(oscillation, osciprop.gradients.OwnMean(time_constant))
    estimate = osciprop.estimate_gradient(*case, method)
    np.testing.assert_allclose(
        potentials_as_vector(estimate.error_signal), expected, atol=2e-6 * np.abs(expected).max()
    )


@pytest.mark.slow
def test_always_on_vector_field_is_the_response(case, linearised):
    """Without correction: the presynaptic term from the mean, no free phase, `J` for `J^T`."""
    jacobian, inverse, slope, _ = linearised
    expected = np.linalg.solve(jacobian - 2j * np.pi / 40 * inverse, slope).real
    method = osciprop.OscillatoryEP(
        0.1, 40.0, samples=32, settle_periods=6, rule=SIGNALS, integrator=FINE
    )
    estimate = osciprop.estimate_gradient(*case, method)
    np.testing.assert_allclose(
        potentials_as_vector(estimate.error_signal), expected, atol=2e-6 * np.abs(expected).max()
    )


def random_networks(count: int):
    """Networks with a stable equilibrium: arrays stacked, inputs, targets, criteria, and how slow
    their slowest mode is."""
    rng = np.random.default_rng(1)
    networks: list[osciprop.Network] = []
    inputs, targets, criteria = [], [], []
    seed = 0
    while len(networks) < count:
        network = three_blocks(seed, rng.uniform(0.3, 1.6))
        x, y = rng.normal(size=(1, 4)), 0.5 * rng.normal(size=(1, 4))
        seed += 1
        free = osciprop.relax(network, x, relaxation=TIGHT, throw=False)
        if not bool(free.converged.all()):
            continue
        drive = network.drive(jnp.asarray(x))
        weights = dense(lambda s, net=network, drive=drive: net.current(s, drive), free.s)
        motion = weights @ dense(network.activity, free.u) - np.eye(12)
        if np.linalg.eigvals(motion).real.max() > -0.1:
            continue
        networks.append(network)
        inputs.append(x)
        targets.append(y)
        stability = osciprop.equilibria.running_mean_stability(network, x, relaxation=TIGHT)
        criteria.append(stability.slowest[0])
    parts = [eqx.partition(network, eqx.is_inexact_array) for network in networks]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(arrays for arrays, _ in parts))
    return (
        (stacked, parts[0][1]),
        jnp.asarray(np.stack(inputs)),
        jnp.asarray(np.stack(targets)),
        np.asarray(criteria),
    )


def cosines(networks, x, y, method) -> np.ndarray:
    stacked, static = networks

    def one(arrays, x, y):
        network = eqx.combine(arrays, static)
        found = method.estimate(network, x, y, None).gradient
        exact = EXACT.estimate(network, x, y, None).gradient
        a, b = (
            jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(tree)])
            for tree in (found, exact)
        )
        return jnp.sum(a * b) / jnp.sqrt(jnp.sum(a**2) * jnp.sum(b**2))

    return np.asarray(jax.jit(jax.vmap(one))(stacked, x, y))


@pytest.mark.slow
def test_criterion_tells_drift_from_success_on_100_random_networks():
    """Companions succeed wherever J is stable, running means where the criterion holds.

    Criteria within 0.2 of zero are left to neither: their means take too long to settle or drift.
    """
    networks, x, y, criteria = random_networks(100)
    steps = osciprop.Integrator(diffrax.Euler(), diffrax.ConstantStepSize(), dt0=0.25)
    # Long enough for the slowest of these networks, whose modes decay at 0.1 per time constant.
    slow = osciprop.OscillatoryEP(0.02, 400.0, settle_periods=2, rule=SIGNALS, integrator=steps)
    assert (cosines(networks, x, y, osciprop.OscillatoryAEP(slow)) > 0.999).all()
    oscillation = osciprop.OscillatoryEP(
        0.02, 100.0, settle_periods=39, rule=SIGNALS, integrator=steps
    )
    mean = osciprop.OscillatoryAEP(oscillation, osciprop.gradients.OwnMean(200.0))
    success = cosines(networks, x, y, mean) > 0.999
    clear = np.abs(criteria) > 0.2
    assert clear.sum() >= 80 and (criteria[clear] < 0).sum() >= 3
    np.testing.assert_array_equal(success[clear], criteria[clear] > 0)


@pytest.mark.slow
def test_a_mean_that_drifts_is_reported():
    """And its criterion says so; the companion works on the same network."""
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(1, 4)), 0.5 * rng.normal(size=(1, 4))
    network = three_blocks(seed=2, gain=1.0)
    stability = osciprop.equilibria.running_mean_stability(network, x, relaxation=TIGHT)
    assert not stability.stable[0] and "0 of 1 samples stable" in str(stability)
    oscillation = osciprop.OscillatoryEP(0.05, 100.0, settle_periods=59, rule=SIGNALS)
    method = osciprop.OscillatoryAEP(oscillation, osciprop.gradients.OwnMean(100.0))
    with pytest.warns(osciprop.GradientAccuracyWarning) as told:
        estimate = osciprop.estimate_gradient(network, x, y, method)
    assert any("smallest real part of -0.2" in str(warning.message) for warning in told)
    exact = osciprop.estimate_gradient(network, x, y, EXACT)
    assert relative_error(estimate.gradient, exact.gradient) > 0.1
    companion = osciprop.OscillatoryAEP(
        osciprop.OscillatoryEP(0.05, 400.0, settle_periods=1, rule=SIGNALS)
    )
    right = osciprop.estimate_gradient(network, x, y, companion)
    assert osciprop.cosine(right.gradient, exact.gradient) > 0.999
    assert "reference off by" in str(right)


@pytest.mark.slow
def test_it_learns_through_noise_and_from_where_it_was(case):
    network, _x, _y = case
    steps = osciprop.euler_maruyama(0.25)
    quiet = osciprop.OscillatoryEP(0.1, 50.0, samples=100, rule=SIGNALS, integrator=steps)
    noisy = eqx.tree_at(
        lambda method: method.noise,
        quiet,
        osciprop.WhiteNoise(1e-3),
        is_leaf=lambda leaf: leaf is None,
    )
    first = osciprop.estimate_gradient(*case, osciprop.OscillatoryAEP(quiet))
    second = osciprop.estimate_gradient(
        *case, osciprop.OscillatoryAEP(noisy), key=jax.random.key(0)
    )
    assert 0 < relative_error(second.gradient, first.gradient) < 0.1
    settled = osciprop.estimate_gradient(
        *case, osciprop.OscillatoryAEP(quiet), initial=first.equilibrium.u
    )
    assert relative_error(settled.gradient, first.gradient) < 1e-3
    assert flat(settled.gradient).shape == flat(eqx.filter(network, eqx.is_inexact_array)).shape


def test_settings_are_checked(case):
    with pytest.raises(TypeError, match="rule is ActivityProducts"):
        osciprop.OscillatoryAEP(osciprop.OscillatoryEP(0.1, 100.0))
    with pytest.raises(ValueError, match="time_constant must be"):
        osciprop.gradients.OwnMean(0.0)
    kinked = osciprop.recurrent_network(
        [4, 8, 3], key=jax.random.key(3), activation=osciprop.HardSigmoid()
    )
    with pytest.raises(osciprop.HolomorphyError):
        osciprop.estimate_gradient(kinked, *case[1:], osciprop.OscillatoryAEP())


@pytest.mark.slow
def test_bias_is_of_second_order_in_the_frequency_and_of_none_in_the_amplitude(case):
    network, x, y = case
    exact = osciprop.estimate_gradient(network, x, y, EXACT).gradient

    def error(amplitude: float, period: float) -> float:
        oscillation = osciprop.OscillatoryEP(
            amplitude, period, samples=32, rule=SIGNALS, integrator=FINE
        )
        method = osciprop.OscillatoryAEP(oscillation)
        found = osciprop.estimate_gradient(network, x, y, method)
        return relative_error(found.gradient, exact)

    periods = np.asarray([200.0, 400.0, 800.0])
    errors = [error(0.1, period) for period in periods]
    assert -np.polyfit(np.log(periods), np.log(errors), 1)[0] == pytest.approx(2, abs=0.1)
    assert error(0.2, 400.0) == pytest.approx(errors[1], rel=0.01)
