"""A variable of a study over the few axes that a plot shows, as mean with its confidence."""

import dataclasses
import functools
from collections.abc import Mapping

import numpy as np
import xarray
from scipy.special import stdtrit

CONFIDENCE = 0.95
REPETITIONS = "seed"
"""The axis that is averaged over unless told otherwise."""


@dataclasses.dataclass(frozen=True)
class Scale:
    """An axis as a plot shows it: numbers in ascending order, or words as they stand."""

    name: str
    unit: str
    values: np.ndarray

    @property
    def is_number(self) -> bool:
        return self.values.dtype.kind in "iuf"

    @functools.cached_property
    def texts(self) -> list[str]:
        """The values in as few digits as tell them apart."""
        if self.values.dtype.kind != "f":
            return [str(value) for value in self.values]
        for digits in range(3, 17):
            # 1500, not 1.5e+03.
            texts = [f"{v:.{digits if abs(v) < 1000 else max(digits, 6)}g}" for v in self.values]
            if len(set(texts)) == len(texts):
                return texts
        return [str(value) for value in self.values]

    @property
    def label(self) -> str:
        return with_unit(self.name, self.unit)

    @property
    def titles(self) -> list[str]:
        """Name, value and unit, value by value."""
        return [f"{self.name} = {text} {self.unit}".rstrip() for text in self.texts]


@dataclasses.dataclass(frozen=True)
class Averages:
    """What a plot shows of a variable.

    `mean`, and `low` and `high`, the ends of its confidence interval, have one dimension per role
    of an axis, of length 1 where no axis plays it (`scales` holds None); NaN where there is none.
    """

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    scales: dict[str, Scale | None]
    label: str


def with_unit(name: str, unit: str) -> str:
    """A name with its unit, as labels show it."""
    return f"{name} ({unit})" if unit else name


def average(
    results: xarray.Dataset,
    name: str,
    roles: Mapping[str, str | None],
    band: str | None,
    *,
    logarithmic: bool,
) -> Averages:
    """The mean of variable `name` over the axis `band`, along the axes that play roles.

    For a logarithmic scale it is the geometric mean, and the interval is one of logarithms: as
    wide upwards as downwards there, and above 0.

    NaN is left out. The interval holds the mean at 95 % confidence by Student's t, for values that
    scatter as a normal distribution; it takes two values. A `band` of "seed" that the variable has
    not, or that plays a role, is left aside.

    Raises `ValueError` for variables and axes that are not there, complex values, axes named twice,
    axes of several values that are not named, values not above 0 for a logarithmic scale, and if no
    value is finite.
    """
    variable = _variable(results, name)
    named = {role: axis for role, axis in roles.items() if axis is not None}
    if band == REPETITIONS and (band in named.values() or band not in variable.dims):
        band = None
    if band is not None:
        named["band"] = band
    _check_axes(variable, name, named)
    if band is not None and variable.sizes[band] == 1:
        variable, band = variable.squeeze(band), None
    alone = [axis for axis in variable.dims if axis not in named.values()]
    variable = variable.squeeze(alone, drop=True)
    axes = [axis for axis in roles.values() if axis is not None]
    numbers = [
        axis for axis in axes if axis in variable.coords and _scale(variable, axis).is_number
    ]
    variable = variable.sortby(numbers)
    scales = {
        role: None if axis is None else _scale(variable, axis) for role, axis in roles.items()
    }
    label = with_unit(variable.attrs.get("long_name", name), variable.attrs.get("units", ""))
    if not np.any(np.isfinite(variable)):
        raise ValueError(f"{name!r} has no finite value here: see `status`, and what failed")
    if logarithmic:
        _check_positive(name, variable)
        variable = variable.copy(data=np.log(variable.values))
    mean, half_width = variable, xarray.full_like(variable, np.nan)
    if band is not None:
        mean, half_width = _confidence(variable, band)
        label = f"{label},\n{'geometric ' if logarithmic else ''}mean over {band}"
    shape = [1 if scale is None else scale.values.size for scale in scales.values()]
    middle, half = (v.transpose(*axes).values.reshape(shape) for v in (mean, half_width))
    back = np.exp if logarithmic else np.asarray
    return Averages(back(middle), back(middle - half), back(middle + half), scales, label)


def _variable(results: xarray.Dataset, name: str) -> xarray.DataArray:
    """A variable of numbers as floating-point numbers."""
    if name not in results.data_vars:
        there = ", ".join(map(str, results.data_vars))
        raise ValueError(f"the results have no variable {name!r}, only {there}")
    variable = results[name]
    if variable.dtype.kind == "c":
        raise ValueError(
            f"{name!r} is complex: plot its size or a part of it, after "
            f"results.assign(size=abs(results[{name!r}])) or results.assign(part="
            f"results[{name!r}].real)"
        )
    if variable.dtype.kind not in "biuf":
        raise ValueError(f"{name!r} holds {variable.dtype}, not numbers: plot another variable")
    return variable.compute().astype(float)


def _scale(variable: xarray.DataArray, axis: str) -> Scale:
    return Scale(axis, variable[axis].attrs.get("units", ""), variable[axis].values)


def _check_axes(variable: xarray.DataArray, name: str, named: Mapping[str, str]) -> None:
    for role, axis in named.items():
        if axis not in variable.dims:
            there = ", ".join(map(str, variable.dims)) or "none (it is one number)"
            raise ValueError(f"{role} is {axis!r}, but the axes of {name!r} are {there}")
    taken: dict[str, str] = {}
    for role, axis in named.items():
        if axis in taken:
            raise ValueError(f"{taken[axis]} and {role} are both {axis!r}: name another axis")
        taken[axis] = role
    for other, size in variable.sizes.items():
        if size > 1 and other not in taken:
            value = variable[other].values[:1].tolist()[0]
            # As dict, since `method` and some more names are arguments of xarray's own there.
            select = "sel" if other in variable.coords else "isel"
            raise ValueError(
                f"the axis {other!r} of {name!r} has {size} values and is shown nowhere: name it "
                f"as hue, facet or band, or select one value, as in results.{select}"
                f"({{{other!r}: {value!r}}})"
            )


def _check_positive(name: str, variable: xarray.DataArray) -> None:
    lowest = float(variable.min())
    if lowest <= 0:
        raise ValueError(
            f"a logarithmic scale needs values above 0, and {name!r} has others (the lowest is "
            f"{lowest:.3g}): leave it out, or mask them with results.where(...)"
        )


def _confidence(variable: xarray.DataArray, band: str) -> tuple[xarray.DataArray, xarray.DataArray]:
    """Mean over an axis and half the width of its interval, NaN where there is none."""
    count = variable.count(band)
    mean = variable.mean(band)
    # Without the sample of one, whose variance would be 0 / 0.
    freedom = (count - 1).where(count > 1)
    error = np.sqrt(((variable - mean) ** 2).sum(band) / freedom / count)
    half_width = error * stdtrit(freedom, (1 + CONFIDENCE) / 2)
    return mean, half_width.where(np.isfinite(mean))
