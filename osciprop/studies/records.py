"""JSON files that are written whole or not at all."""

import json
from pathlib import Path
from typing import Any

from ..files.durable import replacing
from .errors import StudyError


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file; missing folders are made."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """The content of a JSON file. Raises `StudyError` if it holds none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StudyError(
            f"{path} cannot be read ({error}): restore it from a copy, or remove the study's "
            "folder and run it anew"
        ) from error
