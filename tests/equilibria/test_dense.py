"""One matrix at a time: right, and no kernel of LAPACK gets a batch to share among threads."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import osciprop
from osciprop.dynamics.dynamics import make_dynamics
from osciprop.equilibria.dense import (
    back_substituted,
    eigenvectors,
    factorised,
    solved,
    solved_by_factors,
)

ROOT = Path(__file__).resolve().parents[2]
KERNEL = re.compile(r"custom_call @(?:lapack|blas)_\w+.*?: \(([^)]*)\) ->")


def matrices(*shape: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    return random.normal(size=(*shape, 5, 5)), random.normal(size=(*shape, 5))


def test_under_vmap_they_are_numpys():
    matrix, right = matrices(2, 3)
    twice = jax.vmap(jax.vmap(solved))(jnp.asarray(matrix), jnp.asarray(right))
    np.testing.assert_allclose(twice, np.linalg.solve(matrix, right[..., None])[..., 0], rtol=1e-9)
    values, vectors = jax.vmap(jax.vmap(eigenvectors))(jnp.asarray(matrix))
    values, vectors = np.asarray(values), np.asarray(vectors)
    np.testing.assert_allclose(matrix @ vectors, vectors * values[..., None, :], atol=1e-12)
    factors = jax.vmap(jax.vmap(factorised))(jnp.asarray(matrix))
    again = jax.vmap(jax.vmap(solved_by_factors))(*factors, jnp.asarray(right))
    np.testing.assert_allclose(again, twice, rtol=1e-9)


@pytest.mark.parametrize("imaginary", [0.0, 1j])
def test_triangles_are_solved_from_below(imaginary):
    matrix, right = matrices(4)
    triangle = np.triu(matrix) + np.eye(5) * (2 + imaginary)
    found = back_substituted(jnp.asarray(triangle), jnp.asarray(right.astype(triangle.dtype)))
    np.testing.assert_allclose(found, np.linalg.solve(triangle, right[..., None])[..., 0])


def batches(program: str) -> list[str]:
    """Operands of LAPACK's kernels that hold more than one matrix."""
    shapes = [shape for found in KERNEL.findall(program) for shape in found.split(", ")]
    assert shapes, "no kernel of LAPACK in this program"
    sizes = [re.findall(r"(\d+)x", shape) for shape in shapes]
    return [
        shape
        for shape, axes in zip(shapes, sizes, strict=True)
        if len(axes) > 2 and any(int(size) > 1 for size in axes[:-2])
    ]


@pytest.mark.parametrize("lanes", [None, 3])
def test_no_kernel_gets_a_batch(lanes):
    """On a thread that the kernel holds it would wait for others: with several devices or threads
    for ever."""
    stability = importlib.import_module("osciprop.equilibria.stability")
    network = osciprop.feedback_mlp([4, 6, 3, 3], key=jax.random.key(0), angle=60.0)
    x = jnp.asarray(np.random.default_rng(0).normal(size=(7, 4)))

    def growth(x):
        u = network.rest(x)
        dynamics = make_dynamics(network, x, None, None)
        every = jnp.ones(7, dtype=bool)
        return stability.growth_rates(dynamics, u, every, tolerance=1e-3)[0]

    function = growth if lanes is None else jax.vmap(growth)
    given = x if lanes is None else jnp.stack([x] * lanes)
    assert batches(jax.jit(function).lower(given).as_text()) == []


def test_a_batch_would_be_seen():
    many = jnp.ones((7, 4, 4))
    program = jax.jit(lambda matrix: jnp.linalg.eig(matrix)[0]).lower(many).as_text()
    assert batches(program)


THREADS = """
import threading
import jax, numpy as np, osciprop
network = osciprop.feedback_mlp([8, 30, 30, 4, 4], key=jax.random.key(0), angle=60.0)
x = np.random.default_rng(0).normal(size=(40, 8)).astype(np.float32)
u = osciprop.relax(network, x).u
def look():
    for _ in range(8):
        assert osciprop.equilibria.stability(network, x, u).stable.all()
threads = [threading.Thread(target=look) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print("all ended")
"""


@pytest.mark.slow
def test_threads_beside_each_other_come_to_an_end():
    ended = subprocess.run(
        [sys.executable, "-c", THREADS], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert ended.stdout == "all ended\n", ended.stderr
