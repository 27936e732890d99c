"""How the error of a contour of nudges falls with its points, in every kind of system.

Six systems of a few units each, of which closed forms are known: neurons that adapt, phase
oscillators with a second harmonic, amplitude oscillators, excitable cells, a circuit with diodes,
and excitatory and inhibitory neurons. The relative error of the whole gradient against implicit
differentiation, over the amplitude, for N nudges on a circle: it falls as `(r / R)^N` inside the
radius of convergence R, whatever the system is made of, and not at all outside. Where the nearest
singularity is a branch point its series adds a power `N^-3/2`; in the circuit it is a pole.
"""

import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

import osciprop
from osciprop.networks import (
    GROUND,
    AbstractCost,
    AbstractNetwork,
    AdaptiveNeuron,
    FitzHughNagumoNetwork,
    KuramotoNetwork,
    PhaseError,
    ResistiveCircuit,
    StuartLandauNetwork,
    complex_like,
)

from .. import style
from ..claim import Claim, close
from ..figure import Data, Settings
from ..precision import in_double_precision

NAME = "substrates/contours"
TITLE = "Contours of nudges in systems beyond rate networks"
SOURCE = "The contour: hep2022; in these systems ours. References of each stand with its class."

RELAXATION = osciprop.Settling(tolerance=1e-13)

SMALLEST, LARGEST = 1e-11, 0.2
"""Errors between which a slope is fitted: smaller ones are those of the relaxation."""

ALLOWED = 0.15
"""By how much a slope may differ from the logarithm of the ratio of amplitude and radius."""


@dataclass(frozen=True)
class SettingsContours:
    points: tuple[int, ...]
    ratios: tuple[float, ...]
    """Amplitudes over the radius of convergence."""

    precision: str = "float64"


FULL = SettingsContours((2, 4, 8, 16), (0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 0.9, 1.2))
FAST = SettingsContours((2, 4, 8), (0.2, 0.5))

QUICK = ("stuart_landau", "circuit")
"""The systems of the fast size: most of its time is compilation."""


@dataclass(frozen=True)
class System:
    """A network, a batch of one sample, and how far its responses converge."""

    title: str
    network: AbstractNetwork
    x: np.ndarray
    y: np.ndarray
    radius: float
    power: float = 1.5
    """Errors fall as `(r / R)^N N^-power`: 3/2 at a branch point, 0 at a pole."""

    method: Callable[..., osciprop.gradients.AbstractGradientMethod] = osciprop.HolomorphicEP


class SomeUnits(AbstractCost):
    """Half the squared error of some units."""

    units: tuple[int, ...]

    def output(self, activity: Array) -> Array:
        return activity[:, np.asarray(self.units)]

    def __call__(self, activity: Array, target: Array) -> Array:
        return 0.5 * jnp.sum((self.output(activity) - complex_like(target, activity)) ** 2, axis=-1)


def _symmetric(size: int, pairs: dict[tuple[int, int], float]) -> np.ndarray:
    """A matrix with numbers above its diagonal; units count from 1."""
    matrix = np.zeros((size, size))
    for (first, second), value in pairs.items():
        matrix[first - 1, second - 1] = value
    return matrix


def _population(
    neuron: osciprop.networks.AbstractNeuron, synapse: Any, bias: Any, units: tuple[int, ...]
) -> osciprop.Network:
    inputs = osciprop.Directed(np.eye(len(bias)), osciprop.INPUT, 0)
    population = osciprop.Population(neuron, jnp.asarray(bias))
    return osciprop.Network((population,), (inputs, synapse), SomeUnits(units))


def systems() -> dict[str, System]:
    """The systems by name. Radii of the first and the last are fitted here, the others known."""
    none = np.zeros((1, 1))
    tired = AdaptiveNeuron(osciprop.Tanh(), adaptation=[0.5, 0.8, 0.3], adaptation_time=4.0)
    weights = _symmetric(3, {(1, 2): 0.9, (1, 3): -0.5, (2, 3): 0.7})
    sizes = np.asarray(
        [
            [0.0, 0.9, 0.7, 0.5, 1.6, 1.2],
            [0.8, 0.0, 0.6, 0.9, 1.1, 1.7],
            [0.6, 0.8, 0.0, 0.7, 1.5, 1.0],
            [0.9, 0.5, 0.8, 0.0, 1.3, 1.5],
            [1.4, 1.2, 1.5, 1.3, 0.9, 0.6],
            [1.1, 1.6, 1.2, 1.4, 0.5, 0.8],
        ]
    )
    dale = osciprop.Directed((sizes * np.asarray([1, 1, 1, 1, -1, -1])).T, 0, 0)
    wires = ((0, 3), (0, 4), (1, 3), (1, 4), (0, 2), (1, 2), (0, 1), (2, GROUND), (0, GROUND))
    return {
        "adaptation": System(
            "adapting neurons",
            _population(tired, osciprop.Reciprocal(weights, 0, 0), [0.4, -0.3, 0.2], (2,)),
            np.zeros((1, 3)),
            np.asarray([[0.6]]),
            0.93,
        ),
        "kuramoto": System(
            "phase oscillators",
            KuramotoNetwork(
                _symmetric(
                    4,
                    {
                        (1, 2): 0.8,
                        (1, 3): 0.5,
                        (1, 4): -0.3,
                        (2, 3): 0.6,
                        (2, 4): 0.7,
                        (3, 4): 0.9,
                    },
                ),
                frequencies=[0.2, -0.1, 0.15, -0.05],
                fields=[1.0, 0.4, 0.0, 0.0],
                field_phases=[0.5, -1.2, 0.0, 0.0],
                second_harmonic=0.2,
                start=0.3,
                outputs=(3,),
                readout=PhaseError(),
            ),
            none,
            np.asarray([[1.0]]),
            0.8590830686,
        ),
        "stuart_landau": System(
            "amplitude oscillators",
            StuartLandauNetwork(
                [1.0, 0.8, 1.2],
                _symmetric(3, {(1, 2): 0.5, (1, 3): -0.3, (2, 3): 0.4}),
                forces=[[0.8, 0.5, 0.3], [0.0, 0.4, -0.2]],
                start=[[0.8, 0.3, 0.5], [0.1, 0.2, 0.2]],
                outputs=(2, 5),
            ),
            none,
            np.asarray([[0.6, 0.5]]),
            0.2941685,
        ),
        "fitzhugh_nagumo": System(
            "excitable cells",
            FitzHughNagumoNetwork(
                [0.5, 0.1, -0.2],
                _symmetric(3, {(1, 2): 0.35, (1, 3): 0.2, (2, 3): 0.15}),
                recovery_diffusion=_symmetric(3, {(1, 2): 0.1, (1, 3): 0.05, (2, 3): 0.2}),
                recovery_time=5.0,
                start=[[-1.0], [-0.5]],
                outputs=(2,),
            ),
            none,
            np.asarray([[-0.5]]),
            1.5670780822,
        ),
        "circuit": System(
            "a circuit with diodes",
            ResistiveCircuit(
                (*wires, (1, GROUND)),
                jnp.asarray([1.0, 0.7, 0.4, 1.2, 0.9, 0.6, 0.5, 0.3, 0.2, 0.25]),
                nodes=3,
                inputs=2,
                diodes=((0, GROUND), (GROUND, 1)),
                saturation_current=0.05,
                thermal_voltage=0.25,
                outputs=(2,),
            ),
            np.asarray([[1.0, -0.6]]),
            np.asarray([[0.5]]),
            1.2876605617,
            power=0.0,
        ),
        "dale": System(
            "excitation, inhibition (AEP)",
            _population(osciprop.LeakyIntegrator(), dale, np.zeros(6), (2, 3)),
            np.asarray([[1.1, 0.9, 1.0, 0.8, 0.3, 0.4]]),
            np.asarray([[0.8, 0.2]]),
            0.9,
            method=osciprop.AsymmetricEP,
        ),
    }


def settings(fast: bool) -> Settings:
    return asdict(FAST if fast else FULL)


@in_double_precision
def compute(fast: bool) -> Data:
    chosen = FAST if fast else FULL
    found: dict[str, Any] = {"points": np.asarray(chosen.points)}
    for name, system in systems().items():
        if fast and name not in QUICK:
            continue
        given = (system.network, system.x, system.y)
        exact = osciprop.estimate_gradient(*given, osciprop.Implicit(relaxation=RELAXATION))
        amplitudes = system.radius * np.asarray(chosen.ratios)
        errors = np.full((len(chosen.points), len(amplitudes)), np.nan)
        for row, points in enumerate(chosen.points):
            for column, amplitude in enumerate(amplitudes):
                method = system.method(float(amplitude), points, relaxation=RELAXATION)
                with warnings.catch_warnings():
                    # That nudges are large is what the figure shows.
                    warnings.simplefilter("ignore", osciprop.GradientAccuracyWarning)
                    one = osciprop.estimate_gradient(*given, method, throw=False)
                if bool(one.converged):
                    error = osciprop.relative_error(one.gradient, exact.gradient)
                    errors[row, column] = float(error)
        found |= {f"{name}_amplitudes": amplitudes, f"{name}_errors": errors}
        found[f"{name}_radius"] = system.radius
    return found


def shown(data: Data) -> dict[str, System]:
    """The systems of which there are data."""
    return {name: one for name, one in systems().items() if f"{name}_errors" in data}


def slopes(data: Data, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Amplitudes, and the fitted fall of the logarithm of the error with each further point."""
    points, amplitudes = data["points"], data[f"{name}_amplitudes"]
    power = systems()[name].power
    kept, fitted = [], []
    for amplitude, errors in zip(amplitudes, data[f"{name}_errors"].T, strict=True):
        seen = np.isfinite(errors) & (errors > SMALLEST) & (errors < LARGEST)
        if np.count_nonzero(seen) >= min(3, len(points)):
            sizes = np.log(errors[seen]) + power * np.log(points[seen])
            kept.append(amplitude)
            fitted.append(np.polyfit(points[seen], sizes, 1)[0])
    return np.asarray(kept), np.asarray(fitted)


def fitted_radius(data: Data, name: str) -> float:
    """The radius of convergence that the slopes tell."""
    amplitudes, fitted = slopes(data, name)
    return float(np.exp(np.median(np.log(amplitudes) - fitted)))


def claims(data: Data) -> list[Claim]:
    found = []
    for name, system in shown(data).items():
        amplitudes, fitted = slopes(data, name)
        if not amplitudes.size:
            continue
        radius = system.radius if name not in FITTED else fitted_radius(data, name)
        gaps = np.abs(fitted - np.log(amplitudes / radius))
        # A pair of complex singularities makes the error swing with N about its fall.
        text = (
            f"{system.title}: slope of log(error) in N minus log(r / R), median of "
            f"{amplitudes.size} amplitudes (largest {gaps.max():.2f})"
        )
        found.append(close(NAME, text, 0.0, round(float(np.median(gaps)), 3), ALLOWED))
    return found


FITTED = ("adaptation", "dale")
"""Systems of which no radius is known but the one that is fitted."""

LOOKS = (style.BLACK, style.BLUE, style.RED, style.GREEN, style.PURPLE, style.ORANGE)


@style.styled
def plot(data: Data) -> Figure:
    figure = style.new_figure(9.6, 6.4)
    columns = min(3, len(shown(data)))
    rows = -(-len(shown(data)) // columns)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, letter, (name, system) in zip(panels, "abcdef", shown(data).items(), strict=False):
        for points, errors, look in zip(
            data["points"], data[f"{name}_errors"], LOOKS, strict=False
        ):
            axes.loglog(data[f"{name}_amplitudes"], errors, **look.both(), label=f"N = {points}")
        radius = fitted_radius(data, name) if name in FITTED else system.radius
        axes.axvline(radius, color="black", linewidth=1, linestyle=":")
        axes.annotate(
            f"R = {radius:.2f}", (radius, 1e-12), rotation=90, ha="right", va="bottom", fontsize=7
        )
        axes.set_ylim(1e-13, 10)
        axes.xaxis.set_minor_formatter(NullFormatter())
        style.panel_label(axes, letter, system.title)
        axes.set_xlabel("amplitude r")
        axes.set_ylabel("relative error")
    panels[0].legend()
    return figure
