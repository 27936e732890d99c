"""Where a result comes from: versions, device and commit."""

from pathlib import Path

from osciprop.files import provenance


def environment() -> dict[str, object]:
    """Versions of all that computes, the kind of device, and this checkout's git commit."""
    return provenance.environment(Path(__file__).parent)
