"""MNIST with networks without weight symmetry: AEP, dyadic EP, holomorphic AEP, EP and VF.

    OSCIPROP_DATA=... python -m experiments.nonconservative2026 --epochs 5 --seeds 0

nonconservative2026, Fig. 1, whose sizes and rates are not published. Ours: 784-256-10 with a
readout of ten, shifted sigmoid, weights of half the LeCun size, batches of 50, SGD with a learning
rate of 0.02 and momentum 0.9, no augmentation. By start:

- `symmetric`: feedback weights begin as the transpose of the forward ones, and learn on their own.
  `ep` ties them: the network of equilibrium propagation, from the same weights.
- `feedforward`: no feedback at all. `backprop` is the implicit gradient, which is that of
  backpropagation there (`tests/gradients/test_asymmetric.py`).

Nudges are 0.1, with two points (`aep`, `vf`, `ep`) or four (`holomorphic_aep`); dyads have an
amplitude of 1. Finished runs are stored in `experiments/results/nonconservative2026/`.
"""

from collections.abc import Sequence

import jax
import numpy as np
import optax

import osciprop
from experiments.runs import Row, noise_images, options, parsed, stored, train
from osciprop.datasets import mnist
from paper_figures import layers

FOLDER = "nonconservative2026"
SIZES = [784, 256, 10, 10]
RELAXATION = osciprop.AndersonIteration(tolerance=1e-4, max_steps=150)
METHODS: dict[str, osciprop.gradients.AbstractGradientMethod] = {
    "aep": osciprop.AsymmetricEP(0.1, 2, RELAXATION),
    "holomorphic_aep": osciprop.AsymmetricEP(0.1, 4, RELAXATION),
    "dyadic": osciprop.DyadicEP(1.0, RELAXATION),
    "vf": osciprop.VectorFieldEP(0.1, 2, RELAXATION),
    "backprop": osciprop.Implicit(RELAXATION, tolerance=1e-3),
}
TIED = osciprop.CentredEP(0.1, RELAXATION)


def symmetric(seed: int) -> osciprop.Network:
    return osciprop.feedback_mlp(SIZES, key=jax.random.PRNGKey(seed), angle=0.0)


def feedforward(seed: int) -> osciprop.Network:
    return osciprop.feedforward_mlp(SIZES, key=jax.random.PRNGKey(seed))


def tied(seed: int) -> osciprop.Network:
    """The symmetric network, with one weight for both ways."""
    network = symmetric(seed)
    into, forward, _ = network.synapses
    both = osciprop.Reciprocal(layers.dense(forward).weight, forward.source, forward.target)
    return osciprop.Network(network.populations, (into, both), network.readout)


def rows() -> dict[str, Row]:
    evaluation = osciprop.AndersonIteration(tolerance=3e-4, max_steps=200)
    optimizer = optax.sgd(0.02, momentum=0.9)
    starts = {"symmetric": symmetric, "feedforward": feedforward}
    found = {
        f"{start}_{name}": Row(network, method, optimizer, 50, evaluation)
        for start, network in starts.items()
        for name, method in METHODS.items()
    }
    return {**found, "symmetric_ep": Row(tied, TIED, optimizer, 50, evaluation)}


def main(argv: Sequence[str] | None = None) -> None:
    parser = options(__doc__)
    table = rows()
    parser.add_argument("--rows", nargs="+", default=list(table), choices=list(table))
    parser.add_argument("--epochs", type=int, default=5, help="training epochs (paper: 1 and 20)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parsed(parser, argv)
    data = noise_images((28, 28)) if arguments.tiny else mnist()
    folder = arguments.output / FOLDER
    for seed in arguments.seeds:
        for name in arguments.rows:
            train(folder, name, table[name], seed, arguments.epochs, data)
    print("| row | seeds | test accuracy by epoch, % |")
    print("|---|---|---|")
    for name in table:
        runs = stored(folder, name)
        if runs:
            length = min(len(run["epochs"]["epoch"]) for run in runs)
            accuracy = [run["epochs"]["test_accuracy"][:length] for run in runs]
            mean = 100 * np.mean(accuracy, axis=0)
            print(f"| {name} | {len(runs)} | {', '.join(f'{value:.2f}' for value in mean)} |")


if __name__ == "__main__":
    main()
