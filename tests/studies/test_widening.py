"""Types that hold numbers of two types exactly, whichever came first."""

import itertools

import numpy as np
import pytest

from osciprop.studies.widening import holds, widened

TYPES = "?bhilqBHILefdFD"


def common(one, other):
    """The type for two arrays."""
    return widened(one.dtype, one, other.dtype, other)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (np.int8(1), np.int64(300), np.int64),
        (np.int8(1), np.int16(300), np.int16),
        (np.int8(-1), np.uint8(200), np.int16),
        (np.int64(1), np.float64(0.5), np.float64),
        (np.int64(2**53 + 2), np.float64(0.5), np.float64),
        (np.int64(2**53 + 1), np.float64(0.5), None),
        (np.int64(-(2**53) - 1), np.complex64(0.5), None),
        (np.int64(2**63 - 1), np.float32(0.5), None),
        (np.uint64(2**64 - 1), np.float64(0.5), None),
        (np.int8(1), np.float16(0.5), np.float64),
        (np.float32(0.1), np.float64(1e39), np.float64),
        (np.float32(0.1), np.complex64(1j), np.complex64),
        (np.float64(0.1), np.complex64(1j), np.complex128),
        (np.int64(3), np.complex64(1j), np.complex128),
        (np.bool_(True), np.int8(3), np.int8),
        (np.bool_(True), np.float32(0.5), np.float32),
        (np.uint64(2**63), np.int64(1), np.uint64),
        (np.uint64(5), np.int64(-1), np.int64),
        (np.uint64(2**63), np.int64(-1), None),
    ],
)
def test_the_type_for_two_numbers(one, other, expected):
    for first, second in ((one, other), (other, one)):
        found = common(np.asarray(first), np.asarray(second))
        assert (found is None) == (expected is None)
        assert found is None or found == np.dtype(expected)


def test_types_do_not_depend_on_the_order():
    arrays = [np.ones(2, kind) for kind in TYPES]
    for some in itertools.combinations(arrays, 3):
        found = set()
        for one, two, three in itertools.permutations(some):
            first = common(one, two)
            assert first is not None
            found.add(common(one.astype(first), three))
        assert len(found) == 1 and not any(dtype is None for dtype in found)


def test_every_value_survives():
    rng = np.random.default_rng(0)
    for one, other in itertools.product(TYPES, repeat=2):
        raw = rng.integers(0, 256, (2, 32), np.uint8)
        first, second = (
            (raw[i] % 2).view(bool)[:4] if kind == "?" else raw[i].view(kind)[:2]
            for i, kind in enumerate((one, other))
        )
        target = common(first, second)
        if target is None:
            continue
        for values in (first, second):
            kept = values.astype(target)
            for value, found in zip(values.tolist(), kept.tolist(), strict=True):
                assert value == found or value != value


def test_empty_arrays_fit_anywhere():
    assert holds(np.dtype(np.int8), np.empty(0, np.int64))
