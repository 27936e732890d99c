"""A figure's numbers as a JSON file, with all that is needed to make them again.

Real arrays are lists, complex ones `{"real": ..., "imag": ...}`, NaN is null. Numbers are rounded
to 10 significant digits; infinities are refused.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .figure import Data, Settings
from .files import write_text

DIGITS = 10

Json = dict[str, "Json"] | list["Json"] | str | float | int | bool | None


@dataclass(frozen=True)
class Record:
    """One computed figure. `data` is as encoded; `decode` turns it back into arrays."""

    figure: str
    title: str
    source: str
    fast: bool
    settings: Settings
    environment: Mapping[str, object]
    wall_time_s: float
    data: Mapping[str, Json]


def encode(value: np.ndarray | np.generic | float | int) -> Json:
    """An array or number as JSON."""
    array = np.asarray(value)
    if np.iscomplexobj(array):
        return {"real": encode(array.real), "imag": encode(array.imag)}
    if array.ndim:
        return [encode(entry) for entry in array]
    if np.isinf(array):
        raise ValueError("a figure's data hold an infinity, which JSON cannot: clip it")
    if np.issubdtype(array.dtype, np.floating):
        return None if np.isnan(array) else float(f"{float(array):.{DIGITS}g}")
    return array.item()


def decode(value: Json) -> Any:
    """The array or number that was encoded."""
    if isinstance(value, dict):
        return decode(value["real"]) + 1j * decode(value["imag"])
    if isinstance(value, list):
        array = np.asarray(value)
        return array.astype(float) if array.dtype == object else array
    return float("nan") if value is None else value


def encode_all(data: Data) -> dict[str, Json]:
    """All of a figure's data as JSON."""
    return {name: encode(value) for name, value in data.items()}


def decode_all(data: Mapping[str, Json]) -> Data:
    """All of a figure's data as arrays and numbers."""
    return {name: decode(value) for name, value in data.items()}


def _is_table(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(entry, list) for entry in value)


def _lines(value: object, indent: int) -> str:
    """JSON text with one key, and one row of a table, per line."""
    inner, outer = " " * (indent + 1), " " * indent
    if isinstance(value, Mapping) and value:
        parts = [f"{inner}{json.dumps(key)}: {_lines(v, indent + 1)}" for key, v in value.items()]
        return "{\n" + ",\n".join(parts) + f"\n{outer}}}"
    if isinstance(value, list) and _is_table(value):
        return "[\n" + ",\n".join(inner + _lines(row, indent + 1) for row in value) + f"\n{outer}]"
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def save(record: Record, path: Path) -> None:
    """Write a record atomically."""
    write_text(path, _lines(asdict(record), 0) + "\n")


def load(path: Path) -> Record:
    """Read a record back."""
    return Record(**json.loads(path.read_text(encoding="utf-8")))
