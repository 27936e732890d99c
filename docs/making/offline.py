"""Whether a site is whole by itself: no script, style, font or picture from elsewhere."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

ELSEWHERE = re.compile(r"^\s*(?:https?:)?//", re.IGNORECASE)
IN_STYLE = re.compile(r"""(?:url\(\s*|@import\s+)["']?((?:https?:)?//[^"')\s]+)""", re.IGNORECASE)
LOADED = {
    "audio": ("src",),
    "embed": ("src",),
    "iframe": ("src",),
    "img": ("src", "srcset"),
    "link": ("href",),
    "object": ("data",),
    "script": ("src",),
    "source": ("src", "srcset"),
    "video": ("src", "poster"),
}
"""Attributes by tag that a browser follows without being asked; `a` is not among them."""


class _Loaded(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.found += [
            value for name in LOADED.get(tag, ()) if ELSEWHERE.match(value := given.get(name) or "")
        ]
        self.found += IN_STYLE.findall(given.get("style") or "")
        if "mermaid" in (given.get("class") or "").split():
            self.found.append("mermaid, which the theme loads from elsewhere")


def loaded_from_elsewhere(site: Path) -> Iterator[str]:
    """Each page or style that loads something from elsewhere, with what it loads."""
    for path in sorted(site.rglob("*.html")):
        parser = _Loaded()
        text = path.read_text(encoding="utf-8")
        parser.feed(text)
        styles = re.findall(r"<style.*?</style>", text, flags=re.DOTALL)
        found = parser.found + [address for style in styles for address in IN_STYLE.findall(style)]
        yield from (f"{path.relative_to(site)}: {address}" for address in found)
    for path in sorted(site.rglob("*.css")):
        for address in IN_STYLE.findall(path.read_text(encoding="utf-8")):
            yield f"{path.relative_to(site)}: {address}"
