"""Table 1 in the report: from the runs that are there, and only from those."""

import json
from pathlib import Path

from paper_figures.hep2022 import table1
from paper_figures.published import hep2022
from paper_figures.report import report

RUNS = Path("experiments") / "results" / table1.FOLDER
PUBLISHED = hep2022()["table1"]["no_noise/hep"]["mean_val_acc_by_epoch_percent"]


def store(checkout: Path, name: str, seed: int, accuracies: list[float]) -> None:
    folder = checkout / RUNS
    folder.mkdir(parents=True, exist_ok=True)
    content = {"method": name, "epochs": {"test_accuracy": accuracies}}
    (folder / f"{name}_seed{seed}.json").write_text(json.dumps(content))


def test_no_runs_no_claims(tmp_path: Path) -> None:
    assert table1.claims(tmp_path) == []
    assert "trained networks" not in report(tmp_path / "paper_figures").split("claims pass")[1]
    assert "table1" not in report(tmp_path / "paper_figures")


def test_mean_over_the_seeds_that_reached_an_epoch(tmp_path: Path) -> None:
    store(tmp_path, "hep", 0, [0.94, 0.96, 0.97])
    store(tmp_path, "hep", 1, [0.95])
    first, second, third = table1.claims(tmp_path)
    assert (first.published, first.ours) == (PUBLISHED[0], 94.5)
    assert first.text.endswith("2 seeds") and second.text.endswith("1 seed")
    assert third.ours == 97.0


def test_too_low_fails_and_too_high_passes(tmp_path: Path) -> None:
    store(tmp_path, "hep", 0, [(PUBLISHED[0] - 0.6) / 100, (PUBLISHED[1] + 2) / 100])
    assert [claim.passed for claim in table1.claims(tmp_path)] == [False, True]


def test_a_row_at_chance_must_stay_there(tmp_path: Path) -> None:
    store(tmp_path, "noise_classic_ep_1e-1", 0, [0.11, 0.4])
    assert [claim.passed for claim in table1.claims(tmp_path)] == [True, False]


def test_methods_without_a_published_row_are_left_out(tmp_path: Path) -> None:
    store(tmp_path, "implicit", 0, [0.9])
    (tmp_path / RUNS / "hep_seed0.checkpoint").write_text("not JSON")
    assert table1.claims(tmp_path) == []


def test_report_counts_the_runs(tmp_path: Path) -> None:
    store(tmp_path, "continuous_hep", 0, [0.95])
    page = report(tmp_path / "paper_figures")
    assert "1 of 1 claims pass, in 0 figures and 1 table of trained networks." in page
    assert page.count("| hep2022/table1 |") == 1
