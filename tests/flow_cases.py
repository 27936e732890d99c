"""Shared by tests of gradient flows: their oracles, how contours converge, SciPy's equilibria."""

import warnings
from collections.abc import Callable, Sequence

import jax
import numpy as np
from jaxtyping import Array

import osciprop
from osciprop.equilibria import AbstractRelaxation, HarmonicBalance, OrbitSettling

PRECISE = osciprop.Settling(tolerance=1e-13)
SHORT = osciprop.Newton(tolerance=1e-13)
"""A program of half the size, where the start is near."""
ORBIT = OrbitSettling(HarmonicBalance(64, max_steps=1000))
NOTHING = np.zeros((1, 1))


def pairs(units: int, values: dict[tuple[int, int], float]) -> np.ndarray:
    """Couplings above the diagonal, by the numbers of two units, counted from 1."""
    found = np.zeros((units, units))
    for (i, j), value in values.items():
        found[i - 1, j - 1] = value
    return found


def of_pairs(gradient: Array, places: Sequence[tuple[int, int]]) -> list[float]:
    return [float(gradient[i - 1, j - 1]) for i, j in places]


def exact(
    network: osciprop.AbstractNetwork,
    y: Sequence[float],
    relaxation: AbstractRelaxation = PRECISE,
) -> osciprop.Estimate:
    return osciprop.estimate_gradient(
        network, NOTHING, np.asarray([y]), osciprop.Implicit(relaxation=relaxation)
    )


def contour_error(
    network: osciprop.AbstractNetwork,
    y: Sequence[float],
    amplitude: float,
    points: int,
    listed: Callable[[osciprop.AbstractNetwork], list[float]],
    wanted: Sequence[float],
    method=osciprop.HolomorphicEP,
) -> float:
    """Relative error of the listed numbers of a gradient."""
    with warnings.catch_warnings(action="ignore", category=osciprop.GradientAccuracyWarning):
        found = osciprop.estimate_gradient(
            network, NOTHING, np.asarray([y]), method(amplitude, points, relaxation=PRECISE)
        )
    gap = np.asarray(listed(found.gradient)) - wanted
    return float(np.linalg.norm(gap) / np.linalg.norm(wanted))


def decay(errors: dict[int, float]) -> float:
    """Slope of `log(error)` against the number of points. The nearest singularity is a branch
    point, where coefficients of a series fall as `R^-N N^-3/2`.
    """
    points = np.asarray(list(errors))
    sizes = np.log(np.asarray(list(errors.values()))) + 1.5 * np.log(points)
    return float(np.polyfit(points, sizes, 1)[0])


def first_harmonic(
    network: osciprop.AbstractNetwork, y: Sequence[float], omega: float, amplitude: float
) -> list[np.ndarray]:
    """`s_1 / r` of the orbit that the dynamics settle in, of each leaf."""
    teaching = osciprop.Oscillation(amplitude, 2 * np.pi / omega)
    orbit = osciprop.equilibria.settled_orbit(
        network, NOTHING, np.asarray([y]), teaching, solver=ORBIT, relaxation=PRECISE
    )
    return [
        np.mean(np.asarray(leaf) / np.asarray(orbit.betas)[:, None, None], axis=0)[0]
        for leaf in jax.tree.leaves(orbit.s)
    ]


def same_force(network: osciprop.AbstractEnergyNetwork, s, x: Array, tolerance: float = 1e-12):
    """Whether `current` is the derivative of `phi`, at a complex state."""
    derivative = osciprop.networks.current_from_phi(network, s, x)
    current = network.current(s, network.drive(x))
    return all(
        np.abs(np.asarray(a - b)).max() < tolerance
        for a, b in zip(jax.tree.leaves(current), jax.tree.leaves(derivative), strict=True)
    )
