"""One relaxation after another."""

import numpy as np
from helpers import batch, flat, small_network

import osciprop

X, _ = batch(5, 3, 4)


def test_the_last_one_decides():
    network = small_network()
    rough = osciprop.SequentialIteration(tolerance=1e-2)
    both = osciprop.Chained(rough, osciprop.AndersonIteration())
    solution = osciprop.relax(network, X, relaxation=both)
    exact = osciprop.relax(network, X)
    first = osciprop.relax(network, X, relaxation=rough)
    np.testing.assert_allclose(flat(solution.s), flat(exact.s), atol=1e-9)
    assert float(solution.tolerance) == 1e-10 and both.tolerance is None
    assert int(solution.steps) > int(first.steps) and float(solution.time) == int(solution.steps)


def test_what_the_last_one_leaves_is_flagged():
    both = osciprop.Chained(
        osciprop.AndersonIteration(), osciprop.SequentialIteration(tolerance=1e-300)
    )
    solution = osciprop.relax(small_network(), X, relaxation=both, throw=False)
    assert float(solution.tolerance) == 1e-300
    assert np.all(np.asarray(solution.converged) == (np.asarray(solution.residual) <= 1e-300))
