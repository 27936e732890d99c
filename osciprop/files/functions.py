"""What a function is made of: its code, and the values that the code can reach."""

import sys
import types
from typing import Any, NamedTuple


class Parts(NamedTuple):
    """A function's code, the defaults of its arguments, what it closes over, and what it names.

    `names` are all that are not local to the code, its inner functions included; `used` are those
    that the module has, with their values at this moment.
    """

    code: types.CodeType
    defaults: tuple[Any, ...] | None
    keywords: tuple[tuple[str, Any], ...]
    held: tuple[tuple[str, Any], ...]
    names: tuple[str, ...]
    used: tuple[tuple[str, Any], ...]


def parts(function: types.FunctionType) -> Parts:
    """What a function of Python is made of."""
    code, surroundings = function.__code__, function.__globals__
    cells = zip(code.co_freevars, function.__closure__ or (), strict=True)
    names = _names(code)
    return Parts(
        code,
        function.__defaults__,
        tuple((function.__kwdefaults__ or {}).items()),
        tuple((name, _held(cell)) for name, cell in cells),
        names,
        tuple((name, surroundings[name]) for name in names if name in surroundings),
    )


def by_name(value: Any) -> bool:
    """Whether a function is the only one of its name: it is not made anew for each call."""
    module = sys.modules.get(getattr(value, "__module__", None) or "")
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    return module is not None and name is not None and vars(module).get(name) is value


def _names(code: types.CodeType) -> tuple[str, ...]:
    """All names that are not local to some code, its inner functions included, once each."""
    inside = (_names(part) for part in code.co_consts if isinstance(part, types.CodeType))
    return tuple(dict.fromkeys([*code.co_names, *(name for group in inside for name in group)]))


def _held(cell: types.CellType) -> Any:
    try:
        value = cell.cell_contents
    except ValueError:  # empty, as of a function that calls itself before it is complete
        return None
    # Optax's schedules make floats of their own integers when they are first called.
    return float(value) if type(value) is int and float(value) == value else value
