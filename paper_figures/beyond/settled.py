"""How far beyond the static radius of convergence an always-on gradient stays exact, against lag.

Not of a paper. Three small networks on digits, the orbit that each settles in under a rotating
teaching signal by harmonic balance. The response of equilibria to `beta` is analytic up to a
radius `R_0`, that of orbits up to `R`, which grows with the frequency: a network that lags behind
sees less of the signal. (a) `R / R_0` by lag, the ratio of the imaginary to the real part of the
first harmonic, with `sqrt(1 + lag^2)`. (b) For the first network the error that the amplitude
makes, against the gradient of the same period at a small amplitude; and that of holomorphic
equilibrium propagation, which has no lag. (c) What the lag makes, with and without the correction
by a second period: the price of the larger radius.
"""

import warnings
from dataclasses import asdict, dataclass
from typing import Any

import equinox as eqx
import jax
import numpy as np
from matplotlib.figure import Figure

import osciprop
from osciprop.datasets import digits
from osciprop.equilibria import HarmonicBalance
from osciprop.studies import Study

from .. import style
from ..claim import Claim, above, below
from ..figure import Data, Settings
from ..precision import in_double_precision

NAME = "beyond/settled"
TITLE = "The always-on gradient beyond the static radius of convergence"
SOURCE = "Ours; the always-on gradient is that of hep2022, section 3.3."

NETWORKS = ("sigmoid", "tanh", "asymmetric")
SMALL = 0.05
"""The amplitude over `R_0` at which it makes no error."""

SEEN = 0.5
"""That at which harmonics are measured for the radius."""
BEYOND, SHORT = 1.2, 5.0
"""Amplitude over `R_0` and period of claims."""

LINES = (1000.0, 30.0, 10.0, 5.0, 3.0)
"""Periods whose errors are drawn."""


@dataclass(frozen=True)
class SettingsSettled:
    """`points` of an orbit or circle; `factors` are amplitudes over `R_0`."""

    periods: tuple[float, ...]
    factors: tuple[float, ...]
    points: int = 64
    samples: int = 4
    sizes: tuple[int, ...] = (64, 32, 10)
    asymmetric: tuple[int, ...] = (64, 32, 32, 10, 10)
    images: str = "digits"
    precision: str = "float64"
    seed: int = 0


FULL = SettingsSettled(
    (1000.0, 300.0, 100.0, 50.0, 30.0, 20.0, 14.0, 10.0, 7.0, 5.0, 4.0, 3.0, 2.0),
    (0.3, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.35, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0),
)
FAST = SettingsSettled((30.0, 5.0), (0.5, 1.2))


def settings(fast: bool) -> Settings:
    return asdict(FAST if fast else FULL)


def _networks(chosen: SettingsSettled) -> dict[str, osciprop.Network]:
    key = jax.random.PRNGKey(chosen.seed)
    tanh: Any = dict(key=key, activation=osciprop.Tanh())
    return {
        "sigmoid": osciprop.hopfield_mlp(list(chosen.sizes), key=key),
        "tanh": osciprop.hopfield_mlp(list(chosen.sizes), **tanh),
        "asymmetric": osciprop.feedback_mlp(list(chosen.asymmetric), **tanh, scale=0.5),
    }


def _method(kind: str, amplitude: float, period: float, points: int) -> Any:
    """The settled oscillation; with a companion where the network has no energy."""
    oscillation = osciprop.SettledOscillation(
        amplitude, period, solver=HarmonicBalance(points), rule=osciprop.ErrorSignals()
    )
    return osciprop.OscillatoryAEP(oscillation) if kind == "asymmetric" else oscillation


@in_double_precision
def compute(fast: bool) -> Data:
    chosen = FAST if fast else FULL
    # Points of an orbit of small amplitude, and of one that is integrated too: each number is a
    # program of its own.
    fewer, compared = (chosen.points, chosen.points) if fast else (16, 24)
    networks, images = _networks(chosen), digits()
    x, y = images.x_train[: chosen.samples].astype(float), images.y_train[: chosen.samples]

    def estimate(kind: str, method: Any) -> osciprop.gradients.Estimate:
        with warnings.catch_warnings():
            # That amplitudes are large and periods short is what the figure shows.
            warnings.simplefilter("ignore", osciprop.GradientAccuracyWarning)
            return osciprop.estimate_gradient(networks[kind], x, y, method, throw=False)

    def error(found: osciprop.gradients.Estimate, reference: Any) -> float:
        if not bool(found.converged):
            return np.nan
        return float(osciprop.relative_error(found.gradient, reference))

    exact = {kind: estimate(kind, osciprop.Implicit()).gradient for kind in NETWORKS}
    static = {
        kind: osciprop.analysis.radius_of_convergence(networks[kind], x, y) for kind in NETWORKS
    }

    def seen(kind: str, period: float) -> dict[str, float]:
        """Lag and radius of the orbits, and the error of the gradient without amplitude's."""
        small = _method(kind, SMALL * static[kind], period, fewer)
        gradient = estimate(kind, small)
        wider = _method(kind, SEEN * static[kind], period, chosen.points)
        diagnostics: Any = estimate(kind, wider).diagnostics
        diagnostics = getattr(diagnostics, "oscillation", diagnostics)
        found = {
            "lag": float(diagnostics.lag),
            "radius": diagnostics.radius_of_convergence(),
            "bias": error(gradient, exact[kind]),
            "corrected": np.nan,
        }
        if kind != "asymmetric":
            corrected = estimate(kind, osciprop.LagCorrected(small))
            found["corrected"] = error(corrected, exact[kind])
        return found

    def beyond(kind: str, period: float, factor: float) -> dict[str, float]:
        """The error that an amplitude makes."""
        small = estimate(kind, _method(kind, SMALL * static[kind], period, fewer))
        large = _method(kind, factor * static[kind], period, chosen.points)
        return {"error": error(estimate(kind, large), small.gradient)}

    def circle(factor: float) -> dict[str, float]:
        method = osciprop.HolomorphicEP(factor * static["sigmoid"], chosen.points)
        return {"error": error(estimate("sigmoid", method), exact["sigmoid"])}

    def integrated(kind: str) -> dict[str, float]:
        """How far the integrated oscillation is from the settled one, beyond `R_0`."""
        settled = _method(kind, BEYOND * static[kind], SHORT, compared)
        always_on = osciprop.OscillatoryEP(
            BEYOND * static[kind],
            SHORT,
            settle_periods=8,
            samples=compared,
            rule=osciprop.ErrorSignals(),
            integrator=osciprop.Integrator(
                stepsize_controller=osciprop.dynamics.adaptive(1e-10, 1e-11)
            ),
        )
        other = always_on
        if kind == "asymmetric":
            other = eqx.tree_at(lambda method: method.oscillation, settled, always_on)
        reference = estimate(kind, settled).gradient
        return {"apart": error(estimate(kind, other), reference)}

    def table(function: Any, axes: dict[str, Any]) -> dict[str, np.ndarray]:
        found = Study(function, axes).run(progress=False)
        return {str(name): part.transpose(*axes).values for name, part in found.data_vars.items()}

    axes: dict[str, Any] = {"kind": NETWORKS, "period": chosen.periods}
    return {
        **table(seen, axes),
        **table(beyond, {**axes, "factor": chosen.factors}),
        "circle": table(circle, {"factor": chosen.factors})["error"],
        **table(integrated, {"kind": NETWORKS}),
        "static": np.asarray([static[kind] for kind in NETWORKS]),
        "periods": np.asarray(chosen.periods),
        "factors": np.asarray(chosen.factors),
    }


def claims(data: Data) -> list[Claim]:
    radii = data["radius"] / data["static"][:, None]
    period = int(np.flatnonzero(data["periods"] == SHORT)[0])
    factor = int(np.flatnonzero(data["factors"] == BEYOND)[0])
    found = []
    text = f"equilibria on a circle of {BEYOND:g} R_0: error of the sigmoid network"
    lost = float(np.nan_to_num(data["circle"][factor], nan=np.inf))
    found.append(above(NAME, text, "not analytic there", float(f"{lost:.2g}"), 1e-3))
    for row, kind in enumerate(NETWORKS):
        text = f"{kind}, period {SHORT:g}, amplitude {BEYOND:g} R_0: error made by the amplitude"
        measured = float(f"{data['error'][row, period, factor]:.2g}")
        found.append(below(NAME, text, "exact", measured, 1e-6))
        text = f"{kind}, there: gradient of the integrated oscillation, relative to the settled"
        found.append(below(NAME, text, "equal", float(f"{data['apart'][row]:.2g}"), 1e-6))
        text = f"{kind}: R / R_0 at period {SHORT:g}"
        found.append(above(NAME, text, "above 1", round(float(radii[row, period]), 2), 1.5))
        law = radii[row] / np.sqrt(1 + data["lag"][row] ** 2)
        text = f"{kind}: R / R_0 over sqrt(1 + lag^2), least and largest"
        least, largest = round(float(law.min()), 2), round(float(law.max()), 2)
        within = 0.9 <= least and largest <= 1.5
        criterion = "between 0.9 and 1.5"
        found.append(Claim(NAME, text, "about 1", (least, largest), criterion, within))
    return found


LOOKS = (style.BLUE, style.RED, style.GREEN)


@style.styled
def plot(data: Data) -> Figure:
    figure = style.new_figure(10.2, 3.6)
    panels = figure.subplots(1, 3)
    lags = np.geomspace(5e-3, 4, 200)
    law = np.sqrt(1 + lags**2)
    panels[0].semilogx(lags, law, **style.BLACK.line(), label=r"$\sqrt{1 + \mathrm{lag}^2}$")
    for row, (kind, look) in enumerate(zip(NETWORKS, LOOKS, strict=True)):
        radii = data["radius"][row] / data["static"][row]
        panels[0].semilogx(data["lag"][row], radii, **look.both(), label=kind)
        panels[2].loglog(data["lag"][row], data["bias"][row], **look.both(), label=kind)
        if np.isfinite(data["corrected"][row]).any():
            panels[2].loglog(
                data["lag"][row],
                data["corrected"][row],
                **look.points(),
                markerfacecolor="none",
                label=f"{kind}, corrected",
            )
    panels[1].semilogy(
        data["factors"], data["circle"], **style.BLACK.both(), label="equilibria, no lag"
    )
    looks = (*LOOKS, style.PURPLE, style.ORANGE)
    drawn = [place for place, period in enumerate(data["periods"]) if period in LINES]
    for place, look in zip(drawn, looks, strict=False):
        label = f"T = {data['periods'][place]:g}, lag {data['lag'][0, place]:.2g}"
        panels[1].semilogy(data["factors"], data["error"][0, place], **look.both(), label=label)
    for axes, letter, title, along, up in zip(
        panels,
        "abc",
        ("radius of convergence", "sigmoid: error by amplitude", "error by lag"),
        ("lag", "amplitude / $R_0$", "lag"),
        ("$R / R_0$", "relative error of the gradient", "relative error of the gradient"),
        strict=True,
    ):
        style.panel_label(axes, letter, title)
        axes.set_xlabel(along)
        axes.set_ylabel(up)
    panels[0].legend(loc="upper left")
    panels[1].legend(loc="upper left", ncols=2)
    panels[1].set_ylim(1e-17, 1e8)
    panels[2].legend(loc="lower right")
    return figure
