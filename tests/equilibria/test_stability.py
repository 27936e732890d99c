"""Growth rates of perturbations, held against dense eigenvalues."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import Field, batch, small_network

import osciprop
from osciprop.equilibria import stability


def random_field(units: int, rng: np.random.Generator) -> Field:
    """Any symmetry, gain and time constants: stable or not."""
    skew, gain = rng.uniform(), 10 ** rng.uniform(-0.7, 0.5)
    one, other = rng.normal(size=(2, units, units)) / np.sqrt(2 * units)
    weight = gain * (np.sqrt(1 - skew**2) * (one + one.T) + skew * (other - other.T))
    times = 10 ** rng.uniform(-0.3, 0.3, units)
    return Field(*map(jnp.asarray, (weight, rng.normal(size=units) / 2, times)))


def dense(network: Field, u: np.ndarray) -> float:
    """The largest real part of the Jacobian's eigenvalues at a potential."""
    slope = 1 - np.tanh(u) ** 2
    weight, times = np.asarray(network.weight), np.asarray(network.time_constant)
    return np.linalg.eigvals((weight * slope - np.eye(len(u))) / times[:, None]).real.max()


@pytest.mark.parametrize(
    ("units", "count"),
    [
        (3, 5),
        (60, 3),
        pytest.param(200, 60, marks=pytest.mark.slow),
        *(pytest.param(n, 100, marks=pytest.mark.slow) for n in (3, 20, 60)),
    ],
)
def test_it_is_the_largest_real_part(units, count):
    """At any state, equilibrium or not: every sign, and nearly all that is certain."""
    rng, certain, wrong = np.random.default_rng(units), 0, 0
    for _ in range(count):
        network, u = random_field(units, rng), rng.normal(size=(2, units))
        found = stability(network, np.zeros((2, units)), jnp.asarray(u))
        expected = np.asarray([dense(network, row) for row in u])
        assert ((found.growth < 0) == (expected < 0)).all()
        certain += np.count_nonzero(found.certain)
        wrong += np.count_nonzero(found.certain & (np.abs(found.growth - expected) > 1e-2))
    assert certain >= (1.6 if units > 100 else 1.9) * count
    assert wrong <= 0.02 * certain if units > 40 else wrong == 0


def test_equilibria_from_rest_of_a_contracting_network_are_stable():
    network, (x, y) = small_network(), batch(5, 3, 4)
    free = osciprop.relax(network, x)
    found = stability(network, x, free.u)
    assert found.stable.all() and found.certain.all()
    assert str(found).startswith("Stability: 4 of 4 samples stable; growth rates from -")
    nudged = osciprop.relax(network, x, y, beta=0.2j)
    assert stability(network, x, nudged.u, y, beta=0.2j).stable.all()


@pytest.mark.slow
def test_newton_ends_in_an_unstable_one_and_it_is_seen():
    """Two neurons that excite each other: rest is an equilibrium that the ODE leaves."""
    network = Field(jnp.asarray([[0.0, 3.0], [3.0, 0.0]]), jnp.zeros(2), jnp.ones(2))
    x = np.zeros((1, 2))
    with pytest.raises(osciprop.ConvergenceError, match="the ODE leaves 1 of them"):
        osciprop.relax(network, x, relaxation=osciprop.Newton())
    free = osciprop.relax(network, x, relaxation=osciprop.Newton(), throw=False)
    assert free.growth[0] == pytest.approx(2.0) and not free.converged[0]
    both = osciprop.Chained(osciprop.SynchronousIteration(max_steps=1), osciprop.Newton())
    assert not osciprop.relax(network, x, relaxation=both, throw=False).converged[0]
    found = stability(network, x, free.u)
    assert not found.stable[0] and found.growth[0] == pytest.approx(2.0)
    upper = osciprop.relax(network, x, initial=jnp.ones((1, 2)))
    assert stability(network, x, upper.u).stable[0]


@pytest.mark.slow
@pytest.mark.parametrize("solver", [osciprop.Newton(), osciprop.equilibria.ContractingIteration()])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_in_reduced_precision_it_is_seen_too(solver, dtype):
    network = Field(jnp.asarray([[0.0, 3.0], [3.0, 0.0]]), jnp.zeros(2), jnp.ones(2))
    reduced = osciprop.equilibria.ReducedPrecision(solver, dtype)
    for relaxation in (reduced, osciprop.Chained(osciprop.SynchronousIteration(), reduced)):
        found = osciprop.relax(network, np.zeros((1, 2)), relaxation=relaxation, throw=False)
        assert found.residual[0] == 0 and not found.converged[0]
        assert found.growth[0] == pytest.approx(2.0)


def test_bad_input_is_named():
    network, (x, y) = small_network(), batch(5, 3, 4)
    free = osciprop.relax(network, x)
    with pytest.raises(ValueError, match="directions"):
        stability(network, x, free.u, directions=1)
    with pytest.raises(ValueError, match="beta"):
        stability(network, x, free.u, y)
    assert jax.tree.leaves(free.u)[0].shape[0] == 4
