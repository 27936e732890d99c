"""Stuart-Landau oscillators, held against an independent program's digits and SciPy."""

import jax.numpy as jnp
import numpy as np
import pytest
from flow_cases import (
    NOTHING,
    PRECISE,
    contour_error,
    decay,
    exact,
    of_pairs,
    pairs,
    same_force,
)
from helpers import flat, relative_error

import osciprop
from experiments.populations.systems import amplitude_oscillators
from experiments.substrate_populations import gap
from osciprop.networks import DetunedStuartLandauNetwork, StuartLandauNetwork

PLACES = [(1, 2), (1, 3), (2, 3)]
RESONANT = StuartLandauNetwork(
    [1.0, 0.8, 1.2],
    pairs(3, {(1, 2): 0.5, (1, 3): -0.3, (2, 3): 0.4}),
    forces=[[0.8, 0.5, 0.3], [0.0, 0.4, -0.2]],
    start=[[0.8, 0.3, 0.5], [0.1, 0.2, 0.2]],
    outputs=(2, 5),
)
DETUNED = DetunedStuartLandauNetwork(RESONANT, [0.3, -0.4, 0.2])
TARGET = [0.6, 0.5]
RADIUS = 0.2941685


def listed(gradient: StuartLandauNetwork) -> list[float]:
    return [*of_pairs(gradient.couplings, PLACES), *map(float, gradient.growth)]


def all_of(gradient: StuartLandauNetwork) -> list[float]:
    return [*listed(gradient), *map(float, np.asarray(gradient.forces).ravel())]


def listed_detuned(gradient: DetunedStuartLandauNetwork) -> list[float]:
    return [*of_pairs(gradient.network.couplings, PLACES), *map(float, gradient.detunings)]


GRADIENT = [
    *[-0.0502761026, -2.0600900731, -1.4545226396],
    *[0.1019443771, -0.1292578371, 0.3696783898],
]
DETUNED_GRADIENT = [
    *[-0.4011835969, -1.7936437905, -0.3103828664],
    *[0.4145921398, -0.8540362889, -2.8104415289],
]


def all_numbers(gradient: DetunedStuartLandauNetwork) -> list[float]:
    return flat(gradient).tolist()


@pytest.mark.slow
def test_the_oracle():
    found = exact(RESONANT, TARGET)
    np.testing.assert_allclose(
        np.concatenate(found.equilibrium.s, axis=1)[0],
        [
            *[1.3178254434, 1.3704336494, 1.1771597915],
            *[0.3498274228, 0.3333964057, -0.4460621321],
        ],
        atol=1e-10,
    )
    assert float(found.loss) == pytest.approx(0.6140734913, abs=1e-10)
    np.testing.assert_allclose(listed(found.gradient), GRADIENT, atol=1e-9)
    # The rule of a force is minus the displacement of its quadrature.
    np.testing.assert_allclose(
        found.gradient.forces, -np.concatenate(found.error_signal), atol=1e-9
    )


@pytest.mark.slow
def test_the_oracle_off_resonance():
    found = exact(DETUNED, TARGET)
    np.testing.assert_allclose(
        np.concatenate(found.equilibrium.s, axis=1)[0],
        [
            *[1.2084973225, 1.3978735141, 1.2533854093],
            *[0.5716721325, 0.0205031095, -0.2575410515],
        ],
        atol=1e-10,
    )
    assert float(found.loss) == pytest.approx(0.5003904689, abs=1e-10)
    np.testing.assert_allclose(listed_detuned(found.gradient), DETUNED_GRADIENT, atol=1e-9)


@pytest.mark.slow
def test_contours_converge_with_the_radius():
    wanted = {4: 0.0181, 8: 1.48e-3, 16: 3.56e-5}
    reference = all_of(exact(RESONANT, TARGET).gradient)
    errors = {n: contour_error(RESONANT, TARGET, 0.2, n, all_of, reference) for n in wanted}
    np.testing.assert_allclose(list(errors.values()), list(wanted.values()), rtol=2e-2)
    assert decay(errors) == pytest.approx(np.log(0.2 / RADIUS), rel=0.15)


@pytest.mark.slow
def test_contours_converge_off_resonance():
    wanted = {4: 1.64e-2, 8: 3.32e-4}
    reference = flat(exact(DETUNED, TARGET).gradient).tolist()
    errors = {
        n: contour_error(DETUNED, TARGET, 0.2, n, all_numbers, reference, osciprop.AsymmetricEP)
        for n in wanted
    }
    np.testing.assert_allclose(list(errors.values()), list(wanted.values()), rtol=2e-2)


@pytest.mark.slow
@pytest.mark.parametrize("network", [RESONANT, DETUNED], ids=["resonant", "detuned"])
@pytest.mark.parametrize(
    ("method", "limit"),
    [
        (osciprop.HolomorphicEP(0.03, 16, relaxation=PRECISE), 1e-8),
        (osciprop.AsymmetricEP(0.03, 16, relaxation=PRECISE), 1e-8),
        (osciprop.DyadicEP(), 1e-8),
        (osciprop.CentredEP(1e-4, relaxation=PRECISE), 1e-6),
        (osciprop.SettledOscillation(0.03, 1e4), 5e-3),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_method(network, method, limit):
    energy = osciprop.HolomorphicEP, osciprop.CentredEP, osciprop.SettledOscillation
    if network is DETUNED and isinstance(method, energy):
        with pytest.raises(osciprop.ReciprocityError, match="detuned oscillators turn"):
            osciprop.estimate_gradient(network, NOTHING, np.asarray([TARGET]), method)
        return
    found = osciprop.estimate_gradient(network, NOTHING, np.asarray([TARGET]), method)
    assert relative_error(found.gradient, exact(network, TARGET).gradient) < limit


def test_detuned_oscillators_have_no_energy():
    with pytest.raises(osciprop.ReciprocityError, match="detuned oscillators turn"):
        osciprop.estimate_gradient(DETUNED, NOTHING, np.asarray([TARGET]), osciprop.HolomorphicEP())


@pytest.mark.slow
def test_the_vector_field_is_biased_off_resonance():
    method = osciprop.VectorFieldEP(1e-4, relaxation=PRECISE)
    found = osciprop.estimate_gradient(DETUNED, NOTHING, np.asarray([TARGET]), method)
    a, b = flat(found.gradient), flat(exact(DETUNED, TARGET).gradient)
    assert np.linalg.norm(a - b) / np.linalg.norm(b) == pytest.approx(0.189, abs=1e-3)
    assert a @ b / np.linalg.norm(a) / np.linalg.norm(b) == pytest.approx(0.98803, abs=1e-4)


def test_currents_are_the_energy_s():
    rng = np.random.default_rng(0)
    network = StuartLandauNetwork(
        rng.normal(size=4), np.triu(rng.normal(size=(4, 4)), 1), inputs=rng.normal(size=(2, 3, 4))
    )
    x, y = (jnp.asarray(rng.normal(size=(2, 4)) + 1j * rng.normal(size=(2, 4))) for _ in "xy")
    assert same_force(network, (x, y), jnp.asarray(rng.normal(size=(2, 3))))


@pytest.mark.slow
def test_populations_settle_where_the_ode_does():
    assert max(gap(amplitude_oscillators(6, seed), time=300.0) for seed in range(5)) < 1e-8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "nothing fixes the common phase"),
        ({"forces": np.zeros(3)}, "forces has shape (3,)"),
        ({"inputs": np.zeros((4, 3))}, "give (2, features, 3)"),
        ({"forces": np.zeros((2, 3)), "start": np.zeros(2)}, "start has shape (2,)"),
        ({"forces": np.zeros((2, 3)), "outputs": (6,)}, "outputs holds 6"),
    ],
)
def test_mistakes_are_named(arguments, message):
    with pytest.raises(ValueError) as caught:
        StuartLandauNetwork(np.ones(3), np.zeros((3, 3)), **arguments)
    assert message in str(caught.value)


def test_detunings_are_learned():
    learned = DETUNED.trainable()
    assert learned.detunings and learned.network.couplings and not learned.network.start
