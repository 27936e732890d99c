"""What goes wrong in a study as a whole; a point that fails is a result (`Failure`)."""

import xarray


class StudyError(RuntimeError):
    """A study cannot start, go on, or be read; the message says why, and what to do.

    Example:
        >>> issubclass(osciprop.studies.StudyFailed, osciprop.studies.StudyError)
        True
    """


class StudyFailed(StudyError):
    """Every point of a study failed.

    Example:
        >>> issubclass(osciprop.studies.StudyFailed, osciprop.studies.StudyError)
        True
    """


class StudyFileError(ValueError):
    """A study file cannot be read; the message says which, where in it, and what to write.

    Example:
        >>> osciprop.studies.load_study("nowhere.toml")
        Traceback (most recent call last):
        ...
        osciprop.studies.errors.StudyFileError: ...
    """


class StudyWarning(UserWarning):
    """A study went on, but something in it should be looked at.

    Example:
        >>> issubclass(osciprop.studies.StudyWarning, UserWarning)
        True
    """


class StudyInterrupted(KeyboardInterrupt):
    """A study was interrupted; `results` hold all points that were finished until then.

    Args:
        message: What it says.
        results: What was computed until then.

    Example:
        >>> issubclass(osciprop.studies.StudyInterrupted, KeyboardInterrupt)
        True
    """

    def __init__(self, message: str, results: xarray.Dataset | None):
        super().__init__(message)
        self.results = results
