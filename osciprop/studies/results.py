"""The results of a study as an xarray Dataset."""

import json
from typing import Any

import xarray

from .returned import RESERVED
from .store import DONE, ResultStore


def dataset(store: ResultStore) -> xarray.Dataset:
    """All results: variables over the axes, NaN where nothing is; the header as attributes.

    Whole numbers and truth values become floating-point numbers if points are missing.
    `status` is 0 for a missing point, 1 for a done one, 2 for a failed one; `seconds` its wall
    time. Raises `StudyError` if a stored chunk is damaged.
    """
    axes = list(store.grid.axes)
    found = {}
    # The status first: what it calls done was stored before, also while another process writes.
    for name in (*RESERVED, *store.variables):
        array = store.array(name)
        metadata: Any = array.metadata
        names = list(metadata.dimension_names)
        found[name] = (names, store.everything(name), dict(array.attrs))
    coordinates = {
        name: ([name], axis.coordinates, {"units": axis.unit} if axis.unit else {})
        for name, axis in store.grid.axes.items()
    }
    results = xarray.Dataset(
        {name: found[name] for name in (*store.variables, *RESERVED)},
        coordinates,
        {k: json.dumps(v) for k, v in store.header.items()},
    )
    done = results["status"] == DONE
    if not bool(done.all()):
        for name in store.variables:
            variable = results[name]
            if variable.dtype.kind in "biu":
                variable = variable.astype(float)
            results[name] = variable.where(done)
    return results.transpose(*axes, ...)
