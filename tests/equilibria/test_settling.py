"""The default of dynamics that are no contraction: the ODE's own equilibrium, or a flag."""

from itertools import pairwise

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import Field, batch, small_network
from scipy.integrate import solve_ivp

import osciprop
from experiments.settling import balanced
from osciprop.dynamics.dynamics import make_dynamics
from osciprop.equilibria import Settling


def field(units: int, random: np.random.Generator, unit_of_time: float = 1.0) -> Field:
    """Any sizes of excitation, inhibition and asymmetry."""
    gain, skew, inhibition = 10 ** random.uniform(-1, 0.5), *random.uniform(size=2)
    drawn, other = random.normal(size=(2, units, units)) / np.sqrt(2 * units)
    weight = np.sqrt(1 - skew**2) * (drawn + drawn.T) + skew * (other - other.T)
    times = unit_of_time * 10 ** random.uniform(-0.3, 0.3, units)
    weight = gain * (weight - inhibition * np.eye(units))
    return Field(*map(jnp.asarray, (weight, random.normal(size=units) / 2, times)))


def ends(network: Field) -> np.ndarray | None:
    """Where the ODE goes from rest, by LSODA and Newton's method; None if it does not settle."""
    weight, bias, times = map(np.asarray, (network.weight, network.bias, network.time_constant))

    def velocity(_: float, u: np.ndarray) -> np.ndarray:
        return (weight @ np.tanh(u) + bias - u) / times

    long = 400 * times.max()
    run = solve_ivp(velocity, (0, long), np.zeros(bias.size), "LSODA", rtol=1e-9, atol=1e-11)
    end = run.y[:, -1]
    u = end
    for _ in range(20):
        jacobian = np.eye(bias.size) - weight * (1 - np.tanh(u) ** 2)
        u = u - np.linalg.solve(jacobian, u - weight @ np.tanh(u) - bias)
    still = np.abs(velocity(0.0, u) * times).max() < 1e-9 and np.abs(u - end).max() < 1e-2
    return u if still else None


@jax.jit
@jax.vmap
def settle(network):
    x = jnp.zeros((1, network.bias.size))
    return Settling().solve(make_dynamics(network, x), network.rest(x))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("units", "count"),
    [(20, 20), (3, 600), (20, 200)],
)
def test_every_network_whose_ode_settles_is_solved(units, count):
    random = np.random.default_rng(count)
    networks, expected = [], []
    while len(networks) < count:
        network = field(units, random, unit_of_time=0.01)
        end = ends(network)
        if end is not None:
            networks.append(network)
            expected.append(end)
    found = settle(jax.tree.map(lambda *leaves: jnp.stack(leaves), *networks))
    right = np.abs(np.asarray(found.u)[:, 0] - expected).max(axis=1) < 1e-8
    converged = np.asarray(found.converged)[:, 0]
    assert not (converged & ~right).any()
    assert np.count_nonzero(right) >= 0.995 * count


def elsewhere(activation, scale, relaxation, samples) -> int:
    """How many samples of the digits end in another equilibrium than the flow's."""
    network = osciprop.hopfield_mlp(
        [64, 64, 64, 10], key=jax.random.key(0), activation=activation, scale=scale
    )
    x = osciprop.datasets.digits().x_train[:samples].astype(float)
    # A sample so close to criticality that even the flow is not done says nothing.
    flow = osciprop.relax(network, x, relaxation=osciprop.Flow(1e-6), throw=False)
    ours = osciprop.relax(network, x, relaxation=relaxation)
    apart = [np.abs(a - b).max(axis=1) for a, b in zip(flow.s, ours.s, strict=True)]
    assert bool(ours.converged.all()) and int(jnp.sum(flow.converged)) >= 0.97 * samples
    return int(np.count_nonzero((np.max(apart, axis=0) > 1e-3) & np.asarray(flow.converged)))


@pytest.mark.slow
def test_of_several_equilibria_it_finds_the_flows():
    case = osciprop.ShiftedSigmoid(), 2.0
    assert elsewhere(*case, osciprop.AndersonIteration(), 60) > 0
    assert elsewhere(*case, Settling(), 60) == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("activation", "scale", "allowed"),
    [
        *((osciprop.ShiftedSigmoid(), scale, 3) for scale in (0.5, 1.5, 2.0)),
        *((osciprop.Tanh(), scale, 9) for scale in (1.0, 1.5, 2.0)),
    ],
)
def test_hardly_any_sample_ends_elsewhere(activation, scale, allowed):
    assert elsewhere(activation, scale, Settling(), 300) <= allowed


def test_where_sweeps_contract_it_is_anderson_iteration():
    network, (x, _) = small_network(), batch(5, 3, 4)
    ours = osciprop.relax(network, x)
    plain = osciprop.relax(network, x, relaxation=osciprop.AndersonIteration())
    assert (np.asarray(ours.growth) == -np.inf).all()
    assert int(ours.steps) == int(plain.steps)
    for a, b in zip(ours.u, plain.u, strict=True):
        np.testing.assert_array_equal(a, b)


@jax.jit
def settled_from_rest(network, x, y, beta):
    """All of it: outside `jit`, what contracts is tried first."""
    return osciprop.relax(network, x, y, beta=beta)


@pytest.mark.slow
def test_nudges_in_the_complex_plane():
    network, (x, y) = small_network(), batch(5, 3, 4)
    ours = settled_from_rest(network, x, y, 0.3j)
    plain = osciprop.relax(network, x, y, beta=0.3j, relaxation=osciprop.AndersonIteration())
    for a, b in zip(ours.u, plain.u, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-9)


@pytest.mark.slow
def test_an_equilibrium_that_the_ode_leaves_is_left():
    """Acceleration may end in a saddle; from rest exactly in one, even the flow does."""
    network = Field(jnp.asarray([[0.0, 3.0], [3.0, 0.0]]), jnp.asarray([0.1, 0.1]), jnp.ones(2))
    x = np.zeros((1, 2))
    saddle = osciprop.relax(network, x, relaxation=osciprop.Newton(), throw=False)
    assert not saddle.converged[0] and saddle.growth[0] > 0
    near = saddle.u + 1e-4
    found = osciprop.relax(network, x, initial=near)
    assert found.growth[0] < 0 and np.abs(found.u - saddle.u).max() > 1
    middle = Field(network.weight, jnp.zeros(2), jnp.ones(2))
    with pytest.raises(osciprop.ConvergenceError, match="the ODE leaves 1 of them"):
        osciprop.relax(middle, x)


def populations(network: Field, sizes: tuple[int, ...]) -> osciprop.Network:
    """The same units in populations, which sweeps visit one after the other."""
    bounds = np.cumsum((0, *sizes))
    parts = [slice(*pair) for pair in pairwise(bounds)]
    made = tuple(
        osciprop.Population(
            osciprop.LeakyIntegrator(osciprop.Tanh(), network.time_constant[part]),
            network.bias[part],
        )
        for part in parts
    )
    still = osciprop.Directed(np.zeros((1, sizes[0])), osciprop.INPUT, 0)
    synapses = [
        osciprop.Directed(network.weight[target, source].T, i, j)
        for i, source in enumerate(parts)
        for j, target in enumerate(parts)
    ]
    return osciprop.Network(made, (still, *synapses), osciprop.SquaredError())


@pytest.mark.parametrize("inhibitory_time", [0.3, 1.0])
def test_sweeps_that_contract_do_not_hide_an_ode_that_spirals_out(inhibitory_time):
    """Excitation that grows before inhibition meets it: sweeps, one by one, know no delay."""
    weight = jnp.asarray([[2.1, -1.4], [1.4, 0.0]])
    pair = Field(weight, jnp.asarray([0.01, 0.0]), jnp.asarray([1.0, inhibitory_time]))
    rates = np.diag(1 / np.asarray(pair.time_constant)) @ (np.asarray(weight) - np.eye(2))
    stable = np.linalg.eigvals(rates).real.max() < 0
    found = osciprop.relax(populations(pair, (1, 1)), np.zeros((1, 1)), throw=False)
    assert bool(found.converged.all()) == bool(stable) == bool(inhibitory_time < 0.5)


@pytest.mark.slow
def test_populations_of_excitation_and_inhibition_settle_where_the_ode_does():
    random = np.random.default_rng(5)
    right = wrong = other = 0
    for _ in range(60):
        excitatory, inhibitory = [(1, 1), (2, 1), (3, 2)][random.integers(3)]
        units = excitatory + inhibitory
        sign = np.where(np.arange(units) < excitatory, 1.0, -1.0)
        weight = np.abs(random.normal(size=(units, units))) * sign * random.uniform(0.5, 3)
        times = np.where(sign > 0, 1.0, 10 ** random.uniform(-0.5, 1))
        bias = random.normal(size=units) / 2
        network = Field(*map(jnp.asarray, (weight, bias, times)))
        end = ends(network)
        sizes = (excitatory, inhibitory)
        found = osciprop.relax(populations(network, sizes), np.zeros((1, 1)), throw=False)
        u = np.concatenate([np.asarray(part)[0] for part in found.u])
        slopes = weight * (1 - np.tanh(u) ** 2) - np.eye(units)
        if not bool(found.converged.all()):
            wrong += end is not None
        elif end is None or np.linalg.eigvals(slopes / times[:, None]).real.max() > 0:
            wrong += 1
        elif np.abs(u - end).max() > 1e-6:
            other += 1
        else:
            right += 1
    assert wrong == 0
    assert right >= 25
    # The flow is left at a residual of 0.1: one of these has two equilibria, and ends in the other.
    assert other <= 1


@pytest.mark.slow
def test_one_large_unit_does_not_make_the_rest_count_as_settled():
    """A decoupled unit of 1e5, in single precision: the other population is as exact as ever."""
    network = osciprop.hopfield_mlp(
        [6, 8, 8, 3], key=jax.random.key(0), activation=osciprop.Identity(), scale=0.4
    )
    into, between = network.synapses
    parts = into.weight.at[:, 0].set(0), between.weight.at[0].set(0)
    network = eqx.tree_at(
        lambda tree: (tree.synapses[0].weight, tree.synapses[1].weight), network, parts
    )
    x = np.random.default_rng(0).normal(size=(4, 6))
    alone = osciprop.relax(network, x)
    bias = network.populations[0].bias.at[0].set(1e5)
    large = eqx.tree_at(lambda tree: tree.populations[0].bias, network, bias)
    single = jax.tree.map(
        lambda leaf: leaf.astype(jnp.float32) if eqx.is_inexact_array(leaf) else leaf, large
    )
    found = osciprop.relax(single, x.astype(np.float32))
    assert float(found.s[0][0, 0]) > 9e4
    np.testing.assert_allclose(found.s[1], alone.s[1], atol=1e-6)


@pytest.mark.slow
def test_where_coarse_steps_go_round_for_ever_finer_ones_settle():
    """Excitation and inhibition, of which the ODE spirals in at a rate of 0.037 and one turn in
    ten time constants.
    """
    random = np.random.default_rng(200)
    for _ in range(72):
        network = balanced(200, random)
    x = np.zeros((1, 200))
    found = osciprop.relax(network, x)
    followed = osciprop.relax(network, x, relaxation=osciprop.Flow())
    np.testing.assert_allclose(found.u, followed.u, atol=1e-8)


def test_what_never_settles_is_flagged():
    turning = jnp.asarray([[2.0, -4.0], [4.0, 2.0]])
    network = Field(turning, jnp.asarray([0.3, 0.0]), jnp.ones(2))
    x = np.zeros((1, 2))
    found = osciprop.relax(network, x, relaxation=Settling(max_steps=200), throw=False)
    assert not bool(found.converged[0])
    with pytest.raises(osciprop.ConvergenceError):
        osciprop.relax(network, x, relaxation=Settling(max_steps=200))


def test_bad_settings_are_named():
    with pytest.raises(ValueError, match="tolerance"):
        Settling(-1.0)
    with pytest.raises(ValueError, match="max_steps"):
        Settling(max_steps=0)
