"""What a run recorded: columns that grow by rows."""

import csv
import sys
import types

import numpy as np
import pytest

from osciprop import History
from osciprop.training.history import cut, record


def test_rows_become_columns():
    columns = {}
    for update in range(3):
        record(columns, {"loss": 1 / (1 + update), "accuracy": float(update)}, update)
    assert columns == {"loss": [1.0, 1 / 2, 1 / 3], "accuracy": [0.0, 1.0, 2.0]}
    assert {type(value) for column in columns.values() for value in column} == {float}


def test_a_row_that_was_interrupted_is_dropped():
    columns = {"loss": [1.0, 2.0], "accuracy": [0.5]}
    assert cut(columns, 1) == {"loss": [1.0], "accuracy": [0.5]}
    record(columns, {"loss": 3.0, "accuracy": 0.25}, 1)
    assert columns == {"loss": [1.0, 3.0], "accuracy": [0.5, 0.25]}


def test_nan_stands_where_a_row_says_nothing():
    columns = {}
    for count, row in enumerate(({"a": 1.0}, {"b": 2.0}, {"a": 3.0, "b": 4.0})):
        record(columns, row, count)
    np.testing.assert_array_equal(columns["a"], [1, np.nan, 3])
    np.testing.assert_array_equal(columns["b"], [np.nan, 2, 4])


def long_history(epochs: int = 20) -> History:
    numbers = [float(number) for number in range(1, 1 + epochs)]
    losses = {"loss": [2.0] * 3 * epochs}
    return History(losses, {"epoch": numbers, "test_loss": [1 / number for number in numbers]})


def test_it_prints_a_short_table():
    assert str(History()) == "History: 0 epochs, 0 updates"
    history = History({"loss": [2.0]}, {"epoch": [1.0], "test_loss": [0.123456]})
    assert repr(history).splitlines() == [
        "History: 1 epoch, 1 update",
        "  epoch  test_loss",
        "      1     0.1235",
    ]
    lines = str(long_history()).splitlines()
    assert lines[0] == "History: 20 epochs, 60 updates" and len(lines) == 11
    assert lines[6].split() == ["...", "..."] and lines[-1].split() == ["20", "0.05"]


def test_notebooks_show_a_table():
    table = long_history()._repr_html_()
    assert table.count("<tr>") == 10 and "<th>test_loss</th>" in table
    assert History()._repr_html_() == "<p>History: 0 epochs, 0 updates</p>"


def test_it_writes_all_digits_as_csv(tmp_path):
    history = long_history(3)
    history.write_csv(tmp_path / "run.csv")
    with (tmp_path / "run.csv").open(newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["epoch", "test_loss"]
    assert [float(row[1]) for row in rows] == history.epochs["test_loss"]
    history.write_csv(tmp_path / "steps.csv", "steps")
    assert len((tmp_path / "steps.csv").read_text().splitlines()) == 10
    with pytest.raises(ValueError, match="part='epoch': a history has the parts steps, epochs"):
        history.write_csv(tmp_path / "run.csv", "epoch")


def test_it_is_a_dataframe_where_pandas_is(monkeypatch):
    history = long_history(3)
    made = types.SimpleNamespace(DataFrame=lambda columns: columns)
    monkeypatch.setitem(sys.modules, "pandas", made)
    assert history.to_dataframe() == history.epochs
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="pip install pandas, or take .* history.steps"):
        history.to_dataframe("steps")
