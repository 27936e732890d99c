"""Noisy phases: what is left without noise, where the noise comes from, and how it averages out."""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import LinearNetwork, batch, flat, relative_error, small_network

import osciprop
from osciprop.datasets import Dataset
from osciprop.gradients.contrast import contrast
from osciprop.gradients.noisy import NoisyClassicEP, NoisyHolomorphicEP

KEY = jax.random.PRNGKey(7)
QUICK = osciprop.SynchronousIteration()  # compiles faster than the default
SILENT = osciprop.WhiteNoise(0.0)
X, Y = batch(5, 3, 4)
X_, Y_ = jnp.asarray(X), jnp.asarray(Y)


def classic(amplitude=0.2, noise=SILENT, relaxation=QUICK, free_duration=60.0, **options):
    return NoisyClassicEP(
        amplitude, noise, relaxation=relaxation, free_duration=free_duration, **options
    )


def holomorphic(amplitude=0.3, noise=SILENT, points=6, relaxation=QUICK, **options):
    return NoisyHolomorphicEP(amplitude, points, noise, relaxation=relaxation, **options)


BOTH = pytest.mark.parametrize("method", [classic, holomorphic], ids=["classic", "holomorphic"])


def estimate(method, x=X, y=Y, key=KEY, network=None):
    network = small_network() if network is None else network
    return osciprop.estimate_gradient(network, x, y, method, key=key)


@eqx.filter_jit
def many(method, keys, network, x=X, y=Y):
    """Gradients with leading axis of the keys; compiled once per kind of method."""
    draw = lambda key: method.estimate(network, jnp.asarray(x), jnp.asarray(y), None, key)  # noqa: E731
    return jax.vmap(lambda key: draw(key).gradient)(keys)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("noisy", "noiseless"),
    [
        (classic(duration=300.0), osciprop.ClassicEP(0.2, QUICK)),
        (holomorphic(duration=300.0), osciprop.HolomorphicEP(0.3, 6, QUICK)),
        (holomorphic(duration=300.0, points=5, reads=3), osciprop.HolomorphicEP(0.3, 5)),
        (holomorphic(duration=300.0, points=2), osciprop.HolomorphicEP(0.3, 2)),
    ],
    ids=["classic", "six points", "five points", "two points"],
)
def test_without_noise_it_is_the_noiseless_method(noisy, noiseless):
    ours, theirs = estimate(noisy), estimate(noiseless)
    assert relative_error(ours.gradient, theirs.gradient) < 1e-7
    assert float(ours.loss) == pytest.approx(float(theirs.loss), abs=1e-12)
    np.testing.assert_allclose(ours.outputs, theirs.outputs, atol=1e-12)
    assert bool(ours.converged)


@pytest.mark.slow
def test_an_integrator_with_other_steps_finds_the_same_states():
    method = holomorphic(duration=300.0, integrator=osciprop.euler_maruyama(0.5))
    reference = estimate(osciprop.HolomorphicEP(0.3, 6)).gradient
    assert relative_error(estimate(method).gradient, reference) < 1e-7


one_step = eqx.filter_jit(lambda dynamics, u: dynamics.current(0.0, u))
one_contrast = eqx.filter_jit(contrast)


def synchronous(network, beta, u, steps):
    """Activities after each of some undamped steps at one teaching value, and the potential."""
    dynamics = osciprop.dynamics.Dynamics(network, network.drive(X_), Y_, osciprop.Constant(beta))
    states = []
    for _ in range(steps):
        u = one_step(dynamics, u)
        states.append(network.activity(u))
    return u, states


def by_hand(network, betas, weights, steps, reads, u):
    """The loop of the authors: steps at each value, the last ones read, the state carried on."""
    total = None
    for beta, weight, count in zip(betas, weights, steps, strict=True):
        u, states = synchronous(network, beta, u, count)
        for s in states[-reads:]:
            part = one_contrast(
                network,
                X_,
                Y_,
                jax.tree.map(lambda leaf: leaf[None], s),
                jnp.asarray([beta]),
                jnp.asarray([weight / reads]),
            )
            total = part if total is None else jax.tree.map(jnp.add, total, part)
    return total


@pytest.mark.slow
def test_classic_reads_the_steps_that_the_authors_read():
    """In phases too short to settle: five steps from the free point, then those after T2."""
    network, beta, settled = small_network(), 0.5, 4
    found = estimate(classic(beta, free_duration=5.0, duration=settled + 4.0))
    u, weights = found.equilibrium.u, [1 / beta, -1 / beta]
    expected = by_hand(network, [0.0, beta], weights, [5, settled + 4], 5, u)
    assert relative_error(found.gradient, expected) < 1e-10


def test_the_free_phase_is_as_long_as_the_nudged_one_unless_told():
    _, durations, _ = classic(duration=12.0, free_duration=None).schedule()
    np.testing.assert_array_equal(durations, 12.0)


@pytest.mark.slow
def test_the_circle_is_run_in_sequence():
    """In phases too short to settle: all points, each from where the one before it ended."""
    network, points = small_network(), 3
    betas = 0.5 * np.exp(2j * np.pi * np.arange(points) / points)
    free = osciprop.relax(network, X, relaxation=QUICK)
    u = jax.tree.map(lambda leaf: leaf.astype(complex), free.u)
    expected = by_hand(network, betas, -1 / (points * betas), [2] * points, 2, u)
    ours = estimate(holomorphic(0.5, points=points, duration=2.0, reads=2)).gradient
    assert relative_error(ours, expected) < 1e-10


@pytest.mark.slow
@pytest.mark.parametrize("reads", [1, pytest.param(5, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "sharing",
    [
        osciprop.dynamics.PerSample(),
        pytest.param(osciprop.dynamics.SharedAcrossBatch(), marks=pytest.mark.slow),
    ],
)
def test_size_of_the_error_is_that_of_the_noise(sharing, reads):
    """Uncoupled units, one step per time constant: every read of every unit is off by D, anew, and
    the gradient of an input's weight by that times the input."""
    size, beta, samples = 0.03, 0.01, 4
    network = LinearNetwork(jnp.zeros((3, 3)), jnp.eye(2, 3))
    x = jnp.asarray(np.random.default_rng(0).normal(size=(samples, 2)))
    y = jnp.zeros((samples, 3))
    method = classic(beta, osciprop.WhiteNoise(size, sharing=sharing), reads=reads, duration=8.0)
    gradients = many(method, jax.random.split(KEY, 500), network, x, y).inputs
    shared = isinstance(sharing, osciprop.dynamics.SharedAcrossBatch)
    inputs = jnp.abs(x.mean(0)) if shared else jnp.sqrt(jnp.sum(x**2, axis=0)) / samples
    expected = size / beta * np.sqrt(2 / reads) * inputs
    np.testing.assert_allclose(gradients.std(0).mean(-1), expected, rtol=0.08)


@pytest.mark.slow
@BOTH
def test_the_error_falls_as_one_over_amplitude(method):
    noise = osciprop.WhiteNoise(1e-4)
    errors = []
    for amplitude in (0.02, 0.08):
        true = estimate(method(amplitude, duration=100.0)).gradient
        noisy = many(method(amplitude, noise), jax.random.split(KEY, 40), small_network())
        gaps = jax.tree.map(lambda a, b: a - b, noisy, true)
        errors.append(float(jnp.sqrt(sum(jnp.sum(g**2) for g in jax.tree.leaves(gaps)))))
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.2)


@pytest.mark.slow
@BOTH
def test_mean_over_keys_approaches_the_noiseless_gradient(method):
    noise = osciprop.WhiteNoise(0.01)
    true = estimate(method(duration=100.0)).gradient
    noisy = many(method(noise=noise), jax.random.split(KEY, 400), small_network())
    one = relative_error(jax.tree.map(lambda leaf: leaf[0], noisy), true)
    mean = relative_error(jax.tree.map(lambda leaf: leaf.mean(0), noisy), true)
    # 400 draws leave a twentieth, and the bias of second order in the noise is smaller still.
    assert one > 0.02
    assert mean < one / 8


@BOTH
def test_reproducible_from_a_key(method):
    method = method(noise=osciprop.WhiteNoise(0.05), duration=10.0)
    first, again, other = (flat(estimate(method, key=key).gradient) for key in (KEY, KEY, KEY + 1))
    np.testing.assert_array_equal(first, again)
    assert np.linalg.norm(first - other) > 0.01 * np.linalg.norm(first)


@pytest.mark.slow
def test_phases_see_different_noise():
    """One noise for both phases of one step would cancel in the contrast of uncoupled units."""
    network = LinearNetwork(jnp.zeros((3, 3)), jnp.eye(2, 3))
    method = classic(1e-6, osciprop.WhiteNoise(1.0), reads=1, duration=1.0)
    gradient = estimate(method, np.ones((1, 2)), np.zeros((1, 3)), network=network).gradient
    assert np.abs(gradient.inputs).min() > 1e3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "noise"),
    [(classic, osciprop.ColouredNoise(0.05, 3.0)), (holomorphic, osciprop.WhiteNoise(0.05))],
    ids=["classic", "holomorphic"],
)
def test_noise_per_sample_does_not_depend_on_the_batch(method, noise):
    """A third sample adds the same, whoever the first two are."""
    method = method(noise=noise, duration=10.0)

    def third(rows):
        three, two = (flat(estimate(method, X[r], Y[r]).gradient) for r in (rows, rows[:2]))
        return 3 * three - 2 * two

    np.testing.assert_allclose(third([0, 1, 2]), third([1, 3, 2]), rtol=1e-6, atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("shared", [True, False])
def test_sharing_decides_whether_twins_see_the_same(shared):
    sharing = osciprop.dynamics.SharedAcrossBatch() if shared else osciprop.dynamics.PerSample()
    method = classic(noise=osciprop.WhiteNoise(0.05, sharing=sharing), duration=10.0)
    one, twins = (flat(estimate(method, X[r], Y[r]).gradient) for r in ([0], [0, 0]))
    assert bool(np.allclose(one, twins, rtol=1e-6)) is shared


@pytest.mark.slow
def test_coloured_noise_is_carried_from_phase_to_phase():
    """Noise that hardly forgets is the same in all phases of one step, and cancels; drawn anew in
    each it would not."""
    network = LinearNetwork(jnp.zeros((3, 3)), jnp.eye(2, 3))
    x, y = np.ones((1, 2)), np.zeros((1, 3))
    errors = []
    for time in (1e8, 1.0):
        method = classic(0.01, osciprop.ColouredNoise(1.0, time), reads=1, duration=2.0)
        errors.append(np.abs(estimate(method, x, y, network=network).gradient.inputs).max())
    assert errors[0] < 10 < errors[1]


@pytest.mark.slow
def test_works_under_jit_and_in_single_precision():
    network = small_network()
    method = holomorphic(noise=osciprop.WhiteNoise(0.02), duration=10.0)
    plain = estimate(method).gradient
    traced = eqx.filter_jit(
        lambda key: osciprop.estimate_gradient(network, X, Y, method, key=key).gradient
    )(KEY)
    assert relative_error(traced, plain) < 1e-10
    single = jax.tree.map(
        lambda leaf: leaf.astype(jnp.float32) if eqx.is_inexact_array(leaf) else leaf, network
    )
    gradient = estimate(method, np.float32(X), network=single).gradient
    assert {leaf.dtype for leaf in jax.tree.leaves(gradient)} == {np.dtype("float32")}


@pytest.mark.slow
def test_settings_are_numbers_that_change_freely():
    run = eqx.filter_jit(
        eqx.debug.assert_max_traces(
            lambda method: method.estimate(small_network(), X_, Y_, None, KEY).gradient,
            max_traces=1,
        )
    )
    for amplitude, duration in ((0.1, 10.0), (0.2, 12.0), (0.3, 15.0)):
        noise = osciprop.WhiteNoise(amplitude / 10)
        assert np.isfinite(flat(run(holomorphic(amplitude, noise, duration=duration)))).all()


@pytest.mark.slow
@BOTH
def test_trains_with_fit(method):
    x, y = X.astype(np.float32), Y.astype(np.int32)
    data = Dataset("random", x, y, x, y, num_classes=3, image_shape=(5,))
    method = method(noise=osciprop.WhiteNoise(0.01), duration=20.0)
    _, history = osciprop.fit(
        small_network(), data, method, optax.sgd(0.5), epochs=20, batch_size=4, progress=False
    )
    assert history.epochs["train_loss"][-1] < 0.7 * history.epochs["train_loss"][0]
    assert all(history.steps["converged"])


@BOTH
def test_errors_say_what_to_do(method):
    with pytest.raises(ValueError, match="key is None"):
        estimate(method(noise=osciprop.WhiteNoise(0.01)), key=None)
    with pytest.raises(ValueError, match="amplitude must be .* got -1"):
        method(-1.0)
    with pytest.raises(ValueError, match="duration must be .* got -3"):
        method(duration=-3.0)
    with pytest.raises(ValueError, match="duration=4.0 must exceed 4, .*reads=5"):
        method(duration=4.0, reads=5)
    with pytest.raises(ValueError, match="reads must be an integer of at least 1, got 0"):
        method(reads=0)
    with pytest.raises(ValueError, match="spacing must be"):
        method(spacing=0.0)
    with pytest.raises(TypeError, match="noise"):
        method(noise=0.01)
    with pytest.raises(ValueError, match="Tsit5, which cannot integrate noise"):
        estimate(method(noise=osciprop.WhiteNoise(0.01), integrator=osciprop.Integrator()))


def test_errors_of_one_method():
    with pytest.raises(ValueError, match="at least 2, got 1"):
        holomorphic(points=1)
    with pytest.raises(ValueError, match="free_duration=2.0 must exceed 4"):
        classic(free_duration=2.0)
    network = small_network(activation=osciprop.HardSigmoid())
    with pytest.raises(osciprop.HolomorphyError):
        estimate(holomorphic(), network=network)


@pytest.mark.slow
def test_two_points_need_no_holomorphic_network():
    network = small_network(activation=osciprop.HardSigmoid())
    assert bool(estimate(holomorphic(points=2), network=network).converged)


@pytest.mark.slow
def test_what_did_not_work_says_so():
    slow = osciprop.SynchronousIteration(max_steps=1)
    with pytest.raises(osciprop.ConvergenceError, match="free equilibrium did not converge"):
        estimate(holomorphic(relaxation=slow))
    # Linear units under a nudge beyond their stability grow without bound.
    network = LinearNetwork(jnp.zeros((3, 3)), jnp.eye(2, 3))
    method = holomorphic(50.0, duration=500.0)
    flagged = osciprop.estimate_gradient(
        network, np.ones((1, 2)), np.zeros((1, 3)), method, key=KEY, throw=False
    )
    assert not bool(flagged.converged)
    with pytest.raises(osciprop.ConvergenceError, match="6 of 6 noisy phases .* phase 0"):
        estimate(method, np.ones((1, 2)), np.zeros((1, 3)), network=network)
    few = osciprop.Integrator(diffrax.Euler(), diffrax.ConstantStepSize(), dt0=1.0, max_steps=5)
    with pytest.raises(osciprop.ConvergenceError, match="max_steps"):
        estimate(classic(integrator=few))


@pytest.mark.slow
def test_the_summary_counts_phases_and_steps():
    text = str(estimate(holomorphic(duration=20.0)))
    assert "6 of 6 phases completed, 120 steps" in text
    assert estimate(classic(duration=10.0)).diagnostics.concerns() == []
