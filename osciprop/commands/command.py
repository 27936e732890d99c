"""What all commands have in common."""

import abc
from pathlib import Path
from typing import Annotated

import tyro

StudyFile = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FILE")]
Store = Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="STORE")]


class AbstractCommand(abc.ABC):
    """A command with its arguments, as parsed: running it is a step of its own.

    So what goes wrong in a run is not taken for a mistake on the command line.
    """

    @abc.abstractmethod
    def execute(self) -> int:
        """Run the command; returns the exit status."""

    @property
    def resumes(self) -> bool:
        """Whether the same command, given again after an interrupt, goes on from there."""
        return False
