"""JSON files that are written whole or not at all."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from .errors import StudyError


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file by way of a temporary one; missing folders are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(content, file, indent=1)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read_json(path: Path) -> Any:
    """The content of a JSON file. Raises `StudyError` if it holds none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StudyError(
            f"{path} cannot be read ({error}): restore it from a copy, or remove the study's "
            "folder and run it anew"
        ) from error
