"""From a gradient to a trained network.

The files, each importing only from those above it:

    augmentation   random changes of images in training
    preprocessing  from stored pixels to a network's input, on the device
    hosts          several hosts as one machine, before JAX starts
    parallel       where a run's arrays live: one device, or batches spread over several
    equality       whether two values, functions above all, are made of the same
    optimizers     optimizers as arguments of compiled programs
    writing        what devices make of updates that are written to them
    step           one training step: a gradient, an update from Optax
    memory         how much memory a training step takes
    history        what a training run recorded
    evaluation     how well a network does on data
    resuming       where a run stands, as a checkpoint
    reading        the batches of an epoch, read ahead of the updates that they become
    updates        one update: launched, and then confirmed
    training       `Training`: a run that one drives update by update
    loop           `fit`: the same from beginning to end
    attacks        adversarial inputs, and the accuracy under them
"""

from .attacks import AbstractAttack as AbstractAttack
from .attacks import FastGradientSign as FastGradientSign
from .attacks import ProjectedGradient as ProjectedGradient
from .attacks import adversarial_accuracy as adversarial_accuracy
from .augmentation import AbstractAugmentation as AbstractAugmentation
from .augmentation import HorizontalFlip as HorizontalFlip
from .augmentation import RandomCrop as RandomCrop
from .evaluation import Evaluation as Evaluation
from .evaluation import evaluate as evaluate
from .history import History as History
from .hosts import connect_hosts as connect_hosts
from .loop import fit as fit
from .memory import MemoryEstimate as MemoryEstimate
from .memory import memory_estimate as memory_estimate
from .parallel import AbstractPlacement as AbstractPlacement
from .parallel import DataParallel as DataParallel
from .parallel import OneDevice as OneDevice
from .preprocessing import CIFAR_STATISTICS as CIFAR_STATISTICS
from .preprocessing import IMAGENET_STATISTICS as IMAGENET_STATISTICS
from .preprocessing import AbstractPreprocessing as AbstractPreprocessing
from .preprocessing import ChannelStatistics as ChannelStatistics
from .preprocessing import Flattened as Flattened
from .preprocessing import ImagePreprocessing as ImagePreprocessing
from .preprocessing import RowsAsImages as RowsAsImages
from .step import parameters as parameters
from .training import Training as Training
from .updates import Update as Update
from .writing import update_steps as update_steps
from .writing import write_noise as write_noise
