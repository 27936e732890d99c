"""`Training`: a run that one drives update by update, or epoch by epoch."""

import dataclasses
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, final

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import PRNGKeyArray, PyTree

from ..datasets import Batches
from ..datasets.batches import Batch
from ..datasets.samples import Data, Stream, as_task, with_batch
from ..equilibria.own import OwnRelaxation
from ..equilibria.relaxation import AbstractRelaxation
from ..errors import (
    as_path,
    check_at_least,
    check_callable,
    check_instance,
    check_key,
    optional_path,
)
from ..files.durable import require_writable
from ..gradients import AbstractGradientMethod
from ..networks.either import count_outputs, prepare_all_targets, prepare_either
from ..networks.model import AbstractModel
from .evaluation import Evaluation, evaluate, measured
from .history import History, record
from .memory import MemoryEstimate, step_memory
from .optimizers import (
    Optimizer,
    as_optimizer,
    check_update,
    objective_of,
    require_optimizer,
    with_settings_of,
)
from .parallel import AbstractPlacement, OneDevice
from .preprocessing import AbstractPreprocessing
from .reading import Fitting, Reader
from .resuming import Standing, resume_run, run_settings, save_run
from .step import begin, parameters
from .updates import Launched, Monitor, Plan, Update, confirm, launch, observe


@final
class Training:
    """A training run that one drives: `for update in training.updates(epochs=3)`.

    `updates` and `epochs` make the run go on, one update or epoch at a time; between two of them
    network, optimizer, its state and method can be read and changed, the loop can be left, and
    another one goes on from there. `osciprop.fit` is the short form.

    With `checkpoint`, a file is written every `checkpoint_every` updates, after every epoch, and
    when a loop is left, by an interrupt or error too; if it exists, training goes on from it and
    gives the same numbers as an uninterrupted run, on as many devices; on another number, up to the
    order of sums. Of batches that somebody else makes that holds as far as a new process is given
    the same ones: put a loader that shuffles by a generator of its own to the run's epoch.

    Args:
        network: The network: `osciprop.Network`, or one of the user's own.
        data: Samples to train on, and to test on after each epoch, if there are any: a `Dataset`;
            arrays `(x, y)`, or `((x, y), (x_test, y_test))`; or an iterable of batches `(x, y)`,
            or a pair of such iterables (see `osciprop.datasets.Stream`).
        method: A gradient method.
        optimizer: Any Optax optimizer. Those that need the loss or a line search get them.
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
        throw: Whether an estimate that did not converge ends the training. Without, the history's
            `converged` tells.

    Raises:
        CheckpointError: the checkpoint belongs to a run with other settings, or is damaged.
        TypeError: `method` or `optimizer` is none.
        ValueError: the data do not fit the network, or an argument is out of its range.

    Example:
        >>> data = osciprop.datasets.digits().subset(train=64, test=16)
        >>> net = osciprop.hopfield_mlp([64, 8, 10], key=key)
        >>> training = osciprop.Training(net, data, osciprop.Implicit(), optax.sgd(0.1))
        >>> best = net, 0.0
        >>> for epoch in training.epochs(3):
        ...     if epoch["test_accuracy"] > best[1]:
        ...         best = training.network, epoch["test_accuracy"]
        >>> len(training.history.steps["loss"])
        9
    """

    def __init__(
        self,
        network: Any,
        data: Data,
        method: AbstractGradientMethod,
        optimizer: optax.GradientTransformation,
        *,
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
        throw: bool = True,
    ):
        check_at_least("batch_size", batch_size, 1, "an update needs a sample")
        check_at_least("monitor_every", monitor_every, 1, "updates between two calls of monitor")
        check_at_least("checkpoint_every", checkpoint_every, 1, "updates between two files")
        check_instance("method", method, AbstractGradientMethod)
        require_optimizer(optimizer)
        check_instance("relaxation", relaxation, AbstractRelaxation)
        check_instance("placement", placement, AbstractPlacement)
        if preprocessing is not None:
            check_instance("preprocessing", preprocessing, AbstractPreprocessing)
        if monitor is not None:
            check_callable("monitor", monitor, "monitor(network, x, y, estimate)")
        if key is not None:
            check_key("key", key)
        placement.check_batch(batch_size)
        self._task = as_task(data, batch_size, seed)
        self._monitor, self._monitor_every = monitor, monitor_every
        self._path = optional_path("checkpoint", checkpoint)
        self._checkpoint_every = checkpoint_every
        self._relaxation, self._preprocessing = relaxation, preprocessing
        source = jax.random.key(seed) if key is None else key
        # Data are checked where they come in. What is checked here is that they fit the network,
        # once: an update costs nothing on the host but its own call.
        x, y = self._example(batch_size)
        inputs, targets = method.prepare(network, measured(preprocessing, x), y)
        known = self._task.train.y if isinstance(self._task.train, Batches) else y
        prepare_all_targets(network, inputs, known, len(known))
        self._check_test(network)
        method.check(network)
        state = begin(network, optimizer)
        self._network, self._method, self._optimizer = network, method, optimizer
        self._order = batch_size, seed
        self._source = source
        self._history, self._standing = History(), Standing(state)
        if self._path is not None:
            require_writable(self._path)
            if self._path.exists():
                self._standing, self._history = resume_run(self._path, state, self._settings)
        outputs = count_outputs(network, inputs)
        metric = network.metric(known, outputs)
        state, method = placement.replicate((self._standing.state, method))
        self._standing = dataclasses.replace(self._standing, state=state)
        self._plan = Plan(
            method,
            as_optimizer(optimizer),
            metric,
            placement,
            preprocessing,
            inputs.dtype,
            source,
            throw,
        )
        self._like = placement.split((inputs, targets))
        self._check_optimizer(self._plan.optimizer)
        fitting = Fitting(network, method, preprocessing, metric, outputs, (x, y))
        self._reader = Reader(self._task.train, fitting)
        self._loops = 0

    def _check_test(self, network: AbstractModel) -> None:
        """Before an epoch is spent, rather than after it."""
        if isinstance(self._task.test, tuple):
            x, y = self._task.test
            try:
                inputs, _ = prepare_either(network, measured(self._preprocessing, x[:1]), y[:1])
                prepare_all_targets(network, inputs, y, len(y))
            except ValueError as error:
                raise ValueError(f"of the test samples {error}") from None

    @cached_property
    def _settings(self) -> dict[str, Any]:
        """What a run that goes on has to have in common with this one."""
        batch_size, seed = self._order
        return run_settings(
            self._network,
            self._task,
            self._method,
            self._optimizer,
            batch_size,
            seed,
            self._source,
            self._preprocessing,
        )

    def _now_with(self, **part: Any) -> None:
        """Another method or optimizer belongs to the run from now on, and to its checkpoints."""
        for name, value in part.items():
            setattr(self, name, value)
        self.__dict__.pop("_settings", None)

    def __repr__(self) -> str:
        return (
            f"Training({self.updates_made} updates, in epoch {self._standing.epoch} at step "
            f"{self._standing.step})"
        )

    @property
    def network(self) -> Any:
        """The network as it is now. One of the same structure may be put in its place."""
        return self._plan.placement.local(self._standing.state.network)

    @network.setter
    def network(self, network: AbstractModel) -> None:
        self._put(network=network)

    @property
    def optimizer_state(self) -> PyTree:
        """The optimizer's own state. One of the same structure may be put in its place."""
        return self._plan.placement.local(self._standing.state.optimizer_state)

    @optimizer_state.setter
    def optimizer_state(self, optimizer_state: PyTree) -> None:
        self._put(optimizer_state=optimizer_state)

    def set_optimizer(self, optimizer: optax.GradientTransformation) -> None:
        """Go on with another optimizer, such as one of another learning rate, and with the state of
        the present one.

        Raises `ValueError` if it keeps another kind of state.
        """
        fresh = begin(self.network, optimizer).optimizer_state
        if jax.tree.structure(fresh) != jax.tree.structure(self.optimizer_state):
            raise ValueError(
                "optimizer keeps another state than the one so far: set one of the same kind, or "
                "begin a new Training with training.network"
            )
        plan = dataclasses.replace(self._plan, optimizer=as_optimizer(optimizer))
        self._check_optimizer(plan.optimizer)
        self._put(optimizer_state=with_settings_of(fresh, self.optimizer_state))
        self._plan = plan
        self._now_with(_optimizer=optimizer)

    def set_method(self, method: AbstractGradientMethod) -> None:
        """Go on with another gradient method. Raises if it does not apply to the network."""
        method.check(self.network)
        self._plan = dataclasses.replace(self._plan, method=self._plan.placement.replicate(method))
        self._now_with(_method=method)

    @property
    def history(self) -> History:
        """What has been recorded so far."""
        return self._standing.history(self._history)

    @property
    def updates_made(self) -> int:
        """Number of updates so far."""
        return self._standing.updates

    @property
    def epochs_made(self) -> int:
        """Number of whole epochs so far."""
        return self._standing.epoch

    @property
    def steps_per_epoch(self) -> int | None:
        """Number of updates in an epoch; None where that is not known."""
        return self._task.train.steps_per_epoch

    def memory(self) -> MemoryEstimate:
        """How much memory an update takes, without making one."""
        plan = self._plan
        x, y = self._like
        state = self._standing.state
        return step_memory(state, x, y, plan.method, plan.optimizer, plan.metric, plan.source)

    def save(self, path: Path | str) -> None:
        """Write a checkpoint, from which a `Training` with `checkpoint=path` goes on."""
        local = dataclasses.replace(
            self._standing, state=self._plan.placement.local(self._standing.state)
        )
        save_run(as_path("path", path), local, self._history, self._settings)

    def updates(self, epochs: int) -> Iterator[Update]:
        """Train until the run has so many epochs, counted from its beginning; gives every update
        once it has become part of the run.

        The data of the next update are read ahead, and it is begun while the loop's body runs; if
        the body changes what it depends on, it is begun anew.

        Raises `NonFiniteLossError` and `ConvergenceError`, as `osciprop.fit`.
        """
        check_at_least("epochs", epochs, 1, "train for at least one epoch")
        self._loops += 1
        return self._updates(epochs, self._loops)

    def epochs(self, epochs: int) -> Iterator[dict[str, float]]:
        """Train until the run has so many epochs, counted from its beginning; gives, after each,
        the row that the history holds of it.
        """
        check_at_least("epochs", epochs, 1, "train for at least one epoch")
        while self._standing.epoch < epochs:
            for _ in self.updates(self._standing.epoch + 1):
                pass
            yield {name: column[-1] for name, column in self.history.epochs.items()}

    def _updates(self, epochs: int, loop: int) -> Iterator[Update]:
        try:
            while self._standing.epoch < epochs:
                now = self._standing
                # The test too: where it is interrupted, the epoch's batches remain at their end.
                with self._reader.reading(now.epoch, now.step, now.seen):
                    yield from self._rest_of_epoch(loop)
                    self._finish_epoch()
        finally:
            # Also where the loop is left, by an interrupt or error too: nothing made is lost.
            if self._path is not None and self._loops == loop:
                self.save(self._path)

    def _rest_of_epoch(self, loop: int) -> Iterator[Update]:
        """Updates to the end of an epoch. The next one runs on the device while the host looks at
        the one before, and is begun anew if the caller changed what it depends on.
        """
        launched: Launched | None = None
        while (batch := self._reader.batch(self._standing.step)) is not None:
            standing, plan = self._standing, self._plan
            number = standing.updates
            begun = launched is not None and launched.before is standing.state
            if launched is None or not begun or launched.plan is not plan:
                launched = launch(standing.state, *batch, number, plan)
            after = self._reader.batch(standing.step + 1)
            ahead = None if after is None else launch(launched.after, *after, number + 1, plan)
            update = self._commit(launched, batch)
            self._reader.forget(self._standing.step)
            if self._path is not None and self._standing.updates % self._checkpoint_every == 0:
                self.save(self._path)
            yield update
            if self._loops != loop:
                raise RuntimeError(
                    "another loop over this training has begun: finish or leave one before the next"
                )
            launched = ahead

    def _commit(self, launched: Launched, batch: Batch) -> Update:
        """Make an update part of the run: all of it with one assignment, or nothing."""
        now = self._standing
        update = confirm(launched, now.updates, now.epoch, now.step)
        observed = now.observed
        if self._monitor is not None and now.updates % self._monitor_every == 0:
            row = observe(self._monitor, launched, now.updates)
            record(self._history.monitored, row, observed)
            observed += 1
        record(self._history.steps, update.row, now.updates)
        of_others = isinstance(self._task.train, Stream)
        self._standing = Standing(
            launched.after,
            now.epoch,
            now.step + 1,
            now.updates + 1,
            observed,
            with_batch(now.seen, batch) if of_others else now.seen,
        )
        return update

    def _finish_epoch(self) -> None:
        """Test the network and record the epoch."""
        now, train = self._standing, self._task.train
        if now.step == 0:
            raise ValueError(f"data gave no batch in epoch {now.epoch}: {train!r}")
        row = {"epoch": float(now.epoch + 1)}
        for name, column in self._history.steps.items():
            if name != "converged":
                row[f"train_{name}"] = float(np.mean(column[now.updates - now.step : now.updates]))
        test = self._test()
        if test is not None:
            row["test_loss"] = test.loss
            row |= {f"test_{name}": score for name, score in test.scores.items()}
            row["test_converged"] = test.converged
        record(self._history.epochs, row, now.epoch)
        self._standing = dataclasses.replace(now, epoch=now.epoch + 1, step=0, seen=0)
        if self._path is not None:
            self.save(self._path)

    def _test(self) -> Evaluation | None:
        if self._task.test is None:
            return None
        x, y = self._task.test if isinstance(self._task.test, tuple) else (self._task.test, None)
        return evaluate(
            self.network, x, y, relaxation=self._relaxation, preprocessing=self._preprocessing
        )

    def _example(self, batch_size: int) -> Batch:
        """The first batch, or one like it."""
        train = self._task.train
        if isinstance(train, Batches):
            return train.x[:batch_size], train.y[:batch_size]
        return train.first()

    def _put(self, **part: PyTree) -> None:
        """Put another network or optimizer state in the place of the present one."""
        ((name, new),) = part.items()
        old = getattr(self._standing.state, name)
        outlines = [
            (jax.tree.structure(tree), list(map(np.shape, jax.tree.leaves(tree))))
            for tree in (old, new)
        ]
        if outlines[0] != outlines[1]:
            raise ValueError(
                f"{name} has another structure or other shapes than the present one: give one of "
                "the same kind, or begin a new Training"
            )
        placed = self._plan.placement.replicate(new)
        state = dataclasses.replace(self._standing.state, **{name: placed})
        self._standing = dataclasses.replace(self._standing, state=state)

    def _check_optimizer(self, optimizer: Optimizer) -> None:
        """Raise `ValueError` if the optimizer needs what training does not give."""
        state = self._standing.state
        changed = parameters(state.network)
        loss = jnp.zeros((), self._plan.dtype)
        nothing = objective_of(lambda other: (loss, other))
        check_update(
            lambda: optimizer.update(changed, state.optimizer_state, changed, loss, nothing),
            "the gradient, the parameters, value, grad and value_fn",
        )
