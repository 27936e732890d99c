"""Spectra and radii of convergence.

Oracles: closed forms, linear algebra on linear networks, and the numbers of hep2022 for its toy
network (first Fourier coefficients of Fig. 2a; branch point at |beta| = 0.65714).
"""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import osciprop
from osciprop.analysis import activity_spectrum, radius_of_convergence
from osciprop.networks.complexity import complex_like

FAST = osciprop.SequentialIteration()
X = np.random.default_rng(0).normal(size=(2, 5))
Y = np.array([0, 2])


class Affine(osciprop.AbstractNetwork):
    """A linear network whose cost is linear too: the response is affine in `beta`."""

    weight: jax.Array

    def rest(self, x):
        return jnp.zeros_like(x @ self.weight)

    def activity(self, u):
        return u

    def current(self, s, drive):
        return osciprop.networks.matmul(s, self.weight) + complex_like(drive, s)

    def cost(self, s, y):
        return jnp.sum(s * complex_like(y, s), axis=-1)

    def output(self, s):
        return s


def linear_network(seed: int) -> osciprop.Network:
    return osciprop.hopfield_regressor(
        [5, 4, 3], key=jax.random.key(seed), activation=osciprop.Identity(), scale=0.6
    )


def system(network: osciprop.Network) -> tuple[np.ndarray, np.ndarray]:
    """`A = I - W` and the projector `P` on the outputs: `(A + beta P) s = drive + beta P y`."""
    synapse = network.synapses[1]
    assert isinstance(synapse, osciprop.Reciprocal)
    weight = np.asarray(synapse.weight)
    zeros = [np.zeros((size, size)) for size in weight.shape]
    coupling = np.block([[zeros[0], weight], [weight.T, zeros[1]]])
    hidden, outputs = weight.shape
    projector = np.diag([0.0] * hidden + [1.0] * outputs)
    return np.eye(hidden + outputs) - coupling, projector


def test_taylor_coefficients_of_the_toy_network(toy):
    network, x, y = toy
    spectrum = activity_spectrum(network, x, y, amplitude=0.1, points=24, relaxation=FAST)
    assert bool(spectrum.converged)
    published = {
        1: [-0.05616, 0.03656, -0.06195, 0.02697],
        2: [-0.1190, 0.0395, -0.0697, 0.0803],
        3: [-0.1798, 0.0098, -0.0367, 0.0688],
    }
    for order, values in published.items():
        np.testing.assert_allclose(spectrum.taylor(order)[0][0], values, atol=6e-5)
    second = [0.02574, -0.47747, -0.16068, 0.16088]
    np.testing.assert_allclose(spectrum.taylor(1)[1][0], second, atol=6e-6)
    # Mean-value theorem, and nothing turns backwards.
    for mean, free in zip(spectrum.taylor(0), spectrum.free.s, strict=True):
        np.testing.assert_allclose(mean, free, atol=1e-9)
    assert np.all(np.asarray(spectrum.sizes[13:]) < 1e-9)


def test_taylor_coefficients_of_a_linear_network():
    network = linear_network(1)
    rows = np.random.default_rng(3).normal(size=(2, 3))
    spectrum = activity_spectrum(network, X, rows, amplitude=0.05, points=16, relaxation=FAST)
    matrix, projector = system(network)
    drive = np.concatenate(network.drive(jnp.asarray(X)), axis=1)
    free = np.linalg.solve(matrix, drive.T).T
    padded = np.concatenate([np.zeros((2, 4)), rows], axis=1)
    slope = np.linalg.solve(matrix, projector @ (padded - free).T).T
    curve = np.linalg.solve(matrix, -projector @ slope.T).T
    for order, expected in enumerate((free, slope, curve)):
        found = np.concatenate(spectrum.taylor(order), axis=1)
        np.testing.assert_allclose(found, expected, atol=1e-7)


@pytest.mark.slow
def test_radius_of_the_toy_network(toy):
    network, x, y = toy
    assert radius_of_convergence(network, x, y) == pytest.approx(0.65714, rel=0.005)
    given = radius_of_convergence(network, x, y, amplitude=0.5, relaxation=FAST)
    assert given == pytest.approx(0.65714, rel=0.005)


@pytest.mark.parametrize(
    "relaxation", [osciprop.SynchronousIteration(), osciprop.SynchronousIteration(0.3)]
)
def test_radius_does_not_depend_on_the_relaxation(toy, relaxation):
    # The undamped synchronous iteration diverges at 0.586 already.
    network, x, y = toy
    radius = radius_of_convergence(network, x, y, relaxation=relaxation)
    assert radius == pytest.approx(0.65714, rel=0.005)


def test_radius_in_single_precision(toy):
    network, x, y = jax.tree.map(
        lambda leaf: leaf.astype(jnp.float32) if eqx.is_inexact_array(leaf) else leaf, toy
    )
    radius = radius_of_convergence(network, x, y, relaxation=FAST)
    assert radius == pytest.approx(0.65714, rel=0.02)


@pytest.mark.parametrize("seed", [0, 1])
def test_radius_of_a_linear_network_is_its_nearest_pole(seed: int):
    network = linear_network(seed)
    matrix, projector = system(network)
    # det(A + beta P) = 0: -1 / beta is an eigenvalue of A^-1 P.
    nearest = 1 / np.max(np.abs(np.linalg.eigvals(np.linalg.solve(matrix, projector))))
    found = radius_of_convergence(network, X, Y, relaxation=FAST)
    assert found == pytest.approx(nearest, rel=1e-5)


def test_radius_of_an_affine_response_is_infinite():
    network = Affine(jnp.asarray([[0.0, 0.3, 0.1], [0.3, 0.0, 0.2], [0.1, 0.2, 0.0]]))
    x, y = X[:, :3], np.eye(3)[:2]
    assert radius_of_convergence(network, x, y, relaxation=FAST) == math.inf
    spectrum = activity_spectrum(network, x, y, amplitude=0.3, points=8, relaxation=FAST)
    slope = -np.linalg.solve(np.eye(3) - np.asarray(network.weight), y.T).T
    np.testing.assert_allclose(spectrum.taylor(1), slope, atol=1e-9)
    assert spectrum.radius_of_convergence() == math.inf


@pytest.mark.slow
def test_a_batch_has_the_radius_of_its_worst_sample(toy):
    network, x, y = toy
    xs = jnp.concatenate([x, -x, 0 * x])
    ys = jnp.concatenate([y, y - 1, y - 2])
    single = [
        radius_of_convergence(network, xs[i : i + 1], ys[i : i + 1], relaxation=FAST)
        for i in range(3)
    ]
    assert max(single) > 1.1 * min(single)
    together = radius_of_convergence(network, xs, ys, relaxation=FAST)
    assert together == pytest.approx(min(single), rel=0.01)


def test_a_circle_that_was_not_solved_is_refused(toy):
    # The undamped synchronous iteration diverges from 0.586 on (hep2022, Fig. 2b).
    network, x, y = toy
    settings = dict(amplitude=0.65, points=16, relaxation=osciprop.SynchronousIteration())
    with pytest.raises(osciprop.ConvergenceError, match="amplitude 0.65"):
        activity_spectrum(network, x, y, **settings)
    assert not bool(activity_spectrum(network, x, y, **settings, throw=False).converged)


def test_a_search_that_finds_nothing_says_so(toy):
    network, x, y = toy
    hopeless = osciprop.SynchronousIteration(max_steps=15)
    with pytest.raises(osciprop.ConvergenceError):
        radius_of_convergence(network, x, y, relaxation=hopeless)


def test_spectra_refuse_unfit_input(toy):
    network, x, y = toy
    with pytest.raises(ValueError, match="points"):
        activity_spectrum(network, x, y, amplitude=0.1, points=3)
    with pytest.raises(ValueError, match="amplitude"):
        activity_spectrum(network, x, y, amplitude=0.0, points=8)
    hard = osciprop.hopfield_mlp(
        [5, 4, 3], key=jax.random.key(0), activation=osciprop.HardSigmoid()
    )
    with pytest.raises(osciprop.HolomorphyError):
        activity_spectrum(hard, X, Y, amplitude=0.1, points=8)
    spectrum = activity_spectrum(network, x, y, amplitude=0.1, points=8, relaxation=FAST)
    with pytest.raises(ValueError, match="order=4"):
        spectrum.taylor(4)
