"""The results of a study in files that other programs read; each written whole or not at all."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray

from ..files.durable import replacing
from .errors import StudyError


def export_csv(results: xarray.Dataset, path: str | Path) -> None:
    """Write results as a table: one row per point, failed ones too, and one header line.

    First come the axes, and what of them was selected, then the variables; NaN is an empty field.
    A complex variable makes two columns, `name_real` and `name_imag`; one that is an array at each
    point makes a column per entry, `name[0]` or `name[0,1]`. Units are not in the file.

    Args:
        results: What `Study.run` returned, or a part of it.
        path: File to write; its ending may ask for compression, as ".csv.gz" does. Missing folders
            are made.

    Raises:
        StudyError: the file cannot be written.
        ValueError: names collide.

    Example:
        >>> study = osciprop.studies.Study(lambda a: {"b": 2 * a}, {"a": [1, 2]})
        >>> osciprop.studies.export_csv(study.run(progress=False), "results.csv")
        >>> with open("results.csv") as file:
        ...     file.readline().split(",")[:2]
        ['a', 'b']
    """
    alone = [name for name, coordinate in results.coords.items() if coordinate.ndim == 0]
    parts = _without_complex(results).expand_dims(alone)
    # What is an axis of the study, and what a dimension of an array at each point?
    axes = list(parts["status"].dims if "status" in parts else parts.indexes)
    columns = {}
    for name, variable in parts.data_vars.items():
        within = [dimension for dimension in variable.dims if dimension not in axes]
        for place in np.ndindex(*(variable.sizes[dimension] for dimension in within)):
            column = f"{name}[{','.join(map(str, place))}]" if within else str(name)
            entry = variable.isel(dict(zip(within, place, strict=True)))
            columns[column] = entry.drop_vars(within, errors="ignore")
    table = xarray.Dataset(columns).to_dataframe(dim_order=axes)
    _write(Path(path), table.to_csv)


def export_netcdf(results: xarray.Dataset, path: str | Path) -> None:
    """Write results as netCDF-4, with attributes; `xarray.open_dataset` reads it.

    NetCDF knows no complex numbers: such a variable becomes two, `name_real` and `name_imag`. Truth
    values are 8-bit integers in the file, and truth values again for xarray. Attributes that are
    neither texts, numbers nor arrays are written as JSON.

    Args:
        results: What `Study.run` returned, or a part of it.
        path: File to write. Missing folders are made.

    Raises:
        StudyError: the file cannot be written.
        ValueError: names collide.

    Example:
        >>> import xarray
        >>> study = osciprop.studies.Study(lambda a: {"b": 2 * a}, {"a": [1, 2]})
        >>> osciprop.studies.export_netcdf(study.run(progress=False), "results.nc")
        >>> with xarray.open_dataset("results.nc") as results:
        ...     results["b"].values.tolist()
        [2, 4]
    """
    # Without what a store or file, from which results were read, said of chunks and compression.
    parts = _without_complex(results).drop_encoding()
    parts.attrs = _plain(parts.attrs)
    for variable in parts.variables.values():
        variable.attrs = _plain(variable.attrs)
    _write(Path(path), lambda name: parts.to_netcdf(name, engine="h5netcdf"))


def _without_complex(results: xarray.Dataset) -> xarray.Dataset:
    """Every complex variable as two real ones, in its place."""
    parts: dict[str, xarray.DataArray] = {}
    for name, variable in results.data_vars.items():
        if variable.dtype.kind != "c":
            parts[str(name)] = variable
            continue
        for suffix, part in (("real", variable.real), ("imag", variable.imag)):
            split = f"{name}_{suffix}"
            if split in results.variables:
                raise ValueError(
                    f"{name!r} is complex and would be written as {split!r}, which there is "
                    f"already: rename it, as in results.rename({split}=...)"
                )
            parts[split] = part.assign_attrs(variable.attrs)
    return xarray.Dataset(parts, results.coords, results.attrs)


def _plain(attributes: Mapping[Any, Any]) -> dict[Any, Any]:
    """Attributes as netCDF can hold them."""
    kept = (str, int, float, np.number, np.ndarray)
    return {
        name: value
        if isinstance(value, kept) and not isinstance(value, bool)
        else json.dumps(value, default=str)
        for name, value in attributes.items()
    }


def _write(path: Path, write: Callable[[str], object]) -> None:
    try:
        with replacing(path) as temporary:
            write(str(temporary))
    except OSError as error:
        raise StudyError(
            f"{path} cannot be written ({error}): give a path in a folder that can, with room"
        ) from error
