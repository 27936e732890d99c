"""Circuits against nodal analysis, SciPy, and numbers computed without osciprop."""

import itertools
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import optimistix
import pytest
import scipy.optimize
from helpers import relative_error

import osciprop
from osciprop.equilibria import LimitedNewton
from osciprop.networks import GROUND, Positive, ResistiveCircuit, constrain

NEWTON = osciprop.Newton()
A, B = 3, 4  # the two inputs
RESISTORS = ((0, A), (0, B), (1, A), (1, B), (0, 2), (1, 2), (0, 1), (2, -1), (0, -1), (1, -1))
CONDUCTANCES: Any = [1, 0.7, 0.4, 1.2, 0.9, 0.6, 0.5, 0.3, 0.2, 0.25]
X, Y = np.asarray([[1.0, -0.6]]), np.asarray([[0.5]])


def circuit(saturation: float, thermal: float, **options) -> ResistiveCircuit:
    """Three free nodes; diodes from the first to ground, and from ground to the second."""
    return ResistiveCircuit(
        RESISTORS,
        CONDUCTANCES,
        nodes=3,
        inputs=2,
        diodes=((0, GROUND), (GROUND, 1)),
        saturation_current=saturation,
        thermal_voltage=thermal,
        **{"outputs": (2,), "currents": np.zeros(3), **options},
    )


def stiffness(network: ResistiveCircuit, v, x=X) -> np.ndarray:
    def total(u):
        return jnp.sum(network.energy(u[None], jnp.asarray(x)))

    return np.asarray(jax.hessian(total)(jnp.asarray(v)))


SLOW = pytest.mark.slow

# Saturation current, thermal voltage, potentials, loss, eigenvalues, radius, gradient, errors.
LINEAR = (
    (0.0, 0.25),
    [0.1860368183, -0.0622438347, 0.0722704643],
    0.0914762779,
    [1.0721435775, 3.1907939944, 3.7870624281],
    1.3658935161,
    [
        [-0.0794103861, 0.0766858854, -0.0852207897, 0.0431426416, -0.0245268674],
        [0.0313314527, 0.0043034548, 0.0226314949, 0.0181497836, -0.0049936451],
    ],
    [0.1356, 1.691e-2, 2.344e-4, 2.525e-8],
)
DIODES = (
    (0.05, 0.25),
    [0.1691285940, -0.0620412892, 0.0638838673],
    0.0950986406,
    [1.1672587631, 3.3986819112, 4.1337955467],
    1.2876605617,
    [
        [-0.0703905414, 0.0651597561, -0.0752980526, 0.0381409308, -0.0235285526],
        [0.0298921093, 0.0031946687, 0.0196940758, 0.0143283945, -0.0043986880],
    ],
    [0.1315, 1.689e-2, 2.174e-4, 1.812e-8],
)
STIFF = [0.1304469761, -0.0727993414, 0.0409570409]
IMPLICIT = osciprop.Implicit(relaxation=NEWTON)


def squares(network: ResistiveCircuit, v) -> np.ndarray:
    """Half the squared voltage of every resistor, by which its conductance learns; then what the
    saturation current of all diodes does.
    """
    every = np.concatenate([np.asarray(v), X[0], [0.0]])
    ends, scale = np.asarray(RESISTORS), float(network.thermal_voltage)
    across = np.asarray([every[0], -every[1]])
    diodes = np.sum(scale * np.expm1(across / scale) - across)
    return np.append((every[ends[:, 0]] - every[ends[:, 1]]) ** 2 / 2, diodes)


@pytest.mark.slow
@pytest.mark.parametrize("oracle", [LINEAR, DIODES], ids=["linear", "diodes"])
def test_the_specified_circuits(oracle):
    settings, v, loss, eigenvalues, radius, gradient, errors = oracle
    network = circuit(*settings)
    exact = osciprop.estimate_gradient(network, X, Y, IMPLICIT)
    np.testing.assert_allclose(exact.equilibrium.u[0], v, rtol=0, atol=6e-11)
    np.testing.assert_allclose(exact.loss, loss, rtol=0, atol=6e-11)
    found = exact.gradient.conductances
    np.testing.assert_allclose(found, np.ravel(gradient), rtol=0, atol=6e-11)
    curvature = stiffness(network, exact.equilibrium.u[0])
    np.testing.assert_allclose(np.linalg.eigvalsh(curvature), eigenvalues, rtol=0, atol=6e-11)
    if oracle is LINEAR:
        at_pole = 1 / np.linalg.inv(curvature)[2, 2]
        np.testing.assert_allclose(at_pole, radius, rtol=0, atol=6e-11)
    else:
        np.testing.assert_allclose(
            exact.gradient.saturation_current, 0.0619536802, rtol=0, atol=6e-11
        )
    # One circle of 16 nudges holds those of 8, 4 and 2.
    exact = np.append(found, exact.gradient.saturation_current)
    betas = 0.4 * np.exp(2j * np.pi * np.arange(16) / 16)
    states = [osciprop.relax(network, X, Y, beta=beta, relaxation=NEWTON).u[0] for beta in betas]
    terms = [(squares(network, v) / beta).real for v, beta in zip(states, betas, strict=True)]
    listed = slice(None) if oracle is DIODES else slice(-1)
    points, made = [2, 4, 8, 16], []
    for count in points:
        mean = np.mean(terms[:: 16 // count], axis=0)
        made.append(np.linalg.norm((mean - exact)[listed]) / np.linalg.norm(exact[listed]))
    np.testing.assert_allclose(made[:3], errors[:3], rtol=6e-4)
    np.testing.assert_allclose(made[3], errors[3], rtol=2e-3)
    slope = np.polyfit(points[1:], np.log(made[1:]), 1)[0]
    np.testing.assert_allclose(slope, np.log(0.4 / radius), rtol=0.15)


@pytest.mark.slow
def test_a_stiff_circuit_settles():
    network = circuit(1e-3, 0.026)
    v = osciprop.relax(network, X, relaxation=osciprop.Newton(tolerance=1e-14)).u[0]
    np.testing.assert_allclose(v, STIFF, rtol=0, atol=6e-11)
    eigenvalues = np.linalg.eigvalsh(stiffness(network, v))
    np.testing.assert_allclose(
        eigenvalues, [1.4835440776, 3.7576462415, 9.2484587264], rtol=0, atol=6e-11
    )


@pytest.mark.slow
def test_by_default_a_stiff_circuit_settles_on_the_whole_contour():
    network = circuit(1e-3, 0.026)
    exact = osciprop.estimate_gradient(network, X, Y, osciprop.Implicit())
    np.testing.assert_allclose(exact.equilibrium.u[0], STIFF, rtol=0, atol=1e-10)
    contour = osciprop.estimate_gradient(network, X, Y, osciprop.HolomorphicEP(0.4, 16))
    error = relative_error(contour.gradient.conductances, exact.gradient.conductances)
    assert error < 1e-6


@pytest.mark.slow
def test_a_stiff_solver_integrates_a_stiff_circuit():
    network = circuit(1e-3, 0.026, capacitance=[1.0, 1e-4, 1e-3])
    stiff = osciprop.Integrator(
        diffrax.Kvaerno5(root_finder=diffrax.with_stepsize_controller_tols(optimistix.Newton)()),
        stepsize_controller=osciprop.dynamics.adaptive(1e-5, 1e-7),
        max_steps=100,  # of which an explicit one needs hundreds of thousands
    )
    path = osciprop.integrate(network, X, times=[0.0, 20.0], integrator=stiff)
    np.testing.assert_allclose(path.u[-1, 0], STIFF, rtol=0, atol=1e-6)


def fixed_current(network: ResistiveCircuit, beta: float) -> np.ndarray:
    """Centred contrast of half squared voltages between two currents into the output node."""
    free = osciprop.relax(network, X, relaxation=osciprop.Newton(tolerance=1e-14)).u
    error = float(free[0, 2] - Y[0, 0])
    found = []
    for sign in (1, -1):
        pushed = eqx.tree_at(
            lambda tree: tree.currents, network, jnp.asarray([0.0, 0.0, -sign * beta * error])
        )
        exactly = osciprop.Newton(tolerance=1e-14)
        found.append(squares(network, osciprop.relax(pushed, X, relaxation=exactly).u[0]))
    return (found[0] - found[1]) / (2 * beta)


@pytest.mark.slow
def test_a_fixed_error_current_is_exact_in_linear_circuits():
    for settings, betas in (
        (LINEAR[0], {0.1: 0.0, 1.0: 0.0, 30.0: 0.0}),
        (DIODES[0], {0.1: 7.08e-5, 1.0: 7.02e-3}),
    ):
        network = circuit(*settings)
        exact = osciprop.estimate_gradient(network, X, Y, IMPLICIT).gradient
        exact = np.append(exact.conductances, exact.saturation_current)
        listed = slice(None) if settings is DIODES[0] else slice(-1)
        for beta, expected in betas.items():
            error = relative_error(fixed_current(network, beta)[listed], exact[listed])
            np.testing.assert_allclose(error, expected, rtol=2e-3, atol=1e-12)


@pytest.mark.slow
def test_a_soft_nudge_is_far_off_inside_the_radius():
    soft = osciprop.CentredEP(1.0, NEWTON)
    with pytest.warns(osciprop.GradientAccuracyWarning):
        nudged = osciprop.estimate_gradient(circuit(*LINEAR[0]), X, Y, soft)
    exact = osciprop.estimate_gradient(circuit(*LINEAR[0]), X, Y, IMPLICIT)
    error = relative_error(nudged.gradient.conductances, exact.gradient.conductances)
    np.testing.assert_allclose(error, 2.80, rtol=5e-3)


@pytest.mark.filterwarnings("ignore::osciprop.GradientAccuracyWarning")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "tolerance"),
    [
        (osciprop.HolomorphicEP(0.2, 12, NEWTON), 1e-8),
        (osciprop.AsymmetricEP(0.2, 12, NEWTON), 1e-8),
        (osciprop.CentredEP(1e-4, osciprop.Newton(tolerance=1e-14)), 1e-8),
        (osciprop.DyadicEP(1e-4, osciprop.Newton(tolerance=1e-14)), 1e-8),
        (osciprop.SettledOscillation(0.02, 1e6, relaxation=NEWTON), 1e-8),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_exact_method_gives_the_gradient(method, tolerance):
    network = circuit(*DIODES[0], outputs=((2, 1), 0), currents=jnp.asarray([0.1, 0.0, -0.2]))
    if isinstance(method, osciprop.SettledOscillation):  # its sweeps ask for eigenvalues below 2
        network = jax.tree.map(lambda leaf: leaf / 4, network)
        network = eqx.tree_at(lambda tree: tree.thermal_voltage, network, jnp.asarray(0.25))
    y = np.asarray([[0.4, -0.1]])
    exact = osciprop.estimate_gradient(network, X, y, IMPLICIT).gradient
    found = osciprop.estimate_gradient(network, X, y, method).gradient
    learned = [found.conductances, found.currents]
    assert relative_error(learned, [exact.conductances, exact.currents]) < tolerance


def random_circuit(nodes, seed, *, diodes, thermal=0.1):
    """All nodes joined, in part by conductances of zero; a program per number of nodes."""
    rng = np.random.default_rng(seed)
    sources = [nodes, nodes + 1, nodes + 2]  # two inputs, a constant
    pairs = [*itertools.combinations(range(nodes), 2)]
    pairs += [(node, GROUND) for node in range(nodes)]
    pairs += [(node, source) for node in range(nodes) for source in sources]
    conductances = rng.uniform(0.1, 2, len(pairs)) * (rng.random(len(pairs)) < 0.4)
    conductances[nodes * (nodes - 1) // 2 :][:nodes] = rng.uniform(0.05, 0.5, nodes)
    ends = [(node, GROUND) if node % 2 else (GROUND, node) for node in range(diodes)]
    network = ResistiveCircuit(
        pairs,
        conductances,
        nodes=nodes,
        inputs=2,
        voltages=rng.normal(size=1),
        currents=rng.normal(size=nodes),
        diodes=ends,
        saturation_current=rng.uniform(1e-4, 0.05, diodes),
        thermal_voltage=thermal * rng.uniform(0.5, 2, diodes),
    )
    return network, rng.normal(size=(1, 2))


def laws(network: ResistiveCircuit, x: np.ndarray):
    """Kirchhoff's current law in NumPy: what leaves each free node, and its derivative."""
    n = network.nodes
    total = n + 2 + 1 + 1
    held = np.concatenate([x[0], np.asarray(network.voltages), [0.0]])
    currents = np.asarray(network.currents)

    def incidence(branches):
        matrix = np.zeros((len(branches), total))
        for row, (a, b) in enumerate(branches):
            matrix[row, a] += 1
            matrix[row, b] -= 1
        return matrix

    r, d = incidence(network.resistors), incidence(network.diodes)
    g = np.asarray(network.conductances)
    size, scale = np.asarray(network.saturation_current), np.asarray(network.thermal_voltage)

    def balance(v):
        every = np.concatenate([v, held])
        linear = r.T @ (g * (r @ every))
        return (linear + d.T @ (size * np.expm1(d @ every / scale)))[:n] - currents

    def slope(v):
        every = np.concatenate([v, held])
        bent = size / scale * np.exp(d @ every / scale)
        return (r.T @ (g[:, None] * r) + d.T @ (bent[:, None] * d))[:n, :n]

    return balance, slope


@pytest.mark.parametrize("nodes", [12, pytest.param(2, marks=SLOW), pytest.param(50, marks=SLOW)])
def test_linear_circuits_are_those_of_nodal_analysis(nodes):
    for seed in range(4):
        network, x = random_circuit(nodes, seed, diodes=nodes)
        none = jnp.zeros_like(network.saturation_current)
        network = eqx.tree_at(lambda tree: tree.saturation_current, network, none)
        balance, slope = laws(network, x)
        zero = np.zeros(nodes)
        v = np.linalg.solve(slope(zero), -balance(zero))
        found = osciprop.relax(network, x, relaxation=osciprop.Newton(tolerance=1e-14)).u[0]
        np.testing.assert_allclose(found, v, rtol=0, atol=1e-13 * np.abs(v).max())


def agree_with_scipy(nodes: int, seed: int, thermal: float) -> float:
    network, x = random_circuit(nodes, seed, diodes=nodes, thermal=thermal)
    balance, slope = laws(network, x)
    limited = LimitedNewton(thermal / 2)  # the smallest of the diodes'
    found = osciprop.relax(network, x, relaxation=limited).u[0]
    answer = scipy.optimize.root(balance, np.zeros(nodes), jac=slope, tol=1e-13)
    if np.abs(answer.fun).max() > 1e-9:  # from the start it may fail where exponentials are steep
        answer = scipy.optimize.root(balance, 0.9 * np.asarray(found), jac=slope, tol=1e-13)
    assert np.abs(answer.fun).max() < 1e-9
    return float(np.abs(np.asarray(found) - answer.x).max())


@pytest.mark.parametrize("nodes", [12, pytest.param(2, marks=SLOW), pytest.param(50, marks=SLOW)])
def test_circuits_settle_where_scipy_finds_them(nodes):
    assert max(agree_with_scipy(nodes, seed, 0.1) for seed in range(2)) < 1e-9


@pytest.mark.slow
def test_sources_deliver_what_branches_dissipate():
    network, x = random_circuit(12, 3, diodes=12)
    v = osciprop.relax(network, x, relaxation=NEWTON).u
    heat = network.dissipation(v, x)
    assert heat.resistors.shape == (1, len(network.resistors)) and heat.diodes.shape == (1, 12)
    assert (heat.resistors >= 0).all() and (heat.diodes >= 0).all()
    # A source's current is what flows out of its node: the derivative of the content.
    held = jnp.concatenate([jnp.asarray(x[0]), network.voltages])

    def content(potentials):
        moved = eqx.tree_at(lambda tree: tree.voltages, network, potentials[2:])
        return moved.energy(v, potentials[None, :2])[0]

    delivered = held @ jax.grad(content)(held) + v[0] @ network.currents
    np.testing.assert_allclose(heat.total[0], delivered, rtol=1e-9)


def test_capacitors_change_the_way_and_not_the_end():
    matrix = np.asarray([[2.0, -0.5, 0.0], [-0.5, 1.0, -0.2], [0.0, -0.2, 0.7]])
    network = circuit(*LINEAR[0], capacitance=matrix)
    curvature = stiffness(network, np.zeros(3))
    rates = np.linalg.eigvals(np.linalg.solve(matrix, curvature)).real
    np.testing.assert_allclose(network.slowest(), 1 / rates.min(), rtol=1e-12)
    each = circuit(*LINEAR[0], capacitance=[0.5, 1.0, 2.0])
    force = jnp.asarray([[1.0, 2.0, 3.0]])
    u = jnp.zeros((1, 3))
    np.testing.assert_allclose(each.velocity(u, force), [[2.0, 2.0, 1.5]])
    np.testing.assert_allclose(network.velocity(u, force)[0], np.linalg.solve(matrix, force[0]))


@pytest.mark.slow
def test_a_circuit_learns_with_positive_conductances():
    network = constrain(circuit(*DIODES[0]), lambda tree: tree.conductances, Positive())
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 2))
    y = np.tanh(0.3 * x @ np.asarray([[0.8], [0.4]]))
    trained, history = osciprop.fit(
        network, (x, y), IMPLICIT, optax.adam(0.1), epochs=8, batch_size=20, progress=False
    )
    losses = history.epochs["train_loss"]
    assert losses[-1] < 0.3 * losses[0]
    assert (trained.network.conductances > 0).all()
    assert (trained.network.saturation_current == network.network.saturation_current).all()


def test_a_start_beyond_all_numbers_is_told():
    far = ResistiveCircuit(
        [(0, GROUND)], [1.0], nodes=1, inputs=1, diodes=[(1, 0)], thermal_voltage=0.001
    )
    solution = osciprop.relax(far, np.full((1, 1), 5.0), relaxation=NEWTON, throw=False)
    assert not solution.converged.any()
    with pytest.raises(osciprop.ConvergenceError):
        osciprop.relax(far, np.full((1, 1), 5.0), relaxation=NEWTON)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"resistors": [(0, 1), (0, 9)], "conductances": [1, 1]}, "resistors\\[1\\]"),
        ({"resistors": [(0, 0)], "conductances": [1]}, "resistors\\[0\\]"),
        ({"resistors": [(0, 1.5)], "conductances": [1]}, "two nodes"),
        ({"conductances": [1.0]}, "one per resistor"),
        ({"conductances": [-1.0, 1.0]}, "conductances must be"),
        ({"resistors": [(0, 1), (0, 1)]}, "free node 1 is connected"),
        ({"saturation_current": -1.0}, "saturation_current"),
        ({"thermal_voltage": [0.1, 0.1]}, "one per diode"),
        ({"thermal_voltage": 0.0}, "thermal_voltage"),
        ({"capacitance": [1.0, 1.0, 1.0]}, "capacitance has shape"),
        ({"capacitance": [[1.0, 2.0], [2.0, 1.0]]}, "positive definite"),
        ({"outputs": (4,)}, "outputs\\[0\\]"),
        ({"outputs": ()}, "outputs is"),
        ({"currents": [1.0]}, "one per free node"),
    ],
)
def test_mistakes_are_told(change, message):
    right = {"resistors": [(0, 1), (1, 2)], "conductances": [1.0, 1.0], "nodes": 2, "inputs": 1}
    ResistiveCircuit(**right)
    if message.startswith("free"):
        change = {"resistors": [(0, GROUND), (0, 2)]}
    with pytest.raises(ValueError, match=message):
        ResistiveCircuit(**{**right, **change})


def test_inputs_that_do_not_fit_are_told():
    with pytest.raises(ValueError, match="2 inputs"):
        osciprop.relax(circuit(*LINEAR[0]), np.ones((1, 3)))
