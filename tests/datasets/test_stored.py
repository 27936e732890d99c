"""What is at hand, as the functions that load it would find it."""

import os
from pathlib import Path

import pytest

from osciprop.datasets import FASHION_MNIST, MNIST, inventory
from osciprop.datasets.imagenet import _TEST, _TRAIN


@pytest.fixture(autouse=True)
def no_folder(monkeypatch):
    monkeypatch.delenv("OSCIPROP_DATA", raising=False)


def found(cache) -> dict[str, tuple[int, str]]:
    return {stored.name: (stored.size, str(stored)) for stored in inventory(cache)}


def fill(folder, names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(bytes(1000))


def test_an_empty_cache_holds_the_digits_alone(tmp_path):
    sizes = {name: size for name, (size, _) in found(tmp_path).items()}
    assert sizes.pop("digits") > 10_000
    assert set(sizes.values()) == {0}
    assert len(sizes) == 6
    assert "missing" in found(tmp_path)["mnist"][1]
    assert list(tmp_path.iterdir()) == []


def test_downloads_count_when_they_are_complete(tmp_path):
    fill(tmp_path / "mnist", MNIST.registry)
    fill(tmp_path / "fashion_mnist", list(FASHION_MNIST.registry)[:3])
    fill(tmp_path / "cifar10", ["cifar-10-python.tar.gz"])
    fill(tmp_path / "imagenet32", [f"{x}_{part}.npy" for x in "xy" for part in ("train", "test")])
    sizes = {name: size for name, (size, _) in found(tmp_path).items()}
    assert sizes["mnist"] == 1000
    assert sizes["fashion_mnist"] == 0
    assert sizes["cifar10"] == 1000
    assert sizes["imagenet32"] == 4000
    assert found(tmp_path)["imagenet32"][1].endswith(str(tmp_path / "imagenet32"))


def test_a_folder_of_the_users_own(tmp_path, monkeypatch):
    monkeypatch.setenv("OSCIPROP_DATA", str(tmp_path))
    fill(tmp_path, ["mnist.npz", "cifar10_jpeg.npz"])
    fill(tmp_path / "cifar-100-python", ["train", "test"])
    fill(tmp_path / "imagenet32", [*_TRAIN, *_TEST])
    sizes = {name: size for name, (size, _) in found(tmp_path / "cache").items()}
    assert sizes["mnist"] == sizes["cifar10_jpeg"] == 1000
    assert sizes["cifar100"] == 2000
    assert sizes["imagenet32"] == 11_000
    assert sizes["cifar10"] == sizes["fashion_mnist"] == 0
    assert f"not in {tmp_path}" in found(tmp_path / "cache")["cifar10"][1]


def test_every_layout_is_found_and_no_pipe_is(tmp_path, monkeypatch):
    monkeypatch.setenv("OSCIPROP_DATA", str(tmp_path))
    fill(tmp_path / "FashionMNIST" / "raw", FASHION_MNIST.registry)
    fill(tmp_path, [f"{name}.npz" for name in (*_TRAIN, *_TEST)])
    os.mkfifo(tmp_path / "mnist.npz")
    os.mkfifo(tmp_path / "cifar10_jpeg.npz")
    sizes = {name: size for name, (size, _) in found(tmp_path / "cache").items()}
    assert sizes["fashion_mnist"] == 4000
    assert sizes["imagenet32"] == 11_000
    assert sizes["mnist"] == sizes["cifar10_jpeg"] == 0


def test_what_may_not_be_looked_at_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("OSCIPROP_DATA", str(tmp_path))

    def refuse(path, *_, **__):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "stat", refuse)
    assert {size for size, _ in found(tmp_path).values()} == {0}
