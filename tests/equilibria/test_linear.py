import jax
import jax.numpy as jnp
import numpy as np
import pytest

from osciprop.equilibria import solve_linear


@jax.jit
def solve(matrices, right, tolerance=1e-11):
    """`matrices[k] v = right[k]` for every sample k."""
    return solve_linear(lambda v: jnp.einsum("bij,bj->bi", matrices, v), right, tolerance=tolerance)


def systems(units: int, count: int, imaginary: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """`I - G'` of networks that rest, with spectral radii of `G'` far beyond 1."""
    random = np.random.default_rng(units)
    found: list[np.ndarray] = []
    while len(found) < count:
        gain, skew, inhibition = 10 ** random.uniform(-1, 0.5), *random.uniform(size=2)
        drawn, other = random.normal(size=(2, units, units)) / np.sqrt(2 * units)
        weight = np.sqrt(1 - skew**2) * (drawn + drawn.T) + skew * (other - other.T)
        weight = gain * (weight - inhibition * np.eye(units))
        matrix = np.eye(units) - weight * (1 - np.tanh(random.normal(size=units)) ** 2)
        if np.linalg.eigvals(matrix).real.min() > 1e-3:
            found.append(matrix + imaginary * random.normal(size=(units, units)) / units)
    right = random.normal(size=(count, units)) + imaginary * random.normal(size=(count, units))
    return np.asarray(found), right


@pytest.mark.parametrize("imaginary", [0.0, 0.3j])
@pytest.mark.parametrize(
    "units",
    [1, 20, pytest.param(3, marks=pytest.mark.slow), pytest.param(100, marks=pytest.mark.slow)],
)
def test_systems_of_any_spectrum_are_solved(units, imaginary):
    matrices, right = systems(units, 50, imaginary)
    found = solve(jnp.asarray(matrices), jnp.asarray(right))
    exact = np.linalg.solve(matrices, right[..., None])[..., 0]
    singular = np.linalg.svd(matrices, compute_uv=False)
    error = np.linalg.norm(np.asarray(found.value) - exact, axis=1)
    assert (np.asarray(found.residual) <= 1e-11).all()
    assert (error <= 2e-11 * np.linalg.norm(right, axis=1) / singular[:, -1]).all()
    stretch = np.asarray(found.stretch)
    assert (singular[:, -1] * (1 - 1e-9) <= stretch).all()
    assert (stretch <= singular[:, 0] * (1 + 1e-9)).all()


def test_a_singular_sample_says_so_and_leaves_the_others_alone():
    matrices, right = systems(3, 3)
    alone = solve(jnp.asarray(matrices), jnp.asarray(right))
    broken = matrices.copy()
    broken[1] = np.diag([1.0, 2.0, 0.0])
    found = solve(jnp.asarray(broken), jnp.asarray(right))
    missed = np.abs(right[1, 2]) / np.linalg.norm(right[1])
    np.testing.assert_allclose(found.residual[1], missed, rtol=1e-9)
    for index in (0, 2):
        np.testing.assert_allclose(found.value[index], alone.value[index], rtol=1e-12)


def test_a_source_of_zero_has_the_solution_zero():
    found = solve(jnp.eye(2)[None], jnp.zeros((1, 2)))
    np.testing.assert_array_equal(found.value, 0.0)
    np.testing.assert_array_equal(found.residual, 0.0)
    assert np.isinf(found.stretch).all()


def test_a_sample_that_is_nan_is_not_solved_and_alone():
    matrices, right = systems(3, 2)
    right[0, 1] = np.nan
    found = solve(jnp.asarray(matrices), jnp.asarray(right))
    assert np.isnan(found.residual[0])
    assert found.residual[1] <= 1e-11


def test_lanes_do_not_depend_on_each_other():
    matrices, right = systems(20, 6)
    easy = np.broadcast_to(2 * np.eye(20), matrices.shape)
    lanes = jax.vmap(solve)(jnp.asarray([easy, matrices]), jnp.asarray([right, right]))
    for lane, alone in enumerate([easy, matrices]):
        found = solve(jnp.asarray(alone), jnp.asarray(right))
        np.testing.assert_allclose(lanes.value[lane], found.value, rtol=1e-12, atol=1e-13)
        assert int(lanes.steps[lane]) == int(found.steps)


def test_several_arrays_per_sample_are_one_vector():
    matrix = jnp.asarray([[1.0, 2.0, 0.0], [0.0, 1.0, -3.0], [1.0, 0.0, 1.0]])

    def operator(state):
        rows = jnp.concatenate([state["a"], state["b"][:, None]], axis=1) @ matrix.T
        return {"a": rows[:, :2], "b": rows[:, 2]}

    source = {"a": jnp.ones((1, 2)), "b": jnp.asarray([2.0])}
    found = solve_linear(operator, source, tolerance=1e-12).value
    expected = np.linalg.solve(matrix, [1.0, 1.0, 2.0])
    np.testing.assert_allclose(np.append(found["a"], found["b"]), expected, rtol=1e-12)
