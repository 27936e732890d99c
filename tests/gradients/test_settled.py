"""The gradient of the settled oscillation: exact up to the lag, and the integrated one's limit."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from energy_cases import DAMPED, linearised, three_units
from helpers import relative_error
from oscillation_cases import EXACT, LINEAR, TANH

import osciprop
from osciprop.equilibria import HarmonicBalance, OrbitSettling
from osciprop.gradients import SettledOscillation

FINE = HarmonicBalance(16)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*period=20 is too short")
@pytest.mark.parametrize(
    "rule",
    [
        osciprop.gradients.ActivityProducts(),
        pytest.param(osciprop.ErrorSignals(), marks=pytest.mark.slow),
    ],
)
def test_it_is_the_limit_of_the_integrated_one(rule):
    always_on = osciprop.OscillatoryEP(
        0.1, 20.0, settle_periods=3, samples=16, rule=rule, integrator=EXACT
    )
    found, ours = (
        osciprop.estimate_gradient(*TANH, method)
        for method in (always_on, SettledOscillation(0.1, 20.0, rule=rule, solver=FINE))
    )
    assert relative_error(ours.gradient, found.gradient) < 1e-7
    assert relative_error(ours.error_signal, found.error_signal) < 1e-7
    for name in ("lag", "leakage"):
        assert float(getattr(ours.diagnostics, name)) == pytest.approx(
            float(getattr(found.diagnostics, name)), rel=1e-4
        )
    assert float(ours.loss) == pytest.approx(float(found.loss), rel=1e-8)


@pytest.mark.parametrize(
    "case",
    [pytest.param(LINEAR, marks=pytest.mark.slow, id="linear"), pytest.param(TANH, id="tanh")],
)
def test_it_is_exact_up_to_the_lag(case):
    exact = osciprop.estimate_gradient(*case, osciprop.Implicit()).gradient
    errors = [
        relative_error(
            osciprop.estimate_gradient(
                *case, SettledOscillation(0.1, period, solver=HarmonicBalance(32))
            ).gradient,
            exact,
        )
        for period in (300.0, 3000.0)
    ]
    assert errors[1] < 2e-5 and errors[0] / errors[1] == pytest.approx(100, rel=0.05)


@pytest.mark.slow
def test_without_the_lag():
    exact = osciprop.estimate_gradient(*TANH, osciprop.Implicit()).gradient
    found = osciprop.estimate_gradient(
        *TANH, osciprop.LagCorrected(SettledOscillation(0.1, 100.0, solver=FINE))
    )
    assert relative_error(found.gradient, exact) < 1e-4
    assert 0.1 < found.diagnostics.remaining_bias() / relative_error(found.gradient, exact) < 10


@pytest.mark.slow
@pytest.mark.parametrize(
    "reference",
    [
        osciprop.gradients.Companion(),
        pytest.param(osciprop.gradients.OwnMean(10_000.0), marks=pytest.mark.slow),
    ],
)
def test_asymmetric_networks(reference):
    network = osciprop.feedback_mlp([3, 4, 3, 3], key=jax.random.key(0), activation=osciprop.Tanh())
    x, y = TANH[1], np.asarray([1])
    settled = SettledOscillation(0.2, 1000.0, rule=osciprop.ErrorSignals(), solver=FINE)
    found = osciprop.estimate_gradient(network, x, y, osciprop.OscillatoryAEP(settled, reference))
    exact = osciprop.estimate_gradient(network, x, y, osciprop.Implicit()).gradient
    assert relative_error(found.gradient, exact) < 1e-3


@pytest.mark.slow
def test_it_says_what_is_wrong():
    with pytest.warns(osciprop.GradientAccuracyWarning, match=r"period=3 is too short"):
        osciprop.estimate_gradient(*TANH, SettledOscillation(0.3, 3.0, solver=FINE))
    with pytest.warns(osciprop.GradientAccuracyWarning, match=r"singularity"):
        osciprop.estimate_gradient(*TANH, SettledOscillation(0.5, 100.0))
    single = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), TANH[0])
    with pytest.warns(osciprop.GradientAccuracyWarning, match=r"too small for the tolerance"):
        osciprop.estimate_gradient(single, *TANH[1:], SettledOscillation(1e-6))
    with pytest.raises(osciprop.ConvergenceError, match=r"the orbit of 1 of 1 samples"):
        unsolved = SettledOscillation(solver=HarmonicBalance(8, max_steps=1))
        osciprop.estimate_gradient(*TANH, unsolved)
    with pytest.raises(ValueError, match="amplitude"):
        SettledOscillation(-1.0)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::osciprop.GradientAccuracyWarning")
def test_the_lags_bias_is_predicted():
    """Within a factor of 2 for 30 random networks at five periods each."""
    rng, ratios = np.random.default_rng(0), []
    for seed in range(30):
        network = osciprop.hopfield_mlp(
            [8, 10, 6, 4],
            key=jax.random.PRNGKey(seed),
            activation=[osciprop.Tanh(), osciprop.ShiftedSigmoid()][seed % 2],
            scale=10 ** rng.uniform(-1, 0.2),
        )
        x, y = rng.normal(size=(5, 8)), rng.integers(0, 4, 5)
        exact = osciprop.estimate_gradient(network, x, y, osciprop.Implicit()).gradient
        for period in (200.0, 50.0, 20.0, 10.0, 5.0):
            found = osciprop.estimate_gradient(network, x, y, SettledOscillation(0.02, period))
            error = relative_error(found.gradient, exact)
            ratios.append(float(found.diagnostics.lag_bias) / error)
    assert len(ratios) == 150 and 0.5 < min(ratios) and max(ratios) < 2


@pytest.mark.filterwarnings("ignore::osciprop.GradientAccuracyWarning")
def test_its_radius_is_the_dynamic_one():
    """The faster the teaching signal turns, the less of it arrives."""
    radii = [
        osciprop.estimate_gradient(
            *TANH, SettledOscillation(0.3, period, solver=HarmonicBalance(32)), throw=False
        ).diagnostics.radius_of_convergence()
        for period in (1000.0, 10.0)
    ]
    assert radii[1] > 1.2 * radii[0]


@pytest.mark.slow
def test_its_summary():
    found = osciprop.estimate_gradient(*TANH, SettledOscillation(0.1))
    assert "settled oscillation: 1 of 1 orbits after" in str(found)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::osciprop.GradientAccuracyWarning")
def test_an_orbit_that_does_not_close_is_a_concern_and_no_error():
    """Far beyond the singularity the ODE may settle in nothing, and the network learns all the
    same, as the integrated one does.
    """
    solver = OrbitSettling(HarmonicBalance(8, max_steps=300), max_periods=5)
    found = osciprop.estimate_gradient(*TANH, SettledOscillation(2.0, 10.0, solver=solver))
    told = found.diagnostics
    assert any("1 of 1 samples do not close" in concern for concern in told.concerns())
    assert told.turns.tolist() == [0] and "0 of 1 orbits" in str(found)
    assert float(found.accuracy.error) > 0.1 and bool(jnp.isfinite(found.loss))
    with pytest.raises(osciprop.ConvergenceError, match="the orbit of 1 of 1 samples"):
        osciprop.estimate_gradient(*TANH, SettledOscillation(2.0, 10.0, solver=solver.balance))


@eqx.filter_jit
def orbit_of_three_units(points, amplitude):
    network, x, y = three_units()
    signal = osciprop.Oscillation(amplitude, 4 * jnp.pi)
    solver = HarmonicBalance(points, tolerance=1e-13)
    return osciprop.equilibria.settled_orbit(
        network, x, y, signal, solver=solver, relaxation=DAMPED, throw=False
    )


def first_harmonic_of_three_units(points, amplitude) -> tuple[np.ndarray, np.ndarray]:
    """The activity's Fourier coefficients, and the first in closed form."""
    network, _, y = three_units()
    s, hessian, error = linearised(network, y)
    lag = 0.5j * np.diag(np.asarray(network.time_constants) / (1 - s**2))
    closed = -np.linalg.solve(lag + hessian, np.concatenate([[0.0], error]))
    orbit = orbit_of_three_units(points, amplitude)
    return np.fft.fft(np.asarray(orbit.s)[:, 0], axis=0) / points, closed


def test_harmonics_of_an_orbit_beyond_the_slow_limit():
    coefficients, closed = first_harmonic_of_three_units(64, 0.3)
    known = [
        0.0832578007 - 0.2169481725j,
        0.2333350703 - 0.1661753346j,
        -0.1902411418 + 0.2368705498j,
    ]
    np.testing.assert_allclose(closed, known, atol=1e-10)
    np.testing.assert_allclose(coefficients[1] / 0.3, closed, atol=1e-10)
    sizes = np.linalg.norm(coefficients[1:6], axis=1)
    np.testing.assert_allclose(sizes, [0.143, 2.31e-2, 3.58e-3, 5.42e-4, 7.75e-5], rtol=5e-3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("points", "amplitude", "error"),
    [
        *((4, 0.3, 4.30e-3), (6, 0.3, 8.8e-5), (8, 0.3, 5.2e-6), (12, 0.3, 1.05e-8)),
        *((8, 0.7, 4.5e-3), (16, 0.7, 2.1e-5)),
    ],
)
def test_aliasing_of_few_harmonics(points, amplitude, error):
    """The static radius is 0.309: beyond it the orbit is still analytic."""
    coefficients, closed = first_harmonic_of_three_units(points, amplitude)
    found = np.linalg.norm(coefficients[1] / amplitude - closed) / np.linalg.norm(closed)
    assert found == pytest.approx(error, rel=2e-2)
