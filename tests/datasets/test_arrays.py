"""What users hold as numbers: taken where it is plain, refused with the way to convert it."""

import collections
import datetime
import fractions

import jax.numpy as jnp
import numpy as np
import pytest

from osciprop.datasets.arrays import as_array, as_real_array

ROWS = [[1.0, 2.0], [3.0, 4.0]]


class Table:
    """As tables of pandas and polars show themselves."""

    def __init__(self, values):
        self.values = values

    def to_numpy(self):
        return self.values


class Tensor:
    """As tensors of PyTorch that carry a gradient."""

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")


class Sparse:
    def toarray(self):
        return np.asarray(ROWS)


def objects(*entries):
    array = np.empty(len(entries), dtype=object)
    array[:] = entries
    return array


@pytest.mark.parametrize(
    "value",
    [
        ROWS,
        tuple(map(tuple, ROWS)),
        np.asarray(ROWS),
        np.asarray(ROWS, dtype=">f8"),
        np.asarray(ROWS, dtype=object),
        jnp.asarray(ROWS),
        np.ma.masked_array(ROWS, mask=False),
        Table(np.asarray(ROWS)),
        Table(np.asarray(ROWS, dtype=object)),
        objects([1.0, 2.0], (3.0, 4.0)),
        objects(np.asarray([1, 2]), np.asarray([3.0, 4.0])),
        objects(jnp.asarray([1.0, 2.0]), [3, 4]),
        np.asarray([[1, fractions.Fraction(2)], [3, 4.0]], dtype=object),
    ],
    ids=lambda value: type(value).__name__,
)
def test_numbers_are_taken(value):
    found = as_array("x", value)
    assert type(found) is np.ndarray and found.dtype.isnative and found.dtype.kind == "f"
    np.testing.assert_array_equal(found, ROWS)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (np.asarray([1, 2], dtype=object), "int64"),
        (np.asarray([True, 2], dtype=object), "int64"),
        (np.asarray([1, 2], dtype=">i2"), "int16"),
        (np.asarray([True]), "bool"),
        (jnp.asarray([1.0], dtype=jnp.bfloat16), "bfloat16"),
        (np.asarray([1 + 2j]), "complex128"),
    ],
)
def test_kinds_are_kept(value, dtype):
    assert as_array("x", value).dtype == dtype


def test_a_mapped_array_stays_one(tmp_path):
    np.save(tmp_path / "x.npy", ROWS)
    assert type(as_array("x", np.load(tmp_path / "x.npy", mmap_mode="r"))) is np.memmap


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.ma.masked_equal(np.asarray(ROWS), 2.0), r"x is .* 1 masked of 4.*filled"),
        (Sparse(), r"x is a sparse matrix \(Sparse\): give x.toarray\(\)"),
        (Tensor(), r"x is a Tensor.*detach\(\).cpu\(\).numpy\(\)"),
        ([[1.0, 2.0], [3.0]], "x is a list.*rows of equal length"),
        (objects([1.0, 2.0], [3.0]), r"x holds arrays of shapes \(1,\), \(2,\).*equal length"),
        (["cat", "dog"], r"x holds <U3, words: number them.*np.unique"),
        (np.asarray(["cat", 1], dtype=object), r"x holds 'cat' \(str\) at index \(0,\).*np.unique"),
        (np.asarray([1.0, None], dtype=object), r"x holds None .* at index \(1,\).*impute"),
        (np.asarray([2**70], dtype=object), "x holds integers beyond 64 bits"),
        (objects(np.asarray(["a"]), np.asarray(["b"])), "x holds arrays of shapes"),
        (np.asarray(["2026-01-01"], dtype="M8[D]"), r"x holds datetime64\[D\], dates"),
        (np.asarray([1], dtype="m8[s]"), "durations: divide by a unit"),
        (objects(datetime.date(2026, 1, 1)), r"x holds datetime.date.*at index \(0,\)"),
        (np.zeros(2, dtype=[("a", float), ("b", float)]), "records.*structured_to_unstructured"),
        ((value for value in ROWS), "x is a generator, not an array: collect it first"),
        (None, "x is a NoneType, not an array"),
        ({1.0, 2.0}, "x is a set, not an array"),
        (collections.OrderedDict(a=1), "x is a OrderedDict, not an array"),
        ("1.0", "x holds <U3, words"),
    ],
    ids=lambda value: value.split()[0] if isinstance(value, str) else type(value).__name__,
)
def test_all_else_is_refused(value, message):
    with pytest.raises(ValueError, match=message):
        as_array("x", value)


def test_what_must_be_real_is_not_complex():
    with pytest.raises(ValueError, match=r"x is complex \(complex128\).*give x.real"):
        as_real_array("x", [1 + 2j])
    assert as_real_array("x", [1, 2]).dtype.kind == "i"
