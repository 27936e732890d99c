"""Whether echoes give backpropagation's gradient, over a population of networks that move.

    python -m experiments.echoes

Random networks of 2 to 16 oscillators whose springs stiffen, over 10 to 10,000 steps, in double
precision: the error of the gradient against backpropagation through the same steps, for a nudge of
one sign, of two, and for points of a circle, at amplitudes that are parts of each network's own
radius of convergence; the powers by which it falls; the memory that a compiled step takes; and the
spread of the gradient under noise where friction has to be undone. What comes out goes to
`experiments/results/echoes.json`, part by part; ten minutes on a core.
"""

import json
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

import osciprop
from experiments.runs import options, parsed, write
from osciprop.gradients import (
    CentredEcho,
    HolomorphicEcho,
    LagrangianWeight,
    OneSidedEcho,
    TrajectoryBPTT,
)
from osciprop.networks import oscillator_network
from osciprop.training import memory_estimate
from paper_figures.precision import in_double_precision
from paper_figures.time.echoes import radius

FILE = "echoes.json"
STEP, LONGEST = 0.1, 100.0
"""Of a step, shorter where a trajectory would be longer, and chaos the only thing to be seen."""

SIZES, LENGTHS, EACH = (2, 4, 8, 16), (10, 100, 1000, 10_000), 7
"""Oscillators, steps of a trajectory, and networks of each."""

PARTS = (0.02, 0.05, 0.1, 0.2)
"""Amplitudes, as parts of the radius of convergence."""

METHODS: dict[str, tuple[int, Callable[[float], Any]]] = {
    "one sign": (1, OneSidedEcho),
    "two signs": (2, CentredEcho),
    "N = 4": (4, lambda size: HolomorphicEcho(size, 4)),
    "N = 8": (8, lambda size: HolomorphicEcho(size, 8)),
}


def network_of(units: int, steps: int, key: Any, **settings: Any) -> Any:
    chosen = {"cubic": 0.3, "coupling": 0.5} | settings
    duration = min(STEP * steps, LONGEST)
    return oscillator_network(2, units, 1, duration=duration, steps=steps, key=key, **chosen)


def batch_of(steps: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two samples of inputs, held for ten steps each, and of targets."""
    random = np.random.default_rng(seed)
    return random.normal(size=(2, steps // 10, 2)), random.normal(size=(2, 1))


def gradient(network: Any, x: Any, y: Any, method: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", osciprop.GradientAccuracyWarning)
        return osciprop.estimate_gradient(network, x, y, method, throw=False)


def one_network(units: int, steps: int, seed: int) -> dict[str, Any]:
    """Errors of every method at parts of the radius, for one network."""
    network = network_of(units, steps, jax.random.key(seed))
    x, y = batch_of(steps, seed)
    exact = gradient(network, x, y, TrajectoryBPTT())
    found = radius(network, x, y)
    # Where no harmonics show, as in short trajectories, that is as large as any amplitude need be.
    reach = found if np.isfinite(found) else 1.0
    errors = {
        name: [
            float(
                osciprop.relative_error(
                    gradient(network, x, y, make(part * reach)).gradient, exact.gradient
                )
            )
            for part in PARTS
        ]
        for name, (_, make) in METHODS.items()
    }
    return {"units": units, "steps": steps, "seed": seed, "radius": reach, "errors": errors}


def slopes(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Of each method, the powers by which errors rise with the amplitude, round-off left out."""
    found = {}
    for name, (order, _) in METHODS.items():
        powers = []
        for row in rows:
            sizes, errors = np.asarray(PARTS), np.asarray(row["errors"][name])
            # Round-off is amplified as the nudge is small, and in long trajectories.
            seen = (errors < 0.1) & (errors > 100 * min(row["errors"]["N = 8"])) & (errors > 1e-10)
            if np.count_nonzero(seen) > 1:
                powers.append(np.polyfit(np.log(sizes[seen]), np.log(errors[seen]), 1)[0])
        off = np.abs(np.asarray(powers) - order)
        found[name] = {
            "networks": len(powers),
            "median": float(np.median(powers)) if powers else float("nan"),
            "within_0.15": int(np.count_nonzero(off < 0.15)),
        }
    return found


def memory(lengths: Sequence[int]) -> list[dict[str, Any]]:
    """Bytes of a training step's temporaries, by length; inputs are two held values."""
    rows = []
    for steps in lengths:
        network = network_of(16, steps, jax.random.key(0))
        x, y = np.zeros((8, 2, 2)), np.zeros((8, 1))
        row: dict[str, Any] = {"steps": steps}
        for name, method in (
            ("echo", CentredEcho(0.01)),
            ("holomorphic echo", HolomorphicEcho()),
            ("backpropagation", TrajectoryBPTT()),
        ):
            row[name] = memory_estimate(network, x, y, method, optax.sgd(0.1)).temporaries
        rows.append(row)
    return rows


def noise(durations: Sequence[float], draws: int) -> list[dict[str, Any]]:
    """The spread of the gradient under noise, by friction times duration, at one duration."""
    rows, steps = [], 100
    for lost in durations:
        damping = lost / (STEP * steps)
        network = network_of(4, steps, jax.random.key(0), damping=damping)
        x, y = batch_of(steps, 0)
        exact = gradient(network, x, y, TrajectoryBPTT()).gradient
        method = CentredEcho(0.3, friction=LagrangianWeight(), noise=1e-3)
        keys = jax.random.split(jax.random.key(1), draws)

        def one(
            key: Any, network: Any = network, x: Any = x, y: Any = y, method: Any = method
        ) -> Any:
            return osciprop.estimate_gradient(network, x, y, method, key=key).gradient

        found = eqx.filter_vmap(one)(keys)
        spread = jax.tree.map(lambda leaf: jnp.std(leaf, axis=0), found)
        size = osciprop.networks.trees.norm(exact)
        rows.append(
            {
                "friction_times_duration": lost,
                "relative_spread": float(osciprop.networks.trees.norm(spread) / size),
            }
        )
    return rows


@in_double_precision
def main(argv: Sequence[str] | None = None) -> None:
    arguments = parsed(options(__doc__), argv)
    path = arguments.output / FILE
    kept = json.loads(path.read_text()) if path.exists() else {}
    sizes, lengths, each = ((2,), (10,), 1) if arguments.tiny else (SIZES, LENGTHS, EACH)
    rows = kept.setdefault("networks", [])
    done = {(row["units"], row["steps"], row["seed"]) for row in rows}
    start = time.perf_counter()
    for steps in lengths:
        for units in sizes:
            for seed in range(each):
                if (units, steps, seed) not in done:
                    rows.append(one_network(units, steps, seed))
            write(path, kept)
            print(
                f"{units} oscillators, {steps} steps: {time.perf_counter() - start:.0f} s",
                flush=True,
            )
    kept["slopes"] = slopes(rows)
    if "memory" not in kept:
        kept["memory"] = memory(lengths)
        write(path, kept)
    if "noise" not in kept:
        kept["noise"] = noise(
            (0.0, 1.0) if arguments.tiny else (0.0, 1.0, 2.0, 3.0, 4.0, 6.0),
            4 if arguments.tiny else 200,
        )
    kept["versions"] = {"osciprop": osciprop.__version__, "jax": jax.__version__}
    write(path, kept)
    for name, found in kept["slopes"].items():
        print(f"{name}: power {found['median']:.2f}, {found['within_0.15']} of {found['networks']}")
    for key in ("memory", "noise"):
        for row in kept[key]:
            print(row)


if __name__ == "__main__":
    main()
