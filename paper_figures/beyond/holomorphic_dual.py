"""Dual propagation on circles of amplitudes: gradient error by amplitude and by number of points.

Not of a paper. A tanh perceptron with cross-entropy on digits; the relative error of the gradient,
all parameters together, to the implicit one. (a) The original (DP) and the adjoint-state form
(DP^T) at one real amplitude, (b) DP^T on a circle of N complex amplitudes, (c) the same by N, with
the law `A (r / R)^N`: one A and one R for each alpha, fitted at all radii r together.

At `alpha = 1/2` the difference of the compartments is an odd function of the amplitude, so that its
even orders vanish: the error falls with the square, and 3 points are as good as 6.
"""

import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass

import jax
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import osciprop
from osciprop.datasets import digits
from osciprop.studies import Axis, Study

from .. import style
from ..claim import Claim, above, below, close, matches
from ..figure import Data, Settings
from ..precision import in_double_precision

NAME = "beyond/holomorphic_dual"
TITLE = "Exact gradients of dual propagation at finite amplitude"
SOURCE = "Ours; dual propagation is that of two_tales2024, circles of amplitudes those of hep2022."

TOLERANCE = 1e-14
RADII, DRAWN = (0.5, 1.0, 1.4), (0.5, 1.4)
FIRST = 6
"""The law is fitted at the radii, to even numbers of points from this one on."""

SINGLE, CIRCLE = 0.1, 0.5
"""Amplitudes of claims about one real amplitude and about a circle."""

FLOOR, CEILING = 1e-12, 0.1
"""Errors between these show an order: above rounding, below where higher orders take part."""

ORDER, DECAY, BEYOND = 0.15, 0.1, 1.35
"""How far orders may be off; decays, relatively; and R beyond the singularity, as a factor."""

REMARK = (
    "few points feel the singularities of all samples, not only the nearest; the distance takes "
    "poles, those of alpha 0, for folds, a tenth too near"
)


Form = Callable[..., osciprop.gradients.AbstractGradientMethod]
"""Dual propagation by amplitude, alpha and relaxation."""


@dataclass(frozen=True)
class SettingsDual:
    """`points` on a circle of each of the `amplitudes`, which are single real ones as well."""

    points: tuple[int, ...]
    amplitudes: tuple[float, ...]
    samples: int
    alphas: tuple[float, ...] = (0.0, 0.25, 0.5)
    sizes: tuple[int, ...] = (64, 32, 32, 10)
    images: str = "digits"
    relaxation: str = f"SequentialIteration, Backward, tolerance {TOLERANCE:g}"
    precision: str = "float64"
    seed: int = 0


FULL = SettingsDual(
    (2, 3, 4, 6, 8, 12, 16), (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0), 16
)
FAST = SettingsDual((2, 6, 12), (0.05, 0.1, 0.5, 1.0, 1.4), 16)


def settings(fast: bool) -> Settings:
    return asdict(FAST if fast else FULL)


@in_double_precision
def compute(fast: bool) -> Data:
    chosen = FAST if fast else FULL
    network = osciprop.perceptron(
        list(chosen.sizes),
        key=jax.random.PRNGKey(chosen.seed),
        activation=osciprop.Tanh(),
        cost=osciprop.CrossEntropy(),
    )
    images = digits()
    x, y = images.x_train[: chosen.samples].astype(float), images.y_train[: chosen.samples]
    sweeps = osciprop.SequentialIteration(
        tolerance=TOLERANCE, max_steps=200, order=osciprop.equilibria.Backward()
    )
    exact = osciprop.estimate_gradient(
        network, x, y, osciprop.Implicit(sweeps, tolerance=1e-13)
    ).gradient

    def error(method: osciprop.gradients.AbstractGradientMethod) -> dict[str, float]:
        """The relative error; NaN where the dyads did not settle."""
        with warnings.catch_warnings():
            # That circles are too large for their points is what the figure shows.
            warnings.simplefilter("ignore", osciprop.GradientAccuracyWarning)
            found = osciprop.estimate_gradient(network, x, y, method, throw=False)
        if not found.converged:
            return {"error": np.nan}
        return {"error": float(osciprop.relative_error(found.gradient, exact))}

    def single(form: Form, alpha: float, amplitude: float) -> dict[str, float]:
        return error(form(amplitude, alpha, sweeps))

    def circle(alpha: float, points: int, amplitude: float) -> dict[str, float]:
        return error(
            osciprop.gradients.HolomorphicDualPropagation(amplitude, points, alpha, sweeps)
        )

    def nearest(alpha: float) -> dict[str, float]:
        dyads = osciprop.dynamics.AdjointDual(network, alpha)
        return {"radius": osciprop.analysis.radius_of_convergence(dyads, x, y, relaxation=sweeps)}

    axes = {name: getattr(chosen, f"{name}s") for name in ("alpha", "amplitude")}
    forms = {
        "adjoint": osciprop.DualPropagationAdjoint,
        "original": osciprop.DualPropagation,
    }
    singles = Study(single, {"form": Axis(forms), **axes}).run(progress=False)["error"]
    circles = Study(circle, {"points": chosen.points, **axes}).run(progress=False)["error"]
    radii = Study(nearest, {"alpha": chosen.alphas}).run(progress=False)["radius"]
    return {
        **{form: singles.sel(form=form).values for form in forms},
        "circle": circles.transpose("alpha", "points", "amplitude").values,
        "nearest": radii.values,
        **{name: np.asarray(getattr(chosen, name)) for name in ("alphas", "points", "amplitudes")},
    }


def _order(sizes: np.ndarray, errors: np.ndarray) -> float:
    """The power of the amplitude with which errors rise."""
    seen = (errors > FLOOR) & (errors < CEILING)
    return round(float(np.polyfit(np.log(sizes[seen]), np.log(errors[seen]), 1)[0]), 2)


def _law(data: Data, place: int) -> tuple[float, float, list[float]]:
    """A and R, and the decay of the logarithm by N at each radius r in units of `log(r / R)`."""
    rows = np.flatnonzero((data["points"] % 2 == 0) & (data["points"] >= FIRST))
    counts, decays, known = data["points"][rows], [], []
    for size in RADII:
        errors = data["circle"][place][rows, np.flatnonzero(data["amplitudes"] == size)[0]]
        seen = (errors > FLOOR) & (errors < CEILING)
        n, logs = counts[seen], np.log(errors[seen])
        known.append((n, logs - n * np.log(size)))
        if seen.sum() > 1:
            decays.append((np.polyfit(n, logs, 1)[0], np.log(size)))
    every, rest = (np.concatenate(column) for column in zip(*known, strict=True))
    slope, offset = np.polyfit(every, rest, 1)
    relative = [round(float(decay / (slope + size)), 3) for decay, size in decays]
    return float(np.exp(offset)), float(np.exp(-slope)), relative


def claims(data: Data) -> list[Claim]:
    alphas, sizes, points = data["alphas"], data["amplitudes"], list(data["points"])
    real = {name: data[name] for name in ("adjoint", "original")}
    listed = ", ".join(f"{alpha:g}" for alpha in alphas)
    even = [row for row, count in enumerate(points) if count % 2 == 0]
    single, circle = (int(np.flatnonzero(sizes == size)[0]) for size in (SINGLE, CIRCLE))
    found = []
    for name, label in (("adjoint", "DP^T"), ("original", "DP")):
        orders = [_order(sizes, errors) for errors in real[name]]
        text = f"{label}, one real amplitude: order of the error, alpha {listed}"
        found.append(close(NAME, text, (1.0, 1.0, 2.0), orders, ORDER))
    larger = np.min((real["original"] / real["adjoint"])[:-1, single])
    text = f"DP: error relative to that of DP^T, amplitude {SINGLE:g}, least of alpha 0, 0.25"
    found.append(above(NAME, text, "biased by its mean too", round(float(larger), 2), 2.0))
    gap = float(np.nanmax(np.abs(real["original"][-1] / real["adjoint"][-1] - 1)))
    found.append(matches(NAME, "alpha 0.5: relative error of DP and of DP^T", gap, 1e-6))
    before = ", ".join(f"{error:.2g}" for error in real["adjoint"][:, circle])
    worst = float(f"{np.max(data['circle'][:, -1, circle]):.2g}")
    text = f"{points[-1]} points, amplitude {CIRCLE:g}: largest error of alpha {listed}"
    found.append(below(NAME, text, f"one real amplitude: {before}", worst, 1e-9))
    for place, alpha in enumerate(alphas):
        orders = [_order(sizes, data["circle"][place][row]) for row in even]
        powers = [float(points[row]) for row in even]
        text = f"alpha {alpha:g}: order of the error by number of points"
        found.append(close(NAME, text, powers, orders, ORDER))
        _, radius, decays = _law(data, place)
        text = (
            f"alpha {alpha:g}, {FIRST} points or more: slope of the logarithm of the error by N, "
            f"relative to log(r / {radius:.3g})"
        )
        found.append(close(NAME, text, (1.0,) * len(decays), decays, DECAY))
        ratio = round(radius / float(data["nearest"][place]), 2)
        text = f"alpha {alpha:g}: R relative to the distance of the activities' singularity"
        criterion = f"between 0.95 and {BEYOND:g}"
        within = 0.95 <= ratio <= BEYOND
        found.append(Claim(NAME, text, "about 1", ratio, criterion, within, REMARK))
    if 3 in points:
        three, six = (data["circle"][-1][points.index(count)] for count in (3, 6))
        gap = float(np.max(np.abs(three / six - 1)[six > FLOOR]))
        found.append(matches(NAME, "alpha 0.5: relative error with 3 and with 6 points", gap, 1e-2))
    return found


LOOKS = (style.BLUE, style.RED, style.GREEN)


def _single(axes: Axes, data: Data) -> None:
    sizes = data["amplitudes"]
    looks = (style.PURPLE, style.ORANGE)
    for alpha, errors, look in zip(data["alphas"], data["original"], looks, strict=False):
        axes.loglog(sizes, errors, **look.both(), label=rf"DP, $\alpha = {alpha:g}$")
    for alpha, errors, look in zip(data["alphas"], data["adjoint"], LOOKS, strict=True):
        axes.loglog(sizes, errors, **look.both(), label=rf"DP$^\top$, $\alpha = {alpha:g}$")
    axes.loglog(sizes, data["original"][-1], **style.PUBLISHED, label=r"DP, $\alpha = 0.5$")


def _by_points(axes: Axes, data: Data) -> None:
    even = data["points"] % 2 == 0
    counts = data["points"][even]
    for place, (alpha, look) in enumerate(zip(data["alphas"], LOOKS, strict=True)):
        factor, radius, _ = _law(data, place)
        for size, face in zip(DRAWN, ("none", look.color), strict=True):
            errors = data["circle"][place][even, np.flatnonzero(data["amplitudes"] == size)[0]]
            label = rf"$\alpha = {alpha:g}$, $R = {radius:.1f}$" if face == look.color else None
            axes.semilogy(counts, errors, **look.points(), markerfacecolor=face, label=label)
            law = factor * (size / radius) ** counts
            axes.semilogy(counts, law, **look.line(), linewidth=0.8)
    title = f"open: r = {DRAWN[0]:g}, full: r = {DRAWN[1]:g}"
    axes.legend(loc="upper right", title=title)
    axes.set_ylim(2e-16, 1e3)


@style.styled
def plot(data: Data) -> Figure:
    figure = style.new_figure(10.2, 3.6)
    panels = figure.subplots(1, 3)
    _single(panels[0], data)
    even = np.flatnonzero(data["points"] % 2 == 0)
    looks = (style.BLACK, *LOOKS, style.PURPLE, style.ORANGE)
    for row, look in zip(even, looks, strict=False):
        errors, label = data["circle"][0][row], f"N = {data['points'][row]}"
        panels[1].loglog(data["amplitudes"], errors, **look.both(), label=label)
    _by_points(panels[2], data)
    for axes, letter, title, along in zip(
        panels,
        "abc",
        ("one real amplitude", r"$N$ points on a circle, $\alpha = 0$", r"$N$ points, $A(r/R)^N$"),
        (r"amplitude $\beta$", r"radius $r = |\beta|$", "number of points $N$"),
        strict=True,
    ):
        style.panel_label(axes, letter, title)
        axes.set_xlabel(along)
    panels[0].set_ylabel("relative error of the gradient")
    panels[0].legend(loc="lower right")
    panels[1].legend(loc="upper left", ncols=2)
    panels[1].set_ylim(2e-16, 1e2)
    return figure
