"""Which file of the repository is which page or file of the site, and how links are told so.

The pages of `docs/` are written for readers of the repository: their links lead to files as they
lie there. The site has `docs/` at its top, pages of other folders under their own paths, and beside
them whatever files they link to.
"""

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

RENAMED = {
    "README.md": "overview.md",  # README.md would be the landing page
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
OTHERS = (
    *RENAMED,
    "benchmarks/README.md",
    "experiments/README.md",
    "experiments/studies/README.md",
    "paper_figures/README.md",
    "paper_figures/REPORT.md",
)
"""Pages that lie outside of `docs/`."""

CODE = re.compile(r"^ *(`{3,})[^`\n]*\n.*?^ *\1 *$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#|/)([^)\s#]+)")
ITEM = re.compile(r"(?:[-*+]|\d+\.) +(?=\S)")
FENCE = re.compile(r"`{3,}")


def notebooks() -> list[Path]:
    """The notebooks of the repository."""
    return sorted((ROOT / "notebooks").glob("*.ipynb"))


def place(source: str) -> str:
    """Where in the site a file of the repository is, by its path from the root."""
    if source in RENAMED:
        return RENAMED[source]
    if source.startswith("docs/"):
        return source.removeprefix("docs/")
    return re.sub(r"^(notebooks/\w+)\.ipynb$", r"\1.md", source)


def outside_code(text: str) -> Iterator[tuple[bool, str]]:
    """The parts of a page, each with whether it is text, or else code."""
    end = 0
    for found in CODE.finditer(text):
        yield True, text[end : found.start()]
        yield False, found[0]
        end = found.end()
    yield True, text[end:]


def linked(text: str, source: str) -> Iterator[str]:
    """The files of the repository that a page links to."""
    for is_text, part in outside_code(text):
        if is_text:
            for target in LINK.findall(part):
                path = _resolved(target, source)
                if (ROOT / path).is_file():
                    yield path


def relinked(text: str, source: str) -> str:
    """A page whose links lead to where in the site their files are; others stay, and fail."""
    folder = posixpath.dirname(place(source))

    def told(found: re.Match[str]) -> str:
        path = _resolved(found[0], source)
        there = (ROOT / path).is_file()
        return posixpath.relpath(place(path), folder or ".") if there else found[0]

    parts = outside_code(text)
    return "".join(LINK.sub(told, part) if is_text else part for is_text, part in parts)


def indented(text: str) -> str:
    """A page in which what belongs to an item of a list stands four columns in, per level.

    CommonMark, for which the pages are written, asks for as many columns as the item's mark takes.
    """
    lines: list[str] = []
    offsets: list[int] = []  # of the items that a line may belong to
    fence = ""
    for line in text.splitlines():
        stripped = line.lstrip(" ")
        column = len(line) - len(stripped)
        if stripped and not fence:
            while offsets and column < offsets[-1] and (ITEM.match(stripped) or not lines[-1]):
                offsets.pop()
        inner = [offset for offset in offsets if offset <= column]
        lines.append(" " * (column + 4 * len(inner) - max(inner, default=0)) + stripped)
        mark = FENCE.match(stripped)
        if mark and (not fence or stripped.startswith(fence)):
            fence = "" if fence else mark[0]
        item = ITEM.match(stripped)
        if item and not fence:
            offsets.append(column + len(item[0]))
    return "\n".join(lines) + "\n"


def _resolved(target: str, source: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
