"""MNIST by networks with weak feedback, as deep as the field has them, beside backpropagation.

    python -m experiments.feedback_scaling --rows mnist_two_dyadic --seeds 0 1 2

The networks of FRE-RNN (arXiv 2508.11659): two or three hidden layers of 512 units with feedback
scaled by 0.01, and ten of 64 with 0.1, none with residuals. Batches of 500 and 50 epochs as there.
The learning rate and its decay, which are not published, and the decay of weights are ours. Rows
are named after the layers and the method:

- `dyadic`, `rescaled`: exact, by the adjoint of every neuron or by the contrast of energies whose
  factors undo the scale;
- `published`: the rule of the paper, a product of activities and responses as they are;
- `backpropagation`: the same layers without feedback, whose adjoint one sweep down solves.

Finished runs are stored in `experiments/results/feedback_scaling/`; an interrupted one goes on from
its checkpoint.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import numpy as np
import optax

import osciprop
from experiments.runs import Row, noise_images, options, parsed, stored, train
from osciprop.equilibria import SequentialIteration
from osciprop.networks import ScaledFeedback

FOLDER = "feedback_scaling"
SWEEPS = SequentialIteration(tolerance=1e-3)
FINE = SequentialIteration(tolerance=1e-5)
BATCH, EPOCHS, UPDATES = 500, 50, 120
RATE, WEIGHT_DECAY = 3e-3, 0.3

# Hidden layers, feedback scale; the published accuracy and its spread, percent.
NETWORKS: dict[str, tuple[list[int], float, str]] = {
    "mnist_two": ([512, 512], 0.01, "98.39 +- .04"),
    "mnist_three": ([512, 512, 512], 0.01, "98.36 +- .06"),
    "mnist_ten": ([64] * 10, 0.1, "92.49 +- .32"),
}
METHODS: dict[str, osciprop.gradients.AbstractGradientMethod] = {
    "dyadic": osciprop.DyadicEP(1.0, SWEEPS),
    "rescaled": osciprop.CentredEP(0.1, FINE),
    "published": osciprop.VectorFieldEP(0.1, 2, FINE),
    "backpropagation": osciprop.gradients.RecurrentBackprop(SWEEPS, tolerance=1e-3),
}


def layers(hidden: list[int], scale: float, seed: int) -> Any:
    network = osciprop.hopfield_mlp(
        [784, *hidden, 10], key=jax.random.PRNGKey(seed), activation=osciprop.Tanh(), scale=1.0
    )
    return ScaledFeedback(network, scale)


def without_feedback(hidden: list[int], seed: int) -> Any:
    return osciprop.feedforward_mlp(
        [784, *hidden, 10], key=jax.random.PRNGKey(seed), activation=osciprop.Tanh(), scale=1.0
    )


def rows(epochs: int) -> dict[str, Row]:
    rate = optax.cosine_decay_schedule(RATE, epochs * UPDATES)
    optimizer = optax.adamw(rate, weight_decay=WEIGHT_DECAY)
    table: dict[str, Row] = {}
    for place, (hidden, scale, _) in NETWORKS.items():
        for name, method in METHODS.items():
            build: Callable[[int], Any] = (
                partial(without_feedback, hidden)
                if name == "backpropagation"
                else partial(layers, hidden, scale)
            )
            table[f"{place}_{name}"] = Row(build, method, optimizer, BATCH, SWEEPS)
    return table


def main(argv: Sequence[str] | None = None) -> None:
    parser = options(__doc__)
    names = list(rows(EPOCHS))
    parser.add_argument("--rows", nargs="+", default=names, choices=names)
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="training epochs")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parsed(parser, argv)
    table = rows(arguments.epochs)
    data = noise_images((28, 28)) if arguments.tiny else osciprop.datasets.mnist()
    folder = arguments.output / FOLDER
    for seed in arguments.seeds:
        for name in arguments.rows:
            train(folder, name, table[name], seed, arguments.epochs, data)
    print("| row | seeds | test accuracy, % | best epoch, % | published, % | converged | seconds |")
    print("|---|---|---|---|---|---|---|")
    for name in names:
        runs = stored(folder, name)
        if not runs:
            continue
        accuracies = [100 * np.asarray(run["epochs"]["test_accuracy"]) for run in runs]
        last = np.asarray([each[-1] for each in accuracies])
        best = np.mean([each.max() for each in accuracies])
        published = next(entry[2] for key, entry in NETWORKS.items() if name.startswith(key))
        share = np.mean([run["converged_updates"] for run in runs])
        seconds = np.mean([run["seconds"] for run in runs])
        print(
            f"| {name} | {len(runs)} | {last.mean():.2f} +- {last.std():.2f} | {best:.2f} | "
            f"{published} | {share:.3f} | {seconds:.0f} |"
        )


if __name__ == "__main__":
    main()
