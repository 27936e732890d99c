"""CIFAR-10 and CIFAR-100 from folders, archives and a server, in small, read by `pixel_batches`."""

import hashlib
import http.server
import io
import pickle
import tarfile
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from batch_files import images, python2_batch, rows, write_batch

from osciprop.datasets import CIFAR10, CIFAR100, DatasetError, cifar10, cifar100

BATCH = 4
TRAIN, TEST = images(5 * BATCH, seed=1), images(3, seed=2)
LABELS = [int(label) for label in np.arange(5 * BATCH) % 10]
TEST_LABELS = [9, 0, 4]


def files10() -> dict[str, bytes]:
    """The six batch files of CIFAR-10, as Python 2 wrote them."""
    parts = [slice(i * BATCH, (i + 1) * BATCH) for i in range(5)]
    batches = {
        f"data_batch_{i + 1}": python2_batch(TRAIN[part], LABELS[part])
        for i, part in enumerate(parts)
    }
    return {"batches.meta": b"", **batches, "test_batch": python2_batch(TEST, TEST_LABELS)}


def write_folder(place: Path) -> Path:
    folder = place / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    for name, content in files10().items():
        (folder / name).write_bytes(content)
    return folder


def write_archive(place: Path, files: dict[str, bytes]) -> Path:
    place.mkdir(parents=True, exist_ok=True)
    path = place / "cifar-10-python.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, content in reversed(files.items()):  # the real one is not in order either
            entry = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return path


def assert_is_ours(data) -> None:
    assert (data.name, data.num_classes, data.image_shape) == ("cifar10", 10, (32, 32, 3))
    assert data.x_train.dtype == np.uint8 and data.y_train.dtype == np.int32
    np.testing.assert_array_equal(data.x_train, TRAIN)
    np.testing.assert_array_equal(data.x_test, TEST)
    assert data.y_train.tolist() == LABELS and data.y_test.tolist() == TEST_LABELS


@pytest.fixture(autouse=True)
def no_variable(monkeypatch):
    monkeypatch.delenv("OSCIPROP_DATA", raising=False)


@pytest.mark.parametrize("place", ["", "cifar10"])
def test_a_folder_of_batches_is_read(tmp_path, place):
    write_folder(tmp_path / place)
    assert_is_ours(cifar10(folder=tmp_path))


@pytest.mark.parametrize("place", ["", "cifar10"])
def test_an_archive_is_read_and_not_unpacked(tmp_path, monkeypatch, place):
    path = write_archive(tmp_path / place, files10())
    monkeypatch.setenv("OSCIPROP_DATA", str(tmp_path))
    assert_is_ours(cifar10())
    assert [entry for entry in tmp_path.rglob("*") if entry.is_file()] == [path]


def test_the_argument_comes_before_the_variable(tmp_path, monkeypatch):
    write_folder(tmp_path)
    monkeypatch.setenv("OSCIPROP_DATA", str(tmp_path / "nowhere"))
    assert_is_ours(cifar10(folder=tmp_path))


def test_cifar100_has_its_fine_labels(tmp_path):
    folder = tmp_path / "cifar-100-python"
    labels = [99, 0, 50]
    for name in ("train", "test"):
        write_batch(folder / name, TEST, labels, key="fine_labels")
    data = cifar100(folder=tmp_path)
    assert (data.name, data.num_classes) == ("cifar100", 100)
    assert data.y_train.tolist() == data.y_test.tolist() == labels
    np.testing.assert_array_equal(data.x_train, TEST)


def test_the_archive_is_downloaded_once(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    path = write_archive(tmp_path / "server", files10())
    requested = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            requested.append(self.path)

    handler = partial(Handler, directory=str(tmp_path / "server"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        source = replace(
            CIFAR10,
            base_url=f"http://127.0.0.1:{server.server_port}",
            registry={path.name: f"sha256:{digest}"},
        )
        try:
            assert_is_ours(cifar10(tmp_path / "cache", source=source))
            assert_is_ours(cifar10(tmp_path / "cache", source=source))
            wrong = replace(source, registry={path.name: f"sha256:{'0' * 64}"})
            with pytest.raises(DatasetError, match="expected checksum"):
                cifar10(tmp_path / "other", source=wrong)
        finally:
            server.shutdown()
            thread.join()
    assert requested == ["/cifar-10-python.tar.gz"] * 2


def test_published_sources_are_complete():
    for source in (CIFAR10, CIFAR100):
        ((name, checksum),) = source.registry.items()
        assert name.endswith("-python.tar.gz") and len(checksum) == len("sha256:") + 64


def test_missing_data_tell_where_they_were_looked_for(tmp_path):
    with pytest.raises(DatasetError, match="no cifar10 data in .*looked for .*Put one of them"):
        cifar10(folder=tmp_path)
    (write_folder(tmp_path) / "data_batch_3").unlink()
    with pytest.raises(DatasetError, match="there is no .*data_batch_3: put the whole"):
        cifar10(folder=tmp_path)


def dumped(**change) -> bytes:
    content = {"data": rows(TEST), "labels": TEST_LABELS} | change
    return pickle.dumps({key: value for key, value in content.items() if value is not None})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (dumped(labels=None), "an entry 'labels', found the entries"),
        (dumped(data=None), "an entry 'data'"),
        (dumped(data=[1, 2, 3]), "data of dtype uint8, found <class 'list'>"),
        (dumped(data=rows(TEST).astype(object)), "data of dtype uint8, found object"),
        (dumped(data=rows(TEST).astype(float)), "data of dtype uint8, found float64"),
        (dumped(data=rows(TEST)[:, :-1]), r"data of shape \(n, 3072\), found shape \(3, 3071\)"),
        (dumped(data=rows(TEST)[:0], labels=[]), r"data of shape .*found shape \(0, 3072\)"),
        (dumped(labels=[1, 2]), r"3 integer labels.*found int64 of shape \(2,\)"),
        (dumped(labels=[1, 2, [3]]), "3 integer labels"),
        (dumped(labels=[0.0, 1.0, 2.0]), "3 integer labels.*found float64"),
        (dumped(labels=[0, 1, 10]), "labels from 0 to 9, found labels from 0 to 10"),
        (dumped(labels=[0, 1, -1]), "labels from 0 to 9, found labels from -1 to 1"),
        (dumped()[:-500], "a pickled dictionary"),
        (b"<html>404</html>", "a pickled dictionary"),
    ],
)
def test_a_damaged_batch_is_named(tmp_path, content, message):
    (write_folder(tmp_path) / "test_batch").write_bytes(content)
    with pytest.raises(DatasetError, match=f"test_batch: expected {message}.*fresh copy"):
        cifar10(folder=tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_archive_is_named(tmp_path, share):
    path = write_archive(tmp_path, files10())
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DatasetError, match="cifar-10-python.tar.gz.*fresh copy"):
        cifar10(folder=tmp_path)


def test_an_archive_without_a_batch_is_named(tmp_path):
    files = files10()
    del files["data_batch_5"]
    write_archive(tmp_path, files)
    with pytest.raises(DatasetError, match="cifar-10-python.tar.gz: expected .*data_batch_5"):
        cifar10(folder=tmp_path)
