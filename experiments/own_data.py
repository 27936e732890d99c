"""What plain arrays of a user's own come to: a regression and a binary task of scikit-learn.

    python -m experiments.own_data

Diabetes (442 rows, 10 features, a number) and breast cancer (569 rows, 30 features, two classes),
in five folds each: of every row the answer of a network that never saw it. Networks of one hidden
population of 16 units learn by `HolomorphicEP`, `SettledOscillation` and `Implicit`, a feedforward
network of the same sizes by backpropagation. What comes out goes to
`experiments/results/own_data.json`; four minutes on a core.
"""

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
import optax
from sklearn.datasets import load_breast_cancer, load_diabetes

import osciprop
from experiments.runs import options, parsed, write
from osciprop.gradients import AbstractGradientMethod

FILE = "own_data.json"
FOLDS, HIDDEN, BATCH = 5, 16, 20
EPOCHS = {"diabetes": 20, "breast cancer": 15}
OPTIMIZER = optax.adamw(3e-3, weight_decay=1e-2)
FEEDFORWARD = "backpropagation, feedforward"
METHODS: dict[str, AbstractGradientMethod] = {
    "HolomorphicEP(0.1, 4)": osciprop.HolomorphicEP(0.1, 4),
    "SettledOscillation(0.1, 100)": osciprop.SettledOscillation(0.1, 100.0),
    "Implicit()": osciprop.Implicit(),
    FEEDFORWARD: osciprop.Implicit(),  # which is backpropagation where nothing leads back
}
BENDS = [osciprop.Tanh(), osciprop.Identity()]


def regressor(features: int, name: str, key: jax.Array) -> osciprop.Network:
    sizes = [features, HIDDEN, 1]
    if name == FEEDFORWARD:
        return osciprop.perceptron(sizes, key=key, activation=osciprop.Tanh(), scale=0.5)
    return osciprop.hopfield_regressor(sizes, key=key, activation=BENDS)


def classifier(features: int, name: str, key: jax.Array) -> osciprop.Network:
    build = osciprop.feedforward_mlp if name == FEEDFORWARD else osciprop.hopfield_mlp
    return build([features, HIDDEN, 1], key=key, activation=osciprop.Tanh())


TASKS: dict[str, tuple[Callable[..., Any], Callable[..., osciprop.Network]]] = {
    "diabetes": (load_diabetes, regressor),
    "breast cancer": (load_breast_cancer, classifier),
}


def run(task: str, name: str, fold: int, epochs: int, rows: int | None) -> dict[str, Any]:
    """One fold: its score on the rows left out."""
    load, build = TASKS[task]
    x, y = (np.asarray(part)[:rows] for part in load(return_X_y=True))
    order = np.random.default_rng(0).permutation(len(x))
    left_out = np.zeros(len(x), dtype=bool)
    left_out[order[fold::FOLDS]] = True
    # By the training rows alone.
    x = (x - x[~left_out].mean(axis=0)) / x[~left_out].std(axis=0)
    if task == "diabetes":
        y = (y - y[~left_out].mean()) / y[~left_out].std()
    start = time.perf_counter()
    network, history = osciprop.fit(
        build(x.shape[1], name, jax.random.PRNGKey(fold)),
        (x[~left_out], y[~left_out]),
        METHODS[name],
        OPTIMIZER,
        epochs=epochs,
        batch_size=BATCH,
        seed=fold,
        progress=False,
    )
    seconds = time.perf_counter() - start
    found = osciprop.evaluate(network, x[left_out], y[left_out])
    return {
        "task": task,
        "method": name,
        "fold": fold,
        "rows": int(left_out.sum()),
        "scores": {key: float(value) for key, value in found.scores.items()},
        "converged": float(np.mean(history.steps["converged"])),
        "seconds": round(seconds, 1),
        "versions": {"osciprop": osciprop.__version__, "jax": jax.__version__},
    }


def main(argv: Sequence[str] | None = None) -> None:
    arguments = parsed(options(__doc__), argv)
    path = arguments.output / FILE
    found = json.loads(path.read_text())["runs"] if path.exists() else []
    done = {(row["task"], row["method"], row["fold"]) for row in found}
    folds, rows = (range(FOLDS), None) if not arguments.tiny else (range(1), 60)
    names = list(METHODS)[: len(METHODS) if not arguments.tiny else 1]
    for task in TASKS:
        for name in names:
            for fold in folds:
                if (task, name, fold) not in done:
                    epochs = 1 if arguments.tiny else EPOCHS[task]
                    found.append(run(task, name, fold, epochs, rows))
                    write(path, {"runs": found})
    print("| task | method | score on rows left out | by fold | seconds |")
    print("|---|---|---|---|---|")
    for task in TASKS:
        for name in names:
            chosen = [row for row in found if (row["task"], row["method"]) == (task, name)]
            score = "r_squared" if task == "diabetes" else "accuracy"
            scores = [row["scores"][score] for row in chosen]
            mean = np.average(scores, weights=[row["rows"] for row in chosen])
            each = ", ".join(f"{value:.3f}" for value in scores)
            seconds = sum(row["seconds"] for row in chosen)
            print(f"| {task} | {name} | {mean:.3f} | {each} | {seconds:.0f} |")


if __name__ == "__main__":
    main()
