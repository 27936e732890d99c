"""`osciprop train`: what it hands to `fit`, and what it writes."""

import json
from typing import get_args

import equinox as eqx
import jax
import pytest

import osciprop
from osciprop import datasets
from osciprop.commands import main
from osciprop.commands.train import Method, make_method
from osciprop.training import loop


@pytest.fixture(autouse=True)
def few_digits(monkeypatch):
    digits = datasets.digits().subset(train=64, test=40)
    monkeypatch.setattr(datasets, "digits", lambda: digits)


def test_it_trains(tmp_path, capsys, small_programs):
    options = ["--method", "Implicit", "--hidden", "12", "--epochs", "2", "--quiet"]
    files = ["--checkpoint", str(tmp_path / "run"), "--history", str(tmp_path / "run.json")]
    assert main(["train", *options, *files]) == 0
    history = json.loads((tmp_path / "run.json").read_text())
    accuracies = zip(
        history["epochs"]["train_accuracy"], history["epochs"]["test_accuracy"], strict=True
    )
    assert capsys.readouterr().out.splitlines() == [
        *(
            f"epoch {epoch}: accuracy {100 * train:.1f} % train, {100 * test:.1f} % test"
            for epoch, (train, test) in enumerate(accuracies, start=1)
        ),
        f"history in {tmp_path / 'run.json'}",
        f"checkpoint in {tmp_path / 'run'}",
    ]
    assert len(history["steps"]["loss"]) == 4
    assert main(["train", *options, *files, "--seed", "1"]) == 1
    assert "was made with other settings (seed: 0 != 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--history", ".", "cannot be written: name a file in a folder"),
        ("--history", "file/history.json", "cannot be written: name a file in a folder"),
        ("--checkpoint", ".", "cannot be written: name a file in a folder"),
        ("--batch", "0", "--batch must be an integer of at least 1, got 0"),
        ("--rate", "-1", "--rate must be a finite number above 0, got -1"),
        ("--rate", "nan", "--rate must be a finite number above 0, got nan"),
    ],
)
def test_mistakes_are_told_before_training(tmp_path, monkeypatch, capsys, option, value, message):
    monkeypatch.setattr(loop, "fit", lambda *_, **__: pytest.fail("it trains"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    assert main(["train", option, value]) == 1
    assert message in capsys.readouterr().err


def test_an_interrupt_tells_how_to_go_on(tmp_path, monkeypatch, capsys):
    def interrupted(*_, checkpoint, **__):
        if started and checkpoint is not None:
            checkpoint.touch()
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "fit", interrupted)
    started = False
    assert main(["train"]) == 130
    told = "interrupted, and nothing is kept: give --checkpoint FILE to be able to go on"
    assert capsys.readouterr().err == f"osciprop: {told}\n"
    path = tmp_path / "my run"
    line = ["train", "--rate", "0.01", "--checkpoint", str(path)]
    assert main(line) == 130
    assert capsys.readouterr().err == "osciprop: interrupted before the first update\n"
    started = True
    assert main(line) == 130
    assert capsys.readouterr().err.splitlines() == [
        f"osciprop: interrupted; what was trained is in {path}",
        f"osciprop: this goes on from there: osciprop train --rate 0.01 --checkpoint '{path}'",
    ]


def test_what_is_handed_to_fit(monkeypatch):
    calls = []

    def fit(network, data, method, optimizer, **options):
        calls.append((network, data, method, options))
        return network, osciprop.History(epochs={key: [] for key in COLUMNS})

    monkeypatch.setattr(loop, "fit", fit)
    line = "train --hidden 5 6 --method HolomorphicEP --amplitude 0.2 --batch 7 --seed 3 --epochs 4"
    assert main(line.split()) == 0
    network, data, method, options = calls[0]
    assert [population.bias.shape for population in network.populations] == [(5,), (6,)]
    same = osciprop.hopfield_mlp([64, 5, 6, 10], key=jax.random.key(3))
    assert jax.tree.all(jax.tree.map(lambda a, b: (a == b).all(), network, same))
    assert data is datasets.digits()
    assert float(method.amplitude) == 0.2
    assert options == {
        "epochs": 4,
        "batch_size": 7,
        "seed": 3,
        "checkpoint": None,
        "progress": True,
    }


COLUMNS = ("epoch", "train_accuracy", "test_accuracy")


@pytest.mark.parametrize("name", get_args(Method))
def test_methods_and_their_amplitude(name):
    network = osciprop.hopfield_mlp([4, 3, 2], key=jax.random.key(0))
    make_method(name, None).check(network)
    if name in ("Implicit", "RecurrentBackprop", "BPTT"):
        with pytest.raises(ValueError, match=f"{name} has no teaching signal: leave --amplitude"):
            make_method(name, 0.125)
    else:
        method = make_method(name, 0.125)
        assert type(method).__name__ == name
        method.check(network)
        arrays = jax.tree.leaves(eqx.filter(method, eqx.is_array))
        assert 0.125 in [float(array) for array in arrays if array.shape == ()]
