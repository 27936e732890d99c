"""Results of relaxations: what they say, and what becomes of samples that did not converge."""

import jax
import numpy as np
import pytest
from helpers import batch, small_network

import osciprop

NETWORK, (X, _) = small_network(), batch(5, 3, 2)
HASTY = osciprop.SynchronousIteration(max_steps=1)


def test_it_prints_what_one_wants_to_know():
    text = str(osciprop.relax(NETWORK, X))
    assert "2 of 2 samples converged" in text and "tolerance 1e-10" in text


def test_an_error_names_numbers_and_remedies():
    with pytest.raises(osciprop.ConvergenceError, match=r"0 of 2 .*Remed"):
        osciprop.relax(NETWORK, X, relaxation=HASTY)


def test_inside_jit_they_hold_nan():
    relax = jax.jit(lambda x: osciprop.relax(NETWORK, x, relaxation=HASTY).s)
    assert np.isnan(relax(X)[0]).all()
    flagged = jax.jit(lambda x: osciprop.relax(NETWORK, x, relaxation=HASTY, throw=False).s)
    assert np.isfinite(flagged(X)[0]).all()
