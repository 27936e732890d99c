"""The demo runs and keeps its promises."""

import sys

import matplotlib.image
import pytest

from osciprop import demo
from osciprop.datasets import digits
from osciprop.gradients import Implicit


def test_it_tells_its_settings(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["demo", "--help"])
    with pytest.raises(SystemExit) as caught:
        demo.main()
    assert caught.value.code == 0 and "--epochs" in capsys.readouterr().out
    assert demo.build(0).populations[1].bias.shape == (64,)


@pytest.mark.slow
def test_a_short_demo_prints_its_table_and_draws_its_picture(tmp_path, monkeypatch, capsys):
    picture = tmp_path / "demo.png"
    arguments = ["demo", "--epochs", "1", "--output", str(picture)]
    monkeypatch.setattr(sys, "argv", arguments)
    monkeypatch.setattr(demo, "digits", lambda: digits().subset(train=64, test=32))
    demo.main()
    printed = capsys.readouterr().out
    row = next(line for line in printed.splitlines() if line.startswith("always-on oscillation "))
    assert float(row.split()[4]) > 0.999  # mean cosine to the implicit gradient
    assert float(printed.split("oscillation is")[1].split()[0]) > 0.999
    assert matplotlib.image.imread(picture).shape[1] > 1000


@pytest.mark.slow
def test_always_on_learning_equals_implicit_learning():
    accuracies = []
    for method in (demo.oscillation(), Implicit()):
        _, history, _ = demo.train(method, digits(), 0, 5, compare=False)
        accuracies.append(history.epochs["test_accuracy"][-1])
    assert accuracies[0] >= 0.85
    assert abs(accuracies[0] - accuracies[1]) <= 0.015
