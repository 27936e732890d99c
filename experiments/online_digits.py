"""Which plasticity learns online: the table of docs/online.md.

    python -m experiments.online_digits

The network of the demo (64-64-64-10, tanh) learns scikit-learn's digits while it oscillates, with
synapses that move at the end of each sample, at every period, or all the time. About eight minutes
on a core; finished rows are stored in `experiments/results/online_digits.json` and not run again.
"""

import json
import time
from collections.abc import Sequence
from typing import Any

import diffrax
import jax

import osciprop
from experiments.runs import options, parsed, write
from osciprop.demo import build, optimizer

FILE = "online_digits.json"
STEPS = osciprop.Integrator(diffrax.Heun(), diffrax.ConstantStepSize(), dt0=0.5)
PERIODIC, CONTINUOUS = "Adam, every {} periods", "continuous, time constant {}"

# Plasticity (how often, or how slow), periods per sample, filters (time constant, order), samples.
ROWS = (
    (PERIODIC, 3, 3, (0.5, 1), 600),
    (PERIODIC, 3, 3, (0.3, 2), 600),
    (PERIODIC, 1, 3, (0.3, 2), 600),
    (CONTINUOUS, 2500, 3, (0.3, 2), 400),
    (CONTINUOUS, 2500, 3, (0.15, 2), 400),
    (CONTINUOUS, 2500, 8, (0.3, 2), 400),
    (CONTINUOUS, 1250, 8, (0.3, 2), 400),
)
TINY_ROWS = ((PERIODIC, 1, 1, (0.5, 1), 2),)


def run(
    kind: str, pace: int, presentation: int, filters: tuple[float, int], presentations: int
) -> dict[str, Any]:
    """Train one network online; its accuracy on the test set, and what made it."""
    network, data = build(0), osciprop.datasets.digits()
    plasticity = (
        osciprop.PeriodicPlasticity(optimizer(network), pace)
        if kind == PERIODIC
        else osciprop.ContinuousPlasticity(pace)
    )
    simulation = osciprop.Simulation(
        osciprop.Oscillation(0.05, 50.0),
        plasticity,
        lock_in=osciprop.LockInFilter(*filters),
        presentation=presentation,
        integrator=STEPS,
    )
    start = time.perf_counter()
    learned = osciprop.simulate_learning(
        network, data, simulation, presentations=presentations, batch_size=32, progress=False
    )
    seconds = time.perf_counter() - start
    test = osciprop.evaluate(learned.network, data.x_test, data.y_test)
    return {
        "plasticity": kind.format(pace),
        "presentation": presentation,
        "filters": list(filters),
        "presentations": presentations,
        "test_accuracy": test.accuracy,
        "seconds": seconds,
        "versions": {"osciprop": osciprop.__version__, "jax": jax.__version__},
    }


def main(argv: Sequence[str] | None = None) -> None:
    arguments = parsed(options(__doc__), argv)
    path = arguments.output / FILE
    found = json.loads(path.read_text())["rows"] if path.exists() else []
    rows = TINY_ROWS if arguments.tiny else ROWS
    for row in rows[len(found) :]:
        found.append(run(*row))
        write(path, {"rows": found})
    print("| plasticity | periods per sample | filters | presentations | test accuracy |")
    print("|---|---|---|---|---|")
    for row in found:
        print(
            f"| {row['plasticity']} | {row['presentation']} | {row['filters']} | "
            f"{row['presentations']} | {100 * row['test_accuracy']:.1f} % |"
        )


if __name__ == "__main__":
    main()
