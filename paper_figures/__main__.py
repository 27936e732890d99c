"""`python -m paper_figures [name ...] [--fast] [--redraw] [--report] [--output DIR] [--list]`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from .claim import Claim
from .registry import FIGURES, find, names
from .report import show, verdict, write_report
from .runner import HOME, json_path, redraw, run


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m paper_figures",
        description="Recompute published figures and compare them with the published numbers.",
    )
    parser.add_argument("name", nargs="*", help="figures to run, e.g. hep2022/fig2d; default all")
    parser.add_argument("--list", action="store_true", help="show all figures and stop")
    parser.add_argument(
        "--fast", action="store_true", help="reduced size, seconds; writes NAME.fast.json and .png"
    )
    parser.add_argument(
        "--redraw", action="store_true", help="draw and judge stored data, compute nothing"
    )
    parser.add_argument(
        "--report", action="store_true", help="write REPORT.md from stored results, nothing else"
    )
    parser.add_argument(
        "--output", type=Path, default=HOME, metavar="DIR", help="where files go; default here"
    )
    arguments = parser.parse_args(argv)
    for name in arguments.name:
        if name not in names():
            parser.error(f"there is no figure {name!r}: choose from {', '.join(names())}")
    return arguments


def _line(claim: Claim) -> str:
    return (
        f"  {claim.text}: published {show(claim.published)}, ours {show(claim.ours)}; "
        f"{claim.criterion}: {verdict(claim)}"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; 1 if a claim fails without a reason, else 0."""
    arguments = _arguments(argv)
    if arguments.list:
        for figure in FIGURES:
            print(f"{figure.NAME}  {figure.TITLE}")
        return 0
    if arguments.report:
        write_report(arguments.output)
        print(f"wrote {arguments.output / 'REPORT.md'}")
        return 0
    chosen = [find(name) for name in arguments.name] or list(FIGURES)
    act = redraw if arguments.redraw else run
    unexplained = 0
    for figure in chosen:
        print(f"{figure.NAME}: {figure.TITLE}", flush=True)
        claims = act(figure, arguments.fast, arguments.output)
        unexplained += sum(not claim.passed and not claim.reason for claim in claims)
        print("\n".join(_line(claim) for claim in claims), flush=True)
        record = json_path(arguments.output, figure.NAME, arguments.fast)
        print(f"  wrote {record} and {record.with_suffix('.png').name}", flush=True)
    if not arguments.fast:
        write_report(arguments.output)
        print(f"wrote {arguments.output / 'REPORT.md'}")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
