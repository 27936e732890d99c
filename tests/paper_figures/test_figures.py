"""Every registered figure: computes in its fast size, keeps its claims, and draws itself."""

from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import SubplotSpec
from slow_figures import SLOW

import osciprop
from paper_figures import layers
from paper_figures.figure import Data, PaperFigure
from paper_figures.hep2022 import fig2d, toy
from paper_figures.precision import in_double_precision
from paper_figures.published import hep2022_toy
from paper_figures.record import decode_all, load
from paper_figures.registry import FIGURES
from paper_figures.report import report
from paper_figures.runner import HOME, json_path
from paper_figures.style import save_figure

each_figure = pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.NAME)
FastData = Callable[[PaperFigure], Data]


def panels_at_the_bottom(drawn: Figure) -> list[Axes]:
    """Those that need a label along x, which panels above share."""
    panels = [axes for axes in drawn.axes if axes.get_label() != "<colorbar>"]
    places = [cast(SubplotSpec, axes.get_subplotspec()) for axes in panels]
    return [axes for axes, place in zip(panels, places, strict=True) if place.is_last_row()]


@pytest.mark.parametrize(
    "figure",
    [
        pytest.param(
            figure,
            id=figure.NAME,
            marks=[pytest.mark.slow] if figure.NAME in {*SLOW, "hep2022/fig2c"} else [],
        )
        for figure in FIGURES
    ],
)
def test_fast_size_keeps_its_claims_and_draws(
    figure: PaperFigure, fast_data: FastData, tmp_path: Path
) -> None:
    # One test: the data are computed in the process that runs it.
    data = fast_data(figure)
    claims = figure.claims(data)
    assert claims
    assert [claim for claim in claims if not claim.passed] == []
    assert {claim.figure for claim in claims} == {figure.NAME}
    drawn = figure.plot(data)
    assert isinstance(drawn, Figure)
    assert all(axes.get_xlabel() for axes in panels_at_the_bottom(drawn))
    save_figure(drawn, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000


@each_figure
def test_stored_result(figure: PaperFigure) -> None:
    """The stored result is full size, small, made with these settings, and keeps its claims."""
    path = json_path(HOME, figure.NAME)
    stored = load(path)
    assert (stored.figure, stored.title, stored.fast) == (figure.NAME, figure.TITLE, False)
    assert path.stat().st_size < 1_000_000
    assert path.with_suffix(".png").exists()
    assert set(stored.settings) == set(figure.settings(fast=False))
    for claim in figure.claims(decode_all(stored.data)):
        assert claim.passed or claim.reason


def test_report_is_current() -> None:
    assert (HOME / "REPORT.md").read_text(encoding="utf-8") == report(HOME)


def test_names_are_unique_and_where_the_modules_are() -> None:
    names = [figure.NAME for figure in FIGURES]
    assert len(set(names)) == len(names)
    for name in names:
        assert (HOME / f"{name}.py").exists()


def test_claims_can_fail() -> None:
    data = dict(decode_all(load(json_path(HOME, fig2d.NAME)).data))
    data["radius"] = 0.7
    failed = [claim.text for claim in fig2d.claims(data) if not claim.passed]
    assert len(failed) == 1 and failed[0].startswith("radius of convergence")


@in_double_precision
def test_toy_matches_published_gradient() -> None:
    gradient = toy.true_gradient()
    assert isinstance(gradient.readout, osciprop.SoftmaxCrossEntropy)
    stored = hep2022_toy()
    ours = [
        *layers.weights(gradient),
        *(population.bias for population in gradient.populations),
        gradient.readout.weight,
        gradient.readout.bias,
    ]
    names = ("grad_w1", "grad_w2", "grad_b1", "grad_b2", "grad_w3", "grad_b3")
    for name, value in zip(names, ours, strict=True):
        np.testing.assert_allclose(np.asarray(value), stored[name], atol=1e-6, err_msg=name)
