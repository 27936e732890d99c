"""What surrounds a network that learns online: settings that fit, and a presentation."""

import diffrax
import jax.numpy as jnp
import optax
import pytest
from helpers import relative_error, small_network
from online_cases import dataset

import osciprop
from osciprop.gradients.local import local_gradient
from osciprop.networks import ClassAccuracy
from osciprop.online.simulation import begin, present

RULE = osciprop.PeriodicPlasticity(optax.sgd(0.1))


@pytest.mark.parametrize("step", [0.3, 20.0])
def test_a_period_holds_whole_steps(step):
    with pytest.raises(ValueError, match="holds .* steps of"):
        osciprop.Simulation(
            osciprop.Oscillation(0.1, 50.0), RULE, integrator=osciprop.euler_maruyama(step)
        )


def test_a_sample_is_shown_for_a_period_at_least():
    with pytest.raises(ValueError, match="presentation must be an integer"):
        osciprop.Simulation(osciprop.Oscillation(0.1, 50.0), RULE, presentation=0)


def test_synapses_must_be_slow_against_the_oscillation():
    with pytest.raises(ValueError, match="not longer than the teaching period"):
        osciprop.Simulation(osciprop.Oscillation(0.1, 50.0), osciprop.ContinuousPlasticity(10.0))


@pytest.mark.slow
def test_a_settled_error_signal_gives_the_gradient():
    """Long presentation, no noise: the filters' gradient is the always-on method's."""
    network, data = small_network(), dataset()
    x, y = jnp.asarray(data.x_train[:3], dtype=float), jnp.asarray(data.y_train[:3])
    settings = osciprop.Simulation(
        osciprop.Oscillation(0.05, 100.0),
        osciprop.PeriodicPlasticity(optax.sgd(0.0)),
        lock_in=osciprop.LockInFilter(1.0, 1),
        presentation=10,
        integrator=osciprop.Integrator(diffrax.Heun(), diffrax.ConstantStepSize(), dt0=0.25),
    )
    start, metric = begin(network, x, settings, None), ClassAccuracy()
    state, report, _ = present(start, x, y, settings, None, metric, None, 1)
    filters = settings.lock_in
    found = local_gradient(network, x, y, filters.mean(state.filters), filters.error(state.filters))
    window = osciprop.estimate_gradient(
        network,
        x,
        y,
        osciprop.OscillatoryEP(0.05, 100.0, settle_periods=3, integrator=settings.integrator),
    )
    assert relative_error(found, window.gradient) < 2e-3
    assert abs(float(report.loss) - float(window.loss)) < 1e-4
