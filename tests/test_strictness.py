"""JAX's own switches: ranks that are not promoted, NaN as an error, precisions that change."""

import subprocess
import sys
from typing import Any

import diffrax
import jax
import numpy as np
import pytest

import osciprop
from osciprop import equilibria, gradients

KEY = jax.random.key(0)
X, Y = np.random.default_rng(0).uniform(size=(3, 4)), np.arange(3)
SIZES = [4, 6, 5, 3]
TIMES = [np.linspace(1.0, 2.0, 6), np.linspace(1.0, 2.0, 5)]  # one per unit
QUIET = osciprop.OscillatoryEP(0.1, 20.0)
LOCAL = osciprop.OscillatoryEP(0.1, 20.0, rule=osciprop.ErrorSignals())
NOISE = osciprop.WhiteNoise(1e-3)


@pytest.fixture(scope="module")
def networks():
    pooled = osciprop.networks.Maps(2, pooling=osciprop.networks.SoftmaxPooling())
    maps = [pooled, osciprop.networks.Maps(3)]
    return {
        "hopfield": osciprop.hopfield_mlp(SIZES, key=KEY, time_constant=TIMES),
        "several": osciprop.hopfield_mlp(SIZES, key=KEY, scale=4.0, activation=osciprop.Tanh()),
        "directed": osciprop.feedback_mlp([*SIZES, 3], key=KEY),
        "layers": osciprop.perceptron(SIZES, key=KEY, activation=osciprop.Tanh()),
        "images": osciprop.hopfield_cnn(maps, key=KEY, image_shape=(6, 6, 1), classes=3),
    }


RELAXATIONS = [
    osciprop.Settling(),
    osciprop.AndersonIteration(),
    osciprop.SequentialIteration(damping=[0.5, 0.6]),
    osciprop.SynchronousIteration(),
    osciprop.Flow(),
    osciprop.Newton(),
    equilibria.ContractingIteration(),
    equilibria.ReducedPrecision(),
]
METHODS: dict[str, list[Any]] = {
    "hopfield": [
        osciprop.ClassicEP(),
        osciprop.CentredEP(),
        osciprop.HolomorphicEP(0.1, 4),
        osciprop.Implicit(),
        osciprop.RecurrentBackprop(),
        osciprop.BPTT(60),
        QUIET,
        LOCAL,
        osciprop.SettledOscillation(0.1, 50.0),
        osciprop.LagCorrected(QUIET),
        osciprop.AdversarialTraining(osciprop.Implicit()),
        gradients.LinearResponse(),
        gradients.NoisyClassicEP(0.1, NOISE),
        gradients.NoisyHolomorphicEP(0.1, 4, NOISE),
        osciprop.OscillatoryEP(0.1, 20.0, noise=NOISE, measurement=osciprop.MeasurementNoise(1e-3)),
    ],
    "several": [osciprop.Implicit()],
    "directed": [
        osciprop.VectorFieldEP(),
        osciprop.AsymmetricEP(0.1, 4),
        osciprop.DyadicEP(),
        osciprop.OscillatoryAEP(LOCAL),
        osciprop.OscillatoryAEP(LOCAL, gradients.OwnMean(50.0)),
        osciprop.Homeostatic(osciprop.Implicit()),
        gradients.Symmetrised(osciprop.Implicit()),
        gradients.KolenPollack(osciprop.Implicit()),
    ],
    "layers": [
        osciprop.DualPropagation(),
        osciprop.DualPropagationAdjoint(alpha=[0.5, 0.25, 0.5]),
        gradients.HolomorphicDualPropagation(),
        osciprop.DualPropagation(relaxation=equilibria.LipschitzDamping()),
    ],
    "images": [osciprop.HolomorphicEP(0.05, 4)],
}
FAST = osciprop.Implicit
CASES = [
    pytest.param(
        name,
        method,
        id=f"{name}-{type(method).__name__}",
        marks=[] if name == "hopfield" and isinstance(method, FAST) else pytest.mark.slow,
    )
    for name, methods in METHODS.items()
    for method in methods
]


@pytest.fixture(params=["rank promotion", "NaN"])
def strict(request):
    """Programs are compiled anew under another setting."""
    if request.param == "NaN":
        with jax.debug_nans(True):
            yield
    else:
        with jax.numpy_rank_promotion("raise"):
            yield


@pytest.mark.filterwarnings("ignore::osciprop.GradientAccuracyWarning")
@pytest.mark.parametrize(("name", "method"), CASES)
def test_gradients_under_jaxs_own_checks(name, method, networks, strict):
    x = np.random.default_rng(0).uniform(size=(3, 6, 6, 1)) if name == "images" else X
    found = osciprop.estimate_gradient(networks[name], x, Y, method, key=KEY, throw=False)
    assert np.isfinite(found.loss)


@pytest.mark.slow
@pytest.mark.parametrize("relaxation", RELAXATIONS, ids=lambda kind: type(kind).__name__)
def test_relaxations_under_jaxs_own_checks(relaxation, networks, strict):
    for name in ("hopfield", "several"):
        found = osciprop.relax(networks[name], X, relaxation=relaxation, throw=False)
        assert np.all(np.isfinite(found.residual))


@pytest.mark.slow
def test_other_verbs_under_jaxs_own_checks(networks, strict):
    network = networks["hopfield"]
    free = osciprop.relax(network, X)
    equilibria.stability(network, X, free.u)
    equilibria.jacobian_symmetry(network, X)
    equilibria.running_mean_stability(osciprop.hopfield_mlp(SIZES, key=KEY), X)
    gradients.input_gradient(network, X, Y)
    turning = osciprop.Oscillation(0.1, 50.0)
    equilibria.settled_orbit(network, X, Y, turning, solver=equilibria.HarmonicBalance())
    osciprop.check_holomorphic(network, X, Y)
    osciprop.analysis.linear_fluctuations(network, X, NOISE)
    osciprop.analysis.gradient_series(network, X, Y, amplitude=0.1, points=8)
    osciprop.analysis.activity_spectrum(network, X, Y, amplitude=0.1, points=8)
    osciprop.analysis.local_lipschitz(network, X)
    circular = osciprop.WhiteNoise(1e-3, plane=osciprop.dynamics.Circular())
    tree = osciprop.Integrator(
        diffrax.Heun(),
        diffrax.ConstantStepSize(),
        dt0=0.5,
        brownian=osciprop.dynamics.BrownianTree(),
    )
    osciprop.integrate(
        network, X, Y, turning, times=[0.0, 2.0], noise=circular, integrator=tree, key=KEY
    )


def in_half(network, kind):
    return jax.tree.map(lambda leaf: leaf.astype(kind), network)


@pytest.mark.parametrize("kind", ["bfloat16", "float16"])
def test_half_precision_has_no_complex_numbers(kind, networks):
    half = in_half(networks["hopfield"], kind)
    for method in (osciprop.HolomorphicEP(0.1, 4), QUIET, osciprop.SettledOscillation(0.1)):
        with pytest.raises(TypeError, match="half precision.*float32.*CentredEP"):
            osciprop.estimate_gradient(half, X, Y, method)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::osciprop.GradientAccuracyWarning")
@pytest.mark.parametrize("kind", ["bfloat16", "float16"])
def test_half_precision_works_with_real_teaching(kind, networks):
    half = in_half(networks["hopfield"], kind)
    for method in (osciprop.CentredEP(), osciprop.Implicit(), osciprop.DyadicEP()):
        found = osciprop.estimate_gradient(half, X, Y, method, throw=False)
        assert found.loss.dtype == kind and np.isfinite(found.loss)
    assert osciprop.relax(half, X, relaxation=osciprop.Newton()).converged.all()


SWITCHED = """
import warnings
import jax, numpy as np, osciprop
warnings.simplefilter("ignore", osciprop.GradientAccuracyWarning)  # of single precision
x, y = np.ones((2, 4)), np.arange(2)
def build():
    return osciprop.hopfield_mlp([4, 3, 2], key=jax.random.key(0))
def loss(network):
    return osciprop.estimate_gradient(network, x, y, osciprop.HolomorphicEP(0.1, 4)).loss.dtype.name
single = build()
assert loss(single) == "float32"
jax.config.update("jax_enable_x64", True)
double = build()
assert (loss(single), loss(double)) == ("float32", "float64")
jax.config.update("jax_enable_x64", False)
assert loss(single) == "float32"
try:
    loss(double)
except TypeError as error:
    assert "float64" in str(error) and "jax_enable_x64" in str(error), error
else:
    raise AssertionError("a float64 network passed")
"""


@pytest.mark.slow
def test_double_precision_switched_on_and_off():
    subprocess.run([sys.executable, "-c", SWITCHED], check=True)


def test_double_precision_where_it_is_off(networks):
    with jax.enable_x64(False), pytest.raises(TypeError, match="float64.*jax_enable_x64"):
        osciprop.relax(networks["hopfield"], X)
