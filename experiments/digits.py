"""Whether a network that learns for long stays where its gradients can be had.

    python -m experiments.digits

The network of the README (64-64-64-10, drawn at its default scale) learns scikit-learn's digits
for 30 epochs with Adam at 1e-3 and batches of 20, by four methods from five seeds each. `fit` is
left at its defaults: what does not converge ends the run with an error, which is stored. An hour on
a core; finished runs are stored in `experiments/results/digits.json` and not run again.
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
METHODS: dict[str, AbstractGradientMethod] = {
    "Implicit()": osciprop.Implicit(),
    "HolomorphicEP(0.1, 4)": osciprop.HolomorphicEP(0.1, 4),
    "SettledOscillation(0.1, 100)": osciprop.SettledOscillation(0.1, 100.0),
    "OscillatoryEP(0.1, 100)": osciprop.OscillatoryEP(0.1, 100.0),
}
SEEDS = range(5)
EPOCHS, BATCH, RATE = 30, 20, 1e-3


def run(name: str, seed: int, data: osciprop.datasets.Dataset, epochs: int) -> dict[str, Any]:
    """Train one network: its test accuracy by epoch, or the error that ended it."""
    network = osciprop.hopfield_mlp([64, 64, 64, 10], key=jax.random.PRNGKey(seed))
    start = time.perf_counter()
    row: dict[str, Any] = {"method": name, "seed": seed, "error": "", "test_accuracy": []}
    try:
        _, history = osciprop.fit(
            network,
            data,
            METHODS[name],
            optax.adam(RATE),
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
    print("| method | runs | ended by an error | lowest test accuracy | mean |")
    print("|---|---|---|---|---|")
    for name in methods:
        rows = [row for row in found if row["method"] == name]
        last = [100 * row["test_accuracy"][-1] for row in rows if not row["error"]]
        lowest, mean = (f"{np.min(last):.1f} %", f"{np.mean(last):.1f} %") if last else ("", "")
        print(f"| {name} | {len(rows)} | {len(rows) - len(last)} | {lowest} | {mean} |")


if __name__ == "__main__":
    main()
