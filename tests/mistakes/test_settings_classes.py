"""Whatever holds settings says which of them is wrong: every field of every public class."""

import dataclasses
import inspect
from typing import Any

import equinox as eqx
import numpy as np
import optax
import pytest
from mistake_cases import PLAIN_ONLY, answered, row, surroundings, table

import osciprop
from osciprop import settings
from osciprop.settings import Module

pytestmark = PLAIN_ONLY

FOLDERS = ("analysis", "dynamics", "equilibria", "gradients", "networks", "online", "training")

# What classes need that has no default.
NEEDED: dict[str, Any] = {
    "amplitude": 0.1,
    "angle": 0.5,
    "correlation_time": 5.0,
    "first": osciprop.Newton(),
    "intensity": 0.1,
    "method": osciprop.Implicit(),
    "noise": osciprop.WhiteNoise(0.1),
    "optimizer": optax.sgd(0.1),
    "oscillation": osciprop.OscillatoryEP(),
    "period": 100.0,
    "points": 4,
    "radius": 0.1,
    "stddev": 0.1,
    "step": 0.1,
    "steps": 3,
    "teaching": osciprop.Oscillation(0.1, 100.0),
    "then": osciprop.Newton(),
    "time_constant": 2.0,
    "plasticity": osciprop.ContinuousPlasticity(10.0),
    "source": 0,
    "target": 1,
}
# What is made by the package, not by its users, or has arrays for fields.
RESULTS = {"Network", "LearningRun", "Recording", "SimulationState"}
BAD_NUMBERS = ["0.1", True, np.nan, 1j, [0.1, 0.2], None, object()]
BAD_INTEGERS = ["4", 2.5, True, None, np.nan, [4]]
BAD_MODULES = ["name", 1e-3, Module, np.tanh, object()]


def classes() -> dict[str, type[Module]]:
    found = {}
    for folder in FOLDERS:
        for name, kind in vars(getattr(osciprop, folder)).items():
            made = inspect.isclass(kind) and issubclass(kind, Module) and name not in RESULTS
            if made and not inspect.isabstract(kind) and not name.startswith("Abstract"):
                found[name] = kind
    return found


CLASSES = classes()


def needed(kind: type[Module]) -> dict[str, Any] | None:
    """Arguments that make an instance; None if there is no telling."""
    parameters = inspect.signature(kind).parameters.values()
    names = [part.name for part in parameters if part.default is part.empty]
    return {name: NEEDED[name] for name in names} if set(names) <= set(NEEDED) else None


def bad_values(field: dataclasses.Field[Any]) -> list[Any]:
    """What a field does not take."""
    converter = field.metadata.get("converter")
    if converter is settings.number:
        return BAD_NUMBERS
    if converter in (settings.numbers, settings.optional_number):
        allowed = [0.1, 0.2] if converter is settings.numbers else None
        return [value for value in BAD_NUMBERS if value is not allowed and value != allowed]
    if field.type is int:
        return BAD_INTEGERS
    return [] if settings._instances(field.type) is None else BAD_MODULES


CASES = {
    kind: [(field.name, value) for field in dataclasses.fields(kind) for value in bad_values(field)]
    for kind in CLASSES.values()
    if needed(kind) is not None
}


@pytest.mark.parametrize("kind", CASES)
def test_every_field_answers(kind):
    base = needed(kind)
    for name, value in CASES[kind]:
        with pytest.raises((ValueError, TypeError), match=name) as caught:
            kind(**(base | {name: value}))
        assert type(caught.value) in (ValueError, TypeError)


def test_most_settings_are_among_them():
    tried = {kind.__name__ for kind in CASES}
    assert {"HolomorphicEP", "Flow", "Integrator", "WhiteNoise", "Oscillation"} < tried
    assert {"LockInFilter", "ContinuousPlasticity", "ProjectedGradient", "Homeostatic"} < tried
    assert sum(map(len, CASES.values())) > 1000


@pytest.fixture(scope="module")
def names():
    return surroundings()


@table(
    row("osciprop.HolomorphicEP('0.1', 4)", ValueError, "amplitude", "'0.1'", "a float"),
    row("osciprop.HolomorphicEP(0.1, '4')", ValueError, "points", "'4'", "integer"),
    row("osciprop.HolomorphicEP(0.1, 1)", ValueError, "points", "1", "ClassicEP"),
    row("osciprop.HolomorphicEP(0.1, True)", ValueError, "points", "True"),
    row("osciprop.HolomorphicEP(-0.1)", ValueError, "amplitude", "-0.1"),
    row("osciprop.HolomorphicEP(np.nan)", ValueError, "amplitude", "nan"),
    row("osciprop.HolomorphicEP(np.inf)", ValueError, "amplitude", "inf"),
    row("osciprop.HolomorphicEP(0.1j)", ValueError, "amplitude", "0.1j"),
    row("osciprop.HolomorphicEP([0.1, 0.2])", ValueError, "amplitude", "one number", "jax.vmap"),
    row("osciprop.HolomorphicEP(relaxation=osciprop.Newton)", TypeError, "relaxation", "Newton()"),
    row("osciprop.HolomorphicEP(relaxation='newton')", TypeError, "relaxation is 'newton'", "such"),
    row("osciprop.HolomorphicEP(relaxation=osciprop.Implicit())", TypeError, "relaxation is Impl"),
    row("osciprop.HolomorphicEP(relaxation=None)", TypeError, "relaxation is None"),
    row("osciprop.Oscillation(0.1, 50.0, ramp=-5)", ValueError, "ramp", "-5.0", "full amplitude"),
    row("osciprop.Oscillation(0.1, '50')", ValueError, "period", "'50'"),
    row("osciprop.Oscillation(0.1, 0)", ValueError, "period", "0.0"),
    row("osciprop.OscillatoryEP(0.1, 50.0, ramp=-5)", ValueError, "ramp", "-5.0"),
    row("osciprop.OscillatoryEP(0.1, 50.0, ramp=500)", ValueError, "ramp", "settle_periods"),
    row("osciprop.OscillatoryEP(noise=1e-3)", TypeError, "noise is 0.001", "osciprop.WhiteNoise("),
    row("osciprop.OscillatoryEP(measurement=osciprop.WhiteNoise(0.1))", TypeError, "measurement"),
    row("osciprop.OscillatoryEP(rule='products')", TypeError, "rule is 'products'", "ErrorSignals"),
    row("osciprop.OscillatoryEP(integrator=0.1)", TypeError, "integrator is 0.1", "Integrator("),
    row("osciprop.OscillatoryEP(integrator=diffrax.Heun())", TypeError, "integrator is Heun"),
    row("osciprop.Constant('0.1')", ValueError, "beta", "'0.1'", "complex"),
    row("osciprop.Constant(np.nan)", ValueError, "beta", "nan"),
    row("osciprop.Constant(True)", ValueError, "beta", "True"),
    row("osciprop.Constant(np.ones((2, 3)))", ValueError, "beta has shape (2, 3)", "per sample"),
    row("osciprop.Contour(0.1, 0)", ValueError, "points", "0"),
    row("osciprop.Flow(max_time='long')", ValueError, "max_time", "'long'"),
    row("osciprop.Flow(tolerance=0.0)", ValueError, "tolerance", "0.0", "None"),
    row("osciprop.Flow(integrator=diffrax.Tsit5())", TypeError, "integrator is Tsit5()"),
    row("osciprop.Newton('gmres')", TypeError, "linear_solver is 'gmres'", "lineax"),
    row(
        "osciprop.Implicit(linear_solver='gmres')", TypeError, "linear_solver is 'gmres'", "lineax"
    ),
    row("osciprop.Integrator('heun')", TypeError, "solver is 'heun'", "diffrax"),
    row("osciprop.Integrator(diffrax.Heun)", TypeError, "solver is the class Heun", "Heun()"),
    row("osciprop.Integrator(dt0=-0.1)", ValueError, "dt0", "-0.1"),
    row("osciprop.Integrator(max_steps=0)", ValueError, "max_steps", "0"),
    row("osciprop.Integrator(stepsize_controller=1e-3)", TypeError, "stepsize_controller is 0.001"),
    row("osciprop.euler_maruyama('0.1')", ValueError, "step", "'0.1'"),
    row("osciprop.dynamics.adaptive(0.0, 1e-5)", ValueError, "rtol", "0.0"),
    row("osciprop.WhiteNoise('weak')", ValueError, "intensity", "'weak'"),
    row("osciprop.WhiteNoise(-1e-3)", ValueError, "intensity", "-0.001", "0 for none"),
    row(
        "osciprop.WhiteNoise(0.1, sharing='batch')", TypeError, "sharing is 'batch'", "PerSample()"
    ),
    row("osciprop.WhiteNoise(0.1, plane=osciprop.dynamics.Circular)", TypeError, "class Circular"),
    row("osciprop.ColouredNoise(0.1, 0.0)", ValueError, "correlation_time", "WhiteNoise"),
    row("osciprop.dynamics.Along(np.inf)", ValueError, "angle", "inf", "radians"),
    row("osciprop.AndersonIteration(0)", ValueError, "depth", "0"),
    row("osciprop.AndersonIteration(tolerance=-1e-3)", ValueError, "tolerance", "-0.001"),
    row("osciprop.SynchronousIteration(0.0)", ValueError, "damping", "0.0"),
    row(
        "osciprop.SequentialIteration(order='forward')", TypeError, "order is 'forward'", "Forward("
    ),
    row("osciprop.Chained(osciprop.Newton(), osciprop.Implicit())", TypeError, "then is Implicit"),
    row("osciprop.equilibria.ReducedPrecision(dtype='tiny')", TypeError, "dtype is 'tiny'"),
    row("osciprop.equilibria.HarmonicBalance(1)", ValueError, "points", "1"),
    row("osciprop.DualPropagation(alpha=2.0)", ValueError, "alpha", "2.0", "0 ... 1"),
    row("osciprop.DualPropagation(alpha='half')", ValueError, "alpha", "'half'"),
    row("osciprop.DualPropagation(nudge='linear')", TypeError, "nudge is 'linear'", "Linearised()"),
    row("osciprop.BPTT(0)", ValueError, "steps", "0"),
    row("osciprop.Homeostatic('ep')", TypeError, "method is 'ep'", "osciprop."),
    row(
        "osciprop.LagCorrected(osciprop.Implicit())", TypeError, "method is Implicit", "Oscillatory"
    ),
    row("osciprop.gradients.NoisyClassicEP(0.1, 1e-3)", TypeError, "noise is 0.001", "WhiteNoise("),
    row(
        "osciprop.gradients.NoisyClassicEP(0.1, osciprop.WhiteNoise(0.1), reads='3')",
        ValueError,
        "reads",
        "'3'",
    ),
    row("osciprop.SettledOscillation(solver=osciprop.Newton())", TypeError, "solver is Newton"),
)
def test_settings_one_by_one(call, error, words, names):
    answered(call, error, words, names)


def test_classes_of_others_may_annotate_as_they_like():
    class Own(osciprop.AbstractNetwork):
        gain: float
        layer: eqx.nn.Linear = None

        def rest(self, x):
            return x

        activity = rest
        output = rest

        def current(self, s, drive):
            return drive

        def cost(self, s, y):
            return s.sum(axis=-1)

    assert Own(np.ones(3)).layer is None
