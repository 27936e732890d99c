"""What an oscillating network tells of itself: every number that is out of bounds is named."""

import re

import diffrax
import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from oscillation_cases import LINEAR

import osciprop
from osciprop.gradients.oscillation import OscillationDiagnostics

QUIET = OscillationDiagnostics(
    amplitude=np.float64(0.2),
    period=np.float64(100.0),
    lag=jnp.asarray(0.1),
    lag_bias=jnp.asarray(0.01),
    drift=jnp.asarray(0.0),
    closure=jnp.asarray(0.01),
    leakage=jnp.asarray(0.1),
    counter_rotation=jnp.asarray(0.01),
    harmonics=jnp.zeros(16),
    steps=jnp.asarray(400),
    completed=jnp.asarray(True),
    noisy=False,
)


def with_values(**values: float | np.ndarray) -> OscillationDiagnostics:
    return eqx.tree_at(
        lambda tree: [getattr(tree, name) for name in values],
        QUIET,
        [jnp.asarray(value) for value in values.values()],
    )


def test_an_ordinary_oscillation_gives_no_concern():
    assert QUIET.concerns() == []
    assert QUIET.failure() == ""
    assert bool(QUIET.converged)
    assert "400 steps, lag 0.1" in QUIET.summary()


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (
            {"lag": 0.5, "lag_bias": 0.25},
            "period=100 is too short .* is 0.5, so expect .* bias of about 0.25",
        ),
        ({"closure": 0.2, "drift": 0.04}, "has not settled: .* 0.2 of .* changed by 0.04"),
        ({"counter_rotation": 0.3}, "amplitude=0.2 is too large: 0.3 of the response"),
        # A pole at 0.16, inside the circle of radius 0.2.
        ({"harmonics": 1.25 ** np.arange(16)}, "beyond the singularity: .* convergence at 0.16"),
    ],
    ids=["lag", "closure", "counter-rotation", "singularity"],
)
def test_each_number_out_of_bounds_is_a_concern(values, told):
    (concern,) = with_values(**values).concerns()
    assert re.search(told, concern)


def test_in_noise_no_number_is_a_concern():
    loud = with_values(lag=0.5, lag_bias=0.2, closure=0.2, counter_rotation=0.3)
    quiet = OscillationDiagnostics(**{**vars(loud), "noisy": True})
    assert len(loud.concerns()) == 3
    assert quiet.concerns() == []


def test_the_radius_is_that_of_the_pole():
    found = with_values(harmonics=0.5 ** np.arange(16)).radius_of_convergence()
    assert found == pytest.approx(0.4)


@pytest.mark.slow
def test_divergence_is_an_error():
    coarse = osciprop.Integrator(diffrax.Euler(), diffrax.ConstantStepSize(), dt0=1.0)
    bad = osciprop.OscillatoryEP(40.0, 50.0, integrator=coarse)
    with pytest.raises(osciprop.ConvergenceError, match="smaller amplitude"):
        osciprop.estimate_gradient(*LINEAR, bad)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::osciprop.GradientAccuracyWarning")
def test_amplitude_beyond_the_singularity_warns(toy):
    with pytest.warns(osciprop.GradientAccuracyWarning, match="amplitude=0.8"):
        osciprop.estimate_gradient(*toy, osciprop.OscillatoryEP(0.8, 2000.0))
