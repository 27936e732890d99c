"""CIFAR-10, CIFAR-100 and ImageNet 32 x 32 by holomorphic EP in convolutional networks.

    OSCIPROP_DATA=... python -m experiments.hep2022_cnn --data cifar10 --rows hep_N2 backprop

hep2022, Table 2 and Fig. 4c, settings of the authors' runs: 90 epochs, SGD with momentum 0.9 and
decoupled weight decay, one learning rate per layer, cosine annealing by epoch, pixels divided by
1.5 standard deviations, flips and crops, batches of 128 (ImageNet: 256). Rows:

- `hep_N2`: VGG-4, centred EP at an amplitude of 1; `implicit`: the exact gradient of that network;
  `backprop`: the same layers without feedback, ReLU.
- `fig4c_N2`, `fig4c_N4`: VGG-6, softmax pooling at temperature 10; `fig4c_control`: maximum pooling
  and a hard sigmoid, N = 2.

Relaxations end by tolerance, after at most the authors' number of free steps. `--width`, `--train`,
`--test` and `--rate` make smaller networks, data sets and steps, named so in the results. What is
interrupted goes on from its checkpoint. `--devices 4` shares every batch between four devices,
`--hosts` between the devices of all hosts of a cluster's job. A run of 90 epochs makes
35,190 updates, which at full size take weeks on a processor: `python -m benchmarks.convolutional`
measures an update on your device.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import jax
import numpy as np
import optax
from jax.tree_util import KeyPath

import osciprop
from experiments.runs import Row, noise_images, options, parsed, stored, train
from osciprop.datasets import Dataset, cifar10, cifar10_jpeg, cifar100, imagenet32
from osciprop.training.parallel import OneDevice

FOLDER = "hep2022_cnn"
DATA: dict[str, Callable[[], Dataset]] = {
    "cifar10": cifar10,
    "cifar10_jpeg": cifar10_jpeg,
    "cifar100": cifar100,
    "imagenet32": imagenet32,
}
ROWS = ["hep_N2", "implicit", "backprop", "fig4c_N2", "fig4c_N4", "fig4c_control"]
HORIZON = 90
"""Epochs over which the learning rates fall."""

VGG4_RATES = (0.25, 0.15, 0.10, 0.08, 0.05)
VGG6_RATES = (0.05, 0.04, 0.04, 0.03, 0.03, 0.02, 0.02)
VGG4_DECAY = {"cifar10": 2e-3, "cifar10_jpeg": 2e-3, "cifar100": 1e-2, "imagenet32": 5e-4}
VGG6_DECAY, VGG6_READOUT_DECAY = 5e-4, 1e-3


def annealed(rate: float, steps_per_epoch: int) -> optax.Schedule:
    """The authors' learning rate: set after each epoch, so that the first two have the same."""

    def schedule(count: jax.Array) -> jax.Array:
        epoch = jax.numpy.maximum(count // steps_per_epoch - 1, 0)
        falling = 0.5 * (1 + jax.numpy.cos(math.pi * epoch / HORIZON))
        return rate * (1e-7 + (1 - 1e-7) * falling)

    return schedule


def layerwise(
    rates: tuple[float, ...], decays: tuple[float, ...], steps_per_epoch: int
) -> optax.GradientTransformation:
    """`m <- 0.9 m + g`, then `theta <- (1 - rate decay) theta - rate m`, by layer."""
    last = len(rates) - 1
    layers = {
        str(place): optax.chain(
            optax.trace(0.9),
            optax.add_decayed_weights(decay),
            optax.scale_by_learning_rate(annealed(rate, steps_per_epoch)),
        )
        for place, (rate, decay) in enumerate(zip(rates, decays, strict=True))
    }

    def layer_of(path: KeyPath, _: jax.Array) -> str:
        kind, place = path[0].name, path[1]
        return str(last if kind == "readout" else min(place.idx, last))

    return optax.partition(
        layers, lambda parameters: jax.tree_util.tree_map_with_path(layer_of, parameters)
    )


def rows(
    data: str, classes: int, width: int, steps_per_epoch: int, batch: int, rate: float = 1.0
) -> dict[str, Row]:
    """All rows by name; `rate` multiplies every learning rate."""
    relaxation = osciprop.AndersonIteration(tolerance=1e-4, max_steps=260)
    images = osciprop.training.ImagePreprocessing(
        osciprop.training.IMAGENET_STATISTICS
        if data == "imagenet32"
        else osciprop.training.CIFAR_STATISTICS,
        (osciprop.training.HorizontalFlip(), osciprop.training.RandomCrop(padding=2)),
    )
    table2 = layerwise(
        tuple(rate * own for own in VGG4_RATES), (VGG4_DECAY[data],) * 5, steps_per_epoch
    )
    fig4c = layerwise(
        tuple(rate * own for own in VGG6_RATES),
        (VGG6_DECAY,) * 6 + (VGG6_READOUT_DECAY,),
        steps_per_epoch,
    )

    def hopfield(
        layers: tuple[osciprop.networks.Maps, ...], activation: osciprop.networks.AbstractActivation
    ) -> Callable[[int], osciprop.Network]:
        return lambda seed: osciprop.hopfield_cnn(
            layers, key=jax.random.PRNGKey(seed), classes=classes, activation=activation
        )

    def feedforward(seed: int) -> osciprop.Network:
        return osciprop.networks.convolutional_perceptron(
            osciprop.networks.vgg4(width, osciprop.networks.SoftmaxPooling()),
            key=jax.random.PRNGKey(seed),
            classes=classes,
        )

    holomorphic = osciprop.HolomorphicTanh()
    deep = osciprop.networks.vgg6(width, osciprop.networks.SoftmaxPooling(temperature=10.0))
    control = osciprop.networks.vgg6(width, osciprop.networks.MaxPooling())
    contour = {count: osciprop.HolomorphicEP(1.0, count, relaxation) for count in (2, 4)}
    four = hopfield(osciprop.networks.vgg4(width), holomorphic)
    once = osciprop.SequentialIteration(tolerance=1e-3, max_steps=1)
    built = {
        "hep_N2": (four, contour[2], table2, relaxation),
        "implicit": (four, osciprop.Implicit(relaxation, tolerance=1e-4), table2, relaxation),
        "backprop": (feedforward, osciprop.Implicit(once), table2, once),
        "fig4c_N2": (hopfield(deep, holomorphic), contour[2], fig4c, relaxation),
        "fig4c_N4": (hopfield(deep, holomorphic), contour[4], fig4c, relaxation),
        "fig4c_control": (
            hopfield(control, osciprop.HardSigmoid()),
            contour[2],
            fig4c,
            relaxation,
        ),
    }
    return {
        name: Row(network, method, optimizer, batch, evaluation, preprocessing=images)
        for name, (network, method, optimizer, evaluation) in built.items()
    }


def table(folder: Path, data: str, names: list[str], suffix: str) -> str:
    """Test accuracy by epoch of the stored runs, mean over the seeds that are there."""
    lines = ["| row | seeds | test accuracy by epoch, % | train accuracy of the last, % |"]
    lines.append("|---|---|---|---|")
    for name in names:
        runs = stored(folder, f"{data}_{name}{suffix}")
        if runs:
            length = min(len(run["epochs"]["epoch"]) for run in runs)
            test = np.mean([run["epochs"]["test_accuracy"][:length] for run in runs], axis=0)
            last = np.mean([run["epochs"]["train_accuracy"][length - 1] for run in runs])
            numbers = ", ".join(f"{100 * value:.2f}" for value in test)
            lines.append(f"| {name} | {len(runs)} | {numbers} | {100 * last:.2f} |")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    parser = options(__doc__)
    parser.add_argument("--data", default="cifar10", choices=list(DATA))
    parser.add_argument("--rows", nargs="+", default=ROWS, choices=ROWS)
    parser.add_argument("--epochs", type=int, default=90, help="training epochs (authors: 90)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--width", type=int, default=128, help="maps of the first layer")
    parser.add_argument("--train", type=int, help="the first so many training images only")
    parser.add_argument("--test", type=int, help="the first so many test images only")
    parser.add_argument("--rate", type=float, default=1.0, help="factor of all learning rates")
    parser.add_argument("--batch", type=int, help="default 128, ImageNet 256")
    parser.add_argument("--devices", type=int, help="share every batch between so many devices")
    parser.add_argument(
        "--hosts", action="store_true", help="join the hosts of a cluster's job, use all devices"
    )
    arguments = parsed(parser, argv)
    if arguments.hosts:  # before anything that uses JAX
        osciprop.training.connect_hosts()
    spread = arguments.hosts or arguments.devices
    placement = osciprop.DataParallel(arguments.devices) if spread else OneDevice()
    batch = arguments.batch or (256 if arguments.data == "imagenet32" else 128)
    whole = noise_images((32, 32, 3)) if arguments.tiny else DATA[arguments.data]()
    data = whole.subset(train=arguments.train, test=arguments.test)
    steps = math.ceil(len(data.x_train) / batch)
    table_rows = rows(
        arguments.data, data.num_classes, arguments.width, steps, batch, arguments.rate
    )
    suffix = "" if arguments.width == 128 else f"_width{arguments.width}"
    suffix += f"_images{arguments.train}" if arguments.train else ""
    suffix += "" if arguments.rate == 1.0 else f"_rate{arguments.rate:g}"
    folder = arguments.output / FOLDER
    for seed in arguments.seeds:
        for name in arguments.rows:
            label = f"{arguments.data}_{name}{suffix}"
            train(folder, label, table_rows[name], seed, arguments.epochs, data, placement)
    print(table(folder, arguments.data, ROWS, suffix))


if __name__ == "__main__":
    main()
