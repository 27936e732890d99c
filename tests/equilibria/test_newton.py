"""Newton's method: quadratic, ending in equilibria that the ODE leaves too, and saying so."""

import lineax
import numpy as np
import pytest
from helpers import batch, linear_network, small_network

import osciprop


def test_a_linear_network_takes_one_step():
    network = linear_network(norm=3.0)  # plain iteration diverges
    x = np.random.default_rng(0).normal(size=(1, 3))
    linear = lineax.GMRES(rtol=1e-12, atol=1e-12)
    solution = osciprop.relax(network, x, relaxation=osciprop.Newton(linear), throw=False)
    coupling = (network.coupling + network.coupling.T) / 2
    np.testing.assert_allclose(
        solution.s[0], np.linalg.solve(np.eye(4) - coupling, (x @ network.inputs)[0]), atol=1e-9
    )
    assert int(solution.steps) <= 3
    assert float(solution.growth[0]) == pytest.approx(np.linalg.eigvalsh(coupling).max() - 1)
    assert not solution.converged[0] and "the ODE leaves 1 of them" in str(solution)


@pytest.mark.slow
def test_few_steps_to_where_iterations_end():
    network, (x, _) = small_network(), batch(5, 3, 2)
    found = osciprop.relax(network, x, relaxation=osciprop.Newton())
    np.testing.assert_allclose(found.s[1], osciprop.relax(network, x).s[1], atol=1e-8)
    assert int(found.steps) < 12


def test_steps_are_counted():
    with pytest.raises(ValueError, match="max_steps"):
        osciprop.Newton(max_steps=0)
