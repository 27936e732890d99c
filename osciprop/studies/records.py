"""JSON files, each with a checksum of what it says."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import StudyError

CHECKSUM = "checksum"


def encoded(content: Mapping[str, Any]) -> bytes:
    """A record as the content of its file."""
    return (json.dumps({**content, CHECKSUM: _checksum(content)}, indent=1) + "\n").encode()


def read_json(path: Path, form: str | None = None) -> dict[str, Any]:
    """The content of a JSON file.

    Raises `StudyError` if it holds none, if it is not what was written, and if its entry `format`
    is not `form`, where this is given.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise unreadable(path, str(error)) from error
    if not isinstance(content, dict):
        raise unreadable(path, f"it holds {type(content).__name__}, no record")
    if form is not None and content.get("format") != form:
        raise StudyError(
            f"{path} is not of format {form!r}, but of {content.get('format')!r}: give another "
            "store, or the version of osciprop that wrote it"
        )
    checksum = content.pop(CHECKSUM, None)
    if checksum != _checksum(content):
        raise unreadable(path, "it does not match its checksum: damaged, or edited")
    return content


def unreadable(path: Path, why: str) -> StudyError:
    """The error of a file without which a store cannot be read."""
    return StudyError(
        f"{path} cannot be read ({why}): restore it from a copy, or remove the study's folder and "
        "run it anew"
    )


def _checksum(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
