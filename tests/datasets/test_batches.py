"""Mini-batches: order, resuming, shapes, and the errors of bad input."""

import numpy as np
import pytest

from osciprop.datasets import Batches

N, FEATURES = 23, 3


@pytest.fixture
def data() -> tuple[np.ndarray, np.ndarray]:
    y = np.arange(N)
    return np.tile(y[:, None], (1, FEATURES)).astype(np.float32), y


def labels(batches: Batches, epoch: int, start_step: int = 0) -> list[int]:
    return [int(label) for _, y in batches.epoch(epoch, start_step) for label in y]


def test_batches_have_fixed_shapes_and_int32_labels(data):
    batches = Batches(*data, 5, seed=0)
    items = list(batches.epoch(0))
    assert len(items) == batches.steps_per_epoch == 4
    for x, y in items:
        assert x.shape == (5, FEATURES) and x.dtype == np.float32
        assert y.shape == (5,) and y.dtype == np.int32
        np.testing.assert_array_equal(x[:, 0], y)  # inputs and labels stay together


def test_an_epoch_visits_every_sample_once(data):
    batches = Batches(*data, 5, seed=0, drop_last=False)
    assert batches.steps_per_epoch == 5
    assert sorted(labels(batches, 0)) == list(range(N))
    assert [len(y) for _, y in batches.epoch(0)] == [5, 5, 5, 5, 3]


def test_whole_number_of_batches_has_no_extra_step(data):
    x, y = data
    assert Batches(x[:20], y[:20], 5, seed=0, drop_last=False).steps_per_epoch == 4


def test_order_depends_on_seed_and_epoch_only(data):
    first, second = Batches(*data, 5, seed=3), Batches(*data, 5, seed=3)
    list(first.epoch(0))  # what was drawn before must not matter
    assert labels(first, 7) == labels(second, 7)
    orders = [labels(Batches(*data, 5, seed=s), e) for s in range(3) for e in range(3)]
    assert len({tuple(order) for order in orders}) == len(orders)


def test_large_seeds_do_not_collide_with_epochs(data):
    # Both would be the words (5, 1) if seed and epoch were merely joined.
    assert labels(Batches(*data, 5, seed=5 + 2**32), 0) != labels(Batches(*data, 5, seed=5), 1)


def test_order_is_pinned(data):
    # A changed order would silently break the resumption of stored runs.
    assert labels(Batches(*data, 5, seed=0), 0)[:10] == [17, 6, 11, 14, 3, 20, 8, 1, 4, 18]


def test_batch_size_does_not_change_the_order(data):
    small = labels(Batches(*data, 1, seed=0), 2)
    assert labels(Batches(*data, 23, seed=0), 2) == small


@pytest.mark.parametrize("start_step", range(6))
def test_resuming_continues_exactly(data, start_step):
    batches = Batches(*data, 5, seed=1, drop_last=False)
    whole = [y.tolist() for _, y in batches.epoch(4)]
    rest = [y.tolist() for _, y in batches.epoch(4, start_step)]
    assert rest == whole[start_step:]


def test_batches_are_copies(data):
    x, y = data
    batch, _ = next(Batches(x, y, 5, seed=0).epoch(0))
    batch[:] = -1
    assert x.min() == 0


def test_inputs_may_have_more_axes(data):
    x, y = data
    batch, _ = next(Batches(x.reshape(N, 1, FEATURES, 1), y, 4, seed=0).epoch(0))
    assert batch.shape == (4, 1, FEATURES, 1)


def test_repr_is_short(data):
    assert repr(Batches(*data, 5, seed=0)) == (
        "Batches(23 samples, 4 steps of 5 per epoch, seed=0, drop_last=True)"
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_non_finite_inputs_are_located(data, bad):
    x, y = data
    x[4, 2] = bad
    with pytest.raises(ValueError, match=rf"x is {bad} at index \(4, 2\).*remove or repair"):
        Batches(x, y, 5, seed=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": N + 1}, r"batch_size=24 must be an integer from 1 to 23: the data hold 23"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"batch_size": 2.5}, "batch_size=2.5"),
        ({"batch_size": True}, "batch_size=True"),
        ({"seed": -1}, "seed=-1 must be an integer at least 0"),
        ({"seed": None}, "seed=None"),
        ({"y": np.zeros((N, 2, 2))}, r"y has shape \(23, 2, 2\), expected labels"),
        ({"y": np.full(N, np.inf)}, r"y is inf at index \(0, 0\)"),
        ({"y": np.full(N, 2**40)}, "beyond int32"),
        ({"y": np.zeros(N - 1, dtype=int)}, "x has 23 samples but y has 22 targets: pass one"),
        ({"x": np.zeros((N, 2), dtype=np.uint8)}, "x has dtype uint8.*convert"),
        ({"x": np.zeros((N, 2), dtype=complex)}, "x is complex"),
        ({"x": np.zeros((0, 2))}, r"x has shape \(0, 2\).*at least one sample"),
        ({"x": np.float64(1)}, r"x has shape \(\)"),
    ],
)
def test_bad_arguments_are_named(data, change, message):
    x, y = data
    arguments = {"x": x, "y": y, "batch_size": 5, "seed": 0} | change
    with pytest.raises(ValueError, match=message):
        Batches(**arguments)


@pytest.mark.parametrize(
    ("epoch", "start_step", "message"),
    [(-1, 0, "epoch=-1"), (0, 5, "start_step=5 must be an integer from 0 to 4"), (0, -1, "=-1")],
)
def test_bad_positions_raise_at_the_call(data, epoch, start_step, message):
    batches = Batches(*data, 5, seed=0)
    with pytest.raises(ValueError, match=message):
        batches.epoch(epoch, start_step)  # not only when the first batch is drawn
