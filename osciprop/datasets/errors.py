"""The one exception that data files and downloads raise."""


class DatasetError(RuntimeError):
    """A data file is missing, damaged or cannot be downloaded; the text says what to do."""
