"""Fig. 2b: where in the complex plane a nudged network settles.

Source: hep2022, Fig. 2b; toy network, residual |Delta s|_2 (activity, all units) after 200
undamped synchronous steps from the free state, over the square [-1.5, 1.5]^2. The published panel
exists only as an image; its numbers are those of an independent run on 301 x 301 points.

Beside it, as our own result, the same map for a damped sequential iteration of as many sweeps. The
synchronous iteration loses stability inside the disc of analyticity; the damped one settles up to
the branch point, and what remains is the cut that starts there.

Real weights give s(conj beta) = conj s(beta), so only the upper half plane is computed.
"""

from dataclasses import asdict, dataclass
from typing import Any

import jax
import numpy as np
from jaxtyping import Complex, Float
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

import osciprop

from .. import style
from ..claim import Claim, above, below, close
from ..figure import Data, Settings
from ..precision import in_double_precision
from . import toy
from .branch_point import branch_point, spectral_radius

NAME = "hep2022/fig2b"
TITLE = "Convergence over the complex plane of teaching signals (toy network)"
SOURCE = (
    "Laborieux and Zenke 2022, Fig. 2b. The published panel is an image: the published numbers are "
    "those of an independent run on 301 x 301 points."
)

HALF_WIDTH = 1.5
STEPS = 200
RAY_STEPS = 2000
RAY_SPACING = 0.005
BRANCH_POINT_GUESSES = (0.23 + 0.61j, 0.68 + 0.23j, 0.575 + 1.263j)
"""The nearest one, and those where the map shows the next features."""

NEVER = 1e-30
"""A tolerance that no iteration reaches: all steps are made."""

SETTLED, FAILED = 1e-5, 1e-3
LOWEST, HIGHEST = 1e-12, 1e4
"""The map is clipped to these residuals (the upper one as published)."""

PUBLISHED_POINTS = 301
PUBLISHED_SETTLED_PERCENT = 88.9
PUBLISHED_FIRST_FAILURE = 0.586
PUBLISHED_FIRST_FAILURE_AT = (0.52, 0.27)
PUBLISHED_RAYS = {15: 0.65, 30: 0.595, 45: 0.62, 60: 0.665}
PUBLISHED_SPECTRAL_RADIUS = 0.42721


@dataclass(frozen=True)
class Settings2b:
    """`points` per side of the square, odd so that the axes are on the grid; rays leave 0 every
    `ray_degrees`."""

    points: int
    ray_degrees: int
    ray_steps: int
    half_width: float = HALF_WIDTH
    steps: int = STEPS
    paper: str = "SynchronousIteration, damping 1"
    ours: str = "SequentialIteration, damping 0.5"
    precision: str = "float64"
    seed: int = toy.SEED


FULL, FAST = Settings2b(PUBLISHED_POINTS, 15, RAY_STEPS), Settings2b(61, 30, 500)


def settings(fast: bool) -> Settings:
    return asdict(FAST if fast else FULL)


def upper_half(points: int) -> Complex[np.ndarray, "half points"]:
    """The grid's points with Im >= 0; rows go up the imaginary axis."""
    axis = np.linspace(-HALF_WIDTH, HALF_WIDTH, points)
    return axis[None, :] + 1j * axis[points // 2 :, None]


def residuals(
    betas: Complex[np.ndarray, "*shape"], relaxation: osciprop.equilibria.AbstractRelaxation
) -> Float[np.ndarray, "*shape"]:
    """Euclidean norm of the change of all activities in one more undamped step; NaN is infinite."""
    flat = betas.ravel()
    solution = toy.nudged(flat, relaxation, throw=False)
    network = toy.network()
    x, y = toy.sample(flat.size)
    dynamics = osciprop.dynamics.Dynamics(network, network.drive(x), y, osciprop.Constant(flat))
    then = network.activity(dynamics.current(0.0, solution.u))
    changes = jax.tree.map(lambda a, b: np.asarray(b) - np.asarray(a), solution.s, then)
    norms = np.linalg.norm(np.concatenate(changes, axis=-1), axis=-1).reshape(betas.shape)
    return np.nan_to_num(norms, nan=HIGHEST, posinf=HIGHEST)


def _summary(name: str, betas: np.ndarray, residual: np.ndarray) -> dict[str, np.ndarray | float]:
    """The map in rounded decades, and its numbers from the unrounded one."""
    # Each row but the first, the real axis, stands for its mirror image too.
    weight = np.where(betas.imag > 0, 2.0, 1.0)
    failed = betas[residual >= FAILED]
    first = failed[np.argmin(np.abs(failed))]
    return {
        f"log10_residual_{name}": np.log10(np.clip(residual, LOWEST, HIGHEST)).round(2),
        f"settled_percent_{name}": 100 * float(np.average(residual < SETTLED, weights=weight)),
        f"first_failure_{name}": float(np.abs(first)),
        f"first_failure_at_{name}": np.asarray([first.real, first.imag]),
        f"leftmost_failure_{name}": float(failed.real.min()),
    }


def _rays(spacing: int, steps: int) -> dict[str, np.ndarray]:
    """The first |beta| on each ray at which the paper's iteration fails; NaN if none does."""
    degrees = np.arange(0, 181, spacing)
    moduli = RAY_SPACING * np.arange(1, round(HALF_WIDTH / RAY_SPACING) + 1)
    betas = moduli[:, None] * np.exp(1j * np.deg2rad(degrees))
    iteration = osciprop.SynchronousIteration(tolerance=NEVER, max_steps=steps)
    failed = residuals(betas, iteration) >= FAILED
    first = np.where(failed.any(axis=0), moduli[failed.argmax(axis=0)], np.nan)
    return {"ray_degrees": degrees, "ray_first_failure": first}


@in_double_precision
def compute(fast: bool) -> Data:
    chosen = FAST if fast else FULL
    betas = upper_half(chosen.points)
    paper = osciprop.SynchronousIteration(tolerance=NEVER, max_steps=STEPS)
    ours = osciprop.SequentialIteration(damping=0.5, tolerance=NEVER, max_steps=STEPS)
    by_paper = residuals(betas, paper)
    return {
        "points": chosen.points,
        **_summary("paper", betas, by_paper),
        **_summary("ours", betas, residuals(betas, ours)),
        "worst_on_real_axis": float(by_paper[0].max()),
        "ray_steps": chosen.ray_steps,
        **_rays(chosen.ray_degrees, chosen.ray_steps),
        "spectral_radius": spectral_radius(),
        "branch_points": np.asarray([branch_point(guess) for guess in BRANCH_POINT_GUESSES]),
    }


def claims(data: Data) -> list[Claim]:
    spacing = 2 * HALF_WIDTH / (data["points"] - 1)
    same_grid = data["points"] == PUBLISHED_POINTS
    point = complex(data["branch_points"][0])
    first = data["ray_first_failure"]
    by_angle = dict(zip(data["ray_degrees"].tolist(), first.tolist(), strict=True))
    rays = {angle: value for angle, value in by_angle.items() if angle in PUBLISHED_RAYS}
    others = [value for angle, value in by_angle.items() if angle not in PUBLISHED_RAYS]
    found = [
        close(
            NAME,
            "share of the square with residual < 1e-5 after 200 steps (%)",
            PUBLISHED_SETTLED_PERCENT,
            data["settled_percent_paper"],
            0.05 if same_grid else 1.0,
        ),
        close(
            NAME,
            "smallest |beta| with residual >= 1e-3",
            PUBLISHED_FIRST_FAILURE,
            data["first_failure_paper"],
            5e-4 if same_grid else spacing,
        ),
        above(
            NAME,
            "all of Re beta < about 0.23 settles: smallest Re beta with residual >= 1e-3",
            "0.23",
            data["leftmost_failure_paper"],
            0.225,
        ),
        below(
            NAME,
            "the whole real axis settles: largest residual",
            "settles",
            data["worst_on_real_axis"],
            SETTLED,
        ),
        close(
            NAME,
            f"first failing |beta| after {data['ray_steps']} steps at angles "
            + ", ".join(map(str, rays)),
            tuple(PUBLISHED_RAYS[angle] for angle in rays),
            tuple(rays.values()),
            RAY_SPACING * 1.001,
            "one step of our rays; the published run names neither its step nor its threshold",
        ),
        Claim(
            NAME,
            "first failing |beta| at angles 0 and 75 ... 180, up to 1.5",
            "none",
            "none" if np.isnan(others).all() else tuple(others),
            "none fails",
            bool(np.isnan(others).all()),
        ),
        close(
            NAME,
            "spectral radius of the free iteration",
            PUBLISHED_SPECTRAL_RADIUS,
            data["spectral_radius"],
            5e-6,
        ),
        close(
            NAME,
            "nearest branch point (Re, Im), by a Newton solve for it",
            (toy.BRANCH_POINT.real, toy.BRANCH_POINT.imag),
            (point.real, point.imag),
            5e-6,
        ),
        above(
            NAME,
            "ours, damped sequential iteration: smallest |beta| with residual >= 1e-3",
            f"{toy.RADIUS:.5f} (branch point)",
            data["first_failure_ours"],
            toy.RADIUS,
            "fails nowhere inside the disc of analyticity",
        ),
    ]
    found.append(
        above(
            NAME,
            "ours, damped sequential iteration: share with residual < 1e-5 (%)",
            f"{PUBLISHED_SETTLED_PERCENT} (synchronous)",
            data["settled_percent_ours"],
            99.0,
        )
    )
    if same_grid:
        found.append(
            close(
                NAME,
                "where the smallest |beta| with residual >= 1e-3 is (Re, Im)",
                PUBLISHED_FIRST_FAILURE_AT,
                tuple(data["first_failure_at_paper"].tolist()),
                1e-6,
            )
        )
    return found


@style.styled
def plot(data: Data) -> Figure:
    figure = style.new_figure(8.4, 4.25)
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    _map(left, data["log10_residual_paper"])
    mesh = _map(right, data["log10_residual_ours"])
    for axes in (left, right):
        _mark(axes, data["branch_points"])
    style.panel_label(left, "a", "synchronous iteration, 200 steps (paper)")
    style.panel_label(right, "b", "damped sequential iteration, 200 sweeps (ours)")
    left.set_ylabel(r"Im $\beta$")
    bar = figure.colorbar(mesh, ax=[left, right], pad=0.01, shrink=0.87, extend="min")
    bar.set_label(r"residual $\|\Delta s_\beta\|_2$ (activity)")
    figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def _map(axes: Axes, decades: np.ndarray) -> QuadMesh:
    whole = np.concatenate([decades[:0:-1], decades])
    axis = np.linspace(-HALF_WIDTH, HALF_WIDTH, whole.shape[0])
    norm = LogNorm(vmin=LOWEST, vmax=10.0)
    mesh = axes.pcolormesh(axis, axis, 10**whole, norm=norm, cmap="PuBu_r", rasterized=True)
    axes.set_aspect("equal")
    axes.grid(False)
    axes.set_xlabel(r"Re $\beta$")
    return mesh


def _mark(axes: Axes, branch_points: np.ndarray) -> None:
    """The disc of analyticity and the branch points, each with its mirror image."""
    circle = toy.RADIUS * np.exp(2j * np.pi * np.linspace(0, 1, 400))
    label = rf"$|\beta| = {toy.RADIUS:.5f}$"
    axes.plot(circle.real, circle.imag, color="#E69F00", ls="--", label=label)
    both = np.stack([branch_points, branch_points.conj()])
    stars: dict[str, Any] = {
        "ls": "none",
        "marker": "*",
        "mec": "black",
        "mew": 0.7,
        "clip_on": False,
    }
    label = r"branch points $0.22957 \pm 0.61574\,i$"
    axes.plot(both[:, 0].real, both[:, 0].imag, ms=11, mfc="#E69F00", label=label, **stars)
    rest = both[:, 1:].ravel()
    axes.plot(rest.real, rest.imag, ms=7, mfc="white", label="further branch points", **stars)
    axes.plot(0, 0, "w+", ms=7, mew=1.2)
