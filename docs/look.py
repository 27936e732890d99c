"""Photograph every page of the site in a browser, at desktop and phone width, to look at it.

    make docs
    python docs/look.py              # writes site-pictures/, and sheets of twelve pages
    python docs/look.py --pages theory.html noise.html

Needs Chromium (Debian: `apt install chromium`). Pages are opened from the folder, as somebody would
who has no server.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parents[1]
WIDTHS = {"desktop": 1280, "phone": 390}
HEIGHT = {"desktop": 2400, "phone": 3200}
"""Of the window, in pixels: a long page is seen down to there."""

COLUMNS, ROWS, SHRUNK = 4, 3, 480
"""Of a sheet, and the width of a page on it."""


def photograph(page: Path, kind: str, picture: Path) -> None:
    """Open a page, wait for it, and write what the window shows."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("no browser was found: install chromium")
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [
                browser,
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                "--allow-file-access-from-files",
                f"--user-data-dir={profile}",
                f"--window-size={WIDTHS[kind]},{HEIGHT[kind]}",
                "--virtual-time-budget=4000",
                f"--screenshot={picture}",
                page.resolve().as_uri(),
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )


def sheets(pictures: Sequence[Path]) -> Iterator[Image.Image]:
    """Twelve pages each, shrunk, with their names."""
    for start in range(0, len(pictures), COLUMNS * ROWS):
        part = pictures[start : start + COLUMNS * ROWS]
        shrunk = []
        for path in part:
            with Image.open(path) as whole:
                height = round(whole.height * SHRUNK / whole.width)
                small = whole.convert("RGB").resize((SHRUNK, height))
            shrunk.append(small.crop((0, 0, SHRUNK, min(height, 2 * SHRUNK))))
        high = max(picture.height for picture in shrunk) + 20
        sheet = Image.new("RGB", (COLUMNS * (SHRUNK + 8), high * ROWS), "white")
        draw = ImageDraw.Draw(sheet)
        for number, (path, picture) in enumerate(zip(part, shrunk, strict=True)):
            corner = (number % COLUMNS * (SHRUNK + 8), number // COLUMNS * high)
            draw.text((corner[0] + 4, corner[1] + 4), path.stem, fill="black")
            sheet.paste(picture, (corner[0], corner[1] + 20))
        yield sheet


def main() -> None:
    """Photograph the pages that were named, or all."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--site", type=Path, default=ROOT / "site", help="where the site is")
    parser.add_argument("--output", type=Path, default=ROOT / "site-pictures", help="folder")
    parser.add_argument("--pages", nargs="+", help="pages of the site; all by default")
    arguments = parser.parse_args()
    names = arguments.pages or sorted(
        str(path.relative_to(arguments.site)) for path in arguments.site.rglob("*.html")
    )
    if not names:
        sys.exit(f"{arguments.site} holds no pages: run `make docs` first")
    for kind in WIDTHS:
        folder = arguments.output / kind
        folder.mkdir(parents=True, exist_ok=True)
        pictures = []
        for name in names:
            pictures.append(folder / f"{name.removesuffix('.html').replace('/', '-')}.png")
            photograph(arguments.site / name, kind, pictures[-1])
        for number, sheet in enumerate(sheets(pictures)):
            sheet.save(arguments.output / f"{kind}-{number}.png")
        print(f"{len(pictures)} pages at {kind} width: {folder}")


if __name__ == "__main__":
    main()
