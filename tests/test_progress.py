"""A bar on a terminal, plain lines anywhere else."""

import io
import sys

import pytest

from osciprop import progress
from osciprop.progress import progress_bar, write


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def every_update(monkeypatch):
    """A line for each update, however fast they come."""
    monkeypatch.setattr(progress, "FIRST", 0.0)


@pytest.mark.usefixtures("every_update")
def test_a_log_file_gets_lines(capsys):
    with progress_bar(4, unit="update", initial=1, label="training") as bar:
        for loss in (0.5, 0.25):
            bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
            bar.update()
        write("a message")
    printed = capsys.readouterr().err
    assert "\r" not in printed and "\x1b" not in printed and "\n\n" not in printed
    lines = printed.splitlines()
    assert [line for line in lines if line == "a message"] == ["a message"]
    assert lines[0].startswith("training:  50% 2/4 [") and lines[0].endswith(", loss=0.500]")
    assert lines[-1].startswith("training:  75% 3/4 [") and "update" in lines[-1]


def test_lines_become_rare(capsys):
    with progress_bar(10**6, unit="point") as bar:
        for _ in range(10**4):
            bar.update(100)
        waits = []
        for _ in range(8):
            waits.append(bar.mininterval)
            bar.display()
    assert waits == [1, 2, 4, 8, 16, 30, 30, 30]
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) < 20 and "1000000/1000000" in lines[-1]


@pytest.mark.usefixtures("every_update")
def test_an_unknown_total_and_large_numbers(capsys):
    with progress_bar(None, unit="B", unit_scale=True, label="file") as bar:
        bar.update(3_400_000)
    assert capsys.readouterr().err.startswith("file: 3.40MB [")


def test_a_terminal_gets_a_bar(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress_bar(2, unit="update") as bar:
        bar.update(2)
        write("a message")
    printed = terminal.getvalue()
    assert "\r" in printed and "2/2" in printed and "a message\n" in printed


def test_what_is_not_shown_counts_nothing(capsys):
    with progress_bar(4, unit="update", initial=1, shown=False) as bar:
        bar.update()
        bar.set_postfix(loss=1)
    assert capsys.readouterr().err == ""


def test_an_error_leaves_a_last_line(capsys):
    with pytest.raises(KeyboardInterrupt), progress_bar(4, unit="update") as bar:
        bar.update()
        raise KeyboardInterrupt
    assert capsys.readouterr().err.startswith(" 25% 1/4 [")
