"""What a run recorded: columns that grow by rows."""

from osciprop import History
from osciprop.training.history import record


def test_rows_become_columns():
    columns = {}
    for update in range(3):
        record(columns, {"loss": 1 / (1 + update), "accuracy": update})
    assert columns == {"loss": [1.0, 1 / 2, 1 / 3], "accuracy": [0.0, 1.0, 2.0]}
    assert {type(value) for column in columns.values() for value in column} == {float}


def test_it_prints_updates_and_the_last_epoch():
    assert str(History()) == "History: 0 updates"
    history = History({"loss": [2.0, 1.0]}, {"epoch": [1.0, 2.0], "test_loss": [0.75, 0.123456]})
    assert str(history) == "History: 2 updates; last: epoch 2, test_loss 0.1235"
