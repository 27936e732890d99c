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


def source(samples: int = 3, sharing=PerSample()) -> tuple[Wiener, ...]:
    return (Wiener(jax.ShapeDtypeStruct((samples, 1, 200), jnp.dtype(float)), sharing),)


def path(kind, step=jnp.asarray(0.5), **sources):
    return kind.path(source(**sources), KEY, TIMES, step, diffrax.BrownianIncrement)


@pytest.mark.parametrize("kind", [FreshSteps(), BrownianTree()], ids=type)
def test_increments_have_the_variance_of_their_duration(kind):
    (found,) = path(kind).increments(jnp.asarray(1.0), jnp.asarray(1.5))
    assert float(jnp.var(found)) == pytest.approx(0.5, rel=0.2)


def test_every_step_and_every_sample_has_its_own():
    steps = path(FreshSteps())
    first, again, next_one = (
        steps.increments(jnp.asarray(t), jnp.asarray(t + 0.5))[0] for t in (1.0, 1.0, 1.5)
    )
    np.testing.assert_array_equal(first, again)
    assert abs(np.corrcoef(first.ravel(), next_one.ravel())[0, 1]) < 0.2
    assert abs(np.corrcoef(first[0].ravel(), first[1].ravel())[0, 1]) < 0.3
    (alone,) = path(FreshSteps(), samples=1).increments(jnp.asarray(1.0), jnp.asarray(1.5))
    np.testing.assert_array_equal(alone[0], first[0])


@pytest.mark.parametrize(
    "kind", [FreshSteps(), pytest.param(BrownianTree(), marks=pytest.mark.slow)], ids=type
)
def test_shared_increments_are_the_same_for_all_samples(kind):
    shared = path(kind, sharing=SharedAcrossBatch())
    (found,) = shared.increments(jnp.asarray(1.0), jnp.asarray(1.5))
    np.testing.assert_array_equal(found, jnp.broadcast_to(found[:1], found.shape))
    assert float(jnp.std(found[0])) > 0


def test_the_tree_is_one_path():
    tree = path(BrownianTree())
    ends = [jnp.asarray(t) for t in (1.0, 2.0, 3.0)]
    whole, (first, second) = (
        tree.increments(ends[0], ends[2])[0],
        (tree.increments(a, b)[0] for a, b in ((ends[0], ends[1]), (ends[1], ends[2]))),
    )
    np.testing.assert_allclose(first + second, whole, atol=1e-12)


def test_adaptive_steps_need_one_path():
    with pytest.raises(ValueError, match="BrownianTree"):
        path(FreshSteps(), step=None)
    with pytest.raises(ValueError, match="resolution"):
        BrownianTree(0.0)


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
    """Steps are numbered by time: a second piece goes on with the numbers of the whole."""
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
