"""How much is unpacked: a small file may unpack to more than memory and disk can hold."""

from pathlib import Path

from .errors import DatasetError

UNPACKED_LIMIT = 1 << 30
"""Bytes. The largest packed file of all data sets, a tenth of ImageNet 32x32, has 0.4 of them."""


def check_unpacked(origin: Path | str, size: int, remedy: str) -> None:
    """Raise `DatasetError` if the contents of a packed file are larger than the limit.

    `remedy` says how to pass on a file that is meant to be so large: what is not packed has no
    limit, for it is no larger than it looks.
    """
    if size > UNPACKED_LIMIT:
        raise DatasetError(
            f"{origin}: expected at most {UNPACKED_LIMIT} bytes when unpacked, found {size} or "
            f"more. Replace it with a fresh copy, or, if it is meant to be so large, {remedy}"
        )
