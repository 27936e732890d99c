"""The results of a study as an xarray Dataset."""

import json

import xarray

from .arrays import OWN
from .store import DONE, ResultStore


def dataset(store: ResultStore) -> xarray.Dataset:
    """All results: variables over the axes, NaN where nothing is; the header as attributes.

    Whole numbers and truth values become floating-point numbers if points are missing.
    `status` is 0 for a missing point, 1 for a done one, 2 for a failed one; `seconds` its wall
    time without compilation. Raises `StudyError` if what was computed is lost or damaged.
    """
    axes, variables = list(store.grid.axes), store.arrays.variables
    found = {}
    for name, values in store.everything().items():
        kind = store.arrays.kind(name)
        found[name] = ([*axes, *kind.dimensions], values, dict(kind.attributes))
    coordinates = {
        name: ([name], axis.coordinates, {"units": axis.unit} if axis.unit else {})
        for name, axis in store.grid.axes.items()
    }
    results = xarray.Dataset(
        {name: found[name] for name in (*variables, *OWN)},
        coordinates,
        {k: json.dumps(v) for k, v in store.header.items()},
    )
    done = results["status"] == DONE
    if not bool(done.all()):
        for name in variables:
            variable = results[name]
            if variable.dtype.kind in "biu":
                variable = variable.astype(float)
            results[name] = variable.where(done)
    return results
