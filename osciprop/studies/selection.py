"""A part of a study's results, chosen by values written as text."""

from collections.abc import Mapping

import numpy as np
import xarray

from .modules import nearest


def select(results: xarray.Dataset, wanted: Mapping[str, str]) -> xarray.Dataset:
    """The results where axes have certain values, each written as a study's labels write it.

    Args:
        results: What `Study.run` returned.
        wanted: From names of axes to values written as text.

    Returns:
        The part of the results, without these axes as dimensions.

    Raises:
        ValueError: a name is no axis, or an axis does not have the value.

    Example:
        >>> study = osciprop.studies.Study(lambda a: {"b": 2 * a}, {"a": [1, 2]})
        >>> osciprop.studies.select(study.run(progress=False), {"a": "2"})["b"].item()
        4
    """
    places = {}
    for name, text in wanted.items():
        if name not in results.indexes:
            raise ValueError(f"{name!r} is no axis of the study: {nearest(name, results.indexes)}")
        values = results[name].values
        found = np.flatnonzero(_matches(values, text))
        if len(found) != 1:
            listed = ", ".join(f"{v:.10g}" if values.dtype.kind == "f" else str(v) for v in values)
            raise ValueError(f"the axis {name!r} has no value {text}: choose one of {listed}")
        places[name] = int(found[0])
    return results.isel(places)


def _matches(values: np.ndarray, text: str) -> np.ndarray:
    if values.dtype.kind not in "if":
        return np.asarray([str(value) == text for value in values])
    try:
        exact = values == float(text)
        return exact if exact.any() else np.isclose(values, float(text), rtol=1e-5, atol=0.0)
    except ValueError:
        return np.zeros(len(values), bool)
