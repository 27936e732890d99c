"""ImageNet 32x32 from small files of the real layout, unpacked into memory-mapped arrays."""

import os
import pickle
import shutil
import warnings

import numpy as np
import pytest
from batch_files import images, write_batch
from damaged_files import damages, outcomes

from osciprop.datasets import DatasetError, imagenet32

NAMES = [*(f"train_data_batch_{number}" for number in range(1, 11)), "val_data"]
SIZES = [3, 2, 1, 2, 3, 2, 1, 2, 3, 4, 5]  # the real ones differ too
TRAIN = sum(SIZES[:-1])


def labels(index: int) -> list[int]:
    return [1 + (100 * index + i) % 1000 for i in range(SIZES[index])]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.delenv("OSCIPROP_DATA", raising=False)
    place = tmp_path / "data"
    for index, (name, size) in enumerate(zip(NAMES, SIZES, strict=True)):
        write_batch(place / name, images(size, seed=index), labels(index), protocol=3)
    return place


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def assert_is_ours(data) -> None:
    assert (data.name, data.num_classes, data.image_shape) == ("imagenet32", 1000, (32, 32, 3))
    expected = np.concatenate([images(size, seed=i) for i, size in enumerate(SIZES[:-1])])
    np.testing.assert_array_equal(data.x_train, expected)
    np.testing.assert_array_equal(data.x_test, images(SIZES[-1], seed=10))
    numbers = [label - 1 for index in range(10) for label in labels(index)]
    assert data.y_train.tolist() == numbers and data.y_train.dtype == np.int32
    assert data.y_test.tolist() == [label - 1 for label in labels(10)]


def test_batches_become_mapped_arrays(folder, cache):
    data = imagenet32(cache, folder=folder)
    assert_is_ours(data)
    for array in (data.x_train, data.y_train, data.x_test, data.y_test):
        assert isinstance(array, np.memmap) and not array.flags.writeable
    assert sorted(os.listdir(cache)) == ["imagenet32"]
    assert sorted(os.listdir(cache / "imagenet32")) == [
        "x_test.npy", "x_train.npy", "y_test.npy", "y_train.npy"
    ]  # fmt: skip


def test_the_batches_are_needed_once(folder, cache, monkeypatch):
    monkeypatch.setenv("OSCIPROP_DATA", str(folder.parent))
    os.rename(folder, folder.with_name("imagenet32"))
    assert_is_ours(imagenet32(cache))
    shutil.rmtree(folder.parent / "imagenet32")
    monkeypatch.delenv("OSCIPROP_DATA")
    assert_is_ours(imagenet32(cache))


@pytest.mark.parametrize("calls", [1, 14, 20])
def test_an_interrupted_unpacking_starts_again(folder, cache, monkeypatch, calls):
    from osciprop.datasets import pixel_batches

    real, left = pixel_batches.read_batch, [calls]

    def interrupted(*arguments):
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(pixel_batches, "read_batch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        imagenet32(cache, folder=folder)
    assert os.listdir(cache) == []
    monkeypatch.undo()
    assert_is_ours(imagenet32(cache, folder=folder))


def test_what_a_crash_left_is_not_used_and_is_named(folder, cache, caplog):
    part = cache / "imagenet32.0123.part"
    part.mkdir(parents=True)
    (part / "x_train.npy").write_bytes(b"half")
    assert_is_ours(imagenet32(cache, folder=folder))
    assert "imagenet32.0123.part may be left from a crash: remove it" in caplog.text


def test_a_process_that_was_faster_wins(folder, cache, monkeypatch):
    rename = os.rename

    def late(part, target):
        shutil.copytree(part, target)  # the other process has just finished
        rename(part, target)

    monkeypatch.setattr(os, "rename", late)
    assert_is_ours(imagenet32(cache, folder=folder))
    assert os.listdir(cache) == ["imagenet32"]


@pytest.mark.parametrize("name", NAMES[::5])
def test_a_missing_file_tells_where_to_get_it(folder, cache, name):
    (folder / name).unlink()
    with pytest.raises(DatasetError, match="no ImageNet 32x32 data: .*Register.*OSCIPROP_DATA"):
        imagenet32(cache, folder=folder)
    with pytest.raises(DatasetError, match="no folder, for none was named"):
        imagenet32(cache)
    assert not cache.exists()


@pytest.mark.parametrize("label", [0, 1001])
def test_labels_out_of_range_are_named(folder, cache, label):
    write_batch(folder / NAMES[4], images(1), [label])
    with pytest.raises(DatasetError, match="train_data_batch_5: expected labels from 1 to 1000"):
        imagenet32(cache, folder=folder)
    assert os.listdir(cache) == []


def test_a_truncated_file_is_named(folder, cache):
    path = folder / "val_data"
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(DatasetError, match="val_data: expected a pickled dictionary.*fresh copy"):
        imagenet32(cache, folder=folder)
    assert os.listdir(cache) == []


def test_damaged_arrays_in_the_cache_are_named(folder, cache):
    imagenet32(cache, folder=folder)
    path = cache / "imagenet32" / "x_train.npy"
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(DatasetError, match="imagenet32 are damaged.*remove that folder"):
        imagenet32(cache, folder=folder)


def test_a_full_disk_is_noticed_before_writing(folder, cache, monkeypatch):
    full = shutil.disk_usage(folder)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    with pytest.raises(DatasetError, match="cannot store .* are needed and 1000 are free.*cache="):
        imagenet32(cache, folder=folder)


@pytest.mark.parametrize("kind", ["a file", "a named pipe", "a link that leads nowhere"])
def test_what_stands_in_the_place_of_the_arrays_is_named(folder, cache, kind):
    cache.mkdir()
    path = cache / "imagenet32"
    if kind == "a file":
        path.touch()
    elif kind == "a named pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("nowhere")
    with pytest.raises(DatasetError, match=f"cannot store .*imagenet32: {kind} stands there"):
        imagenet32(cache, folder=folder)


def test_an_unusable_cache_is_named(folder, cache):
    cache.write_text("a file where a folder should be")
    with pytest.raises(DatasetError, match="cannot store .*imagenet32.*another folder as cache="):
        imagenet32(cache, folder=folder)


def to_npz(path, save=np.savez) -> None:
    """The same batch, in the other layout."""
    content = pickle.loads(path.read_bytes())
    save(path.with_name(f"{path.name}.npz"), **content)
    path.unlink()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("names", [NAMES, NAMES[3:7]])
def test_npz_batches_are_read(folder, cache, save, names):
    for name in names:
        to_npz(folder / name, save)
    assert_is_ours(imagenet32(cache, folder=folder))


def test_all_that_is_missing_is_named(folder, cache):
    for name in (NAMES[2], NAMES[9], NAMES[10]):
        (folder / name).unlink()
    os.mkfifo(folder / f"{NAMES[9]}.npz")
    message = (
        "in .*data there is no train_data_batch_3, no train_data_batch_10, no val_data "
        r"\(.*train_data_batch_10.npz is a named pipe\)\. Register"
    )
    with pytest.raises(DatasetError, match=message):
        imagenet32(cache, folder=folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"data": np.zeros((3, 3071), np.uint8)},
            r"batch_1.npz: expected data of shape \(n, 3072\)",
        ),
        ({"labels": np.zeros(3)}, "3 integer labels.*found float64"),
        ({"labels": np.zeros(3, int)}, "labels from 1 to 1000, found labels from 0 to 0"),
        ({"labels": None}, "labels in .*batch_1.npz: expected .*found an array of object"),
    ],
)
def test_wrong_npz_batches_are_named(folder, cache, change, message):
    (folder / NAMES[0]).unlink()
    content = {"data": np.zeros((3, 3072), np.uint8), "labels": np.ones(3, int)} | change
    np.savez(folder / f"{NAMES[0]}.npz", **content)
    with pytest.raises(DatasetError, match=message):
        imagenet32(cache, folder=folder)
    assert os.listdir(cache) == []


def test_space_is_counted_as_unpacked(folder, cache, monkeypatch):
    for name in NAMES:
        to_npz(folder / name, np.savez_compressed)
    free = 3072 * sum(SIZES)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(free, 0, free))
    with pytest.raises(DatasetError, match=f"are needed and {free} are free"):
        imagenet32(cache, folder=folder)


@pytest.mark.parametrize("kind", ["a named pipe", "a folder", "random", "empty"])
def test_whatever_the_cache_holds_is_named(folder, cache, kind):
    imagenet32(cache, folder=folder)
    path = cache / "imagenet32" / "y_train.npy"
    path.unlink()
    if kind == "a named pipe":
        os.mkfifo(path)
    elif kind == "a folder":
        path.mkdir()
    else:
        path.write_bytes(np.random.default_rng(0).bytes(300) if kind == "random" else b"")
    with pytest.raises(DatasetError, match="imagenet32 are damaged.*remove that folder"):
        imagenet32(cache, folder=folder)


def test_damage_in_the_cache_is_refused(folder, cache):
    """There is no checksum: other bytes may be other labels."""
    imagenet32(cache, folder=folder)
    path = cache / "imagenet32" / "y_test.npy"

    def read(content: bytes) -> None:
        path.write_bytes(content)
        assert len(imagenet32(cache, folder=folder).y_test) == SIZES[-1]

    with warnings.catch_warnings(action="ignore"):
        refused, passed = outcomes(read, damages(path.read_bytes(), 50))
    assert refused + passed == 50 and refused >= 25
