"""Each figure is computed once, in its fast size, for all tests."""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from osciprop.datasets import DatasetError
from paper_figures.figure import Data, PaperFigure
from paper_figures.hep2022 import fig3a, fig3b, fig3c
from paper_figures.homeostasis2024 import fig2 as error_vectors
from paper_figures.homeostasis2024 import fig3 as bias_by_angle
from paper_figures.record import decode_all, encode_all

NEED_IMAGES = (fig3a, fig3b, fig3c, error_vectors, bias_by_angle)


def _compute(figure: PaperFigure) -> Data:
    return decode_all(encode_all(figure.compute(fast=True)))


# Figures are modules, which have a hash.
_fast_data = cast(Callable[[PaperFigure], Data], functools.cache(_compute))


def _with_images(figure: PaperFigure) -> Data:
    """Skips where the images are not at hand: tests download nothing."""
    beside_the_checkout = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    place = Path(os.environ.get("OSCIPROP_DATA") or beside_the_checkout)
    if not place.is_dir():
        pytest.skip("needs the real images: set OSCIPROP_DATA to a folder that holds it")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OSCIPROP_DATA", str(place))
        try:
            return _fast_data(figure)
        except DatasetError as error:
            if "looked for" in str(error):
                pytest.skip(f"{place} holds no such images")
            raise


@pytest.fixture(scope="session")
def fast_data() -> Callable[[PaperFigure], Data]:
    """The data of a figure in its fast size, as a record would hold them."""
    return lambda figure: (_with_images if figure in NEED_IMAGES else _fast_data)(figure)
