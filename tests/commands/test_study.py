"""`osciprop study`: what each command calls, prints and returns."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from study_functions import ENVIRONMENT

from osciprop import studies
from osciprop.commands import main
from osciprop.studies import StudyInterrupted, StudyWarning, load_results, load_study, study_status

pytestmark = pytest.mark.filterwarnings("default::osciprop.studies.StudyWarning")

ALWAYS = "def measure(amplitude, seed):\n    raise ValueError('always')"


def test_run_status_and_retry(file, capsys):
    store = file.with_suffix("")
    assert main(["study", "run", str(file), "--quiet"]) == 3
    printed = capsys.readouterr()
    assert printed.out == f"results in {store}\n"
    assert printed.err == (
        "osciprop: warning: 1 of 4 points failed, the first at amplitude=2, seed=1: ValueError: "
        "not mended\n"
    )
    assert main(["study", "status", str(store)]) == 0
    assert capsys.readouterr().out == f"{study_status(store)}\n"
    file.with_name("mended").touch()
    assert main(["study", "run", str(file), "--quiet"]) == 3  # what failed is not computed again
    assert main(["study", "retry", str(file), "--quiet"]) == 0
    assert study_status(store).done == 4


def test_progress_and_another_store(file, tmp_path, capsys):
    file.with_name("mended").touch()
    assert main(["study", "run", str(file), "--store", str(tmp_path / "other")]) == 0
    assert "4 points done, 0 failed" in capsys.readouterr().err
    assert study_status(tmp_path / "other").done == 4
    assert not file.with_suffix("").exists()


def test_a_study_of_which_all_points_fail(file, capsys):
    file.with_name("measure.py").write_text(ALWAYS, encoding="utf-8")
    assert main(["study", "run", str(file), "--quiet"]) == 3
    assert "osciprop: error: 4 of 4 points failed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "engine"), [("--processes=3", "Processes"), ("--dask=a:1", "Dask")]
)
def test_engines(file, monkeypatch, option, engine, capsys):
    used = []

    def run(self, store, *, engine, progress):
        used.append(engine)
        return load_study(file).retry(store, progress=False)

    file.with_name("mended").touch()
    monkeypatch.setattr(studies.Study, "run", run)
    assert main(["study", "run", str(file), option]) == 0
    assert type(used[0]).__name__ == engine
    if engine == "Processes":
        assert len(used[0].environments) == 3
    else:
        assert used[0].cluster == "a:1"
    with pytest.raises(SystemExit) as exited:
        main(["study", "run", str(file), "--processes", "1", "--dask", "a:1"])
    assert exited.value.code == 2


def test_an_interrupt(file, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise StudyInterrupted("interrupted after 2 points, which are in the store", None)

    monkeypatch.setattr(studies.Study, "run", interrupted)
    assert main(["study", "run", str(file)]) == 130
    assert capsys.readouterr().err == (
        "osciprop: interrupted after 2 points, which are in the store\n"
        f"osciprop: this goes on from there: osciprop study run {file}\n"
    )


def test_errors_are_one_line(file, tmp_path, capsys):
    assert main(["study", "status", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith(f"osciprop: error: {tmp_path} holds no study")
    file.write_text(file.read_text().replace("seeds", "sedes"), encoding="utf-8")
    assert main(["study", "run", str(file)]) == 1
    assert capsys.readouterr().err == (
        f"osciprop: error: {file}: axes.seed has the key 'sedes': did you mean 'seeds'?\n"
    )


@pytest.mark.parametrize(("to", "ending"), [("csv", ".csv"), ("netcdf", ".nc")])
def test_export(store, tmp_path, monkeypatch, capsys, to, ending):
    written = {}
    monkeypatch.setattr(
        studies,
        f"export_{to}",
        lambda results, path: written.update({path: results}),
    )
    other = {"csv": "netcdf", "netcdf": "csv"}[to]
    monkeypatch.setattr(studies, f"export_{other}", None)
    assert main(["study", "export", str(store), "--to", to]) == 0
    assert main(["study", "export", str(store), "--to", to, "--output", "there"]) == 0
    assert list(written) == [tmp_path / f"sweep{ending}", Path("there")]
    assert written[Path("there")].identical(load_results(store))
    assert capsys.readouterr().out == f"{tmp_path / f'sweep{ending}'}\nthere\n"


@pytest.mark.parametrize("to", ["csv", "netcdf"])
def test_real_files(store, tmp_path, to):
    assert main(["study", "export", str(store), "--to", to, "--output", str(tmp_path / to)]) == 0
    assert (tmp_path / to).stat().st_size > 50


@pytest.mark.slow
def test_another_process_goes_on_with_a_study(file):
    """With the same settings, though it loaded the file anew."""
    store = file.with_suffix("")
    with pytest.warns(StudyWarning, match="1 of 4 points failed"):
        load_study(file).run(store, progress=False)
    seconds = load_results(store)["seconds"].values
    file.with_name("mended").touch()
    command = [sys.executable, "-m", "osciprop", "study", "retry", file.name]
    ended = subprocess.run(
        command, cwd=file.parent, env=ENVIRONMENT, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == f"results in {store.name}\n"
    results = load_results(store)
    np.testing.assert_allclose(results["cosine"].values, [[1.0, 1.1], [2.0, 2.1]])
    again = results["seconds"].values != seconds
    assert again.tolist() == [[False, False], [False, True]]
