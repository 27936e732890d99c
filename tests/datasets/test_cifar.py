"""CIFAR-10 and CIFAR-100 from folders, archives and a server, in small, read by `pixel_batches`."""

import gzip
import hashlib
import http.server
import io
import os
import pickle
import shutil
import tarfile
import threading
import tracemalloc
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from batch_files import images, python2_batch, rows, write_batch
from damaged_files import damages, outcomes

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


def test_an_archive_packed_from_its_folder_is_read(tmp_path):
    write_folder(tmp_path)
    with tarfile.open(tmp_path / "cifar-10-python.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "cifar-10-batches-py", "./cifar-10-batches-py")
    shutil.rmtree(tmp_path / "cifar-10-batches-py")
    assert_is_ours(cifar10(folder=tmp_path))


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
        (dumped(data=rows(TEST).astype(object)), "a pickled dictionary, found .*array of type .O8"),
        (dumped(data=rows(TEST).astype(float)), "data of dtype uint8, found float64"),
        (dumped(data=rows(TEST)[:, :-1]), r"data of shape \(n, 3072\), found shape \(3, 3071\)"),
        (dumped(data=rows(TEST)[:0], labels=[]), r"data of shape .*found shape \(0, 3072\)"),
        (dumped(labels=[1, 2]), r"3 integer labels.*found int64 of shape \(2,\)"),
        (dumped(labels=[1, 2, [3]]), "3 integer labels"),
        (dumped(labels=[0.0, 1.0, 2.0]), "3 integer labels.*found a list of float"),
        (dumped(labels=[0, True, 2]), "3 integer labels.*found a list of bool"),
        (dumped(labels=[0, 1, 2**70]), "3 integer labels.*found Python int too large"),
        (dumped(labels=np.zeros(3)), "3 integer labels.*found float64"),
        (dumped(labels=7), "3 integer labels.*found <class .int.>"),
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


def test_all_that_is_missing_is_named(tmp_path):
    folder = write_folder(tmp_path)
    for name in ("data_batch_2", "test_batch"):
        (folder / name).unlink()
    with pytest.raises(DatasetError, match="there is no data_batch_2, no test_batch: put"):
        cifar10(folder=tmp_path)
    files = files10()
    del files["data_batch_2"], files["test_batch"]
    path = write_archive(tmp_path / "cifar10", files)
    for rest in folder.iterdir():
        rest.unlink()
    folder.rmdir()
    with pytest.raises(DatasetError, match="found no data_batch_2, no test_batch in it"):
        cifar10(folder=path.parent)


@pytest.mark.parametrize("name", ["cifar-10-batches-py", "cifar-10-python.tar.gz"])
def test_a_named_pipe_is_not_waited_for(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(DatasetError, match=f"{name} is a named pipe.: looked for"):
        cifar10(folder=tmp_path)
    (tmp_path / name).unlink()
    folder = write_folder(tmp_path)
    (folder / "test_batch").unlink()
    os.mkfifo(folder / "test_batch")
    with pytest.raises(DatasetError, match=r"no test_batch \(.*test_batch is a named pipe\): put"):
        cifar10(folder=tmp_path)


def archive_of(place: Path, *members: tarfile.TarInfo, contents: bytes = b"") -> None:
    """An archive of the data with members before them, whose contents are these."""
    path = write_archive(place, files10())
    with tarfile.open(path) as archive:
        entries = [(entry, archive.extractfile(entry)) for entry in archive]
        contents_of = [(entry, file.read()) for entry, file in entries if file is not None]
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for entry, content in contents_of:
            archive.addfile(entry, io.BytesIO(content))
    head = b"".join(
        member.tobuf(tarfile.GNU_FORMAT) + contents + bytes(-len(contents) % 512)
        for member in members
    )
    path.write_bytes(gzip.compress(head + stream.getvalue(), compresslevel=1))


def member(kind: bytes, *, name: str = "test_batch", target: str = "", size: int = 0):
    info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
    info.type, info.linkname, info.size = kind, target, size
    return info


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(member(tarfile.SYMTYPE, target="nowhere"), id="dangling"),
        pytest.param(member(tarfile.SYMTYPE, target="test_batch"), id="looping"),
        pytest.param(member(tarfile.LNKTYPE, target="cifar-10-batches-py/test_batch"), id="hard"),
        pytest.param(member(tarfile.FIFOTYPE), id="pipe"),
        pytest.param(member(tarfile.CHRTYPE), id="device"),
        pytest.param(member(tarfile.DIRTYPE), id="folder"),
        pytest.param(member(tarfile.GNUTYPE_SPARSE), id="sparse"),
    ],
)
def test_members_that_are_no_regular_files_are_refused(tmp_path, entry):
    archive_of(tmp_path, entry)
    with pytest.raises(DatasetError, match="test_batch in .*expected a regular file, found a fol"):
        cifar10(folder=tmp_path)


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(member(tarfile.REGTYPE, name="other", size=2**33), id="other"),
        pytest.param(member(tarfile.REGTYPE, size=2**33), id="batch"),
        pytest.param(member(tarfile.GNUTYPE_LONGNAME, size=2**33), id="name"),
        pytest.param(member(tarfile.XHDTYPE, size=2**33), id="header"),
    ],
)
def test_absurd_sizes_in_an_archive_take_no_memory(tmp_path, entry):
    archive_of(tmp_path, entry)
    tracemalloc.start()
    with pytest.raises(DatasetError, match=r"tar.gz.*(tar -xzf|fresh copy)"):
        cifar10(folder=tmp_path)
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()


def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch):
    size = 3_000_000
    archive_of(tmp_path, member(tarfile.REGTYPE, name="other", size=size), contents=bytes(size))
    assert_is_ours(cifar10(folder=tmp_path))
    monkeypatch.setattr("osciprop.datasets.limits.UNPACKED_LIMIT", size)
    with pytest.raises(DatasetError, match="at most 3000000 bytes when unpacked.*tar -xzf"):
        cifar10(folder=tmp_path)


def test_another_picture_in_an_archive_is_noticed(tmp_path):
    """By the checksum at its very end, which is beyond all that is wanted."""
    path = write_archive(tmp_path, files10())
    content = bytearray(gzip.compress(gzip.decompress(path.read_bytes()), compresslevel=0))
    place = content.index(rows(TEST).tobytes()[:100])
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(DatasetError, match="tar.gz: expected .*BadGzipFile: CRC"):
        cifar10(folder=tmp_path)


def test_damage_of_any_kind_is_refused(tmp_path):
    path = write_archive(tmp_path, files10())

    def read(content: bytes) -> None:
        path.write_bytes(content)
        assert_is_ours(cifar10(folder=tmp_path))

    refused, passed = outcomes(read, damages(path.read_bytes(), 50))
    assert refused + passed == 50 and refused >= 30


def test_damaged_tars_are_refused(tmp_path):
    """With a right checksum around them."""
    path = write_archive(tmp_path, files10())
    tar = gzip.decompress(path.read_bytes())

    def read(content: bytes) -> None:
        path.write_bytes(gzip.compress(content, compresslevel=1))
        assert cifar10(folder=tmp_path).x_train.shape == TRAIN.shape

    refused, passed = outcomes(read, damages(tar, 50))
    assert refused + passed == 50 and refused >= 20
