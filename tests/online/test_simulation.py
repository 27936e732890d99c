"""What surrounds a network that learns online: settings that fit each other."""

import optax
import pytest

import osciprop

RULE = osciprop.PeriodicPlasticity(optax.sgd(0.1))


@pytest.mark.parametrize("step", [0.3, 20.0])
def test_a_period_holds_whole_steps(step):
    with pytest.raises(ValueError, match="holds .* steps of"):
        osciprop.Simulation(
            osciprop.Oscillation(0.1, 50.0), RULE, integrator=osciprop.euler_maruyama(step)
        )


def test_a_sample_is_shown_for_a_period_at_least():
    with pytest.raises(ValueError, match="presentation"):
        osciprop.Simulation(osciprop.Oscillation(0.1, 50.0), RULE, presentation=0)
