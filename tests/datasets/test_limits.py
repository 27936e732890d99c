"""What unpacks to more than the limit is refused with two remedies."""

import pytest

from osciprop.datasets import DatasetError
from osciprop.datasets.limits import UNPACKED_LIMIT, check_unpacked

IMAGENET_BATCH = 128_116 * (3072 + 8)
"""The largest packed file of all data sets."""


def test_the_limit():
    check_unpacked("file", UNPACKED_LIMIT, "unpack it")
    with pytest.raises(DatasetError, match=r"file: expected at most 1073741824 .*copy.*unpack it$"):
        check_unpacked("file", UNPACKED_LIMIT + 1, "unpack it")


def test_real_files_stay_well_below():
    assert 2 * IMAGENET_BATCH < UNPACKED_LIMIT
