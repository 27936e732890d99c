"""The six convolutional layers of Fig. 4 at random weights, and how gradients of it are judged.

hep2022, Fig. 4a and b: VGG-6 with 128 to 512 maps and 1000 classes, seed 3, a batch of 16 images of
32 x 32 pixels; ImageNet's there, CIFAR-10's here. The free phase makes 50 synchronous steps, every
nudged one 20 (100 and 50 in the network that is not holomorphic).
"""

from dataclasses import dataclass

import equinox as eqx
import jax
import numpy as np
from jaxtyping import PyTree

import osciprop
from osciprop.datasets import cifar10_jpeg

SEED = 3
NEVER = 1e-30
"""A tolerance that no iteration reaches: all steps are made."""

FINEST = 7.2
"""Digits of a cosine in single precision, where published curves end."""


@dataclass(frozen=True)
class Deep:
    """A size of the network: `width` maps in the first layer, `classes`, images in the batch."""

    width: int = 128
    classes: int = 1000
    images: int = 16
    side: int = 32
    pixels: str = "CIFAR-10 (JPEG copy), first training images, hep2022's normalisation"


FULL = Deep()
FAST = Deep(4, 10, 2, 32, "noise")


@dataclass(frozen=True)
class Kind:
    """Activation and pooling, and the steps of both phases."""

    activation: osciprop.networks.AbstractActivation
    pooling: osciprop.networks.AbstractPooling
    free_steps: int
    nudged_steps: int


HOLOMORPHIC = Kind(osciprop.HolomorphicTanh(), osciprop.networks.SoftmaxPooling(), 50, 20)
CONTROL = Kind(osciprop.HardSigmoid(), osciprop.networks.MaxPooling(), 100, 50)


class Judge:
    """Gradients of one network in one precision against the exact gradient in double precision."""

    def __init__(self, size: Deep, kind: Kind, dtype: type):
        self.kind, self.dtype = kind, dtype
        layers = osciprop.networks.vgg6(size.width, kind.pooling)
        built = osciprop.hopfield_cnn(
            layers,
            key=jax.random.PRNGKey(SEED),
            image_shape=(size.side, size.side, 3),
            classes=size.classes,
            activation=kind.activation,
        )
        # The same weights in both precisions: those of single precision.
        single = _cast(built, np.float32)
        x, labels = _batch(size)
        self.y = labels
        exact = osciprop.estimate_gradient(
            _cast(single, np.float64), x.astype(np.float64), self.y, osciprop.Implicit()
        )
        self.exact = by_layer(exact.gradient)
        self.network: osciprop.Network = _cast(single, dtype)
        self.x: np.ndarray = x.astype(dtype)
        self.free = osciprop.relax(
            self.network, self.x, relaxation=self._steps(kind.free_steps), throw=False
        )

    def _steps(self, number: int) -> osciprop.equilibria.AbstractRelaxation:
        return osciprop.SynchronousIteration(tolerance=NEVER, max_steps=number)

    def digits(self, amplitude: float, points: int) -> np.ndarray:
        """`-log10(1 - cosine)` with the exact gradient: of all layers together, then of each."""
        steps = self._steps(self.kind.nudged_steps)
        method: osciprop.gradients.AbstractGradientMethod = (
            osciprop.ClassicEP(amplitude, steps)
            if points == 1
            else osciprop.HolomorphicEP(amplitude, points, steps)
        )
        estimate = osciprop.estimate_gradient(
            self.network, self.x, self.y, method, initial=self.free.u, throw=False
        )
        layers = by_layer(estimate.gradient)
        pairs = [(layers, self.exact), *zip(layers, self.exact, strict=True)]
        distances = [float(osciprop.cosine_distance(_wide(a), _wide(b))) for a, b in pairs]
        return -np.log10(np.maximum(distances, 1e-16))

    def measure(self, amplitude: float, points: int) -> dict[str, np.ndarray]:
        """As `digits`, for a study."""
        return {"digits": self.digits(amplitude, points)}


def by_layer(gradient: osciprop.Network) -> list[PyTree]:
    """The gradient of each layer's weights and biases, from the input to the readout."""
    readout = gradient.readout
    assert isinstance(readout, osciprop.SoftmaxCrossEntropy)
    layers = zip(gradient.synapses, gradient.populations, strict=True)
    return [
        *[(convolution(synapse).kernel, population.bias) for synapse, population in layers],
        (readout.weight, readout.bias),
    ]


def convolution(synapse: osciprop.networks.AbstractSynapse) -> osciprop.networks.Convolution:
    """The kernel of a synapse, which has to have one."""
    projections = osciprop.networks.DirectedProjection | osciprop.networks.ReciprocalProjection
    if not isinstance(synapse, projections):
        raise TypeError(f"{type(synapse).__name__} is no projection")
    if not isinstance(synapse.transform, osciprop.networks.Convolution):
        raise TypeError(f"{type(synapse.transform).__name__} is no convolution")
    return synapse.transform


def _batch(size: Deep) -> tuple[np.ndarray, np.ndarray]:
    if size == FULL:
        data = cifar10_jpeg().subset(train=size.images, test=1)
        normalisation = osciprop.training.ImagePreprocessing(osciprop.training.CIFAR_STATISTICS)
        return np.asarray(normalisation.evaluate(data.x_train)), data.y_train
    random = np.random.default_rng(SEED)
    x = 0.6 * random.normal(size=(size.images, size.side, size.side, 3))
    return x, random.integers(0, size.classes, size.images)


def _cast(network: osciprop.Network, dtype: type) -> osciprop.Network:
    return jax.tree.map(
        lambda leaf: leaf.astype(dtype) if eqx.is_inexact_array(leaf) else leaf, network
    )


def _wide(gradient: PyTree) -> PyTree:
    return jax.tree.map(lambda leaf: np.asarray(leaf, dtype=np.float64), gradient)
