"""CIFAR-10 and CIFAR-100 by dual propagation in VGG16.

    OSCIPROP_DATA=... python -m experiments.two_tales2024_vgg16 --rows backprop adjoint_0_0.1

two_tales2024, `bash_scripts`, settings of the authors' runs: VGG16 with ReLU, maximum pooling and
dense layers of 4096, cross-entropy, DP^T with sixteen forward sweeps, SGD with momentum 0.9, weight
decay of 5e-4 in the gradient, ten epochs of warm-up and cosine decay, on nine tenths of the
training images. Rows: `backprop`, and `adjoint_<alpha>_<beta>` for alpha in 0, 0.5, 1 and beta in
0.01, 0.1, 1 (and 10 for alpha = 0).

Deviates from the authors: crops are cut from raw pixels in a black frame of 4, they pad after
normalisation; the test accuracy is that of every epoch, they report the epoch of best validation.
`--width`, `--train` and `--test` make smaller networks and data sets, named so in the
results. What is interrupted goes on from its checkpoint. At full size (34 million weights) an epoch
takes hours on a processor.
"""

from collections.abc import Sequence

import jax
import optax

import osciprop
from experiments.hep2022_cnn import table
from experiments.runs import Row, noise_images, options, parsed, train
from osciprop.datasets import cifar10, cifar10_jpeg, cifar100

FOLDER = "two_tales2024_vgg16"
DATA = {"cifar10": cifar10, "cifar10_jpeg": cifar10_jpeg, "cifar100": cifar100}
CIFAR100_STATISTICS = osciprop.training.ChannelStatistics(
    (0.5074, 0.4867, 0.4411), (0.2011, 0.1987, 0.2025)
)
# Batch, peak learning rate, epochs, and epochs until the rate is lowest.
SETTINGS = {"cifar10": (100, 0.025, 130, 120), "cifar100": (50, 0.015, 200, 190)}
WARM_UP = 10
ROUNDS = 16
ALPHAS_AND_BETAS = (
    *((alpha, beta) for alpha in (0.0, 0.5, 1.0) for beta in (0.01, 0.1, 1.0)),
    (0.0, 10.0),
)


def methods() -> dict[str, osciprop.gradients.AbstractGradientMethod]:
    once = osciprop.SequentialIteration(tolerance=1e-3, max_steps=1)
    sweeps = osciprop.SequentialIteration(order=osciprop.equilibria.Forward(), max_steps=ROUNDS)
    found: dict[str, osciprop.gradients.AbstractGradientMethod] = {
        "backprop": osciprop.Implicit(once)
    }
    return found | {
        f"adjoint_{alpha:g}_{beta:g}": osciprop.DualPropagationAdjoint(beta, alpha, sweeps)
        for alpha, beta in ALPHAS_AND_BETAS
    }


def optimizer(peak: float, steps_per_epoch: int, lowest: int) -> optax.GradientTransformation:
    """`m <- 0.9 m + g + decay theta`, warm-up from 1e-3 and cosine decay to 2e-6."""
    schedule = optax.warmup_cosine_decay_schedule(
        1e-3, peak, WARM_UP * steps_per_epoch, lowest * steps_per_epoch, end_value=2e-6
    )
    return optax.chain(
        optax.add_decayed_weights(5e-4), optax.trace(0.9), optax.scale_by_learning_rate(schedule)
    )


def row(
    data: str,
    method: osciprop.gradients.AbstractGradientMethod,
    classes: int,
    width: int,
    steps: int,
) -> Row:
    """`width` maps in the first layer; the dense layers have 64 times as many units."""
    batch, peak, _, lowest = SETTINGS[data.removesuffix("_jpeg")]
    statistics = CIFAR100_STATISTICS if data == "cifar100" else osciprop.training.CIFAR_STATISTICS
    images = osciprop.training.ImagePreprocessing(
        statistics,
        (osciprop.training.RandomCrop(padding=4), osciprop.training.HorizontalFlip()),
        factor=1.0,
    )

    def network(seed: int) -> osciprop.Network:
        return osciprop.networks.convolutional_perceptron(
            osciprop.networks.vgg16(width),
            hidden=[64 * width, 64 * width],
            key=jax.random.PRNGKey(seed),
            classes=classes,
            scale=1.137,  # LeCun's initialisation
        )

    once = osciprop.SequentialIteration(tolerance=1e-3, max_steps=1)
    rule = optimizer(peak, steps, lowest)
    return Row(network, method, rule, batch, once, preprocessing=images)


def main(argv: Sequence[str] | None = None) -> None:
    names = list(methods())
    parser = options(__doc__)
    parser.add_argument("--data", default="cifar10", choices=list(DATA))
    parser.add_argument("--rows", nargs="+", default=names, choices=names)
    parser.add_argument("--epochs", type=int, help="default 130, CIFAR-100 200")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1988, 1542, 8697])
    parser.add_argument("--width", type=int, default=64, help="maps of the first layer")
    parser.add_argument("--train", type=int, help="number of training images; default nine tenths")
    parser.add_argument("--test", type=int, help="the first so many test images only")
    arguments = parsed(parser, argv)
    whole = noise_images((32, 32, 3)) if arguments.tiny else DATA[arguments.data]()
    count = arguments.train or len(whole.x_train) * 9 // 10
    data = whole.subset(train=count, test=arguments.test)
    batch, _, epochs, _ = SETTINGS[arguments.data.removesuffix("_jpeg")]
    suffix = "" if arguments.width == 64 else f"_width{arguments.width}"
    suffix += f"_images{arguments.train}" if arguments.train else ""
    folder = arguments.output / FOLDER
    for seed in arguments.seeds:
        for name in arguments.rows:
            chosen = row(
                arguments.data,
                methods()[name],
                data.num_classes,
                arguments.width,
                max(len(data.x_train) // batch, 1),
            )
            label = f"{arguments.data}_{name}{suffix}"
            train(folder, label, chosen, seed, arguments.epochs or epochs, data)
    print(table(folder, arguments.data, names, suffix))


if __name__ == "__main__":
    main()
