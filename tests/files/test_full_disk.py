"""Disks that are full, to the byte: the last good file stays, and an error says which and why."""

import errno
import functools
import signal
import subprocess

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import osciprop
from osciprop.files.checkpoint import load_checkpoint, save_checkpoint
from osciprop.files.durable import LOCK, UNFINISHED, replacing

resource = pytest.importorskip("resource")

PAGE = 4096

pytestmark = pytest.mark.slow


@pytest.fixture(params=[64, 128, 1024], ids=lambda size: f"{size} KiB")
def disk(request, tmp_path):
    """A folder on a small disk of its own, and its size in bytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={request.param}k", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs the right to mount a disk")
    yield folder, request.param * 1024
    subprocess.run(["umount", str(folder)], check=True)


def tree(step: int, numbers: int):
    return {"weights": jnp.full(numbers, float(step)), "last": np.arange(50.0) + step}


def require_refused(write, folder, path):
    """That a write is refused, says so, and leaves nothing."""
    with pytest.raises(OSError, match="free space") as caught:
        write()
    assert caught.value.errno == errno.ENOSPC
    assert f"{path} cannot be written, and what was there before is kept" in str(caught.value)
    assert not [entry for entry in folder.iterdir() if entry.name.startswith(UNFINISHED)]


def test_a_full_disk_keeps_the_last_checkpoint(disk):
    """Free is what the new file needs, or some pages less."""
    folder, size = disk
    path, refused, fine = folder / "run", 0, 0
    for numbers in (*range(100, 2000, 100), size // 40):
        good, new = tree(1, numbers), tree(2, numbers)
        for missing in (0, 1, 2, 5):
            for entry in folder.iterdir():
                entry.unlink()
            save_checkpoint(path, good, {"step": 1})
            pages = -(-path.stat().st_size // PAGE)
            left = size // PAGE - 2 * pages + missing
            if missing > pages or left < 0:
                continue
            (folder / "fill").write_bytes(bytes(PAGE) * left)
            write = functools.partial(save_checkpoint, path, new, {"step": 2})
            if missing:
                require_refused(write, folder, path)
                refused += 1
            else:
                write()
                fine += 1
            loaded, header = load_checkpoint(path, good)
            assert header["step"] == loaded["weights"][0] == (1 if missing else 2)
    assert refused >= 20 and fine >= 10


def test_a_full_disk_keeps_the_last_network(disk):
    folder, _ = disk
    network = osciprop.hopfield_mlp([8, 10, 3], key=jax.random.key(0))
    osciprop.save(folder / "net", network)
    with (folder / "fill").open("wb", buffering=0) as file, pytest.raises(OSError):
        while True:
            file.write(bytes(PAGE))
    other = osciprop.hopfield_mlp([8, 10, 3], key=jax.random.key(1))
    require_refused(lambda: osciprop.save(folder / "net", other), folder, folder / "net")
    kept = osciprop.load(folder / "net", other)
    assert (kept.synapses[0].weight == network.synapses[0].weight).all()


@pytest.fixture
def largest_file():
    """Sets the largest size that a file may have."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_from_one_byte_short_upwards(tmp_path, largest_file):
    path = tmp_path / "run"
    save_checkpoint(path, tree(1, 300), {"step": 1})
    size = path.stat().st_size
    sizes = [*range(size - 1, size - 80, -1), *range(size - 80, -1, -97), 0]
    for limit in sizes:
        largest_file(limit)
        with pytest.raises(OSError, match="run cannot be written.*limit of a file") as caught:
            save_checkpoint(path, tree(2, 300), {"step": 2})
        assert caught.value.errno == errno.EFBIG
        assert [entry.name for entry in tmp_path.iterdir()] == ["run"]
        assert load_checkpoint(path, tree(0, 300))[1]["step"] == 1
    assert len(sizes) > 100
    largest_file(size)
    save_checkpoint(path, tree(2, 300), {"step": 2})
    assert load_checkpoint(path, tree(0, 300))[1]["step"] == 2


def interrupted(path):
    """The folder that a write to a path makes, there again after its end."""
    with replacing(path) as temporary:
        temporary.write_bytes(path.read_bytes())
    temporary.parent.mkdir()
    (temporary.parent / LOCK).touch()
    return temporary.parent


def test_room_is_made_by_what_killed_runs_left(disk):
    folder, size = disk
    save_checkpoint(folder / "run", tree(1, 300), {"step": 1})
    # As another run with the same path would, killed while it wrote.
    left = interrupted(folder / "run")
    (left / "run").write_bytes(bytes(size - 8 * PAGE))
    save_checkpoint(folder / "run", tree(2, 300), {"step": 2})
    assert not left.exists()
