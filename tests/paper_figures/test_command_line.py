"""`python -m paper_figures`: listing, running, redrawing, and the report."""

from collections.abc import Callable
from pathlib import Path

import pytest

from paper_figures.__main__ import main
from paper_figures.claim import Claim, above, below, close, matches, relatively_close
from paper_figures.environment import environment
from paper_figures.figure import Data, PaperFigure
from paper_figures.hep2022 import fig2a
from paper_figures.record import Record, encode_all, save
from paper_figures.registry import FIGURES, find
from paper_figures.report import report, table, verdict
from paper_figures.runner import json_path


def store(folder: Path, data: Data, fast: bool) -> None:
    """A record of Fig. 2a, as the runner would write it."""
    record = Record(
        figure=fig2a.NAME,
        title=fig2a.TITLE,
        source=fig2a.SOURCE,
        fast=fast,
        settings=fig2a.settings(fast),
        environment=environment(),
        wall_time_s=0.1,
        data=encode_all(data),
    )
    save(record, json_path(folder, fig2a.NAME, fast))


def test_list_shows_every_figure(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [figure.NAME for figure in FIGURES]


def test_unknown_name_lists_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["hep2022/fig9z"])
    assert "hep2022/fig2d" in capsys.readouterr().err
    with pytest.raises(ValueError, match="hep2022/fig2d"):
        find("hep2022/fig9z")


def test_fast_run_writes_beside_the_full_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([fig2a.NAME, "--fast", "--output", str(tmp_path)]) == 0
    written = sorted(path.name for path in (tmp_path / "hep2022").iterdir())
    assert written == ["fig2a.fast.json", "fig2a.fast.png"]
    assert not (tmp_path / "REPORT.md").exists()
    record = tmp_path / "hep2022" / "fig2a.fast.json"
    assert f"wrote {record} and fig2a.fast.png\n" in capsys.readouterr().out


def test_redraw_writes_picture_and_report(
    tmp_path: Path, fast_data: Callable[[PaperFigure], Data], capsys: pytest.CaptureFixture[str]
) -> None:
    store(tmp_path, fast_data(fig2a), fast=False)
    assert main([fig2a.NAME, "--redraw", "--output", str(tmp_path)]) == 0
    assert (tmp_path / "hep2022" / "fig2a.png").exists()
    page = (tmp_path / "REPORT.md").read_text()
    count = len(fig2a.claims(fast_data(fig2a)))
    assert page.count("| hep2022/fig2a |") == count
    assert f"{count} of {count} claims pass, in 1 figures." in page
    printed = capsys.readouterr().out
    assert printed.count(": pass") == count
    assert printed.endswith(f"wrote {tmp_path / 'REPORT.md'}\n")


def test_an_unexplained_deviation_fails(
    tmp_path: Path, fast_data: Callable[[PaperFigure], Data]
) -> None:
    store(tmp_path, {**fast_data(fig2a), "free_s1": fast_data(fig2a)["free_s2"]}, fast=False)
    assert main([fig2a.NAME, "--redraw", "--output", str(tmp_path)]) == 1
    assert "**deviation**: not explained yet" in report(tmp_path)


def test_report_leaves_out_fast_results(
    tmp_path: Path, fast_data: Callable[[PaperFigure], Data]
) -> None:
    store(tmp_path, fast_data(fig2a), fast=True)
    assert "0 of 0 claims pass" in report(tmp_path)


def test_criteria() -> None:
    assert close("f", "t", (1.0, 2.0), (1.0, 2.1), 0.2).passed
    assert not close("f", "t", (1.0, 2.0), (1.0, 2.1), 0.05).passed
    assert relatively_close("f", "t", 10.0, 10.1, 0.02).passed
    assert not relatively_close("f", "t", 10.0, 10.3, 0.02).passed
    assert matches("f", "t", 1e-8, 1e-7).passed
    assert below("f", "t", "x", 1.0, 2.0).passed and not below("f", "t", "x", 3.0, 2.0).passed
    assert above("f", "t", "x", 3.0, 2.0).passed and not above("f", "t", "x", 1.0, 2.0).passed
    nan = float("nan")
    for claim in (close("f", "t", 1.0, nan, 1.0), below("f", "t", 1.0, nan, 1.0)):
        assert not claim.passed


def test_verdicts_and_table() -> None:
    reasoned = Claim("f", "|beta| small", 1.0, (2.0, 3.0), "equal", False, "because")
    assert verdict(reasoned) == "**deviation**: because"
    row = table([reasoned]).splitlines()[-1]
    assert row == r"| f | \|beta\| small | 1 | 2, 3 | equal | **deviation**: because |"
