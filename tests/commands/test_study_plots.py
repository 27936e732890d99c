"""`osciprop study plot` and `osciprop study map`: what they call, and the pictures they write."""

import matplotlib.image
import matplotlib.pyplot as plt
import pytest

from osciprop import studies
from osciprop.commands import main


def test_plot(store, tmp_path, monkeypatch, capsys):
    calls = []

    def plot_lines(results, **options):
        calls.append((dict(results.sizes), options))
        return list(plt.subplots(1, 2, figsize=(4, 2), dpi=50)[1])

    monkeypatch.setattr(studies, "plot_lines", plot_lines)
    line = ["study", "plot", str(store), "--x", "amplitude", "--y", "cosine"]
    assert main(line) == 0
    options = {"x": "amplitude", "y": "cosine", "hue": None, "facet": None, "band": "seed"}
    options |= {"log_y": False}
    assert calls.pop() == ({"amplitude": 2, "seed": 2}, options)
    assert capsys.readouterr().out == f"{tmp_path / 'sweep_cosine.png'}\n"
    assert matplotlib.image.imread(tmp_path / "sweep_cosine.png").ndim == 3
    picture = tmp_path / "there.png"
    assert main([*line, "--select", "seed=1", "--hue", "depth", "--output", str(picture)]) == 0
    sizes, options = calls.pop()
    assert (sizes, options["hue"]) == ({"amplitude": 2}, "depth")
    assert picture.exists()
    assert plt.get_fignums() == []
    capsys.readouterr()
    assert main([*line, "--select", "seed"]) == 1
    assert capsys.readouterr().err == (
        "osciprop: error: --select seed: write an axis and its value, as in seed=0\n"
    )


def test_map(store, tmp_path, monkeypatch):
    calls = []

    def plot_heat_map(results, **options):
        calls.append(options)
        return [plt.subplots(figsize=(2, 2), dpi=50)[1]]

    monkeypatch.setattr(studies, "plot_heat_map", plot_heat_map)
    line = ["study", "map", str(store), "--x", "amplitude", "--y", "seed", "--value", "cosine"]
    assert main(line) == 0
    options = {"x": "amplitude", "y": "seed", "value": "cosine", "facet": None, "band": "seed"}
    assert calls.pop() == options | {"log_color": False, "limits": None, "center": None}
    assert main([*line, "--log-color", "--limits", "0.1", "1"]) == 0
    assert calls.pop() == options | {"log_color": True, "limits": (0.1, 1.0), "center": None}
    assert main([*line, "--center", "0.5"]) == 0
    assert calls == [options | {"log_color": False, "limits": None, "center": 0.5}]
    assert (tmp_path / "sweep_cosine_map.png").exists()


@pytest.mark.parametrize("what", ["plot --y cosine", "map --y seed --value cosine"])
def test_real_pictures(store, tmp_path, what):
    """As `plot_lines` and `plot_heat_map` draw them, also without an axis of seeds."""
    command, *options = what.split()
    picture = tmp_path / "picture.png"
    line = [command, str(store), "--x", "amplitude", *options, "--output", str(picture)]
    assert main(["study", *line]) == 0
    assert picture.exists()
    assert (
        main(["study", "plot", str(store), *line[2:4], "--y", "cosine", "--select", "seed=0"]) == 0
    )
