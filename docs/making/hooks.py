"""What mkdocs calls while it builds the site."""

import logging
import re
from pathlib import Path
from typing import Any

import mathematics
import offline
import places
import reference
import stored_notebooks
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

log = logging.getLogger("mkdocs.hooks.osciprop")

SOURCES: dict[str, str] = {}
"""The file of the repository behind each page, by the page's place in the site."""

NAMED = re.compile(r"(<(pre|h[1-6]|a)\b.*?</\2>)|<code>([\w.]+)(\(.*?\))?</code>", re.DOTALL)


@event_priority(100)
def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what lies elsewhere: pages, notebooks, the reference, and what pages link to."""
    texts = {f"docs/{file.src_uri}": file.content_string for file in files.documentation_pages()}
    for source in places.OTHERS:
        texts[source] = (places.ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, places.place(source), content=texts[source]))
    for path in places.notebooks():
        source = f"notebooks/{path.name}"
        texts[source], pictures = stored_notebooks.converted(path)
        files.append(File.generated(config, places.place(source), content=texts[source]))
        for name, content in pictures.items():
            files.append(File.generated(config, f"notebooks/{name}", content=content))
    SOURCES.update({places.place(source): source for source in texts})
    for problem in reference.problems():
        log.warning(problem)
    for place, content in reference.pages().items():
        files.append(File.generated(config, place, content=content))
    for source, text in texts.items():
        for target in places.linked(text, source):
            if files.get_file_from_path(places.place(target)) is None:
                path = str(places.ROOT / target)
                files.append(File.generated(config, places.place(target), abs_src_path=path))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Turn links to files of the repository into links to where in the site they are."""
    source = SOURCES.get(page.file.src_uri)
    return markdown if source is None else places.indented(places.relinked(markdown, source))


def on_page_content(html: str, page: Page, **_: Any) -> str:
    """Draw formulas, and link public names to the reference."""

    def named(found: re.Match[str]) -> str:
        path = reference.by_text().get((found[3] or "").removesuffix("."))
        if path is None:
            return found[0]
        return f'<autoref identifier="{path}" optional>{found[0]}</autoref>'

    return NAMED.sub(named, mathematics.drawn(html))


def on_post_build(config: MkDocsConfig) -> None:
    """Look that nothing is loaded from elsewhere."""
    for problem in offline.loaded_from_elsewhere(Path(config.site_dir)):
        log.warning(f"the site is not whole by itself: {problem}")
