"""Files that are damaged at random: cut short, with other bytes, or with another beginning."""

from collections.abc import Callable, Iterator

import numpy as np

from osciprop.datasets import DatasetError


def damages(content: bytes, count: int, *, seed: int = 0) -> Iterator[bytes]:
    """So many damaged copies of a file, half of them where its structure is: at the two ends."""
    rng = np.random.default_rng(seed)
    ends = min(300, len(content))
    for index in range(count):
        copy = bytearray(content)
        kind = index % 5
        if kind == 0:  # cut
            del copy[rng.integers(len(copy)) :]
        elif kind == 1:  # some bytes anywhere
            for place in rng.integers(len(copy), size=rng.integers(1, 9)):
                copy[place] = rng.integers(256)
        elif kind == 2:  # some bytes at either end
            for place in rng.integers(-ends, ends, size=rng.integers(1, 5)):
                copy[place] = rng.integers(256)
        elif kind == 3:  # one bit at either end
            copy[rng.integers(-ends, ends)] ^= 1 << rng.integers(8)
        else:  # another beginning
            length = int(rng.integers(1, min(64, ends)))
            copy[:length] = rng.bytes(length)
        yield bytes(copy)


REMEDIES = ("eplace it", "put ", "remove that folder")


def outcomes(read: Callable[[bytes], object], contents: Iterator[bytes]) -> tuple[int, int]:
    """How many were refused with an error that tells a remedy, and how many were read."""
    refused = passed = 0
    messages = []
    for content in contents:
        try:
            read(content)
            passed += 1
        except DatasetError as error:
            refused += 1
            messages.append(str(error))
    assert all(any(remedy in text for remedy in REMEDIES) for text in messages)
    return refused, passed
