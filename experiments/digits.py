"""Whether a network that learns for long stays where its gradients can be had.

    python -m experiments.digits

The network of the README (64-64-64-10, drawn at its default scale) learns scikit-learn's digits
for 30 epochs with Adam at 1e-3 and batches of 20, by four methods from five seeds each. `fit` is
left at its defaults: what does not converge ends the run with an error, which is stored. The exact
gradient clipped at a norm of 1 is the control. Two hours on a core; finished runs are stored in
`experiments/results/digits.json` and not run again.
"""

import json
import time
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
import optax

import osciprop
from experiments.runs import options, parsed, write
from osciprop.gradients import AbstractGradientMethod

FILE = "digits.json"
SEEDS = range(5)
EPOCHS, BATCH, RATE = 30, 20, 1e-3
ADAM = optax.adam(RATE)
CLIPPED = optax.chain(optax.clip_by_global_norm(1.0), ADAM)
METHODS: dict[str, tuple[AbstractGradientMethod, optax.GradientTransformation]] = {
    "Implicit()": (osciprop.Implicit(), ADAM),
    "HolomorphicEP(0.1, 4)": (osciprop.HolomorphicEP(0.1, 4), ADAM),
    "SettledOscillation(0.1, 100)": (osciprop.SettledOscillation(0.1, 100.0), ADAM),
    "OscillatoryEP(0.1, 100)": (osciprop.OscillatoryEP(0.1, 100.0), ADAM),
    "Implicit(), clipped": (osciprop.Implicit(), CLIPPED),
}


def run(name: str, seed: int, data: osciprop.datasets.Dataset, epochs: int) -> dict[str, Any]:
    """Train one network: its test accuracy by epoch, or the error that ended it."""
    network = osciprop.hopfield_mlp([64, 64, 64, 10], key=jax.random.PRNGKey(seed))
    method, optimizer = METHODS[name]
    start = time.perf_counter()
    row: dict[str, Any] = {"method": name, "seed": seed, "error": "", "test_accuracy": []}
    try:
        _, history = osciprop.fit(
            network,
            data,
            method,
            optimizer,
            epochs=epochs,
            batch_size=BATCH,
            seed=seed,
            progress=False,
        )
        row["test_accuracy"] = [round(float(a), 5) for a in history.epochs["test_accuracy"]]
    except osciprop.ConvergenceError as error:
        row["error"] = str(error)
    row["seconds"] = round(time.perf_counter() - start, 1)
    row["versions"] = {"osciprop": osciprop.__version__, "jax": jax.__version__}
    return row


def spread(values: Sequence[float]) -> str:
    """Lowest to highest, and mean."""
    if not values:
        return ""
    return f"{min(values):.1f} to {max(values):.1f}, mean {np.mean(values):.1f} %"


def main(argv: Sequence[str] | None = None) -> None:
    arguments = parsed(options(__doc__), argv)
    path = arguments.output / FILE
    found = json.loads(path.read_text())["runs"] if path.exists() else []
    done = {(row["method"], row["seed"]) for row in found}
    data = osciprop.datasets.digits()
    epochs, seeds = (EPOCHS, SEEDS) if not arguments.tiny else (1, range(1))
    methods = list(METHODS)[: len(METHODS) if not arguments.tiny else 1]
    for name in methods:
        for seed in seeds:
            if (name, seed) not in done:
                found.append(run(name, seed, data, epochs))
                write(path, {"runs": found})
    print("| method | runs | ended by an error | test accuracy at the end | at its best epoch |")
    print("|---|---|---|---|---|")
    for name in methods:
        rows = [row for row in found if row["method"] == name]
        curves = [100 * np.asarray(row["test_accuracy"]) for row in rows if not row["error"]]
        last = spread([curve[-1] for curve in curves])
        best = spread([curve.max() for curve in curves])
        print(f"| {name} | {len(rows)} | {len(rows) - len(curves)} | {last} | {best} |")


if __name__ == "__main__":
    main()
