"""What passes as inputs, targets and integers, and what does not; `Batches` shows the messages."""

import numpy as np
import pytest

from osciprop.datasets.checks import check_inputs, check_integer, check_same_length, check_targets


def test_inputs_keep_their_precision_and_images_are_not_copied():
    for dtype in (np.float16, np.float32, np.float64):
        assert check_inputs("x", np.zeros((2, 3), dtype)).dtype == dtype
    images = np.zeros((2, 4, 4, 3), np.uint8)
    assert check_inputs("x", images) is images


@pytest.mark.parametrize("x", [np.zeros((2, 3), np.uint8), np.zeros((0, 3)), np.float32(1)])
def test_other_inputs_are_refused(x):
    with pytest.raises(ValueError, match="^pixels has"):
        check_inputs("pixels", x)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.uint64])
def test_labels_become_int32(dtype):
    labels = check_targets("y", np.arange(3, dtype=dtype))
    assert labels.dtype == np.int32 and labels.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("x", "dtype"),
    [
        ([[1, 2]], np.float32),
        ([[True, False]], np.float32),
        ([[2**24 + 1, 0]], np.float64),
        (np.asarray([[1.5]], dtype=np.longdouble), np.float64),
        (np.asarray([[1.5]], dtype=">f4"), np.float32),
    ],
)
def test_other_numbers_become_floating_point_ones(x, dtype):
    found = check_inputs("x", x)
    assert found.dtype == dtype and found.dtype.isnative
    np.testing.assert_array_equal(found, np.asarray(x))


@pytest.mark.parametrize(
    ("y", "expected", "dtype"),
    [
        ([True, False], [1, 0], np.int32),
        ([[2], [0]], [2, 0], np.int32),
        ([[0, 1], [1, 0]], [[0, 1], [1, 0]], np.float32),
        ([0.5, 1.5], [[0.5], [1.5]], np.float64),
        ([[0.5, 1.5]], [[0.5, 1.5]], np.float64),
    ],
)
def test_targets_are_labels_or_rows(y, expected, dtype):
    found = check_targets("y", y)
    assert found.dtype == dtype and found.tolist() == expected


@pytest.mark.parametrize("y", [[2**31], [[[1]]], [], [np.nan], ["a"], [1j]])
def test_other_targets_are_refused(y):
    with pytest.raises(ValueError, match="^classes "):
        check_targets("classes", y)


def test_integers_lie_between_both_ends():
    assert [check_integer("n", n, 1, 3, "") for n in (1, np.int8(3))] == [1, 3]
    assert check_integer("n", 10**9, 1, None, "") == 10**9
    for wrong, high in ((0, 3), (4, 3), (1.0, 3), (True, 3), (0, None)):
        with pytest.raises(ValueError, match="^n=.*: take another"):
            check_integer("n", wrong, 1, high, "take another")


def test_one_target_per_input():
    check_same_length("x", 2, "y", 2)
    with pytest.raises(ValueError, match="x has 2 samples but y has 3 targets"):
        check_same_length("x", 2, "y", 3)
