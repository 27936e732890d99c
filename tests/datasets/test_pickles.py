"""Pickles of arrays are read, and nothing else in them is run."""

import io
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from batch_files import images, python2_batch, rows

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
