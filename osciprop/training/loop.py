"""Training: gradients from any method, updates from any Optax optimizer.

`fit` runs epochs over a data set, records a history, shows a bar, and can be interrupted at any
moment and resumed to the very same numbers.
"""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import jax
import numpy as np
import optax
from jaxtyping import PRNGKeyArray

from ..datasets import Batches, Dataset, prefetched
from ..equilibria.own import OwnRelaxation
from ..equilibria.relaxation import AbstractRelaxation
from ..errors import check_at_least
from ..gradients import AbstractGradientMethod
from ..networks.network import AbstractNetwork
from ..networks.preparation import prepare_pair, prepare_targets
from .equality import same
from .evaluation import Evaluation, evaluate, measured
from .history import History, record
from .memory import step_memory
from .parallel import AbstractPlacement, OneDevice
from .preprocessing import AbstractPreprocessing
from .resuming import TrainingRun, resume_run, run_settings, save_run
from .step import begin
from .updates import Monitor, Plan, updates


def fit(
    network: AbstractNetwork,
    data: Dataset,
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
) -> tuple[AbstractNetwork, History]:
    """Train a network.

    With `checkpoint`, a file is written every `checkpoint_every` updates, after every epoch, and on
    an interrupt or error; if it exists, training goes on from it and gives the same numbers as an
    uninterrupted run, on as many devices; on another number, up to the order of sums.

    Args:
        network: The network: `osciprop.Network`, or one of the user's own.
        data: Training and test samples.
        method: A gradient method.
        optimizer: Any Optax optimizer.
        epochs: Number of passes through the training samples, counted from the beginning of the
            run.
        batch_size: Samples per update.
        seed: Decides the order of samples in every epoch.
        key: Source of the noise of methods that have any, and of augmentation, each drawn by the
            number of the update; None for one made from `seed`.
        monitor: Called as `monitor(network, x, y, estimate)` before an update, with preprocessed
            `x`; what it returns is recorded. None for none.
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
        NonFiniteLossError: the loss is not finite.
        ConvergenceError: an estimate did not converge.
        CheckpointError: the checkpoint belongs to a run with other settings.
        ValueError: the data do not fit, or devices cannot share a batch equally.

    Example:
        >>> data = osciprop.datasets.digits().subset(train=32, test=16)
        >>> net = osciprop.hopfield_mlp([64, 8, 10], key=key)
        >>> trained, history = osciprop.fit(
        ...     net, data, osciprop.Implicit(), optax.sgd(0.1), epochs=1, progress=False
        ... )
        >>> len(history.epochs["test_accuracy"])
        1
    """
    from tqdm import tqdm  # slow to import, and not needed before

    check_at_least("epochs", epochs, 1, "train for at least one epoch")
    optimizer = same(optimizer)  # an equal one has programs already
    # Data sets hold finite numbers and labels of their classes. What is checked here is that they
    # fit the network, once: an update costs nothing on the host but its own call.
    first = measured(preprocessing, data.x_train[:batch_size]), data.y_train[:batch_size]
    inputs, targets = prepare_pair(network, *first)
    prepare_targets(network, inputs, data.y_train, len(data.y_train))
    method.check(network)
    placement.check_batch(batch_size)
    batches = Batches(data.x_train, data.y_train, batch_size, seed=seed)
    source = jax.random.key(seed) if key is None else key
    run = TrainingRun(begin(network, optimizer), History(), 0, 0, source)
    settings = run_settings(network, data, method, batch_size, seed, source, preprocessing)
    path = None if checkpoint is None else Path(checkpoint)
    if path is not None and path.exists():
        run = resume_run(path, run, settings)
    run.state, method = placement.replicate((run.state, method))
    dtype = inputs.dtype
    plan = Plan(method, optimizer, placement, preprocessing, dtype, monitor, monitor_every, throw)
    if progress and run.epoch < epochs:
        inputs, targets = placement.split((inputs, targets))
        memory = step_memory(run.state, inputs, targets, method, optimizer, run.key)
        tqdm.write(str(memory), file=sys.stderr)
    bar = tqdm(
        total=epochs * batches.steps_per_epoch,
        initial=run.epoch * batches.steps_per_epoch + run.step,
        disable=not progress,
        unit="update",
    )
    try:
        with bar:
            while run.epoch < epochs:
                with at_hand(batches.epoch(run.epoch, start_step=run.step), data) as samples:
                    for _ in updates(run, samples, plan):
                        bar.update()
                        bar.set_postfix(loss=f"{run.history.steps['loss'][-1]:.3f}", refresh=False)
                        if path is not None and run.updates % checkpoint_every == 0:
                            save_run(path, run, settings)
                trained = placement.local(run.state.network)
                test = evaluate(
                    trained,
                    data.x_test,
                    data.y_test,
                    relaxation=relaxation,
                    preprocessing=preprocessing,
                )
                finish_epoch(run, test, batches.steps_per_epoch)
                if path is not None:
                    save_run(path, run, settings)
    except BaseException:
        if path is not None:
            save_run(path, run, settings)  # the state before the update that failed
        raise
    return placement.local(run.state.network), run.history


def at_hand(
    samples: Iterator[tuple[np.ndarray, np.ndarray]], data: Dataset
) -> AbstractContextManager[Iterator[tuple[np.ndarray, np.ndarray]]]:
    """Batches, read ahead by a thread unless they are in memory, where it would cost more."""
    return nullcontext(samples) if type(data.x_train) is np.ndarray else prefetched(samples)


def finish_epoch(run: TrainingRun, test: Evaluation, steps: int) -> None:
    """Record an epoch of so many updates."""
    row = {
        "epoch": float(run.epoch + 1),
        "train_loss": float(np.mean(run.history.steps["loss"][-steps:])),
        "train_accuracy": float(np.mean(run.history.steps["accuracy"][-steps:])),
        "test_loss": test.loss,
        "test_accuracy": test.accuracy,
        "test_converged": test.converged,
    }
    record(run.history.epochs, row)
    run.epoch, run.step = run.epoch + 1, 0
