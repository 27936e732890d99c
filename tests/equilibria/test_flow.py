"""The ODE as a relaxation: where it ends, when, and with which integrator."""

import diffrax
import numpy as np
import pytest
from helpers import batch, small_network

import osciprop


@pytest.mark.slow
def test_any_integrator():
    network, (x, _) = small_network(), batch(5, 3, 2)
    heun = osciprop.Integrator(diffrax.Heun(), diffrax.ConstantStepSize(), dt0=0.5)
    ours = osciprop.relax(network, x, relaxation=osciprop.Flow(integrator=heun))
    np.testing.assert_allclose(ours.s[0], osciprop.relax(network, x).s[0], atol=1e-8)
    assert float(ours.time) == pytest.approx(0.5 * int(ours.steps))


def test_too_little_time_is_not_converged():
    network, (x, _) = small_network(), batch(5, 3, 2)
    solution = osciprop.relax(network, x, relaxation=osciprop.Flow(max_time=0.5), throw=False)
    assert not np.any(solution.converged) and float(solution.time) == 0.5


@pytest.mark.parametrize("options", [{"max_time": 0.0}, {"tolerance": -1.0}])
def test_bad_numbers_are_named(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        osciprop.Flow(**options)
