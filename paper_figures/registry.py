"""All figures, in the order of the report."""

from .beyond import holomorphic_aep
from .figure import PaperFigure
from .hep2022 import fig2a, fig2b, fig2c, fig2d, fig3a, fig3b, fig3c
from .homeostasis2024 import fig2 as error_vectors
from .homeostasis2024 import fig3 as bias_by_angle
from .homeostasis2024 import fig4 as homeostasis
from .nonconservative2026 import verification

FIGURES: tuple[PaperFigure, ...] = (
    fig2a,
    fig2b,
    fig2c,
    fig2d,
    fig3a,
    fig3b,
    fig3c,
    error_vectors,
    bias_by_angle,
    homeostasis,
    verification,
    holomorphic_aep,
)


def names() -> list[str]:
    """The names of all figures."""
    return [figure.NAME for figure in FIGURES]


def find(name: str) -> PaperFigure:
    """The figure of a name; `ValueError` with all names for an unknown one."""
    for figure in FIGURES:
        if figure.NAME == name:
            return figure
    raise ValueError(f"there is no figure {name!r}: choose from {', '.join(names())}")
