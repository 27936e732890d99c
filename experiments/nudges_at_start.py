"""How close the gradients of homeostasis2024's table 1 are to the true derivative, before training.

    OSCIPROP_DATA=... python -m experiments.nudges_at_start

Cosine with the gradient of the exact response, 50 Fashion-MNIST images, networks of the table
(symmetric at the start) by seed; a longer period of the always-on rotation beside the published
one. Written to `experiments/results/nudges_at_start.json`; a few minutes of a core.
"""

from collections.abc import Sequence

import jax

import osciprop
from experiments.homeostasis2024 import always_on, reciprocal, table1
from experiments.runs import noise_images, options, parsed, write
from osciprop.datasets import fashion_mnist
from paper_figures.homeostasis2024.fig4 import RESPONSE

SEEDS = range(5)
ROWS = ("table1_N1_0.05", "table1_N1_0.5", "table1_N2_0.5", "table1_N4_0.5")
PERIODS = (240.0, 960.0)


def main(argv: Sequence[str] | None = None) -> None:
    arguments = parsed(options(__doc__), argv)
    data = noise_images((28, 28), 2) if arguments.tiny else fashion_mnist()
    x, y = data.x_train[:50], data.y_train[:50]
    rows = table1()
    few = 1 if arguments.tiny else None
    seeds, names, periods = SEEDS[:few], ROWS[:few], PERIODS[:few]
    methods: dict[str, osciprop.gradients.AbstractGradientMethod] = {
        name: rows[name].method for name in names
    }
    methods |= {f"always on, period {period:g}": always_on(period) for period in periods}
    found: dict[str, list[float]] = {name: [] for name in methods}
    for seed in seeds:
        network = reciprocal(0.0, seed)
        exact = osciprop.estimate_gradient(network, x, y, RESPONSE, throw=False)
        for name, method in methods.items():
            estimate = osciprop.estimate_gradient(network, x, y, method, throw=False)
            cosine = float(osciprop.cosine(estimate.gradient, exact.gradient))
            found[name].append(round(cosine, 4))
            print(seed, name, found[name][-1], flush=True)
    content: dict[str, object] = {
        "what": "cosine with the gradient of the exact response, by seed",
        "seeds": list(seeds),
        "cosines": found,
        "versions": {"osciprop": osciprop.__version__, "jax": jax.__version__},
    }
    write(arguments.output / "nudges_at_start.json", content)


if __name__ == "__main__":
    main()
