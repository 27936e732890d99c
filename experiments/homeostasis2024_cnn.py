"""CIFAR and ImageNet 32 x 32 by convolutional networks whose feedback has kernels of its own.

    OSCIPROP_DATA=... python -m experiments.homeostasis2024_cnn --data cifar10 --rows response

homeostasis2024, Table 2 and Fig. 4i-l, settings of the authors' runs: the layers of VGG-4, feedback
kernels equal to the forward ones at the start and learning by themselves, SGD with momentum 0.9,
one learning rate per synapse, weight decay in the gradient, cosine decay by update, batches of 256,
150 epochs (ImageNet: 90). Rows:

- `response`, `response_homeostasis`: the exact response to a nudge, without and with the penalty;
- `N2_homeostasis`: the response to nudges of +1 and -1;
- `adjoint`, `adjoint_homeostasis`: the exact adjoint (recurrent backpropagation in its limit).

Relaxations end by tolerance, after at most the authors' 250 steps. `--width`, `--train`, `--test`
make smaller networks and data sets, named so in the results. What is interrupted goes on from its
checkpoint. At full size a run takes days on a processor and hours on an accelerator:
`python -m benchmarks.convolutional` measures the time of an update on yours.
"""

import math
from collections.abc import Sequence

import jax
import optax
from jax.tree_util import KeyPath

import osciprop
from experiments.hep2022_cnn import DATA, table
from experiments.runs import Row, noise_images, options, parsed, train

FOLDER = "homeostasis2024_cnn"
FORWARD, FEEDBACK, READOUT = (25, 15, 10, 8), (15, 10, 8), 5
"""Multiples of the base rate: synapses up from the input, feedback to each layer, readout."""

RATE, IMAGENET_RATE = 7e-3, 5e-3
DECAY, READOUT_DECAY = 1e-4, 2e-4
PENALTY, IMAGENET_PENALTY = 15.0, 10.0


def optimizer(base: float, updates: int) -> optax.GradientTransformation:
    """`m <- 0.9 m + g + decay theta`, `theta <- theta - rate m`, one rate per synapse."""

    def one(multiple: float, decay: float) -> optax.GradientTransformation:
        schedule = optax.cosine_decay_schedule(multiple * base, updates)
        return optax.chain(
            optax.add_decayed_weights(decay),
            optax.trace(0.9),
            optax.scale_by_learning_rate(schedule),
        )

    rules = {f"up{place}": one(multiple, DECAY) for place, multiple in enumerate(FORWARD)}
    rules |= {f"down{place}": one(multiple, DECAY) for place, multiple in enumerate(FEEDBACK)}
    rules |= {"readout": one(READOUT, READOUT_DECAY)}

    def rule_of(path: KeyPath, _: jax.Array) -> str:
        kind, place = path[0].name, path[1]
        if kind == "readout":
            return "readout"
        if kind == "populations":  # a bias learns like the synapse that leads to it
            return f"up{place.idx}"
        # feedback_cnn: the input's synapse, then a pair (up, down) for every two layers.
        pair, down = divmod(place.idx - 1, 2) if place.idx else (-1, 0)
        return f"down{pair}" if down else f"up{pair + 1}"

    return optax.partition(
        rules, lambda parameters: jax.tree_util.tree_map_with_path(rule_of, parameters)
    )


def rows(data: str, classes: int, width: int, updates: int) -> dict[str, Row]:
    imagenet = data == "imagenet32"
    relaxation = osciprop.AndersonIteration(tolerance=1e-4, max_steps=250)
    coefficient = IMAGENET_PENALTY if imagenet else PENALTY
    penalty = osciprop.gradients.HomeostaticPenalty(coefficient, coefficient)
    images = osciprop.training.ImagePreprocessing(
        osciprop.training.IMAGENET_STATISTICS if imagenet else osciprop.training.CIFAR_STATISTICS,
        (osciprop.training.HorizontalFlip(), osciprop.training.RandomCrop(padding=2)),
    )
    response = osciprop.gradients.LinearResponse(relaxation, tolerance=1e-3)
    adjoint = osciprop.Implicit(relaxation, tolerance=1e-3)
    methods: dict[str, osciprop.gradients.AbstractGradientMethod] = {
        "response": response,
        "response_homeostasis": osciprop.Homeostatic(response, penalty),
        "N2_homeostasis": osciprop.Homeostatic(osciprop.VectorFieldEP(1.0, 2, relaxation), penalty),
        "adjoint": adjoint,
        "adjoint_homeostasis": osciprop.Homeostatic(adjoint, penalty),
    }
    rule = optimizer(IMAGENET_RATE if imagenet else RATE, updates)

    def network(seed: int) -> osciprop.Network:
        return osciprop.networks.feedback_cnn(
            osciprop.networks.vgg4(width), key=jax.random.PRNGKey(seed), angle=0.0, classes=classes
        )

    return {
        name: Row(network, method, rule, 256, relaxation, preprocessing=images)
        for name, method in methods.items()
    }


def main(argv: Sequence[str] | None = None) -> None:
    names = list(rows("cifar10", 10, 2, 1))
    parser = options(__doc__)
    parser.add_argument("--data", default="cifar10", choices=list(DATA))
    parser.add_argument("--rows", nargs="+", default=names, choices=names)
    parser.add_argument("--epochs", type=int, help="default 150, ImageNet 90")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--width", type=int, default=128, help="maps of the first layer")
    parser.add_argument("--train", type=int, help="the first so many training images only")
    parser.add_argument("--test", type=int, help="the first so many test images only")
    arguments = parsed(parser, argv)
    epochs = arguments.epochs or (90 if arguments.data == "imagenet32" else 150)
    whole = noise_images((32, 32, 3)) if arguments.tiny else DATA[arguments.data]()
    data = whole.subset(train=arguments.train, test=arguments.test)
    updates = epochs * math.ceil(len(data.x_train) / 256)
    chosen = rows(arguments.data, data.num_classes, arguments.width, updates)
    suffix = "" if arguments.width == 128 else f"_width{arguments.width}"
    suffix += f"_images{arguments.train}" if arguments.train else ""
    folder = arguments.output / FOLDER
    for seed in arguments.seeds:
        for name in arguments.rows:
            train(folder, f"{arguments.data}_{name}{suffix}", chosen[name], seed, epochs, data)
    print(table(folder, arguments.data, names, suffix))


if __name__ == "__main__":
    main()
