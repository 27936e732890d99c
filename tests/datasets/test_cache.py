"""Downloads from a server on this machine that fails in all the usual ways."""

import _thread
import gzip
import hashlib
import io
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pooch
import pytest

from osciprop.datasets import (
    CIFAR10,
    CIFAR100,
    FASHION_MNIST,
    MNIST,
    DatasetError,
    Source,
    fashion_mnist,
    mnist,
)


@dataclass
class Reply:
    """What the server answers: `body`, announced as `length` bytes (None: not announced)."""

    body: bytes
    length: int | None
    status: int = 200
    meanwhile: Callable[[], None] = lambda: None  # called when half of the body is sent


class Handler(BaseHTTPRequestHandler):
    server: "Server"

    def do_GET(self) -> None:
        self.server.requested.append(self.path)
        reply = self.server.replies.get(self.path, Reply(b"", 0, status=404))
        self.send_response(reply.status)
        if reply.length is not None:
            self.send_header("Content-Length", str(reply.length))
        self.end_headers()
        half = len(reply.body) // 2
        self.wfile.write(reply.body[:half])
        reply.meanwhile()
        self.wfile.write(reply.body[half:])

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.replies: dict[str, Reply] = {}
        self.requested: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def server(monkeypatch):
    monkeypatch.delenv("OSCIPROP_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def npz_bytes() -> bytes:
    rng = np.random.default_rng(0)
    buffer = io.BytesIO()
    np.savez(
        buffer,
        x_train=rng.integers(0, 256, (200, 28, 28), dtype=np.uint8),
        y_train=np.arange(200, dtype=np.uint8) % 10,
        x_test=rng.integers(0, 256, (20, 28, 28), dtype=np.uint8),
        y_test=np.arange(20, dtype=np.uint8) % 10,
    )
    return buffer.getvalue()


NPZ = npz_bytes()
SHA256 = f"sha256:{hashlib.sha256(NPZ).hexdigest()}"


def offer(server: Server, body: bytes = NPZ, **reply) -> Source:
    """Let the server answer for mnist.npz; the registry always expects NPZ."""
    server.replies["/mnist.npz"] = Reply(body, **({"length": len(body)} | reply))
    return replace(MNIST, base_url=server.url, registry={"mnist.npz": SHA256})


def wait_for(condition: Callable[[], bool]) -> bool:
    while not condition():
        time.sleep(0.005)
    return True


def files_in(cache: Path) -> list[str]:
    return sorted(str(p.relative_to(cache)) for p in cache.rglob("*") if p.is_file())


def failure(source: Source, cache: Path) -> str:
    with pytest.raises(DatasetError) as caught:
        mnist(cache, source=source)
    text = str(caught.value)
    assert source.url("mnist.npz") in text and str(cache / "mnist" / "mnist.npz") in text
    assert "Check the network" in text and "OSCIPROP_DATA" in text
    return text


def test_file_is_downloaded_once(server, tmp_path):
    source = offer(server)
    first = mnist(tmp_path, source=source)
    again = mnist(tmp_path, source=source)
    assert server.requested == ["/mnist.npz"]
    assert files_in(tmp_path) == [str(Path("mnist", "mnist.npz"))]
    assert first.x_train.shape == (200, 784)
    np.testing.assert_array_equal(first.x_train, again.x_train)


def test_length_need_not_be_announced(server, tmp_path):
    assert len(mnist(tmp_path, source=offer(server, length=None)).x_train) == 200


def test_slash_after_the_address_does_no_harm(server, tmp_path):
    source = replace(offer(server), base_url=f"{server.url}/")
    mnist(tmp_path, source=source)
    assert server.requested == ["/mnist.npz"]


def test_a_log_file_gets_lines(server, tmp_path, capsys):
    mnist(tmp_path, source=offer(server))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("mnist.npz: 100% 174k/174k [") and "\r" not in line


def test_four_idx_files_are_downloaded(server, tmp_path):
    shapes = [(12, 28, 28), (12,), (4, 28, 28), (4,)]
    registry = {}
    for name, shape in zip(FASHION_MNIST.registry, shapes, strict=False):
        header = bytes([0, 0, 8, len(shape)]) + np.array(shape, dtype=">u4").tobytes()
        body = gzip.compress(header + bytes(int(np.prod(shape))))
        server.replies[f"/{name}"] = Reply(body, len(body))
        registry[name] = f"md5:{hashlib.md5(body, usedforsecurity=False).hexdigest()}"
    source = replace(FASHION_MNIST, base_url=server.url, registry=registry)
    data = fashion_mnist(tmp_path, source=source)
    assert data.x_train.shape == (12, 784) and data.x_test.shape == (4, 784)
    assert len(files_in(tmp_path / "fashion_mnist")) == 4


def test_wrong_checksum_is_refused(server, tmp_path):
    body = bytes(reversed(NPZ))
    text = failure(offer(server, body), tmp_path)
    assert f"expected checksum {SHA256}" in text
    assert f"found sha256:{hashlib.sha256(body).hexdigest()}" in text
    assert files_in(tmp_path) == []


def test_early_end_is_told_from_a_wrong_file(server, tmp_path):
    text = failure(offer(server, NPZ[:100_000], length=len(NPZ)), tmp_path)
    assert f"broke off: expected {len(NPZ)} bytes, found 100000 bytes" in text
    assert files_in(tmp_path) == []


def test_early_end_without_announced_length_fails_the_checksum(server, tmp_path):
    text = failure(offer(server, NPZ[:100_000], length=None), tmp_path)
    assert f"expected checksum {SHA256}" in text
    assert files_in(tmp_path) == []


def test_empty_answer_is_refused(server, tmp_path):
    failure(offer(server, b"", length=len(NPZ)), tmp_path)
    failure(offer(server, b""), tmp_path)
    assert files_in(tmp_path) == []


@pytest.mark.parametrize("status", [403, 404, 500])
def test_refusal_by_the_server_is_reported(server, tmp_path, status):
    text = failure(offer(server, b"<html>sorry</html>", status=status), tmp_path)
    assert str(status) in text
    assert files_in(tmp_path) == []


@pytest.mark.parametrize("length", [None, len(NPZ), 2**60])
def test_a_download_without_end_is_given_up(server, tmp_path, length):
    source = replace(offer(server, NPZ, length=length), limit=100_000)
    text = failure(source, tmp_path)
    assert "expected at most 100000 bytes, found " in text and "larger limit" in text
    assert files_in(tmp_path) == []


def test_no_network_is_reported(server, tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, but nobody listens
        port = unused.getsockname()[1]
        source = replace(offer(server), base_url=f"http://127.0.0.1:{port}")
        with pytest.raises(DatasetError) as caught:
            mnist(tmp_path, source=source)
    assert isinstance(caught.value.__cause__, OSError)
    assert source.url("mnist.npz") in str(caught.value)
    assert "Check the network" in str(caught.value)
    assert files_in(tmp_path) == []


@pytest.fixture
def interruptible():
    """Python's own reaction to an interrupt, which a run in the background does not have."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_interrupt_leaves_nothing_behind(server, tmp_path):
    def press_ctrl_c() -> None:
        half_written.append(wait_for(lambda: any(p.stat().st_size for p in tmp_path.rglob("tmp*"))))
        _thread.interrupt_main()

    half_written: list[bool] = []
    source = offer(server, meanwhile=press_ctrl_c)
    with pytest.raises(KeyboardInterrupt):
        mnist(tmp_path, source=source)
    assert half_written == [True]
    assert files_in(tmp_path) == []
    assert len(mnist(tmp_path, source=offer(server)).x_train) == 200


def test_failure_is_not_remembered(server, tmp_path):
    failure(offer(server, NPZ[:-1], length=len(NPZ)), tmp_path)
    assert len(mnist(tmp_path, source=offer(server)).x_train) == 200


@pytest.mark.parametrize("damaged", [NPZ[:5000], NPZ[:-1] + b"?", b""])
def test_damaged_file_in_the_cache_is_replaced(server, tmp_path, caplog, damaged):
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / "mnist.npz").write_bytes(damaged)
    with caplog.at_level(logging.WARNING, logger="osciprop"):
        data = mnist(tmp_path, source=offer(server))
    assert len(data.x_train) == 200
    assert (tmp_path / "mnist" / "mnist.npz").read_bytes() == NPZ
    assert "is damaged" in caplog.text and "downloading it again" in caplog.text


def test_unusable_cache_folder_is_reported(server, tmp_path):
    (tmp_path / "cache").write_text("a file where a folder should be")
    with pytest.raises(DatasetError, match="cannot store .*mnist.npz.*another folder as cache="):
        mnist(tmp_path / "cache", source=offer(server))


@pytest.mark.parametrize("kind", ["a named pipe", "a folder", "a link that leads nowhere"])
def test_what_is_no_regular_file_in_the_cache_is_named(server, tmp_path, kind):
    path = tmp_path / "mnist" / "mnist.npz"
    path.parent.mkdir()
    if kind == "a named pipe":
        os.mkfifo(path)
    elif kind == "a folder":
        path.mkdir()
    else:
        path.symlink_to("nowhere")
    with pytest.raises(DatasetError, match=f"mnist.npz is {kind}, expected .*remove it and try"):
        mnist(tmp_path, source=offer(server))
    assert server.requested == []


def test_empty_variable_counts_as_unset(server, tmp_path, monkeypatch):
    monkeypatch.setenv("OSCIPROP_DATA", "")
    assert len(mnist(tmp_path, source=offer(server)).x_train) == 200


def test_default_cache_is_the_systems(server, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if tmp_path not in pooch.os_cache("osciprop").parents:
        pytest.skip("this system keeps its caches elsewhere")
    mnist(source=offer(server))
    assert files_in(tmp_path) == [str(Path("osciprop", "mnist", "mnist.npz"))]


def test_published_sources_are_complete():
    assert list(MNIST.registry) == ["mnist.npz"]
    assert len(FASHION_MNIST.registry) == 4
    for source in (MNIST, FASHION_MNIST):
        for checksum in source.registry.values():
            algorithm, digest = checksum.split(":")
            assert len(digest) == 2 * hashlib.new(algorithm, usedforsecurity=False).digest_size


@pytest.mark.parametrize("checksum", ["", "731c5ac6", "sha256:", "sha256:731C5AC6"])
def test_checksum_names_its_algorithm(checksum):
    with pytest.raises(ValueError, match=r"registry\['mnist.npz'\]=.* is no checksum: write it"):
        replace(MNIST, registry={"mnist.npz": checksum})


def test_the_limit_is_a_number_of_bytes():
    with pytest.raises(ValueError, match="limit=0 must be an integer at least 1"):
        replace(MNIST, limit=0)
    for source in (MNIST, FASHION_MNIST, CIFAR10, CIFAR100):
        assert source.limit >= 1.5 * LARGEST[source.name]


# Bytes, as published.
LARGEST = {
    "mnist": 11_490_434,
    "fashion_mnist": 26_421_880,
    "cifar10": 170_498_071,
    "cifar100": 169_001_437,
}
