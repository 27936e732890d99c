"""Each figure is computed once, in its fast size, for all tests."""

import functools
from collections.abc import Callable

import pytest

from paper_figures.figure import Data, PaperFigure
from paper_figures.record import decode_all, encode_all


@functools.cache
def _fast_data(figure: PaperFigure) -> Data:
    return decode_all(encode_all(figure.compute(fast=True)))


@pytest.fixture(scope="session")
def fast_data() -> Callable[[PaperFigure], Data]:
    """The data of a figure in its fast size, as a record would hold them."""
    return _fast_data
