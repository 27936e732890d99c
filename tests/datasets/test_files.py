"""MNIST and Fashion-MNIST from a folder that OSCIPROP_DATA names."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from damaged_files import damages, outcomes

from osciprop.datasets import DatasetError, fashion_mnist, mnist

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
    folder.mkdir(parents=True, exist_ok=True)
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


@pytest.mark.parametrize("zipped", [False, True])
def test_the_folders_of_torchvision_are_read(folder, zipped):
    write_idx(folder / "MNIST" / "raw", zipped=zipped)
    assert_is_ours(mnist())
    with pytest.raises(DatasetError, match="no fashion_mnist data in .*in FashionMNIST/raw"):
        fashion_mnist()
    write_idx(folder / "FashionMNIST" / "raw", zipped=zipped)
    assert_is_ours(fashion_mnist())
    (folder / "MNIST" / "raw" / (NAMES[1] + zipped * ".gz")).unlink()
    with pytest.raises(DatasetError, match="in .*MNIST/raw there is no train-labels file"):
        mnist()


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
    with pytest.raises(DatasetError, match="mnist.npz: expected .* found x_train, .*: no x_test"):
        mnist()


def test_single_array_is_refused(folder):
    with open(folder / "mnist.npz", "wb") as file:
        np.save(file, arrays()["x_train"])
    with pytest.raises(DatasetError, match="mnist.npz: expected .* found BadZipFile"):
        mnist()


def test_pickled_arrays_are_refused(folder):
    labels = np.array([None] * TRAIN, dtype=object)
    np.savez(folder / "mnist.npz", **(arrays() | {"y_train": labels}))
    with pytest.raises(DatasetError, match="y_train in .*mnist.npz: expected .*an array of object"):
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


@pytest.mark.parametrize("kind", ["a folder", "a named pipe", "a link that leads nowhere"])
@pytest.mark.parametrize("name", ["mnist.npz", NAMES[0]])
def test_what_is_no_regular_file_is_named(folder, kind, name):
    write_idx(folder)
    (folder / NAMES[0]).unlink()
    if kind == "a folder":
        (folder / name).mkdir()
    elif kind == "a named pipe":
        os.mkfifo(folder / name)
    else:
        (folder / name).symlink_to("nowhere")
    with pytest.raises(DatasetError, match=f"no mnist data in .*{name} is {kind}.*looked for"):
        mnist()


def test_a_folder_that_may_not_be_looked_into(folder, monkeypatch):
    def refuse(path, *_, **__):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "stat", refuse)
    with pytest.raises(DatasetError, match="mnist.npz is out of reach .Permission denied.*more"):
        mnist()


@pytest.mark.parametrize("zipped", [False, True])
def test_damage_of_any_kind_is_refused(folder, zipped):
    write_idx(folder, zipped=zipped)
    expected = mnist()
    path = folder / (NAMES[1] + zipped * ".gz")

    def read(content: bytes) -> None:
        path.write_bytes(content)
        data = mnist()
        if zipped:  # what is not has no checksum, and another label may be one too
            np.testing.assert_array_equal(data.y_train, expected.y_train)

    refused, passed = outcomes(read, damages(path.read_bytes(), 50))
    assert refused + passed == 50 and refused >= 25
