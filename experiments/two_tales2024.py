"""MNIST and Fashion-MNIST by dual propagation: accuracy, Lipschitz estimate, attacks.

    OSCIPROP_DATA=... python -m experiments.two_tales2024 --data mnist --epochs 20 --seeds 0 1 2

two_tales2024, the protocol of its `train_DP.jl`: 784-128-128-10, ReLU, least squares on linear
outputs, normal weights of 1 / sqrt(inputs), beta = 1/2, Adam 1e-3, batches of 50 of the first
50,000 images (shuffled here; the authors shuffle the order of fixed batches), the 10,000 test
images. Rows:

- `backprop`; `adversarial`: backprop at inputs moved by half the gradient of their cost.
- `adjoint_0`, `adjoint_0.5`, `adjoint_1`: DP^T by alpha, five rounds up and down.
- `dual_0`, `dual_0.5`, `dual_1`: DP, the same rounds; `alpha` of 0 and 1 train although many
  dyads do not settle, since estimates are applied as they are.
- `damped_0`, `damped_1`: damped DP, fifteen rounds.

Recorded: test accuracy by epoch; the share of updates in which all dyads settled; the spectral norm
of the product of the weights (the authors' Lipschitz estimate) and the product of their norms every
1,000 updates and at the end; accuracy under FGSM and PGD (20 steps) in the maximum norm, radius
0.1, on 1,000 test images. A row takes a minute of a core for five epochs. Finished runs are stored
in `experiments/results/two_tales2024/`.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

import osciprop
from experiments.runs import Row, noise_images, options, parsed, stored, train
from osciprop.datasets import Dataset, fashion_mnist, mnist
from paper_figures import layers

FOLDER = "two_tales2024"
SIZES = [784, 128, 128, 10]
BETA = 0.5
RADIUS, ATTACKED = 0.1, 1000
DATA = {"mnist": mnist, "fashion_mnist": fashion_mnist}


def network(seed: int) -> osciprop.Network:
    """The authors' initial weights: normal, as often as 1 / sqrt(inputs), biases zero."""
    built = osciprop.perceptron(SIZES, key=jax.random.PRNGKey(seed))
    keys = jax.random.split(jax.random.PRNGKey(seed), len(built.synapses))
    matrices = [
        jax.random.normal(key, weight.shape) * weight.shape[0] ** -0.5
        for key, weight in zip(keys, layers.weights(built), strict=True)
    ]
    return eqx.tree_at(layers.weights, built, matrices)


def methods() -> dict[str, osciprop.gradients.AbstractGradientMethod]:
    rounds = osciprop.SequentialIteration(order=osciprop.equilibria.ZigZag(), max_steps=6)
    damped = osciprop.equilibria.LipschitzDamping(max_steps=16)
    proximal = osciprop.dynamics.Proximal(BETA)
    backprop = osciprop.Implicit()
    alphas = (0.0, 0.5, 1.0)
    adjoint = {
        f"adjoint_{alpha:g}": osciprop.DualPropagationAdjoint(BETA, alpha, rounds)
        for alpha in alphas
    }
    original = {
        f"dual_{alpha:g}": osciprop.DualPropagation(BETA, alpha, rounds, proximal)
        for alpha in alphas
    }
    return {
        "backprop": backprop,
        **adjoint,
        **original,
        "damped_0": osciprop.DualPropagation(BETA, 0.0, damped, proximal),
        "damped_1": osciprop.DualPropagation(BETA, 1.0, damped, proximal),
        "adversarial": osciprop.AdversarialTraining(backprop, BETA),
    }


def look(
    network: osciprop.AbstractNetwork, x: np.ndarray, y: np.ndarray, estimate: osciprop.Estimate
) -> dict[str, float]:
    """The Lipschitz estimates."""
    return {
        "norm_of_product": float(osciprop.analysis.linearised_norm(network)),
        "product_of_norms": float(jnp.prod(osciprop.analysis.layer_norms(network))),
    }


def attacked(network: osciprop.AbstractNetwork, data: Dataset) -> dict[str, float]:
    """The Lipschitz estimates of the trained network, and its accuracy under attack."""
    x, y = data.x_test[:ATTACKED], data.y_test[:ATTACKED]
    attacks = {
        "fgsm": osciprop.training.FastGradientSign(RADIUS),
        "pgd": osciprop.training.ProjectedGradient(radius=RADIUS, step=RADIUS / 8, steps=20),
    }
    return {
        "norm_of_product": float(osciprop.analysis.linearised_norm(network)),
        "product_of_norms": float(jnp.prod(osciprop.analysis.layer_norms(network))),
        **{
            name: osciprop.training.adversarial_accuracy(network, x, y, attack)
            for name, attack in attacks.items()
        },
    }


def table(folder: Path) -> str:
    """What the stored runs reached, mean over the seeds that are there."""
    lines = [
        "| data | row | seeds | epochs | test accuracy, % | settled updates, % | norm of product "
        "| product of norms | FGSM, % | PGD, % |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for data in DATA:
        for name in methods():
            runs = stored(folder, f"{data}_{name}")
            if not runs:
                continue
            epochs = min(len(run["epochs"]["epoch"]) for run in runs)
            accuracy = 100 * np.mean([run["epochs"]["test_accuracy"][epochs - 1] for run in runs])
            numbers = [100 * np.mean([run["converged_updates"] for run in runs])]
            for key, scale in (
                ("norm_of_product", 1),
                ("product_of_norms", 1),
                ("fgsm", 100),
                ("pgd", 100),
            ):
                numbers.append(scale * np.mean([run["finished"][key] for run in runs]))
            cells = " | ".join(f"{number:.1f}" for number in numbers)
            lines.append(f"| {data} | {name} | {len(runs)} | {epochs} | {accuracy:.2f} | {cells} |")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    rows = methods()
    parser = options(__doc__)
    parser.add_argument("--data", default="mnist", choices=list(DATA))
    parser.add_argument("--rows", nargs="+", default=list(rows), choices=list(rows))
    parser.add_argument("--epochs", type=int, default=20, help="training epochs (authors: 20)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parsed(parser, argv)
    whole = noise_images((28, 28)) if arguments.tiny else DATA[arguments.data]()
    folder = arguments.output / FOLDER
    data = dataclasses.replace(whole, x_train=whole.x_train[:50000], y_train=whole.y_train[:50000])
    evaluation = osciprop.SequentialIteration(max_steps=1, tolerance=1e-3)
    adam = optax.adam(1e-3)
    for seed in arguments.seeds:
        for name in arguments.rows:
            row = Row(network, rows[name], adam, 50, evaluation, look, 1000, attacked)
            train(folder, f"{arguments.data}_{name}", row, seed, arguments.epochs, data)
            (folder / "table.md").write_text(table(folder) + "\n")
    print(table(folder))


if __name__ == "__main__":
    main()
