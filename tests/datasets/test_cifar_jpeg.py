"""The JPEG copy of CIFAR-10: a small one, and the real one where it is at hand."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damaged_files import damages, outcomes
from PIL import Image

from osciprop.datasets import DatasetError, cifar10_jpeg

COLOURS = np.array([[250, 10, 10], [10, 250, 10], [10, 10, 250], [128, 128, 128]], np.uint8)


def encoded(colour: np.ndarray, size: int = 32) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.broadcast_to(colour, (size, size, 3)).copy()).save(stream, "JPEG")
    return stream.getvalue()


def arrays(files: list[bytes] | None = None) -> dict[str, np.ndarray]:
    files = [encoded(colour) for colour in COLOURS] if files is None else files
    return {
        "jpeg": np.frombuffer(b"".join(files), np.uint8),
        "offsets": np.cumsum([0, *map(len, files)]),
        "y_train": np.array([0, 9, 4], np.uint8),
        "y_test": np.array([7], np.uint8),
    }


LENGTH = len(arrays()["jpeg"])


def write(folder: Path, parts: dict[str, Any]) -> Path:
    np.savez(folder / "cifar10_jpeg.npz", **parts)
    return folder


def test_images_are_decoded_in_order(tmp_path, monkeypatch):
    monkeypatch.setenv("OSCIPROP_DATA", str(write(tmp_path, arrays())))
    data = cifar10_jpeg()
    assert data.name == "cifar10_jpeg" and data.image_shape == (32, 32, 3)
    assert data.x_train.dtype == np.uint8 and data.x_train.shape == (3, 32, 32, 3)
    assert data.y_train.tolist() == [0, 9, 4] and data.y_test.tolist() == [7]
    x = np.concatenate([data.x_train, data.x_test]).astype(int)
    assert np.abs(x - COLOURS[:, None, None]).max() <= 3  # lossy


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y_test": np.array([7, 7])}, "offsets in .*6 offsets for 5 labels, found 5 for 4"),
        ({"y_test": np.array([10])}, "y_test in .*labels 0..9, found labels from 10 to 10"),
        ({"y_test": np.array([0.5])}, "y_test in .*integers.*found float64"),
        ({"offsets": np.arange(5)}, "offsets in .*rise from 0 to"),
        ({"offsets": np.array([0, 900, 5, 950, LENGTH], np.uint64)}, "offsets in .*rise from 0 to"),
        ({"jpeg": np.arange(5)}, "jpeg in .*bytes"),
        (arrays([encoded(c, size=16) for c in COLOURS]), r"image 0 in .*\(32, 32\) pixels"),
        (arrays([*map(encoded, COLOURS[:3]), b"GIF89a"]), "image 3 in .*a JPEG file"),
        (arrays([encoded(c)[:-200] for c in COLOURS]), "image 0 in .*a JPEG file"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, change, message):
    write(tmp_path, arrays() | change)
    with pytest.raises(DatasetError, match=f"{message}.*fresh copy"):
        cifar10_jpeg(folder=tmp_path)


def test_a_file_that_is_no_such_archive_is_named(tmp_path):
    path = tmp_path / "cifar10_jpeg.npz"
    for content in (b"", b"PK\x03\x04 and so on"):
        path.write_bytes(content)
        with pytest.raises(DatasetError, match="cifar10_jpeg.npz: expected a NumPy .npz"):
            cifar10_jpeg(folder=tmp_path)


def test_a_missing_file_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("OSCIPROP_DATA", raising=False)
    with pytest.raises(DatasetError, match="no cifar10_jpeg.npz in any folder.*OSCIPROP_DATA"):
        cifar10_jpeg()
    with pytest.raises(DatasetError, match=f"no cifar10_jpeg.npz in {tmp_path}"):
        cifar10_jpeg(folder=tmp_path)


@pytest.mark.slow
def test_the_real_copy_has_the_published_numbers(real_data):
    if not (real_data / "cifar10_jpeg.npz").is_file():
        pytest.skip(f"{real_data} holds no cifar10_jpeg.npz")
    data = cifar10_jpeg()
    assert data.x_train.shape == (50000, 32, 32, 3) and data.x_test.shape == (10000, 32, 32, 3)
    assert np.bincount(data.y_train).tolist() == [5000] * 10
    assert np.bincount(data.y_test).tolist() == [1000] * 10
    mean = data.x_train.mean(axis=(0, 1, 2)) / 255
    deviation = data.x_train.std(axis=(0, 1, 2)) / 255
    np.testing.assert_allclose(mean, (0.4913, 0.4821, 0.4465), atol=2e-4)
    np.testing.assert_allclose(deviation, (0.2452, 0.2428, 0.2606), atol=2e-4)


def test_a_picture_of_any_size_is_not_unpacked(tmp_path):
    first = bytearray(encoded(COLOURS[0]))
    place = first.index(b"\xff\xc0") + 5  # height and width, in the header of the frame
    first[place : place + 4] = b"\xff\xf0\xff\xf0"
    write(tmp_path, arrays([bytes(first), *map(encoded, COLOURS[1:])]))
    with pytest.raises(DatasetError, match="image 0 in .*fresh copy"):
        cifar10_jpeg(folder=tmp_path)


def test_damage_of_any_kind_is_refused(tmp_path):
    path = write(tmp_path, arrays()) / "cifar10_jpeg.npz"
    expected = cifar10_jpeg(folder=tmp_path)

    def read(content: bytes) -> None:
        path.write_bytes(content)
        data = cifar10_jpeg(folder=tmp_path)
        np.testing.assert_array_equal(data.x_train, expected.x_train)
        assert data.y_train.tolist() == [0, 9, 4] and data.y_test.tolist() == [7]

    refused, passed = outcomes(read, damages(path.read_bytes(), 50))
    assert refused + passed == 50 and refused >= 20


def test_damaged_pictures_are_refused_or_decoded(tmp_path):
    """With a right checksum around them: a JPEG file has none of its own."""
    pictures = [encoded(colour) for colour in COLOURS]

    def read(picture: bytes) -> None:
        write(tmp_path, arrays([picture or b"?", *pictures[1:]]))
        assert cifar10_jpeg(folder=tmp_path).x_train.shape == (3, 32, 32, 3)

    refused, passed = outcomes(read, damages(pictures[0], 50))
    assert refused + passed == 50 and refused >= 10
