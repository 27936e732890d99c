"""Small batch files in CIFAR's layout, as Python 2 and Python 3 wrote them."""

import pickle
import struct
from pathlib import Path

import numpy as np


def images(count: int, seed: int = 0) -> np.ndarray:
    """Random images `(count, 32, 32, 3)` of bytes."""
    return np.random.default_rng(seed).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)


def rows(x: np.ndarray) -> np.ndarray:
    """Images as the rows of a batch file: the red plane, the green one, the blue one."""
    return np.stack([np.concatenate([im[:, :, c].ravel() for c in range(3)]) for im in x])


def write_batch(path: Path, x: np.ndarray, labels: list[int], key="labels", protocol=2) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"data": rows(x), key: labels, "mean": np.zeros(3072)}
    path.write_bytes(pickle.dumps(content, protocol=protocol))


def python2_batch(x: np.ndarray, labels: list[int], key: str = "labels") -> bytes:
    """What Python 2's cPickle wrote: texts and the contents of arrays are one kind of string."""

    def text(value: str) -> bytes:
        return b"U" + bytes([len(value)]) + value.encode()

    data = rows(x)
    shape = b"K" + bytes([len(data)]) + b"M" + struct.pack("<H", 3072) + b"\x86"
    dtype = b"cnumpy\ndtype\n" + text("u1") + b"K\x00K\x01\x87R"
    dtype += b"(K\x03" + text("|") + b"NNN" + 2 * b"J\xff\xff\xff\xff" + b"K\x00tb"
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + text("b")
    array += b"\x87R(K\x01" + shape + dtype + b"\x89"
    array += b"T" + struct.pack("<i", data.nbytes) + data.tobytes() + b"tb"
    numbers = b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    named = text("batch_label") + text("training batch 1 of 5")
    return b"\x80\x02}(" + named + text("data") + array + text(key) + numbers + b"u."
