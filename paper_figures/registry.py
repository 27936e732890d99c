"""All figures, in the order of the report."""

from .beyond import feedback_scaling, holomorphic_aep, holomorphic_dual, settled
from .figure import PaperFigure
from .hep2022 import fig2a, fig2b, fig2c, fig2d, fig3a, fig3b, fig3c, fig4a, fig4b
from .hep2022 import table1 as mnist_in_noise
from .hep2022 import table2 as images
from .homeostasis2024 import fig2 as error_vectors
from .homeostasis2024 import fig3 as bias_by_angle
from .homeostasis2024 import fig4 as homeostasis
from .homeostasis2024 import table1 as points_and_angles
from .nonconservative2026 import fig1, verification
from .substrates import bias_orders, contours
from .time import echoes
from .trained import TrainedTable
from .two_tales2024 import angles, fidelity, stability
from .two_tales2024 import table as dual_propagation

FIGURES: tuple[PaperFigure, ...] = (
    fig2a,
    fig2b,
    fig2c,
    fig2d,
    fig3a,
    fig3b,
    fig3c,
    fig4a,
    fig4b,
    error_vectors,
    bias_by_angle,
    homeostasis,
    verification,
    fidelity,
    stability,
    angles,
    holomorphic_aep,
    holomorphic_dual,
    settled,
    feedback_scaling,
    bias_orders,
    contours,
    echoes,
)

TABLES: tuple[TrainedTable, ...] = (
    mnist_in_noise,
    images,
    points_and_angles,
    fig1,
    dual_propagation,
)
"""Claims about trained networks, which have no figure."""


def names() -> list[str]:
    """The names of all figures."""
    return [figure.NAME for figure in FIGURES]


def find(name: str) -> PaperFigure:
    """The figure of a name; `ValueError` with all names for an unknown one."""
    for figure in FIGURES:
        if figure.NAME == name:
            return figure
    raise ValueError(f"there is no figure {name!r}: choose from {', '.join(names())}")
