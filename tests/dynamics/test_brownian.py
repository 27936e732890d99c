"""Which numbers drive a simulation: by step and sample, of the right size, on one path."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import batch, linear_network, small_network

import osciprop
from osciprop.dynamics.brownian import BrownianTree, FreshSteps
from osciprop.dynamics.noise import PerSample, SharedAcrossBatch, Wiener

KEY, TIMES = jax.random.key(0), jnp.asarray([0.0, 10.0])
NUMBER = jnp.asarray(2)


def source(samples: int = 3, sharing=PerSample()) -> tuple[Wiener, ...]:
    return (Wiener(jax.ShapeDtypeStruct((samples, 1, 200), jnp.dtype(float)), sharing),)


def path(kind, step=jnp.asarray(0.5), **sources):
    area, start = diffrax.BrownianIncrement, jnp.asarray(0.0)
    return kind.path(source(**sources), KEY, TIMES, step, area, start)


@pytest.mark.parametrize("kind", [FreshSteps(), BrownianTree()], ids=type)
def test_increments_have_the_variance_of_their_duration(kind):
    (found,) = path(kind).increments(NUMBER, jnp.asarray(1.0), jnp.asarray(1.5))
    assert float(jnp.var(found)) == pytest.approx(0.5, rel=0.2)


def test_every_step_and_every_sample_has_its_own():
    steps = path(FreshSteps())
    first, again, next_one = (
        steps.increments(jnp.asarray(number), jnp.asarray(1.0), jnp.asarray(1.5))[0]
        for number in (2, 2, 3)
    )
    np.testing.assert_array_equal(first, again)
    assert abs(np.corrcoef(first.ravel(), next_one.ravel())[0, 1]) < 0.2
    assert abs(np.corrcoef(first[0].ravel(), first[1].ravel())[0, 1]) < 0.3
    (alone,) = path(FreshSteps(), samples=1).increments(NUMBER, jnp.asarray(1.0), jnp.asarray(1.5))
    np.testing.assert_array_equal(alone[0], first[0])


@pytest.mark.parametrize(
    "kind", [FreshSteps(), pytest.param(BrownianTree(), marks=pytest.mark.slow)], ids=type
)
def test_shared_increments_are_the_same_for_all_samples(kind):
    shared = path(kind, sharing=SharedAcrossBatch())
    (found,) = shared.increments(NUMBER, jnp.asarray(1.0), jnp.asarray(1.5))
    np.testing.assert_array_equal(found, jnp.broadcast_to(found[:1], found.shape))
    assert float(jnp.std(found[0])) > 0


def test_the_tree_is_one_path():
    tree = path(BrownianTree())
    ends = [jnp.asarray(t) for t in (1.0, 2.0, 3.0)]
    whole, (first, second) = (
        tree.increments(NUMBER, ends[0], ends[2])[0],
        (tree.increments(NUMBER, a, b)[0] for a, b in ((ends[0], ends[1]), (ends[1], ends[2]))),
    )
    np.testing.assert_allclose(first + second, whole, atol=1e-12)


def test_adaptive_steps_need_one_path():
    with pytest.raises(ValueError, match="BrownianTree"):
        path(FreshSteps(), step=None)
    with pytest.raises(ValueError, match="resolution"):
        BrownianTree(0.0)


@pytest.fixture(autouse=True)
def without_an_equilibrium(monkeypatch):
    monkeypatch.setenv("OSCIPROP_CHECK_NETWORKS", "0")


def increments(start: float, end: float, step: float, dtype=jnp.float64) -> np.ndarray:
    """What white noise adds in each step of one neuron that integrates without a leak or input."""
    network = jax.tree.map(lambda leaf: leaf.astype(dtype), Integrating(jnp.asarray(1.0)))
    times = start + step * np.arange(round((end - start) / step) + 1)
    found = osciprop.integrate(
        network,
        np.zeros((1, 1), dtype),
        times=times,
        integrator=osciprop.euler_maruyama(step),
        noise=osciprop.WhiteNoise(1.0),
        key=KEY,
    )
    return np.diff(np.asarray(found.u)[:, 0, 0]) / np.sqrt(step)


class Integrating(osciprop.AbstractNetwork):
    """One neuron without a leak: its potential is the noise's path, at no equilibrium."""

    unit: jax.Array

    def rest(self, x):
        return jnp.zeros((x.shape[0], 1), dtype=x.dtype)

    def activity(self, u):
        return u

    def drive(self, x):
        return x

    def current(self, s, drive):
        return drive * self.unit

    def velocity(self, u, current):
        return current

    def cost(self, s, y):
        return jnp.sum(s - y, axis=1)

    def output(self, s):
        return s


@pytest.mark.parametrize("start", [0.0, 0.03, 0.05, 10.05, 1234.5, -0.35, -7.0])
def test_no_two_steps_see_the_same_numbers(start):
    """At half-odd multiples of the step, consecutive numbers by rounded times would be equal."""
    found = increments(start, start + 20, 0.1)
    assert len(np.unique(found.round(9))) == len(found) == 200
    assert abs(np.corrcoef(found[1:], found[:-1])[0, 1]) < 4 / np.sqrt(200)


@pytest.mark.parametrize("start", [0.05, 2.0, 10.05, 1e6])
def test_what_goes_on_has_numbers_of_its_own(start):
    first, second = increments(start, start + 10, 0.1), increments(start + 10, start + 20, 0.1)
    both = np.concatenate([first, second]).round(9)
    assert len(np.unique(both)) == 200


def test_late_times_in_single_precision_repeat_nothing():
    """The step is below the times' last digits there."""
    path = FreshSteps().path(
        source(1),
        KEY,
        TIMES,
        jnp.asarray(0.1, jnp.float32),
        diffrax.BrownianIncrement,
        jnp.asarray(2e6, jnp.float32),
    )
    numbers = [0, 1, 2, 10**7 - 1, 10**7]
    ends = jnp.asarray(0.0), jnp.asarray(0.1)
    found = np.stack(
        [np.ravel(path.increments(jnp.asarray(number), *ends)[0]) for number in numbers]
    )
    assert np.abs(np.corrcoef(found) - np.eye(len(numbers))).max() < 5 / np.sqrt(200)


@pytest.mark.slow
def test_a_million_increments_are_uncorrelated():
    found = np.concatenate(
        [increments(0.05 + 1e3 * piece, 1e3 * piece + 1e3 + 0.05, 0.1) for piece in range(100)]
    )
    assert len(found) == 10**6
    assert abs(found.mean()) < 4e-3 and abs(found.var() - 1) < 4 * np.sqrt(2e-6)
    for lag in (1, 2, 3, 10, 9_999, 10_000, 10_001):
        assert abs(np.mean(found[lag:] * found[:-lag])) < 4e-3


@pytest.mark.slow
@pytest.mark.parametrize("start", [0.0, 0.03, 0.05, 10.05])
def test_the_variance_does_not_depend_on_the_start(start):
    """Of a leaky integrator, also in a run that goes on: Euler-Maruyama's own, `1 / (2 - step)`."""
    network, samples, step = linear_network(norm=1e-9), 2000, 0.1
    x, state, found = np.zeros((samples, 3)), None, []
    for piece in range(2):
        times = start + 10 * piece + np.asarray([0.0, 5.0, 10.0])
        run = osciprop.integrate(
            network,
            x,
            times=times,
            integrator=osciprop.euler_maruyama(step),
            noise=osciprop.WhiteNoise(1.0),
            key=KEY,
            initial=state,
        )
        state = run.u[-1]
        found.append(np.asarray(state).ravel())
    expected = 1 / (2 - step)
    error = expected * np.sqrt(2 / found[0].size)
    for values in found:
        assert abs(values.var() - expected) < 4 * error
    assert abs(np.corrcoef(*found)[0, 1]) < 4 / np.sqrt(found[0].size)


NOISES = [
    osciprop.WhiteNoise(0.2),
    pytest.param(osciprop.ColouredNoise(0.2, 1.5), marks=pytest.mark.slow),
]
X = np.random.default_rng(0).normal(size=(6, 3))


def simulated(noise, x=X, times=(0.0, 2.0, 5.0), u=0.0, own=None) -> osciprop.dynamics.Trajectory:
    return osciprop.integrate(
        linear_network(),
        x,
        times=times,
        integrator=osciprop.euler_maruyama(0.125),
        noise=noise,
        key=KEY,
        initial=jnp.broadcast_to(u, (len(x), 4)),
        initial_noise=own,
    )


@pytest.mark.slow
@pytest.mark.parametrize("noise", NOISES)
def test_a_sample_sees_the_same_noise_in_a_batch_of_any_size(noise):
    whole, part = simulated(noise), simulated(noise, X[:2])
    np.testing.assert_allclose(whole.u[:, :2], part.u, rtol=1e-12, atol=1e-13)


@pytest.mark.slow
@pytest.mark.parametrize("noise", NOISES)
def test_a_trajectory_may_be_cut(noise):
    """A second piece goes on with the numbers of the whole."""
    whole = simulated(noise)
    u, own = jax.tree.map(lambda leaf: leaf[1], (whole.u, whole.noise))
    second = simulated(noise, X, (2.0, 3.0, 5.0), u, own)
    np.testing.assert_allclose(whole.u[-1], second.u[-1], rtol=1e-12)


@pytest.mark.parametrize(
    ("solver", "order"),
    [
        (diffrax.Euler(), 1.0),
        pytest.param(diffrax.SRA1(), 1.5, marks=pytest.mark.slow),
        pytest.param(diffrax.ShARK(), 1.5, marks=pytest.mark.slow),
    ],
    ids=["euler", "sra1", "shark"],
)
@pytest.mark.slow
def test_strong_order(solver, order):
    """On one Brownian path, the error falls with the step as the solver's theory says."""
    network = small_network(activation=osciprop.Tanh(), scale=1.0)
    x, _ = batch(5, 3, samples=40)

    def final(step: float, with_solver) -> np.ndarray:
        integrator = osciprop.Integrator(
            with_solver,
            diffrax.ConstantStepSize(),
            dt0=step,
            brownian=osciprop.dynamics.BrownianTree(2**-12),
        )
        path = osciprop.integrate(
            network,
            x,
            times=[0.0, 2.0],
            integrator=integrator,
            noise=osciprop.WhiteNoise(0.5),
            key=KEY,
        )
        return np.concatenate([np.asarray(leaf[-1]) for leaf in path.u], axis=1)

    # The reference is the solver itself: a Levy area makes the tree's path another one.
    reference = final(2**-8, solver)
    steps = [2**-2, 2**-3, 2**-4] if order > 1 else [2**-3, 2**-4, 2**-5]
    errors = [np.sqrt(np.mean((final(step, solver) - reference) ** 2)) for step in steps]
    slope = np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert slope > order - 0.15
