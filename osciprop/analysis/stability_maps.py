"""Where a method is stable: direction and size of its gradient over two of its settings.

Made for the share `alpha` and the `amplitude` of dual propagation (two_tales2024, C.6), and
good for any two numbers that a method takes.
"""

import warnings
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import ArrayLike, Bool, Float

from ..errors import GradientAccuracyWarning, check_instance, is_real, shown
from ..gradients import AbstractGradientMethod, Implicit, estimate_gradient
from ..networks.network import AbstractNetwork
from ..settings import Module
from .comparison import cosine, norm_ratio


class StabilityMap(Module):
    """One cell per pair of settings: whether the method settled, and how its gradient compares.

    Args:
        alphas: The first setting of the columns.
        amplitudes: The second setting of the rows.
        settled: Whether the method converged, `(amplitudes, alphas)`.
        cosine: Of the angle to the reference, all arrays of the gradient together; NaN where the
            method did not settle.
        norm: Size of the gradient over that of the reference, likewise.

    Source: two_tales2024, C.6.

    Example:
        >>> one = np.ones((1, 1))
        >>> found = osciprop.analysis.StabilityMap(one[0], one[0], one > 0, one, one)
        >>> str(found)[:36]
        'StabilityMap: 1 of 1 cells settled; '
    """

    alphas: Float[np.ndarray, " alphas"]
    amplitudes: Float[np.ndarray, " amplitudes"]
    settled: Bool[np.ndarray, "amplitudes alphas"]
    cosine: Float[np.ndarray, "amplitudes alphas"]
    norm: Float[np.ndarray, "amplitudes alphas"]

    def __str__(self) -> str:
        cells = self.settled.size
        return (
            f"StabilityMap: {np.count_nonzero(self.settled)} of {cells} cells settled; cosine from "
            f"{np.nanmin(self.cosine, initial=1.0):.4g}, norm from "
            f"{np.nanmin(self.norm, initial=np.inf):.4g} to "
            f"{np.nanmax(self.norm, initial=-np.inf):.4g} of the reference's"
        )


def stability_map(
    network: AbstractNetwork,
    x: ArrayLike,
    y: ArrayLike,
    method: Callable[[float, float], AbstractGradientMethod | None],
    alphas: Sequence[float],
    amplitudes: Sequence[float],
    *,
    reference: AbstractGradientMethod = Implicit(),
) -> StabilityMap:
    """Estimate a gradient for every pair of settings and compare it with a reference.

    One program is compiled for all cells if only numbers differ.

    Args:
        network: Any network that the methods take.
        x: Inputs `(batch, features)`.
        y: Labels `(batch,)` or rows of targets.
        method: `method(alpha, amplitude)` makes the method of a cell, or gives None where there is
            none: the cell counts as not settled. Whether a method settled is for its own
            diagnostics to say (`estimate.converged`).
        alphas: Values of the first setting.
        amplitudes: Values of the second setting.
        reference: The method whose gradient all others are compared with.

    Returns:
        One cell per pair.

    Raises:
        ValueError: a list of settings is empty; or as `estimate_gradient` for what does not fit.
        ConvergenceError: the reference did not converge.

    Source: two_tales2024, C.6.

    Example:
        >>> def classic(_, amplitude):
        ...     return osciprop.ClassicEP(amplitude)
        >>> found = osciprop.analysis.stability_map(network, x, y, classic, [0.0], [0.01, 0.1])
        >>> found.settled.shape, bool(found.cosine[0, 0] > found.cosine[1, 0])
        ((2, 1), True)
    """
    for name, values in (("alphas", alphas), ("amplitudes", amplitudes)):
        if np.ndim(values) != 1 or not len(values) or not is_real(values):
            raise ValueError(f"{name} is {shown(values)}: give a list of numbers, a map's cells")
    if not callable(method):
        raise TypeError(
            f"method is {shown(method)}: give a function (alpha, amplitude) that makes a gradient "
            "method, or gives None where there is none"
        )
    check_instance("reference", reference, AbstractGradientMethod)
    exact = estimate_gradient(network, x, y, reference).gradient
    shape = (len(amplitudes), len(alphas))
    settled, cosines, norms = np.zeros(shape, bool), np.full(shape, np.nan), np.full(shape, np.nan)
    for row, amplitude in enumerate(amplitudes):
        for column, alpha in enumerate(alphas):
            chosen = method(float(alpha), float(amplitude))
            if chosen is None:
                continue
            with warnings.catch_warnings():
                # The map shows how far a gradient is off.
                warnings.simplefilter("ignore", GradientAccuracyWarning)
                found = estimate_gradient(network, x, y, chosen, throw=False)
            if not bool(found.converged):
                continue
            settled[row, column] = True
            cosines[row, column] = cosine(found.gradient, exact)
            norms[row, column] = norm_ratio(found.gradient, exact)
    return StabilityMap(
        np.asarray(alphas, float), np.asarray(amplitudes, float), settled, cosines, norms
    )
