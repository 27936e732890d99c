"""Whether the libraries are installed that studies need, and osciprop alone does not."""

import importlib.util

IMPORTED = ("cloudpickle", "google_crc32c", "numcodecs", "xarray", "zarr")
LATER = ("h5netcdf",)
"""What is imported when a file is written, and found out now."""


def missing(name: str, extra: str) -> ModuleNotFoundError:
    """The error of a library that an extra of osciprop brings."""
    return ModuleNotFoundError(
        f'osciprop.studies needs {name}, which is not installed: pip install "osciprop[{extra}]"',
        name=name,
    )


for name in IMPORTED:
    try:
        __import__(name)
    except ImportError as error:
        raise missing(name, "studies") from error
for name in LATER:
    if importlib.util.find_spec(name) is None:
        raise missing(name, "studies")
