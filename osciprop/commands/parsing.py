"""What may be written on the command line, command by command."""

from collections.abc import Sequence
from typing import Annotated, Any

import tyro

from .command import AbstractCommand
from .datasets import Datasets
from .figure import Figure
from .study import Study
from .train import Train

COMMANDS = (
    Annotated[Study, tyro.conf.subcommand("study")]
    | Annotated[Train, tyro.conf.subcommand("train")]
    | Annotated[Figure, tyro.conf.subcommand("figure")]
    | Annotated[Datasets, tyro.conf.subcommand("datasets")]
)

STYLE = (
    tyro.conf.OmitArgPrefixes,
    tyro.conf.OmitSubcommandPrefixes,
    tyro.conf.FlagCreatePairsOff,
    tyro.conf.DisallowNone,
)


DESCRIPTION = """Dynamical systems that learn by oscillating, from the command line.

osciprop --version tells the version. Exit status: 0 for success, 1 for a problem that the message
explains, 2 for wrong usage, 3 if points of a study failed, 130 after an interrupt."""


def parse(words: Sequence[str]) -> AbstractCommand:
    """The command that was written. Exits with status 2 if it is none, with 0 after `--help`."""
    commands: Any = COMMANDS
    command: AbstractCommand = tyro.cli(
        commands,
        prog="osciprop",
        description=DESCRIPTION,
        args=words,
        config=STYLE,
    )
    return command
