"""What goes wrong in a study as a whole; a point that fails is a result (`Failure`)."""

import xarray


class StudyError(RuntimeError):
    """A study cannot start, go on, or be read; the message says why, and what to do.

    `results` are the points that were finished by then, where a run without a store ended early;
    else None.

    Example:
        >>> osciprop.studies.load_results("nowhere")
        Traceback (most recent call last):
        ...
        osciprop.studies.errors.StudyError: nowhere holds no study...
    """

    results: xarray.Dataset | None = None


class StudyFailed(StudyError):
    """Every point of a study failed.

    Example:
        >>> osciprop.studies.Study(lambda a: {"b": a / 0}, {"a": [1, 2]}).run(progress=False)
        Traceback (most recent call last):
        ...
        osciprop.studies.errors.StudyFailed: ...
    """


class StudyFileError(ValueError):
    """A study file cannot be read; the message says which, where in it, and what to write.

    Example:
        >>> osciprop.studies.load_study("nowhere.toml")
        Traceback (most recent call last):
        ...
        osciprop.studies.errors.StudyFileError: there is no file nowhere.toml...
    """


class StudyWarning(UserWarning):
    """A study went on, but something in it should be looked at.

    Example:
        >>> issubclass(osciprop.studies.StudyWarning, UserWarning)
        True
    """


class StudyInterrupted(KeyboardInterrupt):
    """A study was interrupted.

    Args:
        message: What it says.
        results: All points that were finished until then; None if they are in a store.

    Example:
        >>> issubclass(osciprop.studies.StudyInterrupted, KeyboardInterrupt)
        True
    """

    def __init__(self, message: str, results: xarray.Dataset | None):
        super().__init__(message)
        self.results = results
