"""Studies that are written as a file: TOML, or Python."""

import contextlib
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .axes import Axis, linspace, logspace, seeds
from .errors import StudyFileError
from .modules import find_function, nearest, run_file
from .outputs import Output
from .study import Study

SECTIONS = ("study", "axes", "constants", "outputs")
SETTINGS = ("function", "points_per_block", "memory_limit")
KINDS: dict[str, tuple[str, ...]] = {
    "values": ("unit", "vectorised"),
    "linspace": ("unit", "vectorised"),
    "logspace": ("unit", "vectorised"),
    "seeds": ("first", "vectorised"),
}
"""How an axis is given, and what may stand beside it."""


def load_study(path: str | Path) -> Study:
    """The study of a file: TOML, or Python that defines a `Study` called `study`.

    A TOML file has a section `[study]` with the `function`, as `"measure.py:measure"`, a file
    relative to it, or as `"package.module:function"`, and optionally `points_per_block` and
    `memory_limit`; a section `[axes]`; and optionally `[constants]` and `[outputs]`. An axis is a
    list of values, or a table of `values`, `linspace = [first, last, number]`, `logspace` likewise,
    or `seeds = number`, with `unit` and `vectorised` beside it. An output is a table of `unit` and
    `dimensions`.

    The folder of a Python file stays on Python's path until the next study is loaded. Workers get
    the file's text, and must be able to import what it imports.

    Args:
        path: The file, ending in .toml or .py.

    Returns:
        The study, to be run.

    Raises:
        StudyFileError: the file is missing, or something in it cannot be.

    Example:
        >>> with open("mine.py", "w") as file:
        ...     print("from osciprop.studies import Study", file=file)
        ...     print("study = Study(lambda a: {'b': 2 * a}, {'a': [1, 2]})", file=file)
        >>> list(osciprop.studies.load_study("mine.py").axes)
        ['a']
    """
    path = Path(path)
    if path.suffix not in (".toml", ".py"):
        raise StudyFileError(f"{path} is neither .toml nor .py: give a study file of either kind")
    if not path.is_file():
        raise StudyFileError(f"there is no file {path}: correct its name, or create it")
    return _from_toml(path) if path.suffix == ".toml" else _from_python(path)


def _from_python(path: Path) -> Study:
    defined = vars(run_file(path))
    study = defined.get("study")
    if isinstance(study, Study):
        return study
    others = [name for name, value in defined.items() if isinstance(value, Study)]
    found = f"one called {others[0]}" if others else "none at all"
    raise StudyFileError(
        f"{path} defines no Study called study, but {found}: write study = Study(function, axes)"
    )


def _from_toml(path: Path) -> Study:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise StudyFileError(f"{path} is not TOML ({error}): correct it there") from error
    with _within(str(path)):
        for section, entries in content.items():
            if not isinstance(entries, dict):
                raise StudyFileError(
                    f"{section!r} stands outside of a section: put it below "
                    f"{'[study]' if section in SETTINGS else 'the section that it belongs to'}"
                )
            if section not in SECTIONS:
                raise StudyFileError(
                    f"there is a section [{section}]: {nearest(section, SECTIONS)}"
                )
        settings = content.get("study", {})
        _check_keys("study", settings, SETTINGS)
        for key in ("points_per_block", "memory_limit"):
            _check_type("study", settings, key, int, "a whole number")
        axes = {
            name: _axis(f"axes.{name}", entry) for name, entry in content.get("axes", {}).items()
        }
        outputs = {
            name: _output(f"outputs.{name}", entry)
            for name, entry in content.get("outputs", {}).items()
        }
        if not axes:
            raise StudyFileError(
                "there is no axis: write a section [axes] with at least one, as in "
                "amplitude = [0.1, 0.2]"
            )
        return Study(
            _function(settings, path.parent),
            axes,
            constants=content.get("constants", {}),
            outputs=outputs,
            points_per_block=settings.get("points_per_block"),
            memory_limit=settings.get("memory_limit"),
        )


@contextlib.contextmanager
def _within(place: str) -> Iterator[None]:
    """Name a place in front of what is wrong there."""
    try:
        yield
    except (ValueError, TypeError) as error:
        raise StudyFileError(f"{place}: {error}") from error


def _function(settings: Mapping[str, Any], folder: Path) -> Any:
    reference = settings.get("function")
    if reference is None:
        raise StudyFileError(
            'the section [study] has no function: write function = "measure.py:measure" there'
        )
    if not isinstance(reference, str):
        raise StudyFileError(
            f'study.function is {reference!r}: write it as a text, "measure.py:measure"'
        )
    with _within("study.function"):
        return find_function(reference, folder)


def _axis(place: str, entry: Any) -> Axis:
    if isinstance(entry, list):
        return Axis(entry)
    if not isinstance(entry, dict):
        raise StudyFileError(
            f"{place} is {entry!r}: give a list of values, or move it to [constants]"
        )
    _check_keys(place, entry, [*KINDS, "unit", "vectorised", "first"])
    given = [kind for kind in KINDS if kind in entry]
    if len(given) != 1:
        raise StudyFileError(
            f"{place} has {' and '.join(given) or 'no values'}: give one of {', '.join(KINDS)}"
        )
    kind = given[0]
    for key in entry:
        if key not in (kind, *KINDS[kind]):
            raise StudyFileError(f"{place} has {key!r} beside {kind!r}: leave it out")
    options = {key: entry[key] for key in KINDS[kind] if key in entry}
    _check_type(place, options, "unit", str, 'a text, as in unit = "V"')
    _check_type(place, options, "vectorised", bool, "true or false")
    values = entry[kind]
    with _within(f"{place}.{kind}"):
        if kind == "seeds":
            _check_type(place, entry, "seeds", int, "their number")
            _check_type(place, entry, "first", int, "a whole number")
            return seeds(values, **options)
        if kind == "values":
            _check_type(place, entry, "values", list, "a list")
            return Axis(values, **options)
        if not isinstance(values, list) or len(values) != 3 or not _are_numbers(values):
            raise StudyFileError(f"got {values!r}: give [first, last, number of values]")
        return (linspace if kind == "linspace" else logspace)(*values, **options)


def _output(place: str, entry: Any) -> Output:
    if not isinstance(entry, dict):
        raise StudyFileError(
            f'{place} is {entry!r}: write a table, as in {{ unit = "V", dimensions = ["time"] }}'
        )
    _check_keys(place, entry, ("unit", "dimensions"))
    _check_type(place, entry, "unit", str, 'a text, as in unit = "V"')
    _check_type(place, entry, "dimensions", list, 'a list of names, as in ["time"]')
    dimensions = entry.get("dimensions", [])
    if not all(isinstance(name, str) for name in dimensions):
        raise StudyFileError(f'{place}.dimensions is {dimensions!r}: give names, as in ["time"]')
    return Output(entry.get("unit", ""), tuple(dimensions))


def _check_keys(place: str, table: Mapping[str, Any], known: Any) -> None:
    for key in table:
        if key not in known:
            raise StudyFileError(f"{place} has the key {key!r}: {nearest(key, known)}")


def _check_type(place: str, table: Mapping[str, Any], key: str, kind: type, wanted: str) -> None:
    if key in table and not isinstance(table[key], kind):
        raise StudyFileError(f"{place}.{key} is {table[key]!r}: give {wanted}")


def _are_numbers(values: list[Any]) -> bool:
    first, last, number = values
    return isinstance(number, int) and all(isinstance(end, (int, float)) for end in (first, last))
