"""Phase oscillators, held against an independent program's digits, SciPy and closed forms."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flow_cases import (
    NOTHING,
    PRECISE,
    SHORT,
    contour_error,
    decay,
    exact,
    of_pairs,
    pairs,
    same_force,
)
from helpers import relative_error

import osciprop
from experiments.populations.systems import phase_oscillators
from experiments.substrate_populations import gap
from osciprop.networks import Fixed, KuramotoNetwork, PhaseClasses, PhaseError, constrain

COUPLINGS = pairs(
    4, {(1, 2): 0.8, (1, 3): 0.5, (1, 4): -0.3, (2, 3): 0.6, (2, 4): 0.7, (3, 4): 0.9}
)
PLACES = [(1, 2), (1, 3), (1, 4), (2, 3), (2, 4), (3, 4)]
FREQUENCIES = [0.2, -0.1, 0.15, -0.05]
ORACLE = KuramotoNetwork(
    COUPLINGS,
    frequencies=FREQUENCIES,
    fields=[1.0, 0.4, 0.0, 0.0],
    field_phases=[0.5, -1.2, 0.0, 0.0],
    second_harmonic=0.2,
    start=0.3,
    outputs=(3,),
    readout=PhaseError(),
)
STATE = [0.2856108151, -0.1038823010, 0.0630509338, -0.0880956371]
GRADIENT = [
    *[-0.0999339522, -0.0753079268, -0.2850458278, 0.0129608763, 0.0081711926, -0.0661942871],
    *[-0.0231737180, 0.3309628413],
    *[-0.1089243179, -0.3721026387, -0.4501054924, -0.8897251144],
    *[-0.1064306620, -0.1172068807],
]
RADIUS = 0.8590830686


def listed(gradient: KuramotoNetwork) -> list[float]:
    others = (gradient.fields, gradient.frequencies, gradient.field_phases)
    fields, frequencies, phases = map(np.asarray, others)
    return [
        *of_pairs(gradient.couplings, PLACES),
        *fields[:2].tolist(),
        *frequencies.tolist(),
        float(phases[0]),
        float(np.asarray(gradient.second_harmonic)),
    ]


def test_the_oracle():
    found = exact(ORACLE, [1.0], SHORT)
    np.testing.assert_allclose(found.equilibrium.s[0], STATE, atol=1e-10)
    assert float(found.loss) == pytest.approx(0.5358270134, abs=1e-10)
    np.testing.assert_allclose(listed(found.gradient), GRADIENT, atol=1e-10)
    # Below the diagonal nothing is read.
    assert not np.tril(found.gradient.couplings).any()


@pytest.mark.slow
def test_eight_points_of_a_contour():
    errors = [contour_error(ORACLE, [1.0], r, 8, listed, GRADIENT) for r in (0.2, 0.5)]
    np.testing.assert_allclose(errors, [2.307e-7, 3.48e-4], rtol=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("amplitude", "wanted"),
    [
        (0.2, {2: 3.623e-2, 4: 8.097e-4, 8: 2.307e-7}),
        (0.5, {4: 3.13e-2, 8: 3.48e-4, 16: 6.65e-6}),
    ],
)
def test_contours_converge_with_the_radius(amplitude, wanted):
    reference = listed(exact(ORACLE, [1.0]).gradient)
    errors = {n: contour_error(ORACLE, [1.0], amplitude, n, listed, reference) for n in wanted}
    np.testing.assert_allclose(list(errors.values()), list(wanted.values()), rtol=2e-2)
    assert decay(errors) == pytest.approx(np.log(amplitude / RADIUS), rel=0.15)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "limit"),
    [
        (osciprop.HolomorphicEP(0.1, 16, relaxation=PRECISE), 1e-8),
        (osciprop.AsymmetricEP(0.1, 16, relaxation=PRECISE), 1e-8),
        (osciprop.DyadicEP(), 1e-8),
        (osciprop.CentredEP(1e-4, relaxation=PRECISE), 1e-7),
        (osciprop.VectorFieldEP(1e-4, relaxation=PRECISE), 1e-7),
        (osciprop.RecurrentBackprop(damping=0.3), 1e-8),
        (osciprop.gradients.LinearResponse(), 1e-8),
        (osciprop.SettledOscillation(0.1, 1e4), 2e-5),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_method(method, limit):
    found = osciprop.estimate_gradient(ORACLE, NOTHING, np.asarray([[1.0]]), method)
    assert relative_error(found.gradient, exact(ORACLE, [1.0]).gradient) < limit


@pytest.mark.slow
def test_phases_are_told_against_a_reference():
    network = KuramotoNetwork(COUPLINGS, frequencies=FREQUENCIES, start=0.3, reference=0)
    found = osciprop.relax(network, NOTHING)
    np.testing.assert_allclose(
        found.s[0], [0.0, -0.2070493313, -0.1402400223, -0.2850058283], atol=1e-9
    )
    state = jnp.asarray([[0.1 + 0.2j, 0.4, -0.3 - 0.1j, 0.7]])
    assert same_force(network, state, jnp.asarray(NOTHING))


@pytest.mark.slow
@pytest.mark.parametrize("frequency", [1.5, 5.0, 50.0])
def test_drift_is_no_equilibrium(frequency):
    network = KuramotoNetwork(
        COUPLINGS,
        frequencies=[frequency, -frequency, 0.0, 0.0],
        fields=[1.0, 0.4, 0.0, 0.0],
        start=0.3,
    )
    with pytest.raises(osciprop.ConvergenceError):
        osciprop.relax(network, NOTHING)


def test_currents_are_the_energy_s():
    rng = np.random.default_rng(0)
    network = KuramotoNetwork(
        np.triu(rng.normal(size=(5, 5)), 1),
        rng.normal(size=(3, 5)),
        frequencies=rng.normal(size=5),
        fields=rng.normal(size=5),
        field_phases=rng.normal(size=5),
        second_harmonic=rng.normal(size=5),
    )
    state = jnp.asarray(rng.normal(size=(2, 5)) + 1j * rng.normal(size=(2, 5)))
    assert same_force(network, state, jnp.asarray(rng.normal(size=(2, 3))))


def test_couplings_below_the_diagonal():
    symmetric = KuramotoNetwork(COUPLINGS + COUPLINGS.T, reference=0)
    above = KuramotoNetwork(COUPLINGS, reference=0)
    state = jnp.asarray([[0.0, 1.0, 2.0, 3.0]])
    for network in (symmetric, above):
        drive = network.drive(jnp.asarray(NOTHING))
        energy = network.energy(state, drive)[0]
        apart = np.arange(4.0)[:, None] - np.arange(4.0)[None]
        assert float(energy) == pytest.approx(-np.sum(COUPLINGS * np.cos(apart)))


@pytest.mark.slow
def test_populations_settle_where_the_ode_does():
    """`experiments.substrate_populations` asks larger ones, and for their gradients."""
    assert max(gap(phase_oscillators(8, seed), time=300.0) for seed in range(5)) < 1e-8


@pytest.mark.slow
def test_a_complex_orbit_closes():
    """`D' = w - K sin D`, complexified: about `pi/2 + i arccosh(w/K)` all orbits have one period
    (arXiv 2502.20614).
    """
    network = KuramotoNetwork([[0.0]], frequencies=[1.5], fields=[1.0])
    period = 2 * np.pi / np.sqrt(1.5**2 - 1)
    start = jnp.asarray([[np.pi / 2 + 0.3 + 1j * 0.9624236501]])
    run = osciprop.integrate(
        network,
        NOTHING,
        times=[0.0, period / 2, period],
        initial=start,
        integrator=osciprop.Integrator(
            stepsize_controller=osciprop.dynamics.adaptive(1e-11, 1e-12)
        ),
    )
    first, half, last = np.asarray(run.u)[:, 0, 0]
    assert abs(last - first) < 1e-8 < 0.1 < abs(half - first)


def classes_of_phases(count: int = 60):
    """Three patterns of phases 0 and pi, in noise."""
    rng = np.random.default_rng(0)
    y = np.arange(count) % 3
    patterns = np.pi * (rng.uniform(size=(3, 6)) < 0.5)
    return patterns[y] + 0.4 * rng.normal(size=(count, 6)), y


def machine(units: int = 7) -> KuramotoNetwork:
    rng = np.random.default_rng(1)
    return KuramotoNetwork(
        0.3 * np.triu(rng.normal(size=(units, units)), 1),
        0.3 * rng.normal(size=(6, units)),
        frequencies=0.05 * rng.normal(size=units),
        second_harmonic=0.1,
        outputs=(4, 5, 6),
    )


@pytest.mark.slow
def test_classes_are_learned_from_clamped_phases():
    x, y = classes_of_phases()
    network = constrain(machine(), lambda net: net.second_harmonic, Fixed())
    learned, _ = osciprop.fit(
        network,
        ((x, y), (x, y)),
        osciprop.DyadicEP(),  # exact where soft phases leave contours no room
        optax.adam(0.05),
        epochs=10,
        progress=False,
    )
    assert float(learned.network.second_harmonic) == 0.1
    assert (learned.network.frequencies != network.network.frequencies).all()
    assert osciprop.evaluate(learned, x, y).accuracy > 0.9


@pytest.mark.slow
def test_they_learn_online():
    simulation = osciprop.Simulation(
        osciprop.Oscillation(0.05, 20.0),
        osciprop.PeriodicPlasticity(optax.sgd(0.1)),
        presentation=2,
    )
    run = osciprop.simulate_learning(
        machine(), classes_of_phases(), simulation, presentations=5, progress=False
    )
    assert np.isfinite(run.loss).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "nothing fixes the common phase"),
        ({"reference": 0, "second_harmonic": 0.1}, "reference is 0, but second_harmonic fix"),
        ({"reference": 4}, "reference holds 4, but there are 4 units"),
        ({"fields": [1.0]}, "fields has shape (1,)"),
        ({"field_phases": np.zeros(4), "reference": 0}, "field_phases are given, but no fields"),
        ({"inputs": np.zeros((3, 2))}, "give one row per clamped oscillator, (features, 4)"),
        ({"second_harmonic": np.zeros(3)}, "second_harmonic has shape (3,)"),
        ({"reference": 0, "outputs": (5,)}, "outputs holds 5"),
    ],
)
def test_mistakes_are_named(arguments, message):
    with pytest.raises(ValueError) as caught:
        KuramotoNetwork(COUPLINGS, **arguments)
    assert message in str(caught.value)


def test_couplings_that_are_none():
    with pytest.raises(ValueError, match="neither symmetric nor zero below"):
        KuramotoNetwork(np.arange(4.0).reshape(2, 2), reference=0)
    with pytest.raises(ValueError, match="give a square matrix"):
        KuramotoNetwork(np.zeros((2, 3)), reference=0)


def test_inputs_that_do_not_fit():
    network = KuramotoNetwork(COUPLINGS, np.zeros((3, 4)))
    with pytest.raises(ValueError, match="give \\(batch, 3\\)"):
        osciprop.relax(network, np.zeros((2, 5)))


def test_classes_by_phase():
    scores = PhaseClasses().output(jnp.asarray([[0.0, np.pi]]))
    np.testing.assert_allclose(scores, [[1.0, -1.0]])
