"""The program `osciprop`: from words on the command line to an exit status."""

import importlib.metadata
import os
import shlex
import sys
import warnings
from collections.abc import Sequence

from .messages import say

FAILED, INTERRUPTED = 1, 130
"""Exit statuses. 2 is wrong usage; 3 a study that finished with failed points."""

EXTRAS = {
    "tyro": "commands",
    "xarray": "commands",
    "zarr": "commands",
    "cloudpickle": "commands",
    "google_crc32c": "commands",
    "numcodecs": "commands",
    "h5netcdf": "commands",
    "distributed": "cluster",
}
"""Which extra brings a library that osciprop does not need otherwise."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status.

    0 is success, 1 a problem that the message explains, 3 a study that finished with failed points,
    130 an interrupt. Wrong usage exits with 2.
    """
    words = sys.argv[1:] if argv is None else list(argv)
    if words == ["--version"]:
        print(f"osciprop {importlib.metadata.version('osciprop')}")
        return 0
    command = None
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            from .parsing import parse  # here, because it needs tyro

            command = parse(words)
            status = command.execute()
            sys.stdout.flush()  # here, where a reader that has gone is noticed
            return status
    except KeyboardInterrupt as error:
        say(str(error) or "interrupted")
        if command is not None and command.resumes:
            say(f"this goes on from there: {shlex.join(['osciprop', *words])}")
        return INTERRUPTED
    except BrokenPipeError:  # whoever read the output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and (extra := _extra(error)):
            say(f'error: this needs {error.name}: pip install "osciprop[{extra}]"')
            return FAILED
        # Others are bugs, and show where.
        if isinstance(error, (ValueError, OSError)) or _is_own(error):
            say(f"error: {error}")
            return FAILED
        raise


def _extra(error: ModuleNotFoundError) -> str | None:
    return EXTRAS.get((error.name or "").partition(".")[0])


def _is_own(error: Exception) -> bool:
    """Whether it is one of osciprop's own errors, which explain themselves."""
    return type(error).__module__.startswith("osciprop.")


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    say(f"warning: {message}")
