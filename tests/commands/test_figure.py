"""`osciprop figure`: it calls the program beside the package, and needs a checkout."""

import pytest

from osciprop.commands import figure, main
from paper_figures import __main__ as program


def test_it_calls_paper_figures(monkeypatch, capsys):
    assert main(["figure", "--list"]) == 0
    assert "hep2022/fig2a  " in capsys.readouterr().out
    calls = []
    monkeypatch.setattr(program, "main", lambda argv: calls.append(argv) or len(argv))
    assert main(["figure", "hep2022/fig2a", "hep2022/fig2b", "--fast"]) == 3
    assert main(["figure"]) == 0
    assert calls == [["hep2022/fig2a", "hep2022/fig2b", "--fast"], []]


def test_outside_a_checkout(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(figure, "__file__", str(tmp_path / "osciprop" / "commands" / "figure.py"))
    monkeypatch.chdir(tmp_path)
    assert main(["figure"]) == 1
    assert "figures are computed in a checkout" in capsys.readouterr().err


@pytest.mark.parametrize("inside", [True, False])
def test_the_checkout_is_around_the_package_or_the_current_folder(monkeypatch, tmp_path, inside):
    package, current = tmp_path / "package", tmp_path / "current"
    root = package if inside else current
    for folder in (package / "osciprop" / "commands", current, root / "paper_figures"):
        folder.mkdir(parents=True, exist_ok=True)
    (root / "paper_figures" / "__main__.py").touch()
    monkeypatch.setattr(figure, "__file__", str(package / "osciprop" / "commands" / "figure.py"))
    monkeypatch.chdir(current)
    assert figure.checkout() == root
