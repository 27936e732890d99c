"""Fig. 2d: classic and holomorphic EP against the amplitude of the teaching signal.

Source: hep2022, Fig. 2d; toy network, cosine of the full gradient with the true one, N = 1 and
N = 30, |beta| = linspace(0.01, 2, 50), 100 undamped synchronous steps from the free state; theirs
in single, ours in double precision.

From |beta| = 0.586 on that iteration no longer settles everywhere on the contour: the published
curve of N = 30 is then that of states which still move, and is found only with exactly 100 steps.
Our own results beside it: the integrated flow and
Newton's method reach the branch point at 0.657, and the error falls as (|beta| / R)^N.
"""

from dataclasses import asdict, dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import osciprop
from osciprop.gradients.contour import ContourDiagnostics, OneSidedDiagnostics
from osciprop.studies import Study

from .. import published, style
from ..claim import Claim, above, below, close, matches, relatively_close
from ..figure import Data, Settings
from ..precision import in_double_precision
from . import toy

NAME = "hep2022/fig2d"
TITLE = "Gradient against teaching amplitude (toy network)"
SOURCE = (
    "Laborieux and Zenke 2022, Fig. 2d. The table of relative errors, the cosines in double "
    "precision and the radius are those of an independent run."
)

POINTS = 30
FLOW_TOLERANCE = 1e-10
NEWTON_TOLERANCE = 1e-12
PAPER_STEPS = 100
NEVER = 1e-30
"""A tolerance that no iteration reaches: all steps are made."""

COMPARABLE = 0.55
"""Up to here the published iteration has settled."""

LAST_STABLE = 0.586
"""Beyond this |beta| the paper's iteration does not settle on all of the contour (Fig. 2b)."""

BEYOND, BEYOND_POINTS = 0.6, 60
"""Between the loss of stability of the paper's iteration, 0.586, and the branch point, 0.657."""

RADIUS_AMPLITUDE = 0.5

PUBLISHED_NORM = 2.13733229
# Of an independent run in double precision: cosine of N = 1, and relative errors by N.
PUBLISHED_COSINE = {
    0.05: 0.999351,
    0.1: 0.997277,
    0.2: 0.988224,
    0.3: 0.972057,
    0.4: 0.948767,
    0.5: 0.919066,
    0.55: 0.902357,
}
PUBLISHED_POINTS = (2, 4, 6, 8, 10, 16, 24, 30, 60)
PUBLISHED_ERRORS = {
    0.05: (1.2e-3, 3.9e-6, 1.3e-8, 4.9e-11, 8e-13),
    0.1: (4.9e-3, 6.2e-5, 8.4e-7, 1.3e-8, 1.4e-10, 3e-13),
    0.2: (1.9e-2, 9.9e-4, 5.4e-5, 3.2e-6, 1.5e-7, 1.1e-10, 1.5e-13),
    0.3: (4.1e-2, 5.1e-3, 6.1e-4, 8.2e-5, 8.4e-6, 7.2e-8, 8.2e-11, 4e-13),
    0.4: (7.1e-2, 1.6e-2, 3.5e-3, 8.1e-4, 1.5e-4, 7.2e-6, 8.2e-8, 2.4e-9, 2e-14),
    0.5: (1.1e-1, 4.1e-2, 1.4e-2, 4.7e-3, 1.4e-3, 2.6e-4, 1.7e-5, 2.0e-6, 2.3e-10),
    0.55: (1.2e-1, 6.1e-2, 2.5e-2, 9.5e-3, 3.9e-3, 1.2e-3, 1.7e-4, 3.4e-5, 7e-8),
}
ROUND_OFF = 1e-12
"""Below this relative error round-off shares in the published numbers."""

NOT_SETTLED = (
    "beyond 0.58 both are an iteration that has not settled, cut off after 100 steps: agreement "
    "says that the iterations are the same, not that the estimate means anything"
)


@dataclass(frozen=True)
class Settings2d:
    """`stride` thins out the 50 published amplitudes; `table_points` are the table's columns.

    `curves` and `beyond` name the solvers, and for the curves the number of points.
    """

    stride: int
    table_points: tuple[int, ...]
    curves: tuple[tuple[str, int], ...]
    beyond: tuple[str, ...]
    radius_points: int
    radius_amplitude: float = RADIUS_AMPLITUDE
    paper: str = "SynchronousIteration, damping 1, 100 steps"
    one_less: str = "SynchronousIteration, damping 1, 99 steps"
    flow: str = "Flow, Tsit5, tolerance 1e-10"
    newton: str = "Newton, GMRES, tolerance 1e-12"
    table: str = "SequentialIteration, tolerance 1e-14"
    precision: str = "float64"
    seed: int = toy.SEED


FULL = Settings2d(
    stride=1,
    table_points=PUBLISHED_POINTS,
    curves=(
        ("paper", 1),
        ("flow", 1),
        ("paper", POINTS),
        ("one_less", POINTS),
        ("flow", POINTS),
    ),
    beyond=("paper", "flow", "newton"),
    radius_points=BEYOND_POINTS,
)
# Compilation takes most of the time: fewer solvers and sizes.
FAST = Settings2d(
    stride=7,
    table_points=(10,),
    curves=(("paper", 1), ("paper", POINTS), ("flow", POINTS)),
    beyond=(),
    radius_points=POINTS,
)


def settings(fast: bool) -> Settings:
    return asdict(FAST if fast else FULL)


def solvers() -> dict[str, osciprop.equilibria.AbstractRelaxation]:
    """The relaxations of the figure, in the session's precision."""
    return {
        "paper": osciprop.SynchronousIteration(tolerance=NEVER, max_steps=PAPER_STEPS),
        "one_less": osciprop.SynchronousIteration(tolerance=NEVER, max_steps=PAPER_STEPS - 1),
        "flow": osciprop.Flow(tolerance=FLOW_TOLERANCE),
        "newton": osciprop.Newton(tolerance=NEWTON_TOLERANCE),
        "table": osciprop.SequentialIteration(tolerance=toy.TIGHT),
    }


def method(
    amplitude: float, points: int, relaxation: osciprop.equilibria.AbstractRelaxation
) -> osciprop.gradients.AbstractGradientMethod:
    """The N-point estimator; one point is classic, one-sided EP."""
    if points == 1:
        return osciprop.ClassicEP(amplitude, relaxation)
    return osciprop.HolomorphicEP(amplitude, points, relaxation)


def _nudged(estimate: osciprop.Estimate) -> osciprop.Solution:
    """The nudged equilibria behind an estimate."""
    assert isinstance(estimate.diagnostics, ContourDiagnostics | OneSidedDiagnostics)
    return estimate.diagnostics.nudged


def _curve(
    solver: str, points: int, amplitudes: np.ndarray, true: np.ndarray
) -> dict[str, np.ndarray]:
    """Cosine, relative error and largest nudged residual at each amplitude."""
    relaxation = solvers()[solver]

    def compared(amplitude: float) -> dict[str, float]:
        estimate = toy.estimate(method(amplitude, points, relaxation))
        gradient = toy.flat(estimate.gradient)
        return {
            "cosine": toy.cosine(gradient, true),
            "error": toy.relative_error(gradient, true),
            "residual": float(np.max(_nudged(estimate).residual)),
        }

    found = Study(compared, {"amplitude": amplitudes}).run(progress=False)
    measures = ("cosine", "error", "residual")
    return {f"{name}_n{points}_{solver}": found[name].values for name in measures}


def _table(points: tuple[int, ...], true: np.ndarray) -> dict[str, np.ndarray]:
    amplitudes = np.asarray(list(PUBLISHED_ERRORS))
    columns = [_curve("table", n, amplitudes, true)[f"error_n{n}_table"] for n in points]
    return {
        "table_amplitudes": amplitudes,
        "table_points": np.asarray(points),
        "table_errors": np.stack(columns, axis=1),
        "table_cosine_n1": _curve("table", 1, amplitudes, true)["cosine_n1_table"],
    }


def _radius(points: int) -> float:
    """The radius of convergence as a user learns it, from one estimate's own diagnostics."""
    diagnostics = toy.estimate(method(RADIUS_AMPLITUDE, points, solvers()["flow"])).diagnostics
    assert isinstance(diagnostics, ContourDiagnostics)
    return diagnostics.radius_of_convergence()


@in_double_precision
def compute(fast: bool) -> Data:
    chosen = FAST if fast else FULL
    true = toy.flat(toy.true_gradient())
    amplitudes = np.linspace(0.01, 2.0, 50)[:: chosen.stride]
    data: dict[str, np.ndarray | float] = {"amplitudes": amplitudes}
    for solver, points in chosen.curves:
        data |= _curve(solver, points, amplitudes, true)
    for solver in chosen.beyond:
        data |= _curve(solver, BEYOND_POINTS, np.asarray([BEYOND]), true)
    return {
        **data,
        **_table(chosen.table_points, true),
        "gradient_norm": float(np.linalg.norm(true)),
        "radius": _radius(chosen.radius_points),
    }


def _published_at(amplitudes: np.ndarray, key: str) -> np.ndarray:
    """A published curve at those of its amplitudes that were computed."""
    stored = published.hep2022()["fig2d"]
    grid = np.asarray(stored["abs_beta"])
    indices = np.abs(grid[None, :] - amplitudes[:, None]).argmin(axis=1)
    return np.asarray(stored[key])[indices]


PUBLISHED_CURVES = {1: "cosine_classic_ep", POINTS: "cosine_holomorphic_ep_N30"}


def claims(data: Data) -> list[Claim]:
    return [
        *_curve_claims(data),
        *_beyond_claims(data),
        *_table_claims(data),
        relatively_close(
            NAME, "norm of the true gradient", PUBLISHED_NORM, data["gradient_norm"], 1e-8
        ),
        relatively_close(
            NAME,
            f"radius of convergence, from the harmonics at |beta| = {RADIUS_AMPLITUDE}",
            round(toy.RADIUS, 5),
            data["radius"],
            0.02,
        ),
    ]


def _curve_claims(data: Data) -> list[Claim]:
    amplitudes = data["amplitudes"]
    inside = amplitudes <= COMPARABLE
    ranges = (
        ("paper", "synchronous iteration", f"|beta| <= {COMPARABLE}", inside, ""),
        ("paper", "synchronous iteration", f"|beta| > {COMPARABLE}", ~inside, NOT_SETTLED),
        ("flow", "flow", f"|beta| <= {COMPARABLE}", inside, ""),
    )
    found = []
    for points, key in PUBLISHED_CURVES.items():
        target = _published_at(amplitudes, key)
        for solver, name, where, chosen, remark in ranges:
            ours = data.get(f"cosine_n{points}_{solver}")
            if ours is not None:
                gap = float(np.abs(ours - target)[chosen].max())
                reason = remark if points > 1 else ""
                text = f"cosine, N = {points}, {where}, {name}"
                found.append(matches(NAME, text, gap, 1e-4, reason))
    name = f"cosine_n{POINTS}_one_less"
    if name in data:
        target = _published_at(amplitudes, PUBLISHED_CURVES[POINTS])
        gap = float(np.abs(data[name] - target).max())
        text = f"N = {POINTS}, {PAPER_STEPS - 1} steps instead of {PAPER_STEPS}: largest difference"
        found.append(above(NAME, text, "not published", gap, 1e-3, NOT_SETTLED))
    return found


def _beyond_claims(data: Data) -> list[Claim]:
    text = f"relative error, N = {BEYOND_POINTS}, |beta| = {BEYOND}"
    theirs = "not published"
    if f"error_n{BEYOND_POINTS}_paper" not in data:
        return []
    errors = {s: float(data[f"error_n{BEYOND_POINTS}_{s}"][0]) for s in FULL.beyond}
    fails = "the iteration does not settle there"
    return [
        above(NAME, f"{text}, synchronous iteration", theirs, errors["paper"], 1e-4, fails),
        below(NAME, f"ours: {text}, flow", theirs, errors["flow"], 1e-4),
        below(NAME, f"ours: {text}, Newton", theirs, errors["newton"], 1e-4),
    ]


def _table_claims(data: Data) -> list[Claim]:
    found = [
        close(
            NAME,
            "cosine, N = 1, at |beta| = " + ", ".join(f"{r:g}" for r in PUBLISHED_COSINE),
            tuple(PUBLISHED_COSINE.values()),
            tuple(data["table_cosine_n1"].tolist()),
            1e-6,
        )
    ]
    for (amplitude, row), ours in zip(PUBLISHED_ERRORS.items(), data["table_errors"], strict=True):
        theirs = dict(zip(PUBLISHED_POINTS, row, strict=False))
        pairs = [
            (n, theirs[n], error)
            for n, error in zip(data["table_points"].tolist(), ours, strict=True)
            if n in theirs
        ]
        found.append(_row_claim(amplitude, pairs))
    return found


def _row_claim(amplitude: float, pairs: list[tuple[int, float, float]]) -> Claim:
    """One row of the table: within a factor 2, or at or below where round-off shares."""
    ratios = [ours / theirs for _, theirs, ours in pairs]
    factors = [
        max(ratio, 1 / ratio) if theirs >= ROUND_OFF else ratio
        for ratio, (_, theirs, _) in zip(ratios, pairs, strict=True)
    ]
    worst = max(factors)
    return Claim(
        NAME,
        f"relative errors at |beta| = {amplitude:g}, N = " + ", ".join(str(n) for n, _, _ in pairs),
        ", ".join(f"{theirs:.2g}" for _, theirs, _ in pairs),
        ", ".join(f"{ours:.2g}" for _, _, ours in pairs),
        f"within a factor 2, below {ROUND_OFF:g} at most that (worst {worst:.2f})",
        worst <= 2,
    )


LOOKS = {
    (1, "paper"): (style.BLUE, "classic EP, N = 1"),
    (POINTS, "paper"): (style.ORANGE, "hEP, N = 30, synchronous iteration"),
    (POINTS, "flow"): (style.GREEN, "hEP, N = 30, flow"),
}


@style.styled
def plot(data: Data) -> Figure:
    figure = style.new_figure(10.0, 4.0)
    cosine, error, table = figure.subplots(1, 3)
    _plot_cosine(cosine, data)
    _plot_error(error, data)
    _plot_table(table, data)
    figure.legend(*cosine.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def _plot_cosine(axes: Axes, data: Data) -> None:
    stored = published.hep2022()["fig2d"]
    for (points, solver), (look, name) in LOOKS.items():
        axes.plot(data["amplitudes"], data[f"cosine_n{points}_{solver}"], **look.line(), label=name)
    for key in PUBLISHED_CURVES.values():
        (line,) = axes.plot(stored["abs_beta"], stored[key], **style.PUBLISHED)
    line.set_label("published")
    axes.axvline(toy.RADIUS, color="black", lw=0.8, ls=":")
    axes.set_xlabel(r"teaching amplitude $|\beta|$")
    axes.set_ylabel("cosine with the true gradient")
    style.panel_label(axes, "a", "published and ours")


def _plot_error(axes: Axes, data: Data) -> None:
    for (points, solver), (look, _) in LOOKS.items():
        axes.semilogy(data["amplitudes"], data[f"error_n{points}_{solver}"], **look.both())
    limits = ((LAST_STABLE, "iteration unstable", "right"), (toy.RADIUS, "branch point", "left"))
    for amplitude, name, side in limits:
        axes.axvline(amplitude, color="black", lw=0.8, ls=":")
        shift = -0.012 if side == "right" else 0.012
        axes.text(amplitude + shift, 1e-13, name, rotation=90, fontsize=8, ha=side, va="bottom")
    axes.set_xlim(0, 1.0)
    axes.set_xlabel(r"teaching amplitude $|\beta|$")
    axes.set_ylabel("relative error of the gradient")
    style.panel_label(axes, "b", "limits of solver and of analyticity")


def _plot_table(axes: Axes, data: Data) -> None:
    looks = (*style.SERIES, style.ORANGE, style.SKY, style.BLACK)
    rows = zip(PUBLISHED_ERRORS.items(), data["table_errors"], looks, strict=True)
    for (amplitude, theirs), ours, look in rows:
        axes.semilogy(data["table_points"], ours, **look.both(), ms=3, label=f"{amplitude:g}")
        axes.semilogy(PUBLISHED_POINTS[: len(theirs)], theirs, **style.PUBLISHED)
    axes.set_xlabel("number of points $N$")
    axes.set_ylabel("relative error of the gradient")
    axes.legend(title=r"$|\beta|$", loc="upper left", bbox_to_anchor=(1.0, 1.0))
    style.panel_label(axes, "c", r"error $\sim (|\beta| / R)^N$")
