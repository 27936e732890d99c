"""Newton's method with limited steps: circuits in which Newton's own goes far."""

import numpy as np
import pytest

import osciprop
from osciprop.equilibria import LimitedNewton
from osciprop.networks import GROUND, ResistiveCircuit


def clamped(**options):
    """Inputs through a resistor each to a node with diodes both ways."""
    return ResistiveCircuit(
        ((0, 2), (1, 3), (0, 1)),
        np.asarray([1.0, 2.0, 0.5]),
        nodes=2,
        inputs=2,
        diodes=((0, GROUND), (GROUND, 0), (1, GROUND), (GROUND, 1)),
        saturation_current=1e-9,
        **options,
    )


X = np.asarray([[50.0, -80.0], [0.1, 0.2], [-3.0, 200.0]])


def test_steps_are_few_where_exponentials_are_steep():
    solution = osciprop.relax(clamped(), X, relaxation=LimitedNewton(0.026, tolerance=1e-9))
    assert solution.converged.all() and solution.steps < 60
    v = np.asarray(solution.u)
    through = 1e-9 * 2 * np.sinh(v / 0.026)
    between = 0.5 * (v[:, :1] - v[:, 1:]) * np.asarray([1, -1])
    leaves = through + np.asarray([1.0, 2.0]) * (v - X) + between
    np.testing.assert_allclose(leaves, 0, atol=1e-7)


@pytest.mark.slow
def test_nudged_on_a_circle():
    y = np.zeros((3, 2))
    for beta in (0.4, 0.4j, -0.3 + 0.2j):
        solution = osciprop.relax(
            clamped(), X[1:2], y[1:2], beta=beta, relaxation=LimitedNewton(0.026)
        )
        assert solution.converged.all()


def test_mistakes_are_told():
    with pytest.raises(ValueError, match="limit"):
        LimitedNewton(0.0)
    with pytest.raises(ValueError, match="max_steps"):
        LimitedNewton(max_steps=0)
