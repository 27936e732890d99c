"""The one exception that data files and downloads raise."""

from pathlib import Path


class DatasetError(RuntimeError):
    """A data file is missing, damaged or cannot be downloaded; the text says what to do.

    Example:
        >>> osciprop.datasets.cifar10(folder="nowhere")
        Traceback (most recent call last):
        ...
        osciprop.datasets.errors.DatasetError: no cifar10 data in nowhere...
    """


def damaged(origin: Path | str, expected: str, found: str) -> DatasetError:
    """The error for a file whose contents are not what its name promises."""
    return DatasetError(
        f"{origin}: expected {expected}, found {found}. The file is truncated or of another kind: "
        "replace it with a fresh copy"
    )
