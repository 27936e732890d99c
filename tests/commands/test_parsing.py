"""What may be written on the command line, and the help of each command (`parsing`, `command`)."""

import pytest

from osciprop.commands import main


@pytest.mark.parametrize(
    "line",
    [
        "study run",
        "study status",
        "study retry",
        "study export",
        "study plot",
        "study map",
        "train",
        "figure",
        "datasets",
    ],
)
def test_every_argument_is_explained(line, capsys):
    with pytest.raises(SystemExit) as exited:
        main([*line.split(), "--help"])
    assert exited.value.code == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"usage: osciprop {line}")
    assert "{None}" not in printed
    assert "(required)" in printed or "(default" in printed


@pytest.mark.parametrize("line", ["", "studies", "study run", "train --epochs many", "datasets x"])
def test_wrong_usage(line, capsys):
    with pytest.raises(SystemExit) as exited:
        main(line.split())
    assert exited.value.code == 2
    assert "--help" in capsys.readouterr().err
