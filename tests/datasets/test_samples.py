"""Data in any form that users have, as batches to train on and something to test on."""

import numpy as np
import pytest

from osciprop.datasets import Batches, Dataset, Stream
from osciprop.datasets.samples import as_batch, as_pair, as_task, with_batch

X = np.arange(24.0).reshape(8, 3)
Y = np.arange(8) % 2
PAIRS = [(X[:4], Y[:4]), (X[4:], Y[4:])]


class Loader:
    """As loaders of PyTorch: batches anew each time, and a length."""

    def __init__(self, pairs):
        self.pairs = pairs

    def __iter__(self):
        return iter(self.pairs)

    def __len__(self):
        return len(self.pairs)


class Table:
    def to_numpy(self):
        return X


def seen(samples, epoch=0, start=0):
    return [y.tolist() for _, y in samples.epoch(epoch, start)]


@pytest.mark.parametrize(
    "data",
    [(X, Y), (X.tolist(), Y.tolist()), (Table(), Y), (X, Y[:, None])],
    ids=["arrays", "lists", "table", "column"],
)
def test_arrays_are_batched_by_seed(data):
    task = as_task(data, 4, seed=3)
    assert isinstance(task.train, Batches) and task.test is None
    assert seen(task.train) == seen(Batches(X, Y, 4, seed=3))


@pytest.mark.parametrize("batches", [PAIRS, Loader(PAIRS), [list(pair) for pair in PAIRS]])
def test_batches_come_as_they_are(batches):
    task = as_task(batches, 99, seed=0)
    assert isinstance(task.train, Stream) and task.train.steps_per_epoch == 2
    for epoch in range(3):
        assert seen(task.train, epoch) == [Y[:4].tolist(), Y[4:].tolist()]
    assert seen(task.train, 5, start=1) == [Y[4:].tolist()]


def test_something_to_test_on():
    data = Dataset("mine", X, Y, X[:2], Y[:2])
    for given in (data, ((X, Y), (X[:2], Y[:2])), (Batches(X, Y, 4, seed=0), (X[:2], Y[:2]))):
        task = as_task(given, 4, seed=0)
        assert isinstance(task.train, Batches)
        np.testing.assert_array_equal(task.test[0], X[:2])
    for given in ((PAIRS, PAIRS), (Loader(PAIRS), Loader(PAIRS)), (iter(PAIRS), iter(PAIRS))):
        task = as_task(given, 4, seed=0)
        assert isinstance(task.train, Stream) and isinstance(task.test, Stream)
    assert as_task((PAIRS, None), 4, seed=0).test is None
    assert as_task((PAIRS, (X, Y)), 4, seed=0).test[1].dtype == np.int32


def test_what_is_iterated_over_once_is_one_epoch():
    stream = Stream(pair for pair in PAIRS)
    assert stream.steps_per_epoch is None
    assert stream.first()[1].tolist() == stream.first()[1].tolist() == Y[:4].tolist()
    assert seen(stream) == [Y[:4].tolist(), Y[4:].tolist()]
    with pytest.raises(ValueError, match="a generator, which can be iterated over once.*at its"):
        stream.epoch(1)


def test_a_loader_is_begun_once_for_an_epoch():
    begun = []

    class Counting(Loader):
        def __iter__(self):
            begun.append(len(begun))
            return super().__iter__()

    stream = Stream(Counting(PAIRS))
    stream.first()
    assert len(seen(stream)) == 2 and begun == [0]
    assert seen(stream, 1, start=1) == [Y[4:].tolist()] and begun == [0, 1]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (1.0, "data is a float: give arrays"),
        (None, "data is a NoneType"),
        ((X, Y[:3]), "x has 8 samples but y has 3"),
        ((X, Y, X, Y), "data is a tuple of ndarray of shape"),
        (([["a", "b"]], [1]), "x holds <U1, words"),
        ((X, Y), "batch_size=9 must be an integer from 1 to 8"),
    ],
)
def test_what_is_no_data_is_refused(data, message):
    with pytest.raises(ValueError, match=message):
        list(as_task(data, 9 if "batch_size" in message else 1, seed=0).train.epoch(0))


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ({"image": X, "label": Y}, r"batch 7 is a dict of 'image', 'label'.*batch\['image'\]"),
        ((X, Y, Y), "batch 7 has 3 parts, expected a pair"),
        (X, "batch 7 is a ndarray"),
        ((X, Y[:2]), "x of batch 7 has 8 samples but y has 2"),
        ((X * np.nan, Y), "x of batch 7 is nan"),
        ((["a"], [0]), "x of batch 7 holds <U1, words"),
    ],
)
def test_what_is_no_batch_is_refused(item, message):
    with pytest.raises(ValueError, match=message):
        as_batch(item, 7)


def test_an_iterable_without_batches():
    with pytest.raises(ValueError, match="data is a list without any batch"):
        Stream([]).first()


def test_what_is_evaluated():
    assert as_pair((X, Y))[1].tolist() == Y.tolist()
    assert as_pair(Batches(X, Y, 4, seed=0))[0] is not None
    assert isinstance(as_pair(PAIRS), Stream)
    with pytest.raises(ValueError, match="has no test samples: give its x_train"):
        as_pair(Dataset("mine", X, Y))


def test_the_checksum_tells_batches_apart():
    one = with_batch(with_batch(0, PAIRS[0]), PAIRS[1])
    assert one == with_batch(with_batch(0, PAIRS[0]), PAIRS[1])
    other = with_batch(with_batch(0, PAIRS[1]), PAIRS[0])
    changed = with_batch(with_batch(0, PAIRS[0]), (X[4:], 1 - Y[4:]))
    assert len({one, other, changed}) == 3
