"""Where a result comes from: versions, device and commit."""

import importlib.metadata
import platform
import subprocess
from pathlib import Path

import jax

PACKAGES = ("osciprop", "jax", "numpy", "diffrax", "equinox", "optimistix")


def versions() -> dict[str, str]:
    """Versions of all that computes."""
    found = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {**found, "python": platform.python_version()}


def environment(folder: Path | None = None) -> dict[str, object]:
    """Versions of all that computes, the kind of device, and the git commit.

    The commit is that of the checkout around `folder`, by default the current folder; None outside
    of git.
    """
    device = jax.devices()[0]
    return {
        **versions(),
        "device": f"{device.platform}: {device.device_kind}",
        "git_commit": git_commit(folder or Path.cwd()),
    }


def git_commit(folder: Path) -> str | None:
    """The commit of a folder's checkout, with `-dirty` if tracked files differ from it."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude", "*"]
    try:
        answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return answer.stdout.strip()
