"""Where dual propagation is stable, and what its gradient is worth there.

    python -m experiments.studies.dual_stability --processes 2

Varied: the amplitude `beta` of the nudge, the first compartment's share `alpha` of it, and the
`kind`: adjoint (DP^T), original (DP) and damped (DP with `LipschitzDamping`). The network is
64-32-32-10 with ReLU, not trained, on 50 digits, in double precision; a hundred rounds of
inference, DP with the authors' proximal output.

Measured: `settled`, whether one more sweep would change no population's differences by more than a
twentieth; `cosine` with the gradient of backpropagation, and `norm`, the ratio of the norms. Both
are NaN where the dyads did not settle, and where there is nothing to settle to: a proximal output
needs (1 - alpha) beta below 1.

One sees: DP^T settles at all 336 points, up to beta = 2 with a cosine of 0.88 or more and a norm
within 20 %. DP settles at 79 % of them: at every alpha up to beta = 0.4, then only to the right of
a line that reaches alpha = 1/2 at beta = 1.5. Beside that line its gradient points elsewhere and is
too large by orders of magnitude; at alpha = 1 it is too small, by half at beta = 0.5. Damping adds
the six points from alpha = 0.75 on at beta = 2, and none at small alpha.

1008 points; 55 seconds of one core.
"""

from typing import Any

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import xarray
from matplotlib.figure import Figure

import osciprop
from osciprop.datasets import digits
from osciprop.plotting import style
from osciprop.studies import Axis, Study, linspace, plot_heat_map

jax.config.update("jax_enable_x64", True)


def dual_stability(
    kind: str, alpha: Any, beta: Any, *, images: int, rounds: int, tolerance: float
) -> dict[str, Any]:
    """Whether the dyads settle, and their gradient beside backpropagation's."""
    data = digits()
    x, y = np.asarray(data.x_train[:images], float), data.y_train[:images]
    network = osciprop.perceptron([64, 32, 32, 10], key=jax.random.key(0))
    exact = osciprop.estimate_gradient(network, x, y, osciprop.Implicit()).gradient
    method = made(kind, alpha, beta, rounds, tolerance)
    found = osciprop.estimate_gradient(network, x, y, method, throw=False)
    # Where (1 - alpha) beta is 1 or more, no output minimises the objective of DP.
    exists = (kind == "adjoint") | ((1 - alpha) * beta < 1)
    settled = exists & found.converged
    nothing = jnp.where(settled, 0.0, jnp.nan)
    return {
        "settled": settled,
        "cosine": osciprop.cosine(found.gradient, exact) + nothing,
        "norm": osciprop.analysis.norm_ratio(found.gradient, exact) + nothing,
    }


def made(
    kind: str, alpha: Any, beta: Any, rounds: int, tolerance: float
) -> osciprop.gradients.AbstractGradientMethod:
    """The method of a kind: DP^T, DP, or damped DP."""
    sweeps = osciprop.SequentialIteration(order=osciprop.equilibria.ZigZag(), max_steps=rounds + 1)
    if kind == "adjoint":
        return osciprop.DualPropagationAdjoint(beta, alpha, sweeps, tolerance=tolerance)
    damped = osciprop.equilibria.LipschitzDamping(max_steps=rounds + 1)
    relaxation = damped if kind == "damped" else sweeps
    return osciprop.DualPropagation(
        beta, alpha, relaxation, osciprop.dynamics.Proximal(beta), tolerance
    )


KINDS = ["adjoint", "original", "damped"]
BETAS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.5, 2.0]

study = Study(
    dual_stability,
    {
        "kind": KINDS,
        "alpha": linspace(0.0, 1.0, 21, vectorised=True),
        "beta": Axis(BETAS, vectorised=True),
    },
    constants={"images": 50, "rounds": 100, "tolerance": 0.05},
)


def plot(results: xarray.Dataset) -> Figure:
    """Direction above, size below; a panel for each kind."""
    with style():
        figure, rows = plt.subplots(2, 3, figsize=(11.0, 6.4), layout="constrained")
    decades = xarray.apply_ufunc(np.log2, results["norm"])
    shown = results.assign(
        cosine=results["cosine"].assign_attrs(long_name="cosine with backpropagation"),
        norm=decades.assign_attrs(long_name="log2 of the ratio of norms"),
    )
    ranges = {"cosine": ((0.8, 1.0), None), "norm": ((-2.0, 2.0), 0.0)}
    for (value, (limits, center)), row in zip(ranges.items(), rows, strict=True):
        for kind, panel in zip(KINDS, row, strict=True):
            plot_heat_map(
                shown.sel(kind=kind),
                x="alpha",
                y="beta",
                value=value,
                limits=limits,
                center=center,
                ax=panel,
            )
            panel.set_title(kind)
    return figure


if __name__ == "__main__":
    from experiments.studies.running import main

    main("dual_stability")
