"""`osciprop figure`: the published figures, in a checkout."""

import dataclasses
import importlib
import sys
from pathlib import Path
from typing import Annotated

import tyro

from .command import AbstractCommand


@dataclasses.dataclass(frozen=True)
class Figure(AbstractCommand):
    """Compute published figures again, and compare them with the published numbers.

    Works in a checkout of the repository, into whose folder paper_figures it writes. The exit
    status is 1 if a claim fails without a reason.
    """

    names: Annotated[
        tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="[NAME ...]")
    ] = ()
    """Which ones, such as hep2022/fig2d. By default all."""
    fast: bool = False
    """Compute them in a reduced size, in seconds."""
    list: bool = False
    """Show the names of all figures instead."""

    def execute(self) -> int:
        root = checkout()
        if str(root) not in sys.path:
            sys.path.insert(0, str(root))
        program = importlib.import_module("paper_figures.__main__")
        options = ["--fast"] * self.fast + ["--list"] * self.list
        status: int = program.main([*self.names, *options])
        return status


def checkout() -> Path:
    """The checkout that osciprop runs in. Raises `ValueError` if there is none."""
    for folder in (Path(__file__).resolve().parents[2], Path.cwd()):
        if (folder / "paper_figures" / "__main__.py").is_file():
            return folder
    raise ValueError(
        "figures are computed in a checkout of osciprop's repository: clone it, and call this in it"
    )
