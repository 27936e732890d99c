"""What a user can name is told argument by argument, with an example that runs."""

import doctest
import inspect
import re
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from public_names import PUBLIC

import osciprop

MANY_PROGRAMS = {
    "osciprop.AbstractEnergyNetwork",
    "osciprop.AbstractNetwork",
    "osciprop.AdversarialTraining",
    "osciprop.AssumedReciprocal",
    "osciprop.AsymmetricEP",
    "osciprop.BPTT",
    "osciprop.CentredEP",
    "osciprop.Chained",
    "osciprop.ClassicEP",
    "osciprop.DualPropagation",
    "osciprop.DualPropagationAdjoint",
    "osciprop.DyadicEP",
    "osciprop.Estimate",
    "osciprop.Flow",
    "osciprop.History",
    "osciprop.HolomorphicEP",
    "osciprop.Homeostatic",
    "osciprop.LagCorrected",
    "osciprop.Newton",
    "osciprop.OscillatoryAEP",
    "osciprop.OscillatoryEP",
    "osciprop.RecurrentBackprop",
    "osciprop.SettledOscillation",
    "osciprop.Training",
    "osciprop.Trajectory",
    "osciprop.VectorFieldEP",
    "osciprop.WhiteNoise",
    "osciprop.analysis.Fluctuations",
    "osciprop.analysis.GradientSeries",
    "osciprop.analysis.Spectrum",
    "osciprop.analysis.activity_spectrum",
    "osciprop.analysis.alignment",
    "osciprop.analysis.averaged_objective",
    "osciprop.analysis.divergence",
    "osciprop.analysis.gradient_noise",
    "osciprop.analysis.gradient_series",
    "osciprop.analysis.linear_fluctuations",
    "osciprop.analysis.local_lipschitz",
    "osciprop.analysis.optimistic_objective",
    "osciprop.analysis.radius_of_convergence",
    "osciprop.dynamics.ClampedOutputs",
    "osciprop.dynamics.Corrected",
    "osciprop.dynamics.Dyad",
    "osciprop.dynamics.FreeCompanion",
    "osciprop.equilibria.Basins",
    "osciprop.equilibria.LinearSolution",
    "osciprop.equilibria.LipschitzDamping",
    "osciprop.equilibria.Orbit",
    "osciprop.equilibria.OrbitSettling",
    "osciprop.equilibria.SampleGMRES",
    "osciprop.equilibria.settled_orbit",
    "osciprop.fit",
    "osciprop.gradients.AbstractOscillationDiagnostics",
    "osciprop.gradients.CentredEcho",
    "osciprop.gradients.CoupledLearning",
    "osciprop.gradients.FrequencyDiagnostics",
    "osciprop.gradients.FrequencyPropagation",
    "osciprop.gradients.HomeostaticPenalty",
    "osciprop.gradients.KolenPollack",
    "osciprop.gradients.LinearResponse",
    "osciprop.gradients.NegativeEP",
    "osciprop.gradients.NoisyClassicEP",
    "osciprop.gradients.NoisyHolomorphicEP",
    "osciprop.gradients.OscillationDiagnostics",
    "osciprop.gradients.SettledDiagnostics",
    "osciprop.gradients.Symmetrised",
    "osciprop.gradients.local_gradient",
    "osciprop.integrate",
    "osciprop.networks.AbstractGradientFlow",
    "osciprop.networks.DetunedStuartLandauNetwork",
    "osciprop.networks.FitzHughNagumoNetwork",
    "osciprop.networks.GradientFlow",
    "osciprop.networks.KuramotoNetwork",
    "osciprop.networks.ResistiveCircuit",
    "osciprop.networks.ScaledFeedback",
    "osciprop.networks.balanced_network",
    "osciprop.networks.constrain",
    "osciprop.online.Learning",
    "osciprop.simulate_learning",
    "osciprop.training.FastGradientSign",
    "osciprop.training.ProjectedGradient",
    "osciprop.training.Update",
    "osciprop.training.memory_estimate",
    "osciprop.training.write_noise",
}
"""Their examples take long for compilation."""
assert set(PUBLIC) > MANY_PROGRAMS


def names_of_arguments(value: Any) -> list[str]:
    """The arguments of a function or of a class that is made by calling it."""
    if inspect.isclass(value) and (inspect.isabstract(value) or issubclass(value, Exception)):
        return []
    return [name for name in inspect.signature(value).parameters if name != "self"]


@pytest.fixture(scope="module")
def surroundings() -> dict[str, Any]:
    """What all examples take for granted: common modules, a small network, ten samples."""
    key = jax.random.key(0)
    sizes = [4, 6, 5, 3]
    return {
        "diffrax": diffrax,
        "eqx": eqx,
        "jax": jax,
        "jnp": jnp,
        "np": np,
        "optax": optax,
        "osciprop": osciprop,
        "key": key,
        "network": osciprop.hopfield_mlp(sizes, key=key),
        "directed": osciprop.feedback_mlp([*sizes, 3], key=key, angle=45.0),
        "layers": osciprop.perceptron(sizes, key=key),
        "x": np.random.default_rng(0).uniform(size=(10, 4)),
        "y": np.arange(10) % 3,
    }


@pytest.mark.parametrize("name", PUBLIC)
def test_every_argument_is_told(name: str):
    value = PUBLIC[name]
    told = inspect.getdoc(value) or ""
    listed = re.findall(r"^    (\*{0,2}\w+): ", told, flags=re.MULTILINE)
    assert set(names_of_arguments(value)) <= {entry.lstrip("*") for entry in listed}


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.slow) if n in MANY_PROGRAMS else n for n in PUBLIC],
)
def test_the_example_runs(name: str, surroundings, tmp_path, monkeypatch):
    value = PUBLIC[name]
    monkeypatch.chdir(tmp_path)
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    example = parser.get_doctest(
        inspect.getdoc(value) or "", dict(surroundings), name, inspect.getsourcefile(value), 0
    )
    assert example.examples, "give an example, as >>> lines"
    report: list[str] = []
    runner.run(example, out=report.append)
    assert not report, "".join(report)
