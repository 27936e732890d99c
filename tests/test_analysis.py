"""Comparisons of gradients, spectra, radii of convergence, and the holomorphy check.

Oracles: closed forms, linear algebra on linear networks, and the numbers of hep2022 for its toy
network (first Fourier coefficients of Fig. 2a; branch point at |beta| = 0.65714).
"""

import math
from collections.abc import Callable
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import osciprop
from osciprop import (
    activity_spectrum,
    angle,
    check_holomorphic,
    cosine,
    cosine_by_layer,
    cosine_distance,
    force_matches_phi,
    holomorphy,
    norm_ratio,
    radius_of_convergence,
    relative_error,
)
from osciprop.complexity import like

FAST = osciprop.SequentialIteration()
X = np.random.default_rng(0).normal(size=(2, 5))
Y = np.array([0, 2])


def pair(*values: float) -> dict[str, jax.Array]:
    """A gradient of two arrays that together hold some numbers."""
    array = jnp.asarray(values)
    return {"first": array[:1], "second": array[1:].reshape(1, -1)}


# The published gradients of the toy network: names there, and places in osciprop's.
GRADIENTS = {
    "w1": (lambda tree: tree.synapses[0].weight, "synapses[0].weight"),
    "w2": (lambda tree: tree.synapses[1].weight, "synapses[1].weight"),
    "w3": (lambda tree: tree.readout.weight, "readout.weight"),
    "b1": (lambda tree: tree.populations[0].bias, "populations[0].bias"),
    "b2": (lambda tree: tree.populations[1].bias, "populations[1].bias"),
    "b3": (lambda tree: tree.readout.bias, "readout.bias"),
}


# Comparing gradients


def test_closed_forms():
    a, b = pair(3.0, 4.0, 0.0), pair(3.0, 0.0, 0.0)
    assert cosine(a, b) == pytest.approx(0.6, abs=1e-15)
    assert cosine_distance(a, b) == pytest.approx(0.4, abs=1e-15)
    assert angle(a, b) == pytest.approx(math.degrees(math.acos(0.6)), abs=1e-13)
    assert relative_error(a, b) == pytest.approx(4 / 3, abs=1e-15)
    assert norm_ratio(a, b) == pytest.approx(5 / 3, abs=1e-15)
    assert cosine(a, pair(-3.0, -4.0, 0.0)) == pytest.approx(-1.0, abs=1e-15)
    assert angle(a, pair(-3.0, -4.0, 0.0)) == pytest.approx(180.0, abs=1e-13)
    assert angle(pair(1.0, 0.0), pair(0.0, 2.0)) == pytest.approx(90.0, abs=1e-13)


@pytest.mark.parametrize("small", [1e-3, 1e-7, 1e-10, 1e-100])
def test_distance_keeps_digits_near_one(small: float):
    a, b = pair(1.0, 0.0), pair(1.0, small)
    assert cosine_distance(a, b) == pytest.approx(small**2 / 2, rel=2 * small**2 + 1e-12, abs=0)
    assert angle(a, b) == pytest.approx(math.degrees(small), rel=small**2 + 1e-12, abs=0)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_scale_does_not_matter(scale: float):
    rng = np.random.default_rng(1)
    a, b = pair(*rng.normal(size=7)), pair(*rng.normal(size=7))
    scaled = jax.tree.map(lambda leaf: (leaf * scale).astype(jnp.float32), a)
    assert cosine(scaled, b) == pytest.approx(cosine(a, b), abs=1e-7)
    # Inside jit in float32, where the squares over- or underflow.
    halved = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), b)
    assert float(jax.jit(cosine)(scaled, halved)) == pytest.approx(cosine(a, b), abs=1e-6)


def test_single_precision_gradients_are_compared_in_double():
    a, b = pair(1.0, 0.0), pair(1.0, 1e-6)
    single = [jax.tree.map(lambda leaf: leaf.astype(jnp.float32), tree) for tree in (a, b)]
    assert cosine_distance(*single) == pytest.approx(5e-13, rel=1e-6)


@pytest.mark.parametrize("measure", [cosine, cosine_distance, angle, relative_error, norm_ratio])
def test_jit_gives_the_same(measure: Callable):
    rng = np.random.default_rng(2)
    a, b = pair(*rng.normal(size=9)), pair(*rng.normal(size=9))
    assert isinstance(measure(a, b), float)
    assert float(jax.jit(measure)(a, b)) == pytest.approx(measure(a, b), rel=1e-13)


def test_zero_and_non_finite_gradients_have_no_angle():
    a, zero = pair(1.0, 2.0), pair(0.0, 0.0)
    for measure in (cosine, cosine_distance, angle):
        assert math.isnan(measure(a, zero)) and math.isnan(measure(zero, zero))
        assert math.isnan(measure(a, pair(1.0, math.nan)))
    assert math.isnan(relative_error(a, zero))
    assert relative_error(zero, a) == pytest.approx(1.0, abs=1e-15)
    assert math.isnan(norm_ratio(a, zero)) and math.isnan(norm_ratio(zero, zero))
    assert norm_ratio(zero, a) == 0.0 and math.isnan(norm_ratio(pair(1.0, math.nan), a))


def test_size_of_what_has_diverged_does_not_overflow():
    assert norm_ratio(pair(3e200, 4e200), pair(1.0, 0.0)) == pytest.approx(5e200)


def test_by_layer_names_arrays_and_leaves_out_constants(toy):
    network, x, y = toy
    with np.load(Path(__file__).parent / "data" / "hep2022_toy.npz") as file:
        arrays = {name: jnp.asarray(file[f"grad_{name}"], dtype=float) for name in GRADIENTS}
    true = eqx.tree_at(
        lambda tree: [get(tree) for get, _ in GRADIENTS.values()],
        jax.tree.map(jnp.zeros_like, eqx.filter(network, eqx.is_inexact_array)),
        list(arrays.values()),
    )
    classic = osciprop.estimate_gradient(network, x, y, osciprop.ClassicEP(0.1, FAST)).gradient
    layers = cosine_by_layer(classic, true)
    assert set(layers) == {place for _, place in GRADIENTS.values()}
    for name, (get, place) in GRADIENTS.items():
        p, q = np.ravel(get(classic)), np.ravel(arrays[name])
        expected = p @ q / np.linalg.norm(p) / np.linalg.norm(q)
        assert layers[place] == pytest.approx(expected, abs=1e-14)
    # The published cosine of one-sided EP at this amplitude (hep2022, section A.3).
    assert cosine(classic, true) == pytest.approx(0.997277, abs=1e-6)


def test_by_layer_marks_a_one_sided_zero():
    layers = cosine_by_layer(pair(0.0, 1.0), pair(1.0, 1.0))
    assert layers["['second']"] == 1.0 and math.isnan(layers["['first']"])


def test_whole_networks_count_as_their_parameters(toy):
    network, x, y = toy
    parameters = eqx.filter(network, eqx.is_inexact_array)
    assert cosine_distance(network, parameters) == 0.0


@pytest.mark.parametrize(
    "a, b, message",
    [
        (pair(1.0, 2.0), {"first": jnp.ones(1)}, "structure"),
        (pair(1.0, 2.0), pair(1.0, 2.0, 3.0), "structure"),
        ({}, {}, "empty"),
        ({"a": jnp.ones(2, complex)}, {"a": jnp.ones(2, complex)}, "complex"),
    ],
)
def test_misfits_are_refused(a: dict, b: dict, message: str):
    for measure in (cosine_distance, angle, relative_error, norm_ratio, cosine_by_layer):
        with pytest.raises(ValueError, match=message):
            measure(a, b)


def test_by_layer_refuses_jit():
    with pytest.raises(ValueError, match="jit"):
        jax.jit(cosine_by_layer)(pair(1.0, 2.0), pair(1.0, 2.0))


# Spectra and radii of convergence


class Affine(osciprop.AbstractNetwork):
    """A linear network whose cost is linear too: the response is affine in `beta`."""

    weight: jax.Array

    def rest(self, x):
        return jnp.zeros_like(x @ self.weight)

    def activity(self, u):
        return u

    def current(self, s, drive):
        return osciprop.matmul(s, self.weight) + like(drive, s)

    def cost(self, s, y):
        return jnp.sum(s * like(y, s), axis=-1)

    def output(self, s):
        return s


def linear_network(seed: int) -> osciprop.Network:
    return osciprop.hopfield_regressor(
        [5, 4, 3], key=jax.random.key(seed), activation=osciprop.Identity(), scale=0.6
    )


def system(network: osciprop.Network) -> tuple[np.ndarray, np.ndarray]:
    """`A = I - W` and the projector `P` on the outputs: `(A + beta P) s = drive + beta P y`."""
    weight = np.asarray(network.synapses[1].weight)
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


def test_radius_of_the_toy_network(toy):
    network, x, y = toy
    assert radius_of_convergence(network, x, y) == pytest.approx(0.65714, rel=0.005)
    given = radius_of_convergence(network, x, y, amplitude=0.5, points=128, relaxation=FAST)
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


# Holomorphy


HOLOMORPHIC = [
    osciprop.Identity(),
    osciprop.Tanh(),
    osciprop.ShiftedSigmoid(),
    osciprop.HolomorphicTanh(),
]


def small_network(activation: osciprop.AbstractActivation, build=osciprop.hopfield_mlp):
    return build([5, 4, 4, 3], key=jax.random.key(0), activation=activation)


@pytest.mark.parametrize("activation", HOLOMORPHIC, ids=lambda a: type(a).__name__)
def test_holomorphic_networks_pass(activation):
    report = check_holomorphic(small_network(activation), X, Y)
    assert report.holomorphic, str(report)
    assert set(report.violations) == {"activity", "current", "cost", "phi", "force"}
    assert max(report.violations.values()) < 5e-15
    assert str(report).startswith("holomorphic")


def test_squared_error_passes_in_single_precision_too():
    network = small_network(osciprop.ShiftedSigmoid(), osciprop.hopfield_regressor)
    single = jax.tree.map(
        lambda leaf: leaf.astype(jnp.float32) if eqx.is_inexact_array(leaf) else leaf, network
    )
    assert check_holomorphic(network, X, Y).holomorphic
    report = check_holomorphic(single, X, Y)
    assert report.holomorphic and report.tolerance == pytest.approx(1e3 * 2**-23)


def test_relu_fails_although_it_is_holomorphic_almost_everywhere():
    report = check_holomorphic(small_network(osciprop.ReLU()), X, Y)
    assert not report.holomorphic
    assert report.violations["activity"] > 1e-3
    for part in ("current", "cost", "phi", "force"):
        assert report.violations[part] <= report.tolerance
    assert "activity FAILS" in str(report) and "relu" in str(report)


def test_errors_for_complex_input_are_kept():
    report = check_holomorphic(small_network(osciprop.HardSigmoid()), X, Y)
    assert not report.holomorphic
    assert "complex" in report.messages["activity"]
    assert report.messages["activity"] in str(report)


class Elementwise(osciprop.AbstractActivation):
    """Any function of the potential, which claims to be holomorphic."""

    function: Callable = eqx.field(static=True)
    holomorphic = True

    def __call__(self, potential):
        return self.function(potential)


def far_kink(u):
    return jax.nn.relu(u + 2.9)


@pytest.mark.parametrize(
    "function",
    [jnp.abs, jnp.conj, jnp.real, far_kink],
    ids=lambda f: f.__name__,
)
def test_functions_that_are_not_holomorphic_fail(function):
    network = osciprop.hopfield_mlp(
        [5, 1, 3], key=jax.random.key(0), activation=Elementwise(function)
    )
    report = check_holomorphic(network, X[:1], Y[:1])
    assert not report.violations["activity"] <= report.tolerance, str(report)


class Spoilt(osciprop.Network):
    """A network of which one part is not what it should be."""

    current_of: Callable = eqx.field(static=True, default=lambda s: s)
    cost_of: Callable = eqx.field(static=True, default=lambda s: s)
    phi_of: Callable = eqx.field(static=True, default=lambda s: s)

    def current(self, s, drive):
        return super().current(jax.tree.map(self.current_of, s), drive)

    def cost(self, s, y):
        return super().cost(jax.tree.map(self.cost_of, s), y)

    def phi(self, s, x):
        return super().phi(jax.tree.map(self.phi_of, s), x)


@pytest.mark.parametrize("part", ["current", "cost", "phi"])
def test_the_part_at_fault_is_named(part: str):
    network = small_network(osciprop.Tanh())
    spoilt = Spoilt(
        network.populations, network.synapses, network.readout, **{f"{part}_of": jnp.conj}
    )
    report = check_holomorphic(spoilt, X, Y)
    failed = {name for name, size in report.violations.items() if size > report.tolerance}
    assert failed == {part}


def test_a_cost_that_refuses_complex_numbers():
    network = small_network(osciprop.Tanh())

    def refuse(s):
        if jnp.iscomplexobj(s):
            raise TypeError("this cost takes real activities")
        return s

    spoilt = Spoilt(network.populations, network.synapses, network.readout, cost_of=refuse)
    report = check_holomorphic(spoilt, X, Y)
    assert report.messages == {"cost": "TypeError: this cost takes real activities"}
    assert not report.holomorphic


def test_a_current_that_does_not_follow_from_phi():
    network = small_network(osciprop.Tanh())
    assert force_matches_phi(network, X) < 1e-15
    spoilt = Spoilt(
        network.populations, network.synapses, network.readout, current_of=lambda s: 1.5 * s
    )
    report = check_holomorphic(spoilt, X, Y)
    assert report.violations["force"] > 1e-2 and not report.holomorphic
    # The synaptic part of the current is one and a half times too large.
    assert force_matches_phi(spoilt, X) > 1e-2


def test_networks_without_phi_are_checked_without_it():
    network = small_network(osciprop.Tanh())
    weights = jnp.asarray(np.random.default_rng(4).normal(size=(4, 4)))
    directed = osciprop.Network(
        network.populations,
        (*network.synapses, osciprop.Directed(weights, 0, 0)),
        network.readout,
    )
    report = check_holomorphic(directed, X, Y)
    assert report.holomorphic and set(report.violations) == {"activity", "current", "cost"}
    with pytest.raises(TypeError, match="directed"):
        force_matches_phi(directed, X)


def test_a_near_pole_needs_smaller_radii():
    # Poles at 0.05 + i pi / 20 (2 k + 1): 0.157 from the real axis.
    network = small_network(osciprop.ShiftedSigmoid(slope=20.0, shift=1.0))
    assert not check_holomorphic(network, X, Y).holomorphic
    report = check_holomorphic(network, X, Y, radii=(0.05,))
    assert report.holomorphic, str(report)


def test_another_key_takes_other_places():
    network = small_network(osciprop.Tanh())
    u, v, w = (
        holomorphy._centres(network.rest(jnp.asarray(X)), 3, holomorphy._generator(key))
        for key in (None, None, jax.random.key(1))
    )
    np.testing.assert_array_equal(u[2][0], v[2][0])
    assert np.all(u[2][0] != w[2][0])
    # Zero first, then a third of the range each.
    assert np.all(u[0][0] == 0) and np.all((-3 < u[1][0]) & (u[1][0] < -1) & (1 < u[3][0]))
    report = check_holomorphic(small_network(osciprop.ReLU()), X, Y, key=jax.random.key(1))
    assert not report.holomorphic


def test_the_check_refuses_unfit_input():
    network = small_network(osciprop.Tanh())
    with pytest.raises(ValueError, match="points"):
        check_holomorphic(network, X, Y, points=4)
    with pytest.raises(ValueError, match="radii"):
        check_holomorphic(network, X, Y, radii=(0.1, -0.1))
    with pytest.raises(ValueError, match="labels"):
        check_holomorphic(network, X, np.array([0, 3]))
