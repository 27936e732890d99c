"""The error of a damaged file names it, what was expected, and the remedy."""

from osciprop.datasets import DatasetError
from osciprop.datasets.errors import damaged


def test_a_damaged_file():
    error = damaged("train.npz", "images", "text")
    assert isinstance(error, DatasetError)
    assert str(error).startswith("train.npz: expected images, found text. ")
    assert str(error).endswith("replace it with a fresh copy")
