"""Gradient flows of any energy, held against an independent program's digits."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flow_cases import (
    NOTHING,
    PRECISE,
    SHORT,
    contour_error,
    decay,
    exact,
    first_harmonic,
    of_pairs,
    pairs,
)
from helpers import relative_error

import osciprop
from osciprop.networks import AbstractGradientFlow, GradientFlow, complex_like, matmul

PLACES = [(1, 2), (1, 3), (2, 3)]


class Quartic(osciprop.settings.Module):
    """`sum(s^4/4 + a s^2/2) - s^T W s/2 - b s` with a symmetric W, read above the diagonal."""

    couplings: jax.Array
    bias: jax.Array
    stiffness: jax.Array

    def __call__(self, u, x):
        coupling = self.couplings + self.couplings.T
        terms = u**4 / 4 + complex_like(self.stiffness, u) * u**2 / 2
        terms = terms - u * matmul(u, coupling) / 2 - complex_like(self.bias, u)[None] * u
        return jnp.sum(terms, axis=-1)


ENERGY = Quartic(
    jnp.asarray(pairs(3, {(1, 2): 0.6, (1, 3): -0.4, (2, 3): 0.5})),
    jnp.asarray([0.3, -0.2, 0.5]),
    jnp.asarray(1.0),
)
MOBILITY = [[2.0, 1.0, 0.0], [-1.0, 1.0, 0.5], [0.0, -0.5, 0.5]]
PLAIN = GradientFlow(ENERGY, np.zeros(3), outputs=(2,))
SKEWED = GradientFlow(ENERGY, np.zeros(3), outputs=(2,), mobility=MOBILITY)
TARGET = [-0.5]
GRADIENT = [
    *[0.0446554303, 0.1033736081, 0.2091651825],
    *[-0.1059985553, 0.2865979004, 0.7273777495, -0.3140781952],
]
RADIUS = 0.5647805800


class Drag(AbstractGradientFlow):
    """A flow whose mobility falls with the size of the state."""

    inside: GradientFlow

    def rest(self, x):
        return self.inside.rest(x)

    def energy(self, u, drive):
        return self.inside.energy(u, drive)

    def velocity(self, u, current):
        return self.inside.velocity(u, current) / (1 + 0.3 * u**2)

    def cost(self, s, y):
        return self.inside.cost(s, y)

    def output(self, s):
        return self.inside.output(s)


def listed(gradient: GradientFlow) -> list[float]:
    energy: Any = gradient.function
    return [*of_pairs(energy.couplings, PLACES), *map(float, energy.bias), float(energy.stiffness)]


@pytest.mark.parametrize(
    "network", [PLAIN, pytest.param(SKEWED, marks=pytest.mark.slow)], ids=["plain", "skewed"]
)
def test_the_oracle(network):
    found = exact(network, TARGET, SHORT)
    np.testing.assert_allclose(
        found.equilibrium.s[0], [0.2021424664, 0.1252675204, 0.4118954648], atol=1e-10
    )
    assert float(found.loss) == pytest.approx(0.4157766694, abs=1e-10)
    np.testing.assert_allclose(listed(found.gradient), GRADIENT, atol=1e-10)


@pytest.mark.slow
def test_contours_converge_with_the_radius():
    wanted = {2: 3.941e-2, 4: 5.193e-3, 8: 1.245e-4, 16: 3.767e-7}
    reference = listed(exact(PLAIN, TARGET).gradient)
    errors = {n: contour_error(PLAIN, TARGET, 0.3, n, listed, reference) for n in wanted}
    np.testing.assert_allclose(list(errors.values()), list(wanted.values()), rtol=2e-3)
    assert decay(errors) == pytest.approx(np.log(0.3 / RADIUS), rel=0.15)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "wanted"),
    [
        (
            SKEWED,
            [
                0.0806809232 - 0.0567201535j,
                -0.3003179171 + 0.0281619864j,
                -0.6522523252 + 0.2447221075j,
            ],
        ),
        (
            Drag(SKEWED),
            [
                0.0790244233 - 0.0581644383j,
                -0.3014629918 + 0.0280280505j,
                -0.6459092393 + 0.2532619356j,
            ],
        ),
    ],
    ids=["constant", "of the state"],
)
def test_the_settled_orbit(network, wanted):
    (found,) = first_harmonic(network, TARGET, 0.3, 0.5)
    np.testing.assert_allclose(found, wanted, atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "limit"),
    [
        (osciprop.HolomorphicEP(0.05, 16, relaxation=PRECISE), 1e-8),
        (osciprop.AsymmetricEP(0.05, 16, relaxation=PRECISE), 1e-8),
        (osciprop.DyadicEP(), 1e-8),
        (osciprop.CentredEP(1e-4, relaxation=PRECISE), 1e-7),
        (osciprop.SettledOscillation(0.05, 1e4), 2e-5),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_method(method, limit):
    found = osciprop.estimate_gradient(SKEWED, NOTHING, np.asarray([TARGET]), method)
    assert relative_error(found.gradient, exact(SKEWED, TARGET).gradient) < limit


class Driven(AbstractGradientFlow):
    """Springs pulled by what a matrix makes of the input."""

    pull: jax.Array

    def rest(self, x):
        return jnp.zeros((x.shape[0], self.pull.shape[1]))

    def drive(self, x):
        return x @ self.pull

    def energy(self, u, drive):
        return jnp.sum(u**2 - complex_like(drive, u) * u, axis=-1)

    def cost(self, s, y):
        return jnp.sum((s - complex_like(y, s)) ** 2, axis=-1) / 2

    def output(self, s):
        return s


def test_the_energy_sees_the_drive():
    network, x = Driven(jnp.asarray([[1.0, 2.0], [3.0, 4.0]])), jnp.asarray([[1.0, -1.0]])
    state = jnp.asarray([[0.5, 0.5]])
    np.testing.assert_allclose(
        network.current(state, network.drive(x)), state - 1 + x @ network.pull
    )
    assert float(network.phi(state, x)[0]) == pytest.approx(0.25 - (0.5 + 2.0))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"start": np.zeros((2, 2))}, "start has shape (2, 2)"),
        ({"start": np.zeros(3), "mobility": np.eye(2)}, "mobility has shape (2, 2)"),
        ({"start": np.zeros(3), "outputs": (3,)}, "outputs holds 3, but there are 3 units"),
        ({"start": np.zeros(3), "outputs": ()}, "give a tuple of indices"),
    ],
)
def test_mistakes_are_named(arguments, message):
    with pytest.raises(ValueError) as caught:
        GradientFlow(ENERGY, **arguments)
    assert message in str(caught.value)
