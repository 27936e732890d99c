"""Notebooks as Markdown, with the outputs that are stored in them."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def converted(path: Path) -> tuple[str, dict[str, bytes]]:
    """A notebook as a page, and its pictures by their names beside the page."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    pictures: dict[str, bytes] = {}
    parts = [part for cell in notebook["cells"] for part in _cell(cell, path.stem, pictures)]
    return "\n\n".join(parts) + "\n", pictures


def _cell(cell: dict[str, Any], name: str, pictures: dict[str, bytes]) -> Iterator[str]:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        yield source
        return
    yield f"```python\n{source}\n```"
    for output in cell["outputs"]:
        data = output.get("data", {})
        if "image/png" in data:
            picture = f"{name}_{len(pictures) + 1}.png"
            pictures[picture] = base64.b64decode("".join(data["image/png"]))
            yield f"![output {len(pictures)}]({picture})"
        elif "text/html" in data:
            yield f'<div class="output">{"".join(data["text/html"])}</div>'
        elif output.get("name") != "stderr":
            text = "".join(output.get("text", data.get("text/plain", "")))
            yield f"```{{.text .output}}\n{text.rstrip()}\n```"
