"""Run one figure: compute, record, draw, judge."""

import time
from pathlib import Path

from . import record as records
from .claim import Claim
from .environment import environment
from .figure import Data, PaperFigure
from .files import write_atomically
from .style import save_figure

HOME = Path(__file__).parent


def json_path(folder: Path, name: str, fast: bool = False) -> Path:
    """Where a figure's record stands; fast ones beside the full-size one, with `.fast`."""
    return folder / f"{name}{'.fast' if fast else ''}.json"


def run(figure: PaperFigure, fast: bool, folder: Path) -> list[Claim]:
    """Compute a figure, write `<name>.json` and `<name>.png`, and return its claims."""
    start = time.perf_counter()
    data = figure.compute(fast)
    elapsed = time.perf_counter() - start
    record = records.Record(
        figure=figure.NAME,
        title=figure.TITLE,
        source=figure.SOURCE,
        fast=fast,
        settings=figure.settings(fast),
        environment=environment(),
        wall_time_s=round(elapsed, 2),
        data=records.encode_all(data),
    )
    records.save(record, json_path(folder, figure.NAME, fast))
    return redraw(figure, fast, folder)


def stored(figure: PaperFigure, folder: Path = HOME) -> Data:
    """The data of a figure's full-size record."""
    return records.decode_all(records.load(json_path(folder, figure.NAME)).data)


def redraw(figure: PaperFigure, fast: bool, folder: Path) -> list[Claim]:
    """Draw a figure again from its record, and return its claims."""
    path = json_path(folder, figure.NAME, fast)
    data = records.decode_all(records.load(path).data)
    drawn = figure.plot(data)
    write_atomically(path.with_suffix(".png"), lambda temporary: save_figure(drawn, temporary))
    return figure.claims(data)
