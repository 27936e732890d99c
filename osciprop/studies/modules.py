"""The Python file or module that a study's function comes from."""

import contextlib
import difflib
import importlib
import inspect
import sys
import traceback
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .errors import StudyFileError


def find_function(reference: str, folder: Path) -> Callable[..., Mapping[str, Any]]:
    """The function that `"measure.py:measure"`, a file in `folder`, or `"package.module:f"` names.

    Raises `StudyFileError` if there is none.
    """
    source, _, name = reference.rpartition(":")
    if not source or not name.isidentifier():
        raise StudyFileError(
            f"{reference!r} names no function: write a file or a module, a colon and the function, "
            'as in "measure.py:measure" or "package.module:measure"'
        )
    module = run_file(folder / source) if source.endswith(".py") else _import(source, folder)
    function = getattr(module, name, None)
    if not callable(function):
        own = [key for key, value in vars(module).items() if _is_own_function(value, module)]
        raise StudyFileError(f"{source} has no function {name!r}: {nearest(name, own)}")
    return function


def run_file(path: Path) -> types.ModuleType:
    """The module that a Python file makes: `measure_py` of `measure.py`.

    Its folder stays in front of Python's path until the next file is run, as with a script.
    Raises `StudyFileError` if the file is missing or fails.
    """
    if not path.is_file():
        raise StudyFileError(f"there is no file {path}: correct its name, or create it")
    absolute = path.resolve()
    return _run(absolute, absolute.read_bytes())


Files = dict[str, tuple[Path, bytes]]


def loaded_files() -> Files:
    """Path and text of the files that were run here, by module, for workers to run again.

    A worker may not have them, or find them edited meanwhile; and code travels as text better than
    as objects, of which cloudpickle cannot send Equinox modules.
    """
    return dict(_loaded)


def restore_files(files: Files) -> None:
    """Run files of another process here, unless this was done before."""
    for name, (path, text) in files.items():
        if _loaded.get(name) != (path, text):
            _run(path, text)


_loaded: Files = {}
"""The files that are modules now."""

_folder: list[str] = []
"""The folder of the newest one, while it is on Python's path."""

_beside: set[str] = set()
"""Modules that were imported from there."""


def _run(path: Path, text: bytes) -> types.ModuleType:
    # Not its stem, for a file called random.py would stand in for Python's own module; and no dot,
    # for pickle would look for a package.
    name = path.name.replace(".", "_")
    module = types.ModuleType(name)
    module.__file__ = str(path)
    before = sys.modules.get(name)
    sys.modules[name] = module
    try:
        with _importing_from(path.parent):
            exec(compile(text, str(path), "exec", dont_inherit=True), vars(module))
    except (Exception, SystemExit) as error:
        sys.modules.pop(name)
        if before is not None:
            sys.modules[name] = before
        raise StudyFileError(
            f"{path} cannot be run ({type(error).__name__}: {error}{_line(error, path)}): "
            "correct it, or install what it imports"
        ) from error
    _loaded[name] = path, text
    return module


def nearest(name: str, known: Iterable[str]) -> str:
    """What may have been meant by a name that is none of those known."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"there is {', '.join(map(repr, names))}" if names else "there is none"


def _import(name: str, folder: Path) -> types.ModuleType:
    try:
        with _importing_from(folder.resolve()):
            return importlib.import_module(name)
    except Exception as error:
        missing = getattr(error, "name", None) if isinstance(error, ModuleNotFoundError) else None
        if missing and f"{name}.".startswith(f"{missing}."):
            raise StudyFileError(
                f"there is no module {missing!r}: correct the name, install its package, or name a "
                'file, as in "measure.py:measure"'
            ) from error
        raise StudyFileError(
            f"the module {name!r} cannot be imported ({type(error).__name__}: {error}): correct "
            "it, or install what it imports"
        ) from error


@contextlib.contextmanager
def _importing_from(folder: Path) -> Iterator[None]:
    """Put a folder on Python's path, in place of the last one, whose modules are forgotten.

    So they are read anew, and another folder may hold others of the same names.
    """
    for name in _beside:
        sys.modules.pop(name, None)
    _beside.clear()
    if _folder and _folder[0] in sys.path:
        sys.path.remove(_folder[0])
    _folder[:] = [str(folder)]
    sys.path.insert(0, str(folder))
    before = set(sys.modules)
    try:
        yield
    finally:
        for name in set(sys.modules) - before:
            top = name.partition(".")[0]
            if top not in before and _lies_in(sys.modules[name], folder, top):
                _beside.add(name)


def _lies_in(module: types.ModuleType, folder: Path, top: str) -> bool:
    file = getattr(module, "__file__", None)
    if file is None:
        return False
    # Not anywhere below the folder, which may hold an environment with all its libraries.
    return Path(file) == folder / f"{top}.py" or (folder / top) in Path(file).parents


def _is_own_function(value: Any, module: types.ModuleType) -> bool:
    return inspect.isroutine(value) and getattr(value, "__module__", None) == module.__name__


def _line(error: BaseException, path: Path) -> str:
    if isinstance(error, SyntaxError):
        return ""  # its message tells
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    return f", line {lines[-1]}" if lines else ""
