"""Anderson mixing on linear maps, each sample on its own."""

import jax.numpy as jnp
import numpy as np
import pytest
from helpers import linear_network

import osciprop
from osciprop.equilibria.anderson import accelerate
from osciprop.networks.trees import sample_norms

RANDOM = np.random.default_rng(0)


def solve(matrices, right, **options):
    """`x = M x + b` for each sample."""
    matrices, right = jnp.asarray(matrices), jnp.asarray(right)
    settings = dict(tolerance=jnp.asarray(1e-12), onset=float("inf"), depth=5, max_steps=200)
    state, _, _, steps = accelerate(
        lambda x: jnp.einsum("bij,bj->bi", matrices, x) + right,
        jnp.zeros_like(right),
        change=lambda before, after: sample_norms(after - before),
        **settings | options,
    )
    return state, steps


@pytest.mark.parametrize("complex_numbers", [False, True])
def test_it_solves_where_plain_iteration_creeps(complex_numbers):
    matrices = RANDOM.normal(size=(4, 5, 5))
    right = RANDOM.normal(size=(4, 5))
    if complex_numbers:
        matrices, right = matrices + 1j * RANDOM.normal(size=(4, 5, 5)), right + 0j
    matrices = matrices + np.swapaxes(matrices.conj(), 1, 2)  # normal: no step adds to a residual
    largest = abs(np.linalg.eigvals(matrices)).max(axis=1)
    matrices = 0.99 * matrices / largest[:, None, None]
    found, steps = solve(matrices, right, depth=6)
    assert int(steps) < 100  # plain iteration: 2,700
    expected = np.linalg.solve(np.eye(5) - matrices, right[..., None])[..., 0]
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_it_is_krylov_on_a_linear_map():
    """As many steps as units, and a few to see that it has ended."""
    matrix = 0.9 * np.linalg.qr(RANDOM.normal(size=(4, 4)))[0]
    _, steps = solve(matrix[None], np.ones((1, 4)), depth=5)
    assert int(steps) <= 8


def test_a_sample_that_is_nan_leaves_the_others_alone():
    matrices = np.stack([0.5 * np.eye(3), 0.5 * np.eye(3)])
    right = np.asarray([[1.0, 2.0, 3.0], [np.nan] * 3])
    found, _ = solve(matrices, right)
    np.testing.assert_allclose(found[0], [2.0, 4.0, 6.0])
    assert np.isnan(found[1]).all()


def test_it_ends_unfinished_after_the_last_step():
    _, steps = solve(0.999 * np.eye(3)[None], np.ones((1, 3)), onset=0.0, max_steps=7)
    assert int(steps) == 7


@pytest.mark.slow
def test_anderson_needs_fewer_steps_near_criticality():
    """Mixing makes up for slow modes: `1 / (1 - 0.99)` would need about two thousand steps."""
    network = linear_network(norm=0.99)
    x = 0.01 * np.random.default_rng(0).normal(size=(5, 3))
    fast = osciprop.relax(network, x)
    plain = osciprop.relax(network, x, relaxation=osciprop.SequentialIteration(max_steps=10_000))
    assert 4 * int(fast.steps) < int(plain.steps)
    np.testing.assert_allclose(fast.s, plain.s, rtol=1e-6)
