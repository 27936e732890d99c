"""How wrong the gradient of holomorphic equilibrium propagation is, in phases and always on.

    python -m experiments.studies.gradient_error --processes 2

Varied: the `amplitude` r of the teaching signal, at how many `points` N each of its turns is read,
the `frequency` of the turns, and the `depth` of the network (8-16-...-16-4, random weights and
data by `seed`, double precision). Frequency 0 is the limit of turns without end: N equilibria one
after the other, `HolomorphicEP(r, N)`. Above it the network is always on, `OscillatoryEP` with the
period 1 / frequency, read N times in each. So every axis means something at every point.

Measured, against `Implicit`: `error`, the relative error of the gradient; `distance`, 1 - cosine,
which is of the order of its square; `norm_error`, by which part the norm is off.

One sees: at frequency 0 the error falls as (r / R)^N with the distance R of the nearest singularity
(slopes of 4, 8 and 12 in the double logarithmic plot), down to the tolerance of the equilibria.
Always on, it is that error or the lag's, whichever is larger: lag grows with the square of the
frequency, whatever the amplitude and the number of points. Depth makes both worse: from one to
three hidden populations the error of the phases grows five times (N = 4) to twenty times (N = 8),
that of the lag nine times, as R shrinks and the slowest mode slows down. (Geometric means over
seeds; single networks scatter as much.)

1620 points in nine programs: all amplitudes, frequencies and seeds of a number of points and a
depth are one compiled call. 200 seconds of one core.
"""

from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import xarray
from matplotlib.figure import Figure

import osciprop
from osciprop.plotting import style
from osciprop.studies import Axis, Study, logspace, plot_lines, seeds

jax.config.update("jax_enable_x64", True)

TIGHT = osciprop.AndersonIteration(tolerance=1e-13)


def gradient_error(
    points: int,
    depth: int,
    amplitude: Any,
    frequency: Any,
    seed: Any,
    *,
    samples: int,
    scale: float,
    steps: int,
) -> dict[str, Any]:
    """The errors of one gradient; `steps` is how many the integrator makes per period."""
    weights, inputs, labels = jax.random.split(jax.random.key(seed), 3)
    network = osciprop.hopfield_mlp([8, *[16] * depth, 4], key=weights, scale=scale)
    x = jax.random.normal(inputs, (samples, 8))
    y = jax.random.randint(labels, (samples,), 0, 4)
    turns = frequency > 0
    period = 1 / jnp.where(turns, frequency, 1.0)
    fixed = osciprop.Integrator(diffrax.Tsit5(), diffrax.ConstantStepSize(), dt0=period / steps)
    always_on = osciprop.OscillatoryEP(
        amplitude, period, settle_periods=2, samples=points, integrator=fixed
    )
    exact, in_phases, oscillating = (
        osciprop.estimate_gradient(network, x, y, method).gradient
        for method in (
            osciprop.Implicit(TIGHT, tolerance=1e-13),
            osciprop.HolomorphicEP(amplitude, points, TIGHT),
            always_on,
        )
    )
    # Both are computed: so both frequencies of 0 and above are lanes of one program.
    found = jax.tree.map(lambda a, b: jnp.where(turns, a, b), oscillating, in_phases)
    return {
        "error": osciprop.relative_error(found, exact),
        "distance": osciprop.cosine_distance(found, exact),
        "norm_error": jnp.abs(norm(found) / norm(exact) - 1),
    }


def norm(gradient: osciprop.Network) -> jax.Array:
    """The size of a gradient, all arrays together."""
    return jnp.sqrt(sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(gradient)))


study = Study(
    gradient_error,
    {
        "points": [4, 8, 12],
        "depth": [1, 2, 3],
        "amplitude": logspace(0.05, 0.8, 9, vectorised=True),
        "frequency": Axis([0.0, 0.005, 0.01, 0.02, 0.04], "1/tau", vectorised=True),
        "seed": seeds(4, vectorised=True),
    },
    constants={"samples": 4, "scale": 0.6, "steps": 150},
)


def plot(results: xarray.Dataset) -> Figure:
    """Truncation by amplitude and number of points, lag by frequency, and both at once."""
    results["error"].attrs["long_name"] = "relative error of the gradient"
    deep, fine = results.sel(depth=3), results.sel(points=12, amplitude=0.1, method="nearest")
    slow = deep.sel(frequency=[0, 0.005, 0.02])
    with style():
        figure, panels = plt.subplots(1, 3, figsize=(11.0, 3.4), layout="constrained")
    for panel, title, shown, x, hue in (
        (panels[0], "depth 3, phases (frequency 0)", deep.sel(frequency=0), "amplitude", "points"),
        (
            panels[1],
            "12 points, always on",
            fine.sel(frequency=fine.frequency > 0),
            "frequency",
            "depth",
        ),
        (panels[2], "depth 3, 4 points", slow.sel(points=4), "amplitude", "frequency"),
    ):
        plot_lines(shown, x=x, y="error", hue=hue, log_x=True, log_y=True, ax=panel)
        panel.set_title(title)
        panel.set_xticks(shown[x].values[:: 2 if x == "amplitude" else 1])
        panel.xaxis.set_major_formatter("{x:.3g}")
        panel.minorticks_off()
    return figure


if __name__ == "__main__":
    from experiments.studies.running import main

    main("gradient_error")
