"""Where a result comes from: versions, device and commit."""

import importlib.metadata
import platform
import subprocess
from pathlib import Path

import jax

import osciprop

PACKAGES = ("jax", "numpy", "diffrax", "equinox", "optimistix")


def environment() -> dict[str, object]:
    """Versions of all that computes, the kind of device, and the git commit (None outside git)."""
    device = jax.devices()[0]
    return {
        "osciprop": osciprop.__version__,
        **{name: importlib.metadata.version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "device": f"{device.platform}: {device.device_kind}",
        "git_commit": git_commit(),
    }


def git_commit() -> str | None:
    """The commit of the working tree, with `-dirty` if tracked files differ from it."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude", "*"]
    try:
        answer = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return answer.stdout.strip()
