"""MNIST and Fashion-MNIST from a folder that OSCIPROP_DATA names."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from osciprop.datasets import DatasetError, fashion_mnist, mnist
from osciprop.datasets.files import read_idx

NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
TRAIN, TEST = 12, 5


def arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "x_train": rng.integers(0, 256, (TRAIN, 28, 28), dtype=np.uint8),
        "y_train": (np.arange(TRAIN) % 10).astype(np.uint8),
        "x_test": rng.integers(0, 256, (TEST, 28, 28), dtype=np.uint8),
        "y_test": np.arange(TEST).astype(np.uint8),
    }


def idx_bytes(array: np.ndarray) -> bytes:
    sizes = np.array(array.shape, dtype=">u4").tobytes()
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


def write_idx(folder: Path, *, separator: str = "-", zipped: bool = False) -> None:
    folder.mkdir(exist_ok=True)
    for name, array in zip(NAMES, arrays().values(), strict=False):
        stem, kind = name.rsplit("-idx", 1)
        content = idx_bytes(array)
        path = folder / f"{stem}{separator}idx{kind}{'.gz' if zipped else ''}"
        path.write_bytes(gzip.compress(content) if zipped else content)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("OSCIPROP_DATA", str(tmp_path))
    return tmp_path


def assert_is_ours(data) -> None:
    expected = arrays()
    assert data.x_train.dtype == data.x_test.dtype == np.float32
    assert data.y_train.dtype == data.y_test.dtype == np.int32
    np.testing.assert_array_equal(np.rint(data.x_train * 255), expected["x_train"].reshape(-1, 784))
    np.testing.assert_array_equal(np.rint(data.x_test * 255), expected["x_test"].reshape(-1, 784))
    np.testing.assert_array_equal(data.y_train, expected["y_train"])
    np.testing.assert_array_equal(data.y_test, expected["y_test"])
    assert 0 <= data.x_train.min() and data.x_train.max() <= 1


@pytest.mark.parametrize("place", ["", "mnist"])
def test_npz_is_read(folder, place):
    (folder / place).mkdir(exist_ok=True)
    np.savez(folder / place / "mnist.npz", **arrays())
    data = mnist()
    assert_is_ours(data)
    assert (data.name, data.num_classes, data.image_shape) == ("mnist", 10, (28, 28))


@pytest.mark.parametrize("place", ["", "fashion_mnist", "fashion-mnist"])
@pytest.mark.parametrize("separator", ["-", "."])
@pytest.mark.parametrize("zipped", [False, True])
def test_idx_files_are_read(folder, place, separator, zipped):
    write_idx(folder / place, separator=separator, zipped=zipped)
    data = fashion_mnist()
    assert_is_ours(data)
    assert data.name == "fashion_mnist"


def test_compression_is_recognized_by_content(folder):
    write_idx(folder)
    for name in NAMES:  # unpacked by a browser that kept the name
        (folder / name).rename(folder / f"{name}.gz")
    assert_is_ours(mnist())


def test_own_subfolder_comes_before_loose_idx_files(folder):
    write_idx(folder / "mnist")
    write_idx(folder)
    (folder / NAMES[0]).write_bytes(b"would fail")
    assert_is_ours(mnist())


def test_nothing_is_written_into_the_folder(folder):
    write_idx(folder)
    folder.chmod(0o500)
    before = sorted((p.name, p.stat().st_mtime_ns) for p in folder.iterdir())
    mnist()
    after = sorted((p.name, p.stat().st_mtime_ns) for p in folder.iterdir())
    folder.chmod(0o700)
    assert after == before


def test_named_folder_comes_before_the_cache(folder, tmp_path):
    np.savez(folder / "mnist.npz", **arrays())
    mnist(cache=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("load", [mnist, fashion_mnist])
def test_missing_files_are_listed_with_the_remedy(folder, load):
    with pytest.raises(DatasetError) as caught:
        load()
    text = str(caught.value)
    for part in (
        str(folder),
        f"{load.__name__}.npz",
        *NAMES,
        "train-images.idx3-ubyte",
        f"sub-folder {load.__name__}",
        "http",
        "unset OSCIPROP_DATA",
    ):
        assert part in text


def test_named_folder_that_does_not_exist_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv("OSCIPROP_DATA", str(tmp_path / "absent"))
    with pytest.raises(DatasetError, match="no mnist data in .*absent"):
        mnist()


def test_incomplete_idx_files_are_named(folder):
    write_idx(folder)
    (folder / NAMES[3]).unlink()
    with pytest.raises(DatasetError, match="there is no t10k-labels file"):
        mnist()


@pytest.mark.parametrize("keep", [0, 3, 4, 9, 100, -1])
@pytest.mark.parametrize("zipped", [False, True])
def test_truncated_idx_names_the_file_and_what_was_expected(folder, keep, zipped):
    write_idx(folder, zipped=zipped)
    path = folder / (NAMES[0] + (".gz" if zipped else ""))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DatasetError, match=rf"{path.name}: expected .*, found .*fresh copy"):
        mnist()


def test_truncated_idx_counts_bytes(folder):
    write_idx(folder)
    path = folder / NAMES[0]
    path.write_bytes(path.read_bytes()[:-7])
    size = 16 + TRAIN * 784
    with pytest.raises(DatasetError, match=f"expected {size} bytes.*found {size - 7} bytes"):
        mnist()


def test_idx_with_trailing_bytes_is_refused(folder):
    write_idx(folder)
    with open(folder / NAMES[1], "ab") as file:
        file.write(b"\0")
    with pytest.raises(DatasetError, match=f"{NAMES[1]}: expected 20 bytes.*found 21"):
        mnist()


def test_idx_of_floats_is_refused(tmp_path):
    path = tmp_path / "floats"
    path.write_bytes(bytes([0, 0, 0x0D, 1]) + bytes(8))
    with pytest.raises(DatasetError, match="IDX file of unsigned bytes"):
        read_idx(path)


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 3, 4, 5), (0, 28, 28)])
def test_idx_of_any_shape_round_trips(tmp_path, shape):
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    (tmp_path / "file").write_bytes(idx_bytes(array))
    np.testing.assert_array_equal(read_idx(tmp_path / "file"), array)
    assert read_idx(tmp_path / "file").shape == shape


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.99])
def test_truncated_npz_names_the_file_and_what_was_expected(folder, share):
    path = folder / "mnist.npz"
    np.savez_compressed(path, **arrays())
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DatasetError, match=r"mnist.npz: expected a NumPy .npz archive.*x_train"):
        mnist()


def test_npz_with_flipped_bytes_is_refused(folder):
    path = folder / "mnist.npz"
    np.savez_compressed(path, **arrays())
    content = bytearray(path.read_bytes())
    content[1000:1100] = bytes(100)
    path.write_bytes(content)
    with pytest.raises(DatasetError, match="mnist.npz: expected"):
        mnist()


def test_npz_without_an_array_is_refused(folder):
    parts = arrays()
    del parts["x_test"]
    np.savez(folder / "mnist.npz", **parts)
    with pytest.raises(DatasetError, match="mnist.npz: expected .* found KeyError.*x_test"):
        mnist()


def test_single_array_is_refused(folder):
    with open(folder / "mnist.npz", "wb") as file:
        np.save(file, arrays()["x_train"])
    with pytest.raises(DatasetError, match="mnist.npz: expected .* found .*single array"):
        mnist()


def test_pickled_arrays_are_refused(folder):
    labels = np.array([None] * TRAIN, dtype=object)
    np.savez(folder / "mnist.npz", **(arrays() | {"y_train": labels}))
    with pytest.raises(DatasetError, match="mnist.npz: expected .* found ValueError"):
        mnist()


@pytest.mark.parametrize(
    ("part", "array", "message"),
    [
        ("x_train", np.zeros((TRAIN, 784), np.uint8), r"x_train in .*\(n, 28, 28\), found uint8"),
        ("x_train", np.zeros((TRAIN, 28, 28)), "x_train in .*uint8 images.*found float64"),
        ("x_test", np.zeros((0, 28, 28), np.uint8), "x_test in .*uint8 images"),
        ("x_test", np.uint8(0), "x_test in .*uint8 images"),
        ("y_train", np.zeros(TRAIN - 1, np.uint8), r"y_train in .*labels of shape \(12,\)"),
        ("y_test", np.zeros(TEST), "y_test in .*integer labels.*found float64"),
        ("y_test", np.full(TEST, 10), "y_test in .*labels 0..9, found labels from 10 to 10"),
        ("y_test", np.full(TEST, -1), "y_test in .*labels 0..9"),
    ],
)
def test_wrong_contents_are_refused(folder, part, array, message):
    np.savez(folder / "mnist.npz", **(arrays() | {part: array}))
    with pytest.raises(DatasetError, match=message):
        mnist()


def test_the_other_data_set_is_recognized(folder):
    # Loose IDX files have the same names for both data sets.
    labels = np.array([5, 0, 4, 1, 9, 2, 1, 3, 1, 4, 0, 0], np.uint8)
    write_idx(folder)
    (folder / NAMES[1]).write_bytes(idx_bytes(labels))
    assert mnist().y_train[0] == 5
    with pytest.raises(DatasetError, match="found for fashion_mnist hold mnist .*sub-folder"):
        fashion_mnist()
