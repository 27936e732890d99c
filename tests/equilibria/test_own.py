"""What a network names as its relaxation is the default of all that relaxes it, and no more."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from helpers import batch, relative_error, small_network

import osciprop
from osciprop.dynamics.dynamics import make_dynamics
from osciprop.equilibria import OwnRelaxation

ONE_SWEEP = osciprop.SynchronousIteration(max_steps=1)


class Naming(osciprop.Network):
    """A network that asks for a relaxation which, here, is too short to converge."""

    @property
    def relaxation(self) -> osciprop.SynchronousIteration:
        return ONE_SWEEP


class Mistaken(osciprop.Network):
    @property
    def relaxation(self) -> str:
        return "anderson"


def of_type(kind: type[osciprop.Network]) -> osciprop.Network:
    network = small_network()
    parts = {part.name: getattr(network, part.name) for part in dataclasses.fields(network)}
    return kind(**parts)


def small_batch() -> tuple[jax.Array, np.ndarray]:
    x, y = batch(5, 3, 6)
    return jnp.asarray(x), y


def unfinished(solve) -> bool:
    """Whether what was solved is what one sweep leaves: an error, and never a result."""
    with pytest.raises(osciprop.ConvergenceError):
        solve()
    return True


def test_most_networks_settle():
    network, (x, _) = small_network(), small_batch()
    own = osciprop.relax(network, x, relaxation=OwnRelaxation())
    settled = osciprop.relax(network, x, relaxation=osciprop.Settling())
    np.testing.assert_array_equal(own.u[0], settled.u[0])


@pytest.mark.slow
def test_all_that_relaxes_asks_the_network():
    network, (x, y) = of_type(Naming), small_batch()
    single = np.asarray(x, np.float32), y.astype(np.int32)
    data = osciprop.datasets.Dataset("one", *single, *single, 3, (5,))
    assert unfinished(lambda: osciprop.relax(network, x))
    assert unfinished(lambda: osciprop.estimate_gradient(network, x, y, osciprop.Implicit()))
    assert osciprop.evaluate(network, *single).converged == 0
    assert unfinished(lambda: osciprop.analysis.gradient_series(network, x, y, amplitude=0.1))
    training = dict(epochs=1, batch_size=6, progress=False)
    assert unfinished(
        lambda: osciprop.fit(network, data, osciprop.Implicit(), optax.sgd(0.1), **training)
    )


@pytest.mark.slow
def test_what_a_call_names_comes_first():
    network, (x, y) = of_type(Naming), small_batch()
    assert bool(osciprop.relax(network, x, relaxation=osciprop.Settling()).converged.all())
    method = osciprop.HolomorphicEP(0.1, 4, osciprop.AndersonIteration())
    found = osciprop.estimate_gradient(network, x, y, method)
    exact = osciprop.estimate_gradient(small_network(), x, y, osciprop.Implicit())
    assert relative_error(found.gradient, exact.gradient) < 1e-4


@pytest.mark.parametrize("step", ["solve", "track"])
def test_inside_a_compiled_function(step):
    network, (x, _) = of_type(Naming), small_batch()
    solve = jax.jit(lambda u: getattr(OwnRelaxation(), step)(make_dynamics(network, x), u))
    expected = getattr(ONE_SWEEP, step)(make_dynamics(network, x), network.rest(x))
    found = solve(network.rest(x))
    np.testing.assert_allclose(found.u[0], expected.u[0], rtol=1e-12)
    assert int(found.steps) == 1


def test_pairs_settle_whatever_the_network_inside_names():
    """Its relaxation need not know neurons with two compartments; extensions of one it knows."""
    network = of_type(Naming)
    assert osciprop.AssumedReciprocal(network).relaxation is ONE_SWEEP
    assert osciprop.dynamics.FreeCompanion(network).relaxation is None


def test_what_is_no_relaxation_is_named():
    x, _ = small_batch()
    with pytest.raises(TypeError, match="Mistaken.relaxation is 'anderson': give an instance"):
        osciprop.relax(of_type(Mistaken), x)
