"""Errors of studies: what catches them."""

import pytest

from osciprop.studies import StudyError, StudyFailed, StudyFileError, StudyInterrupted, StudyWarning


def test_kinds():
    assert issubclass(StudyFailed, StudyError) and issubclass(StudyError, RuntimeError)
    assert issubclass(StudyFileError, ValueError) and issubclass(StudyWarning, UserWarning)


def test_an_interrupt_is_one_and_carries_what_was_computed():
    with pytest.raises(KeyboardInterrupt, match="after 2 points") as caught:
        raise StudyInterrupted("interrupted after 2 points", None)
    assert caught.value.results is None
