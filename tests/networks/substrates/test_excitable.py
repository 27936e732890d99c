"""FitzHugh-Nagumo cells, held against an independent program's digits and SciPy."""

import jax.numpy as jnp
import numpy as np
import pytest
from flow_cases import (
    NOTHING,
    PRECISE,
    contour_error,
    decay,
    exact,
    first_harmonic,
    of_pairs,
    pairs,
    same_force,
)
from helpers import relative_error

import osciprop
from experiments.populations.systems import excitable_cells
from experiments.substrate_populations import gap
from osciprop.networks import FitzHughNagumoNetwork

PLACES = [(1, 2), (1, 3), (2, 3)]
CELLS = FitzHughNagumoNetwork(
    [0.5, 0.1, -0.2],
    pairs(3, {(1, 2): 0.35, (1, 3): 0.2, (2, 3): 0.15}),
    recovery_diffusion=pairs(3, {(1, 2): 0.1, (1, 3): 0.05, (2, 3): 0.2}),
    recovery_time=5.0,
    start=[[-1.0], [-0.5]],
    outputs=(2,),
)
GRADIENT = [
    *[-0.0347826705, 0.0037403904, -0.3962420973, 0.5341054718, 0.3230927496],
    *[0.0076254687, -0.1387028459, -0.0743105459],
    *[0.0019145485, 0.1212359556, 0.0503159062],
]
RADIUS = 1.5670780822


def listed(gradient: FitzHughNagumoNetwork) -> list[float]:
    return [
        *map(float, gradient.currents),
        float(gradient.offset),
        float(gradient.decay),
        *of_pairs(gradient.diffusion, PLACES),
        *of_pairs(gradient.recovery_diffusion, PLACES),
    ]


@pytest.mark.slow
def test_the_oracle():
    found = exact(CELLS, [-0.5])
    np.testing.assert_allclose(
        np.concatenate(found.equilibrium.s, axis=1)[0],
        [
            *[-0.9034388090, -1.1013843660, -1.2871688647],
            *[-0.3036696734, -0.5146272373, -0.6716931389],
        ],
        atol=1e-10,
    )
    assert float(found.loss) == pytest.approx(0.3098174107, abs=1e-10)
    np.testing.assert_allclose(listed(found.gradient), GRADIENT, atol=1e-10)


@pytest.mark.slow
def test_four_points_of_a_contour():
    error = contour_error(CELLS, [-0.5], 0.1, 4, listed, GRADIENT)
    assert error == pytest.approx(1.6e-6, rel=0.05)


@pytest.mark.slow
def test_contours_converge_with_the_radius():
    wanted = {2: 8.9e-4, 4: 1.6e-6, 8: 1.0e-11}
    reference = listed(exact(CELLS, [-0.5]).gradient)
    errors = {n: contour_error(CELLS, [-0.5], 0.1, n, listed, reference) for n in wanted}
    np.testing.assert_allclose(list(errors.values()), list(wanted.values()), rtol=0.06)
    assert decay(errors) == pytest.approx(np.log(0.1 / RADIUS), rel=0.15)


@pytest.mark.slow
def test_the_settled_orbit():
    potential, recovery = first_harmonic(CELLS, [-0.5], 0.1, 0.1)
    assert potential[2] == pytest.approx(0.4264164215 + 0.0793676203j, abs=1e-9)
    assert recovery[2] == pytest.approx(0.3753202168 - 0.1039506092j, abs=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "limit"),
    [
        (osciprop.HolomorphicEP(0.1, 16, relaxation=PRECISE), 1e-8),
        (osciprop.AsymmetricEP(0.1, 16, relaxation=PRECISE), 1e-8),
        (osciprop.DyadicEP(), 1e-8),
        (osciprop.CentredEP(1e-4, relaxation=PRECISE), 1e-7),
        (osciprop.VectorFieldEP(1e-4, relaxation=PRECISE), 1e-7),
        (osciprop.SettledOscillation(0.1, 1e4), 2e-5),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_method(method, limit):
    found = osciprop.estimate_gradient(CELLS, NOTHING, np.asarray([[-0.5]]), method)
    assert relative_error(found.gradient, exact(CELLS, [-0.5]).gradient) < limit


@pytest.mark.slow
def test_a_nudge_of_the_recovery():
    """The metric turns the sign of a nudge of w by itself."""
    network = FitzHughNagumoNetwork(
        CELLS.currents, CELLS.diffusion, recovery_time=5.0, outputs=(2, 4)
    )
    reference = exact(network, [-0.5, 0.0])
    found = osciprop.estimate_gradient(
        network,
        NOTHING,
        np.asarray([[-0.5, 0.0]]),
        osciprop.HolomorphicEP(0.1, 16, relaxation=PRECISE),
    )
    assert relative_error(found.gradient, reference.gradient) < 1e-8
    step = 1e-5
    losses = [
        float(
            exact(
                FitzHughNagumoNetwork(
                    CELLS.currents + jnp.asarray([0.0, change, 0.0]),
                    CELLS.diffusion,
                    recovery_time=5.0,
                    outputs=(2, 4),
                ),
                [-0.5, 0.0],
            ).loss
        )
        for change in (step, -step)
    ]
    slope = (losses[0] - losses[1]) / (2 * step)
    assert float(reference.gradient.currents[1]) == pytest.approx(slope, abs=1e-8)


def test_currents_are_the_energy_s():
    rng = np.random.default_rng(0)
    network = FitzHughNagumoNetwork(
        rng.normal(size=4), np.triu(rng.normal(size=(4, 4)), 1), inputs=rng.normal(size=(3, 4))
    )
    u, w = (jnp.asarray(rng.normal(size=(2, 4)) + 1j * rng.normal(size=(2, 4))) for _ in "uw")
    assert same_force(network, (u, w), jnp.asarray(rng.normal(size=(2, 3))))


@pytest.mark.slow
def test_populations_settle_where_the_ode_does():
    assert max(gap(excitable_cells(6, seed), time=300.0) for seed in range(5)) < 1e-8


@pytest.mark.slow
def test_cells_that_fire_have_no_equilibrium():
    with pytest.raises(osciprop.ConvergenceError):
        osciprop.relax(FitzHughNagumoNetwork([0.5, 0.5]), NOTHING)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"diffusion": np.zeros((2, 2))}, "diffusion has shape (2, 2)"),
        ({"recovery_time": 0.0}, "recovery_time must be a finite number above 0"),
        ({"inputs": np.zeros((4, 2))}, "give one row per feature"),
        ({"offset": np.zeros(2)}, "offset has shape (2,)"),
        ({"start": np.zeros((2, 2))}, "start has shape (2, 2)"),
        ({"outputs": (6,)}, "outputs holds 6"),
    ],
)
def test_mistakes_are_named(arguments, message):
    with pytest.raises(ValueError) as caught:
        FitzHughNagumoNetwork(np.zeros(3), **arguments)
    assert message in str(caught.value)
