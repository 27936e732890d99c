"""The real code of every figure whose fast size is slow, up to the first point of its studies.

What is found there stands for all points: it is checked that all of it runs and can be drawn, not
what comes out, on images of noise.
"""

from collections.abc import Iterable
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
import xarray
from matplotlib.figure import Figure
from slow_figures import SLOW

import osciprop
from experiments.runs import noise_images
from experiments.studies.running import first_point
from osciprop.studies import Study
from paper_figures.beyond import feedback_scaling, holomorphic_aep, holomorphic_dual, settled
from paper_figures.hep2022 import deep, fig2b, fig2d, fig3a, fig3b, fig3c, fig4a, fig4b
from paper_figures.homeostasis2024 import fig2 as error_vectors
from paper_figures.homeostasis2024 import fig3 as bias_by_angle
from paper_figures.homeostasis2024 import fig4 as homeostasis
from paper_figures.homeostasis2024 import network as of_homeostasis
from paper_figures.nonconservative2026 import verification
from paper_figures.substrates import bias_orders, contours
from paper_figures.time import echoes
from paper_figures.two_tales2024 import angles, fidelity, stability

DEEP = deep.Deep(1, 2, 1, 32, "noise")
TINY = {
    fig2b: replace(fig2b.FAST, ray_degrees=90, ray_steps=10),
    fig2d: replace(fig2d.FAST, stride=25, curves=(("paper", 1),)),
    fig3c: replace(fig3c.FAST, kept=(1,), draws=1),
    fig4a: replace(fig4a.FAST, points=(2,), double_stride=0, network=DEEP),
    fig4b: replace(fig4b.FAST, single=(2,), network=DEEP),
    error_vectors: replace(error_vectors.FAST, points=(2,), amplitudes=(0.1,), images=2),
    bias_by_angle: replace(bias_by_angle.FAST, angles=(30.0,), images=2),
    homeostasis: replace(homeostasis.FAST, sizes=(64, 8, 8, 10, 10), epochs=(1,) * 4),
    verification: replace(verification.FAST, draws=2, points=(2,)),
    fidelity: replace(fidelity.FAST, adjoint_betas=(0.5,)),
    stability: stability.FAST,
    angles: replace(angles.FAST, sizes=(64, 16, 10), epochs=1, every=1),
    holomorphic_aep: replace(holomorphic_aep.FAST, draws=2),
    holomorphic_dual: replace(holomorphic_dual.FAST, samples=1),
    settled: replace(settled.FAST, samples=1, points=16),
    feedback_scaling: replace(feedback_scaling.FAST, draws=1, methods=("published", "dyadic")),
    bias_orders: replace(bias_orders.FAST, networks=2),
    contours: contours.FAST,
    echoes: replace(
        echoes.FAST, amplitudes=(0.1,), points=(2,), durations=(4.0,), starts=1, frictions=(0.01,)
    ),
}
NOT_DRAWN = (fig2d, fig3c, fig4a, homeostasis, holomorphic_dual)
"""What these draw needs all of their rows, or several points."""

BEGUN = (
    error_vectors,
    fidelity,
    fig2d,
    holomorphic_dual,
    holomorphic_aep,
    settled,
    verification,
)
"""Of many programs: a first result is not slow, and the whole is run in its fast size only."""

QUICK = (fig2d, bias_orders, holomorphic_aep)
"""Compiling the others takes five seconds and more."""


def quick_first(figures: Iterable[ModuleType]) -> list[Any]:
    return [
        pytest.param(figure, id=figure.NAME, marks=[] if figure in QUICK else [pytest.mark.slow])
        for figure in figures
    ]


run = Study.run


def first_everywhere(study: Study, **_: object) -> xarray.Dataset:
    """The results at the first point of a study, at all of its points."""
    found = run(first_point(study), progress=False).isel(dict.fromkeys(study.axes, 0), drop=True)
    for name, axis in reversed(study.axes.items()):
        found = found.expand_dims({name: axis.coordinates})
    return found.copy(deep=True)


@pytest.fixture(autouse=True)
def small(monkeypatch, small_programs):
    """Tiny sizes, and noise in the place of images."""
    monkeypatch.setattr(Study, "run", first_everywhere)
    for figure, size in TINY.items():
        monkeypatch.setattr(figure, "FAST", size)
    monkeypatch.setattr(settled, "NETWORKS", ("sigmoid",))
    monkeypatch.setattr(fig3c, "DURATION", 2)
    monkeypatch.setattr(fig3c, "KINDS", {"shared": fig3c.KINDS["shared"]})
    monkeypatch.setattr(error_vectors, "PERIODS", 1)
    monkeypatch.setattr(error_vectors, "PERIOD", 10.0)
    monkeypatch.setattr(homeostasis, "ROWS", {"reciprocal": "reciprocal"})
    monkeypatch.setattr(of_homeostasis, "fashion_mnist", lambda: noise_images((28, 28)))
    methods = bias_orders._methods(1.0)
    monkeypatch.setattr(contours, "QUICK", ("adaptation",))
    damped = osciprop.SynchronousIteration(damping=0.3, tolerance=1e-10)
    monkeypatch.setattr(contours, "RELAXATION", damped)
    one_program = dict.fromkeys(methods, methods["positive"])
    monkeypatch.setattr(bias_orders, "_methods", lambda period: one_program)
    for module in (homeostasis, angles):
        monkeypatch.setattr(module, "digits", lambda: noise_images((8, 8), 50))


class FirstResult(Exception):
    """A study has returned."""


@pytest.mark.parametrize("figure", quick_first(BEGUN))
@pytest.mark.filterwarnings("ignore::osciprop.GradientAccuracyWarning")
def test_it_has_a_first_result(figure, monkeypatch):
    def stop(study: Study, **_: object) -> None:
        raise FirstResult(first_everywhere(study))

    monkeypatch.setattr(Study, "run", stop)
    with pytest.raises(FirstResult) as caught:
        figure.compute(fast=True)
    assert caught.value.args[0].sizes


WHOLE = [figure for figure in TINY if figure not in BEGUN]


@pytest.mark.parametrize("figure", quick_first(WHOLE))
@pytest.mark.filterwarnings("ignore::osciprop.GradientAccuracyWarning")
def test_it_runs(figure):
    data = figure.compute(fast=True)
    assert data
    if figure not in NOT_DRAWN:
        assert isinstance(figure.plot(data), Figure)


def test_none_is_left_out():
    # The last two are one simulation, of which nothing is a first result.
    assert {figure.NAME for figure in (*TINY, fig3a, fig3b)} == SLOW
