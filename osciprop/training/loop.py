"""`fit`: training from beginning to end, in one call.

It records a history, shows a bar, and can be interrupted at any moment and resumed to the very same
numbers. `osciprop.Training` is the same as a loop that one can enter.
"""

from pathlib import Path
from typing import TypeVar, cast

import optax
from jaxtyping import PRNGKeyArray

from ..datasets.samples import Data
from ..equilibria.own import OwnRelaxation
from ..equilibria.relaxation import AbstractRelaxation
from ..errors import attached, check_at_least
from ..gradients import AbstractGradientMethod
from ..networks.model import AbstractModel
from ..progress import progress_bar, write
from .history import History
from .parallel import AbstractPlacement, OneDevice
from .preprocessing import AbstractPreprocessing
from .training import Training
from .updates import Monitor

Model = TypeVar("Model", bound=AbstractModel)


def fit(
    network: Model,
    data: Data,
    method: AbstractGradientMethod,
    optimizer: optax.GradientTransformation,
    *,
    epochs: int,
    batch_size: int = 20,
    seed: int = 0,
    key: PRNGKeyArray | None = None,
    monitor: Monitor | None = None,
    monitor_every: int = 100,
    checkpoint: Path | str | None = None,
    checkpoint_every: int = 1000,
    relaxation: AbstractRelaxation = OwnRelaxation(),
    preprocessing: AbstractPreprocessing | None = None,
    placement: AbstractPlacement = OneDevice(),
    progress: bool = True,
    throw: bool = True,
) -> tuple[Model, History]:
    """Train a network.

    With `checkpoint`, a file is written every `checkpoint_every` updates, after every epoch, and on
    an interrupt or error; if it exists, training goes on from it and gives the same numbers as an
    uninterrupted run, on as many devices; on another number, up to the order of sums. Of batches
    that somebody else makes that holds as far as a new process is given the same ones: put a loader
    that shuffles by a generator of its own to the epoch where the run stands. What
    ends training early, an interrupt or a full disk too, has an attribute `training`: the
    `osciprop.Training` with all updates so far, from which one can go on.

    Args:
        network: The network: `osciprop.Network`, or one of the user's own.
        data: Samples to train on, and to test on after each epoch, if there are any: a `Dataset`;
            arrays `(x, y)`, or `((x, y), (x_test, y_test))`; or an iterable of batches `(x, y)`,
            or a pair of such iterables (see `osciprop.datasets.Stream`).
        method: A gradient method.
        optimizer: Any Optax optimizer. Those that need the loss or a line search get them.
        epochs: Number of passes through the training samples, counted from the beginning of the
            run.
        batch_size: Samples per update, where data come as arrays.
        seed: Decides the order of samples in every epoch.
        key: Source of the noise of methods that have any, and of augmentation, each drawn by the
            number of the update; None for one made from `seed`.
        monitor: Called as `monitor(network, x, y, estimate)` before an update, with preprocessed
            `x`; what it returns, numbers by name, is recorded. None for none.
        monitor_every: Updates between two calls of the monitor.
        checkpoint: File to go on from, and to write; None for none.
        checkpoint_every: Updates between two checkpoints.
        relaxation: How equilibria of the test samples are found, after each epoch.
        preprocessing: What makes the network's inputs of stored samples, on the device: its `train`
            for updates, its `evaluate` for the test set. Data sets of uint8 images need one; None
            for inputs as they are.
        placement: Where the arrays live: `osciprop.DataParallel()` spreads every batch over several
            devices, to the same numbers up to the order of sums.
        progress: Whether to show a bar, and before it the memory that an update takes.
        throw: Whether an estimate that did not converge ends the training. Without, the history's
            `converged` tells.

    Returns:
        The trained network and the history.

    Raises:
        NonFiniteLossError: the loss, or a weight, is not finite.
        ConvergenceError: an estimate did not converge.
        CheckpointError: the checkpoint belongs to a run with other settings, or is damaged.
        TypeError: `method` or `optimizer` is none.
        ValueError: the data do not fit the network, an argument is out of its range, or the
            checkpoint has more epochs already.

    Example:
        >>> data = osciprop.datasets.digits().subset(train=32, test=16)
        >>> net = osciprop.hopfield_mlp([64, 8, 10], key=key)
        >>> trained, history = osciprop.fit(
        ...     net, data, osciprop.Implicit(), optax.sgd(0.1), epochs=1, progress=False
        ... )
        >>> len(history.epochs["test_accuracy"])
        1
    """
    check_at_least("epochs", epochs, 1, "train for at least one epoch")
    training = Training(
        network,
        data,
        method,
        optimizer,
        batch_size=batch_size,
        seed=seed,
        key=key,
        monitor=monitor,
        monitor_every=monitor_every,
        checkpoint=checkpoint,
        checkpoint_every=checkpoint_every,
        relaxation=relaxation,
        preprocessing=preprocessing,
        placement=placement,
        throw=throw,
    )
    if training.epochs_made > epochs:
        raise ValueError(
            f"epochs={epochs}, and the run in {checkpoint} has {training.epochs_made} already: "
            "give as many or more, or another checkpoint"
        )
    if progress and training.epochs_made < epochs:
        write(str(training.memory()))
    steps = training.steps_per_epoch
    bar = progress_bar(
        None if steps is None else epochs * steps,
        unit="update",
        initial=training.updates_made,
        shown=progress,
    )
    with bar, attached("training", training, "error.training.network, error.training.history"):
        for update in training.updates(epochs):
            bar.update()
            bar.set_postfix(loss=f"{update.loss:.3f}", refresh=False)
    return cast(Model, training.network), training.history
