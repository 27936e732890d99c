"""What goes wrong in a study as a whole; a point that fails is a result (`Failure`)."""

import xarray


class StudyError(RuntimeError):
    """A study cannot start, go on, or be read; the message says why, and what to do."""


class StudyFailed(StudyError):
    """Every point of a study failed."""


class StudyFileError(ValueError):
    """A study file cannot be read; the message says which, where in it, and what to write."""


class StudyWarning(UserWarning):
    """A study went on, but something in it should be looked at."""


class StudyInterrupted(KeyboardInterrupt):
    """A study was interrupted; `results` hold all points that were finished until then."""

    def __init__(self, message: str, results: xarray.Dataset | None):
        super().__init__(message)
        self.results = results
