"""Whether what a point returned fits what other points did: names, shapes, dimensions, types."""

from collections.abc import Callable, Mapping

import numpy as np

from .arrays import OWN, Kind
from .grid import Grid
from .outputs import Output
from .returned import Results
from .widening import widened


def kinds_of(found: Results, outputs: Mapping[str, Output], grid: Grid) -> dict[str, Kind]:
    """The arrays of a study whose first result this is.

    Raises `ValueError` if `outputs` do not fit, or if names collide: results are an xarray Dataset,
    in which axes, dimensions and variables share their names.
    """
    for name in outputs:
        if name not in found:
            raise ValueError(
                f"outputs names {name!r}, but the function returned {', '.join(found)}: "
                "correct the name, or leave it out"
            )
    kinds = {}
    lengths: dict[str, tuple[int, str]] = {}
    for name, value in found.items():
        output = outputs.get(name, Output())
        dimensions = output.names(name, value.ndim)
        for dimension, length in zip(dimensions, value.shape, strict=True):
            where = f"the dimension {dimension!r} of the output {name!r}"
            remedy = f"rename it, as in Output(dimensions=({f'{name}_{dimension}'!r}, ...))"
            if owner := _owner(dimension, found, grid):
                raise ValueError(f"{where} has the name of {owner}: {remedy}")
            other, first = lengths.setdefault(dimension, (length, name))
            if other != length:
                raise ValueError(
                    f"{where} has the length {length}, and {other} in {first!r}: {remedy}"
                )
        attributes = {"units": output.unit} if output.unit else {}
        kinds[name] = Kind(value.shape, value.dtype, dimensions, attributes)
    return kinds


def _owner(dimension: str, found: Results, grid: Grid) -> str:
    """Whose name a dimension has, "" if nobody's."""
    if dimension in grid.axes:
        return "an axis"
    if dimension in OWN:
        return "the study's own"
    return "an output" if dimension in found else ""


def complaint(found: Results, known: Mapping[str, Kind]) -> str:
    """Why results have not the names and shapes of those stored before; empty if they have."""
    if set(found) != set(known):
        return f"returned {list(found)}, other points {list(known)}: return the same names always"
    for name, value in found.items():
        if value.shape != known[name].shape:
            return (
                f"returned {name!r} of shape {value.shape}, other points of {known[name].shape}: "
                "pad it to one shape, or return a number that sums it up"
            )
    return ""


def target(kept: np.dtype, value: np.ndarray, stored: Callable[[], np.ndarray]) -> np.dtype | None:
    """The type for a value beside those stored as another one, None if there is none."""
    # Without a look at what is stored, where it need not change for this value.
    found = widened(kept, np.empty(0, kept), value.dtype, value)
    if found is not None and found == kept:  # None is equal to the type float64
        return kept
    return widened(kept, stored(), value.dtype, value)
