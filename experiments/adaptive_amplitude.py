"""Does `choose_contour` find the best teaching amplitude? On the network of hep2022, Fig. 3c.

    OSCIPROP_DATA=... python -m experiments.adaptive_amplitude

Three networks (784-256-256-10, the first that of the figure) with ten MNIST images and noise 0.01
shared over the batch: from measurements at amplitude 0.4 on, an amplitude is chosen for 15 points
of 60 steps, and a number of points among several in the same total time of 900. Then, with noise
that the choice has not seen, the relative error against the implicit gradient there and at the
fixed amplitudes of the figure. About four minutes on a core;
`experiments/results/adaptive_amplitude.json` keeps the numbers.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

import osciprop
from experiments.runs import noise_images, options, parsed, write
from osciprop.analysis.contour_choice import ContourChoice, choose_contour
from osciprop.datasets import Dataset, mnist
from osciprop.gradients.noisy import NoisyHolomorphicEP
from paper_figures.hep2022 import rotating

FILE = "adaptive_amplitude.json"
NOISE, PROBE = 0.01, 0.4


@dataclass(frozen=True)
class Size:
    """How much is compared: `duration` is that of each of the `points`."""

    batch: int = 10
    seeds: tuple[int, ...] = (1, 2, 3)
    realisations: int = 12
    points: int = 15
    duration: float = 60.0
    harmonics: int = 60
    candidates: tuple[int, ...] = (5, 10, 15, 30)
    grid: tuple[float, ...] = tuple(np.linspace(0.01, 4, 20).tolist())


FULL, TINY = Size(), Size(1, (1,), 2, 4, 10.0, 8, (4,), (0.4,))


def problem(seed: int, data: Dataset, batch: int) -> tuple[osciprop.Network, Array, Array]:
    """The authors' network of a seed (that of Fig. 3c is of seed 1), and a batch."""
    network = rotating.network(seed)
    rows = slice(batch * seed, batch * (seed + 1))
    return network, jnp.asarray(data.x_train[rows]), jnp.asarray(data.y_train[rows], jnp.int32)


def true_gradient(network: osciprop.Network, x: Array, y: Array) -> PyTree[Array]:
    """The implicit gradient in double precision, returned in single."""
    with jax.enable_x64(True):
        exact = jax.tree.map(
            lambda leaf: jnp.asarray(leaf, float) if eqx.is_inexact_array(leaf) else leaf, network
        )
        relaxation = osciprop.SynchronousIteration(tolerance=1e-13, max_steps=1000)
        method = osciprop.Implicit(relaxation)
        true = osciprop.estimate_gradient(exact, np.asarray(x, float), np.asarray(y), method)
        return jax.tree.map(lambda leaf: np.asarray(leaf, np.float32), true.gradient)


@eqx.filter_jit
def errors(
    network: osciprop.Network,
    x: Array,
    y: Array,
    method: NoisyHolomorphicEP,
    true: PyTree[Array],
    keys: Array,
) -> Array:
    """Relative error of each realisation; the same keys for all amplitudes."""

    def one(key: Array) -> Array:
        found = method.estimate(network, x, y, None, key).gradient
        return jnp.asarray(osciprop.relative_error(found, true))

    return jax.lax.map(one, keys)


def described(choice: ContourChoice, seconds: float, measured: np.ndarray) -> dict[str, Any]:
    """What was chosen and predicted, and what was then measured with other noise."""
    return {
        "amplitude": choice.amplitude,
        "points": choice.points,
        "predicted_error": choice.error,
        "predicted_noise": choice.noise,
        "predicted_bias": choice.bias,
        "error": float(measured.mean()),
        "error_stddev": float(measured.std(ddof=1)),
        "radius": choice.radius_of_convergence,
        "confirmed": choice.confirmed,
        "circles": [[c.amplitude, c.points, c.bias, c.noise, c.error] for c in choice.circles],
        "seconds": seconds,
    }


def run(seed: int, data: Dataset, size: Size) -> dict[str, Any]:
    """One network: both choices, and the errors at the fixed amplitudes."""
    network, x, y = problem(seed, data, size.batch)
    true = true_gradient(network, x, y)
    noise = osciprop.WhiteNoise(NOISE, sharing=osciprop.dynamics.SharedAcrossBatch())
    probe = NoisyHolomorphicEP(PROBE, size.points, noise, duration=size.duration)
    choice_key, check_key = jax.random.split(jax.random.PRNGKey(1000 + seed))
    keys = jax.random.split(check_key, size.realisations)
    row: dict[str, Any] = {"seed": seed}
    for name, candidates in (
        ("amplitude", (size.points,)),
        ("amplitude_and_points", size.candidates),
    ):
        start = time.perf_counter()
        choice = choose_contour(
            network, x, y, probe, key=choice_key, points=candidates, harmonics=size.harmonics
        )
        seconds = time.perf_counter() - start
        print(choice, flush=True)
        measured = np.asarray(errors(network, x, y, choice.method, true, keys), float)
        row[name] = described(choice, seconds, measured)
    grid = []
    for amplitude in size.grid:
        method = NoisyHolomorphicEP(amplitude, size.points, noise, duration=size.duration)
        grid.append(np.asarray(errors(network, x, y, method, true, keys), float).mean())
    row["grid_errors"] = [float(error) for error in grid]
    row["best_fixed"] = size.grid[int(np.argmin(grid))]
    row["ratio"] = row["amplitude"]["error"] / min(row["grid_errors"])
    return row


def table(rows: list[dict[str, Any]]) -> str:
    lines = [
        "| seed | chosen amplitude | predicted error | its error | best fixed amplitude | error "
        "| ratio | points of free choice | its amplitude | its error |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        own, free = row["amplitude"], row["amplitude_and_points"]
        lines.append(
            f"| {row['seed']} | {own['amplitude']:.3f} | {own['predicted_error']:.4f} | "
            f"{own['error']:.4f} | {row['best_fixed']:.2f} | {min(row['grid_errors']):.4f} | "
            f"{row['ratio']:.3f} | {free['points']} | {free['amplitude']:.3f} | "
            f"{free['error']:.4f} |"
        )
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    arguments = parsed(options(__doc__), argv)
    size, path = TINY if arguments.tiny else FULL, arguments.output / FILE
    data = noise_images((28, 28)) if arguments.tiny else mnist()
    rows = json.loads(path.read_text())["rows"] if path.exists() else []
    for seed in size.seeds[len(rows) :]:
        rows.append(run(seed, data, size))
        settings = {
            "sizes": rotating.SIZES,
            "stddev": rotating.STDDEV,
            "noise": NOISE,
            "probe": PROBE,
            **asdict(size),
            "versions": {"osciprop": osciprop.__version__, "jax": jax.__version__},
        }
        write(path, {"settings": settings, "rows": rows})
    print(table(rows))


if __name__ == "__main__":
    main()
