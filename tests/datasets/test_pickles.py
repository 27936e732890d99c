"""Pickles of arrays are read, and nothing else in them is run."""

import io
import os
import pickle
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from batch_files import images, python2_batch, rows
from damaged_files import damages, outcomes

from osciprop.datasets import DatasetError
from osciprop.datasets.pickles import load_dictionary


def load(content: bytes) -> dict[str, Any]:
    return load_dictionary(io.BytesIO(content), "some_batch")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol_of_python_3_is_read(protocol):
    content = {"data": rows(images(2)), "labels": [3, 1], "mean": np.linspace(0, 1, 5)}
    found = load(pickle.dumps(content, protocol=protocol))
    assert found["labels"] == [3, 1]
    for name in ("data", "mean"):
        assert found[name].dtype == content[name].dtype
        np.testing.assert_array_equal(found[name], content[name])


@pytest.mark.parametrize("package", [b"numpy.core", b"numpy._core"])
def test_either_name_of_numpys_core_is_known(package):
    content = python2_batch(images(2), [3, 1]).replace(b"numpy.core", package)
    np.testing.assert_array_equal(load(content)["data"], rows(images(2)))


def test_texts_of_python_2_are_read():
    found = load(python2_batch(images(2), [3, 1]))
    assert sorted(found) == ["batch_label", "data", "labels"] and found["labels"] == [3, 1]
    np.testing.assert_array_equal(found["data"], rows(images(2)))


class Command:
    """What an attacker puts into a pickle: a function and its arguments."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    ("function", "name"), [(os.mkdir, r"posix\.mkdir"), (np.save, "numpy.save"), (eval, "eval")]
)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pickle_that_runs_code_is_refused(tmp_path, function, name, protocol):
    trace = tmp_path / "trace"
    content = {"data": Command(function, str(trace)), "labels": [0]}
    with pytest.raises(DatasetError, match=f"some_batch: .*{name}.*malicious.*replace"):
        load(pickle.dumps(content, protocol=protocol))
    assert not trace.exists()


def test_a_path_through_an_allowed_name_is_refused():
    # Newer protocols look up dotted names attribute by attribute.
    content = b"\x80\x04\x8c\x05numpy\x8c\x0fndarray.__new__\x93."
    with pytest.raises(DatasetError, match=r"numpy.ndarray.__new__"):
        load(content)


def test_another_codec_is_refused():
    content = b"\x80\x02}U\x04datac_codecs\nencode\nX\x01\x00\x00\x00aX\x05\x00\x00\x00rot13\x86Rs."
    with pytest.raises(DatasetError, match="codec 'rot13'"):
        load(content)


@pytest.mark.parametrize("size", [0, 1, 3, 50, 1000, -1])
def test_a_truncated_file_is_refused(size):
    content = python2_batch(images(2), [3, 1])
    with pytest.raises(DatasetError, match="some_batch: expected a pickled.*fresh copy"):
        load(content[:size])


def test_something_else_is_refused():
    with pytest.raises(DatasetError, match="expected a pickled dictionary, found a list"):
        load(pickle.dumps([1, 2]))
    with pytest.raises(DatasetError, match="some_batch"):
        load(Path(__file__).read_bytes())


def test_arrays_in_either_order_and_of_texts_are_read():
    content = {
        "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "names": np.array(["a", "bc"]),
        "big_endian": np.arange(3, dtype=">i2"),
    }
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        found = load(pickle.dumps(content, protocol=protocol))
        for name, array in content.items():
            assert found[name].dtype == array.dtype
            np.testing.assert_array_equal(found[name], array)


def test_an_array_of_objects_is_refused():
    with pytest.raises(DatasetError, match="found ValueError: an array of type 'O8'.*fresh copy"):
        load(pickle.dumps({"data": np.array([None])}))


def array_of(shape: bytes, content: bytes) -> bytes:
    """A dictionary with an array of bytes that declares this shape and has these contents."""
    whole = python2_batch(images(1), [3])
    start = whole.index(b"(K\x01K\x01M\x00\x0c\x86") + 3
    head = whole[:start] + shape
    middle = whole[start + len(b"K\x01M\x00\x0c\x86") : whole.index(b"\x89T") + 1]
    return head + middle + content + whole[-len(b"tbU\x06labels](K\x03eu.") :]


SHAPE = b"K\x01M\x00\x0c\x86"
HUGE = b"\x8a\x06\x00\x00\x00\x00\x00\x01"  # 2 ** 40


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(array_of(HUGE + b"\x85", b"U\x03abc"), id="shape"),
        pytest.param(array_of(SHAPE, b"T\xff\xff\xff\x7fabc"), id="string"),
        pytest.param(b"\x80\x05\x96" + b"\xff" * 6 + b"\0\0abc.", id="bytearray"),
        pytest.param(b"\x80\x04\x8e" + b"\xff" * 6 + b"\0\0abc.", id="bytes"),
        pytest.param(b"\x80\x04\x95" + b"\xff" * 6 + b"\0\0}.", id="frame"),
        pytest.param(b"\x80\x02}r\xff\xff\xff\xff0.", id="memo"),
        pytest.param(b"\x80\x02\x8b\xff\xff\xff\x7f1.", id="number"),
        pytest.param(b"\x80\x02cnumpy\nndarray\n" + HUGE + b"\x85R.", id="ndarray"),
        pytest.param(
            b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n"
            + HUGE
            + b"\x85U\x01b\x87R.",
            id="reconstruct",
        ),
    ],
)
def test_declared_sizes_take_no_memory(content):
    tracemalloc.start()
    with pytest.raises(DatasetError, match="some_batch"):
        load(content)
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()


def test_few_bytes_are_not_made_many():
    text = b"X" + (1000).to_bytes(4, "little") + 1000 * b"a" + b"q\x01"
    again = b"c_codecs\nencode\nh\x01X\x06\x00\x00\x00latin1\x86R"
    with pytest.raises(DatasetError, match="more bytes than the file holds"):
        load(b"\x80\x02](" + text + 100 * again + b"e.")


@pytest.mark.parametrize("change", [b"}b", b"N}X\x01\x00\x00\x00aK\x01s\x86b"])
def test_what_makes_arrays_is_not_changed(change):
    for name in (b"_codecs\nencode\n", b"numpy\ndtype\n", b"numpy\nndarray\n"):
        with pytest.raises(DatasetError, match="the pickle changes what makes an array"):
            load(b"\x80\x02c" + name + change + b".")


def test_damage_of_any_kind_is_refused():
    """There is no checksum: other bytes are other pixels, but nothing else."""
    x = images(3)
    for content in (python2_batch(x, [3, 1, 2]), pickle.dumps({"data": rows(x), "labels": [3]})):
        refused, passed = outcomes(load, damages(content, 100))
        assert refused + passed == 100 and refused >= 40
