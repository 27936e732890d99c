"""Ways to equilibrium: all reach the same, and say so when they do not."""

import diffrax
import jax
import jax.numpy as jnp
import lineax
import numpy as np
import pytest
from helpers import batch, linear_network, small_network

import osciprop

RELAXATIONS = [
    osciprop.AndersonIteration(),
    osciprop.SequentialIteration(damping=0.7),
    osciprop.SynchronousIteration(damping=0.5),
    osciprop.Flow(),
    osciprop.Newton(),
]
VARIANTS = [
    osciprop.SequentialIteration(),
    osciprop.SynchronousIteration(),
    osciprop.Flow(
        integrator=osciprop.Integrator(diffrax.Heun(), diffrax.ConstantStepSize(), dt0=0.5)
    ),
    osciprop.Newton(lineax.GMRES(rtol=1e-6, atol=1e-12)),
]


def relaxations(quick, slow):
    return pytest.mark.parametrize(
        "relaxation",
        quick + [pytest.param(relaxation, marks=pytest.mark.slow) for relaxation in slow],
        ids=lambda relaxation: type(relaxation).__name__,
    )


every_relaxation = relaxations(RELAXATIONS, VARIANTS)
sweeps_first = relaxations(RELAXATIONS[:3], RELAXATIONS[3:] + VARIANTS)


@every_relaxation
def test_free_equilibrium_of_a_linear_network(relaxation):
    network = linear_network()
    x = np.random.default_rng(0).normal(size=(3, 3))
    solution = osciprop.relax(network, x, relaxation=relaxation)
    expected = np.linalg.solve(np.eye(4) - np.asarray(network.coupling), (x @ network.inputs).T).T
    np.testing.assert_allclose(solution.s, expected, atol=2e-9)
    assert solution.residual.shape == (3,) and bool(solution.converged.all())
    assert "3 of 3 samples converged" in str(solution)


@sweeps_first
def test_complex_nudge_of_a_linear_network(relaxation):
    """`s = (1 + beta - W)^-1 (V x + beta y)` for a squared error, one beta per sample."""
    network = linear_network()
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 3)), rng.normal(size=(2, 4))
    betas = np.array([0.2 + 0.1j, -0.1j])
    solution = osciprop.relax(network, x, y, beta=betas, relaxation=relaxation)
    for index, beta in enumerate(betas):
        matrix = (1 + beta) * np.eye(4) - np.asarray(network.coupling)
        expected = np.linalg.solve(matrix, x[index] @ np.asarray(network.inputs) + beta * y[index])
        np.testing.assert_allclose(solution.s[index], expected, atol=2e-9)


@relaxations(
    [osciprop.SynchronousIteration(max_steps=2)],
    [
        osciprop.AndersonIteration(max_steps=2),
        osciprop.Newton(max_steps=1),
        osciprop.Flow(integrator=osciprop.Integrator(max_steps=2)),
    ],
)
def test_unconverged_is_raised_or_flagged(relaxation):
    network, (x, _) = small_network(), batch(5, 3, 4)
    with pytest.raises(osciprop.ConvergenceError, match="0 of 4 samples.*Remedies"):
        osciprop.relax(network, x, relaxation=relaxation)
    flagged = osciprop.relax(network, x, relaxation=relaxation, throw=False)
    assert not np.asarray(flagged.converged).any()


def test_two_cycles_do_not_count_as_converged():
    """`s <- w s` with w = -1 alternates for ever; a two-step residual would call it settled."""
    network = linear_network(norm=1.0)
    flip = type(network)(-jnp.eye(4), network.inputs)
    x = np.ones((1, 3))
    solution = osciprop.relax(
        flip, x, relaxation=osciprop.SynchronousIteration(max_steps=100), throw=False
    )
    assert not bool(solution.converged[0])
    damped = osciprop.relax(flip, x, relaxation=osciprop.SynchronousIteration(damping=0.5))
    np.testing.assert_allclose(damped.s, x @ network.inputs / 2, atol=1e-9)


@sweeps_first
def test_large_activities_settle_in_float32(relaxation):
    """Activities of 1e4 are known to 1e-3 in float32: an absolute tolerance of 2e-6 is no goal."""
    network = osciprop.perceptron([3, 8, 8, 4], key=jax.random.PRNGKey(0))
    network = jax.tree.map(lambda leaf: leaf.astype(np.float32), network)
    x = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32) * 1e4
    solution = osciprop.relax(network, x, relaxation=relaxation)
    s = x
    for number, synapse in enumerate(network.synapses):
        s = s @ np.asarray(synapse.weight)
        s = np.maximum(s, 0) if number < 2 else s
    largest = np.abs(np.asarray(solution.s[-1])).max()
    assert largest > 1e3 and bool(solution.converged.all())
    np.testing.assert_allclose(solution.s[-1], s, atol=2e-5 * largest)


def test_nudge_needs_both_target_and_strength():
    network, (x, y) = small_network(), batch(5, 3, 2)
    with pytest.raises(ValueError, match="a nudge needs both"):
        osciprop.relax(network, x, y)
    with pytest.raises(ValueError, match="a nudge needs both"):
        osciprop.relax(network, x, beta=0.1)


def test_initial_state_is_used():
    network, (x, _) = small_network(), batch(5, 3, 2)
    first = osciprop.relax(network, x)
    again = osciprop.relax(network, x, initial=first.u)
    assert int(again.steps) <= 2


@pytest.mark.slow
def test_real_numbers_suffice_for_real_nudges():
    network, (x, y) = small_network(), batch(5, 3, 2)
    real = osciprop.relax(network, x, y, beta=0.1)
    assert all(not jnp.iscomplexobj(leaf) for leaf in real.u)
    complex_ = osciprop.relax(network, x, y, beta=0.1 + 0j)
    for a, b in zip(real.s, complex_.s, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-9)


class Slope(osciprop.networks.AbstractGradientFlow):
    """An energy without a minimum: potentials fall for ever."""

    def rest(self, x):
        return jnp.zeros_like(x)

    def energy(self, u, drive):
        return -jnp.sum(osciprop.networks.complex_like(drive, u) * u, axis=-1)

    def cost(self, s, y):
        return jnp.sum((s - y) ** 2, axis=-1)

    def output(self, s):
        return s


@relaxations([osciprop.SynchronousIteration()], [osciprop.Settling(), osciprop.Flow(max_time=1e12)])
def test_what_falls_for_ever_has_not_settled(relaxation):
    found = osciprop.relax(Slope(), np.asarray([[1.0, 2.0]]), relaxation=relaxation, throw=False)
    assert not found.converged.any()
