"""What a study shows while it runs, and its summary."""

from study_functions import products

from osciprop.studies import (
    Study,
)

AXES = {"amplitude": [0.5, 1.0, 2.0], "points": [1, 2, 4, 8]}


def test_the_summary_and_the_bar(capsys):
    Study(products, AXES).run()
    shown = capsys.readouterr().err
    assert "12/12" in shown and "point/s" in shown
    assert "12 points done, 0 failed; " in shown and "slowest amplitude=" in shown
