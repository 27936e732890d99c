"""`REPORT.md`: every claim of every full-size figure, and of trained networks, in one page."""

from collections.abc import Sequence
from pathlib import Path

from .claim import Claim, Value
from .figure import PaperFigure
from .files import write_text
from .record import Record, decode_all, load
from .registry import FIGURES, TABLES
from .runner import json_path
from .trained import TrainedTable

HEADER = """\
# Published figures: theirs and ours

Made by `python -m paper_figures` from the JSON file beside each figure and the stored runs of
`experiments`; do not edit. Each row is one claim: the published number, ours, and the criterion
that decides. A row that does not pass carries its reason.
"""


def show(value: Value) -> str:
    """A number, some numbers, or words, as one cell."""
    if isinstance(value, str):
        return value
    if isinstance(value, Sequence):
        return ", ".join(show(float(entry)) for entry in value)
    return f"{value:.7g}"


def verdict(claim: Claim) -> str:
    """Pass or deviation, with what is to be said about it."""
    word = "pass" if claim.passed else "**deviation**"
    reason = claim.reason or ("" if claim.passed else "not explained yet")
    return f"{word}: {reason}" if reason else word


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def table(claims: Sequence[Claim]) -> str:
    """Claims as a Markdown table."""
    rows = [_row(["figure", "claim", "published", "ours", "criterion", "verdict"])]
    rows.append("|---|---|---|---|---|---|")
    for claim in claims:
        numbers = [show(claim.published), show(claim.ours)]
        rows.append(_row([claim.figure, claim.text, *numbers, claim.criterion, verdict(claim)]))
    return "\n".join(rows)


def _section(figure: PaperFigure, record: Record, claims: Sequence[Claim]) -> str:
    where = record.environment
    made = (
        f"{figure.SOURCE} Computed in {record.wall_time_s:.3g} s on {where['device']} with "
        f"osciprop {where['osciprop']}, jax {where['jax']}, Python {where['python']}."
    )
    image = f"![{figure.TITLE}]({figure.NAME}.png)"
    return f"## {figure.NAME}: {figure.TITLE}\n\n{made}\n\n{table(claims)}\n\n{image}\n"


def _trained_section(trained: TrainedTable, claims: Sequence[Claim]) -> str:
    return f"## {trained.NAME}: {trained.TITLE}\n\n{trained.SOURCE}\n\n{table(claims)}\n"


def report(folder: Path) -> str:
    """The page for all figures with a full-size record in `folder`.

    Trained networks are those of the checkout around `folder`, if it is in one.
    """
    sections, passed, total = [], 0, 0
    for figure in FIGURES:
        path = json_path(folder, figure.NAME)
        if not path.exists():
            continue
        record = load(path)
        claims = figure.claims(decode_all(record.data))
        passed += sum(claim.passed for claim in claims)
        total += len(claims)
        sections.append(_section(figure, record, claims))
    where = f"in {len(sections)} figures"
    tables = 0
    for trained in TABLES:
        claims = trained.claims(folder.resolve().parent)
        if claims:
            passed += sum(claim.passed for claim in claims)
            total += len(claims)
            tables += 1
            sections.append(_trained_section(trained, claims))
    if tables:
        where += f" and {tables} table{'s' if tables > 1 else ''} of trained networks"
    summary = f"{passed} of {total} claims pass, {where}.\n"
    return "\n".join([HEADER, summary, *sections])


def write_report(folder: Path) -> None:
    """Write `REPORT.md` into `folder`."""
    write_text(folder / "REPORT.md", report(folder))
