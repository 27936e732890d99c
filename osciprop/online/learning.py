"""Networks that learn while they oscillate, as physical systems would.

Neurons relax, the teaching signal rotates without pause, inputs change from sample to sample, noise
acts on every neuron, and the synapses move: nothing is stopped, reset, or switched between phases.
`Learning` is such a simulation as a loop that one can enter, `simulate_learning` its short form.
"""

import dataclasses
import math
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, final

import equinox as eqx
import jax
from jaxtyping import Array, PRNGKeyArray

from ..datasets.samples import Data
from ..dynamics.dynamics import require_holomorphic
from ..errors import (
    NonFiniteLossError,
    as_path,
    attached,
    check_at_least,
    check_instance,
    check_key,
    optional_path,
)
from ..files.checkpoint import key_numbers
from ..files.durable import require_writable
from ..files.fingerprint import describe, describe_constants
from ..networks.network import AbstractNetwork
from ..networks.preparation import output_count
from ..progress import progress_bar
from .journal import Journal, LearningRun, Probe, load_journal, save_journal
from .simulation import Report, Simulation, SimulationState, begin, present
from .supply import supply_of


@dataclasses.dataclass(frozen=True)
class Presentation:
    """One presentation of a simulation, done.

    Args:
        number: How many there were before it.
        loss: Mean cost by the mean activity at its end, which is that of the free network.
        score: The network's metric, likewise.
        state: The simulation after it.

    Example:
        >>> "loss" in osciprop.online.Presentation.__dataclass_fields__
        True
    """

    number: int
    loss: float
    score: float
    state: SimulationState


@dataclasses.dataclass(frozen=True)
class _Begun:
    """A presentation that the device is simulating, or has simulated."""

    before: SimulationState
    after: SimulationState
    report: Report
    seen: list[Array] | None


@final
class Learning:
    """A simulation of online learning that one drives, presentation by presentation.

    Between two of them the state can be read and replaced, the loop can be left, and another one
    goes on from there. `osciprop.simulate_learning` is the short form.

    With `checkpoint`, a file is written every `checkpoint_every` presentations, at the end, and
    when a loop is left, by an interrupt or error too; if it exists, the simulation goes on from it
    and gives the numbers of an uninterrupted one, bit for bit on the same machine.

    Args:
        network: The network: `osciprop.Network`, or one of the user's own.
        data: Training samples: a `Dataset`, arrays `(x, y)`, or an iterable of batches `(x, y)`
            (see `osciprop.datasets.Stream`), which is begun anew at its end; samples to test on
            are not used. Or a pair of signals, of which every presentation is the next stretch.
        simulation: Teaching, filters, plasticity, noise and numerics.
        batch_size: Copies of the network with common synapses, each of which sees a sample.
        seed: Decides the order of samples, where data come as arrays.
        key: Source of the noise; None without noise.
        probe: What to record; None for nothing.
        start: State of an earlier run to go on from; None to begin.
        checkpoint: File to go on from, and to write; None for none.
        checkpoint_every: Presentations between two checkpoints.

    Raises:
        CheckpointError: the checkpoint belongs to another simulation, or is damaged.
        HolomorphyError: the network is not holomorphic.
        ValueError: an argument does not fit, there is noise without a `key`, or `start` is the
            state of another simulation.

    Example:
        >>> data = osciprop.datasets.digits().subset(train=32)
        >>> net = osciprop.hopfield_mlp([64, 8, 10], key=key)
        >>> simulation = osciprop.Simulation(
        ...     osciprop.Oscillation(0.05, 10.0), osciprop.PeriodicPlasticity(optax.sgd(0.1)),
        ...     presentation=1, integrator=osciprop.euler_maruyama(0.5),
        ... )
        >>> learning = osciprop.online.Learning(net, data, simulation)
        >>> [shown.number for shown in learning.presentations(2)]
        [0, 1]
    """

    def __init__(
        self,
        network: AbstractNetwork,
        data: Data | tuple[Any, Any],
        simulation: Simulation,
        *,
        batch_size: int = 1,
        seed: int = 0,
        key: PRNGKeyArray | None = None,
        probe: Probe | None = None,
        start: SimulationState | None = None,
        checkpoint: Path | str | None = None,
        checkpoint_every: int = 1000,
    ):
        check_at_least("batch_size", batch_size, 1, "a network sees a sample at a time")
        check_at_least("checkpoint_every", checkpoint_every, 1, "presentations between two files")
        check_instance("simulation", simulation, Simulation)
        if key is not None:
            check_key("key", key)
        if probe is not None:
            check_instance("probe", probe, Probe)
        if start is not None:
            check_instance("start", start, SimulationState)
        self._supply = supply_of(data, simulation, batch_size, seed)
        self._simulation, self._key, self._probe = simulation, key, probe
        self._path = optional_path("checkpoint", checkpoint)
        self._checkpoint_every = checkpoint_every
        x, known = self._supply.example(network)
        require_holomorphic(network)  # now that there are samples to look at
        self._metric = network.metric(known, output_count(network, x))
        fresh = begin(network, x, simulation, key)
        state = fresh if start is None else _going_on(start, fresh, len(x))
        self._order = batch_size, seed
        self._network, self._start = network, start
        self._journal = Journal(state, state.count)
        if self._path is not None:
            require_writable(self._path)
            if self._path.exists():
                self._journal = load_journal(self._path, state, self._settings)
        self._loops = 0

    @cached_property
    def _settings(self) -> dict[str, Any]:
        """What must agree between a checkpoint and the simulation that goes on from it."""
        batch_size, seed = self._order
        return {
            "batch_size": batch_size,
            "seed": seed,
            **self._supply.identity(),
            "key": None if self._key is None else key_numbers(self._key),
            "simulation": describe(self._simulation),
            "network": describe_constants(self._network),
            "probe": describe(self._probe),
            "start": describe(self._start),
        }

    def __repr__(self) -> str:
        return f"Learning({self.state.count} presentations)"

    @property
    def state(self) -> SimulationState:
        """The simulation as it is now. One of the same structure may be put in its place."""
        return self._journal.state

    @state.setter
    def state(self, state: SimulationState) -> None:
        copies = len(jax.tree.leaves(self.state.u)[0])
        if _going_on(state, self.state, copies).count != self.state.count:
            raise ValueError(
                f"state counts {state.count} presentations and the present one {self.state.count}: "
                "give one of this moment, or begin a new Learning with start=state"
            )
        self._journal.state = state

    @property
    def network(self) -> AbstractNetwork:
        """The network with the weights of the moment."""
        return self.state.network

    @property
    def run(self) -> LearningRun:
        """All that was recorded so far."""
        structure = None
        if self._probe is not None:
            structure = _structure(self.state, self._simulation, self._probe)
        period = float(self._simulation.teaching.period)
        return self._journal.result(self._probe, period, structure, self._metric.name)

    def save(self, path: Path | str) -> None:
        """Write a checkpoint, from which a `Learning` with `checkpoint=path` goes on."""
        save_journal(as_path("path", path), self._journal, self._settings)

    def presentations(self, count: int) -> Iterator[Presentation]:
        """Simulate until there were `count` presentations, counted from the simulation's beginning;
        gives each once it has become part of it.

        The next one is begun while the loop's body runs, and begun anew if that changes the state.
        Raises `NonFiniteLossError` where the state or the loss is not finite any more, `ValueError`
        where there were more presentations already.
        """
        check_at_least("presentations", count, 1, "the number of samples to be seen in all")
        done = self.state.count
        if done > count or (done == count and self._journal.first == count):
            raise ValueError(
                f"presentations={count} counts from the beginning of the simulation, which has had "
                f"{done}: ask for more"
            )
        self._loops += 1
        return self._presentations(count, self._loops)

    def _presentations(self, count: int, loop: int) -> Iterator[Presentation]:
        begun: _Begun | None = None
        try:
            for number in range(self.state.count, count):
                state = self.state
                if begun is None or begun.before is not state:
                    begun = self._begin(state, number)
                following = self._begin(begun.after, number + 1) if number + 1 < count else None
                shown = self._commit(begun, number)
                if self._path is not None and (number + 1) % self._checkpoint_every == 0:
                    self.save(self._path)
                yield shown
                if self._loops != loop:
                    raise RuntimeError(
                        "another loop over this simulation has begun: finish or leave one before "
                        "the next"
                    )
                begun = following
        finally:
            # Also where the loop is left, by an interrupt or error too: nothing made is lost.
            if self._path is not None and self._loops == loop:
                self.save(self._path)

    def _begin(self, state: SimulationState, number: int) -> _Begun:
        """Start a presentation. The device may be busy with the one before."""
        x, y = self._supply.shown(self.network, number, self._journal, self._path)
        observe, samples = None, 1
        if self._probe is not None and self._probe.wants(number):
            observe, samples = self._probe.observe, self._probe.samples
        after, report, seen = present(
            state,
            x,
            y,
            self._simulation,
            self._key,
            self._metric,
            observe,
            samples,
        )
        return _Begun(state, after, report, jax.tree.leaves(seen) if observe else None)

    def _commit(self, begun: _Begun, number: int) -> Presentation:
        """Wait for a presentation, and make it part of the simulation."""
        loss, score = float(begun.report.loss), float(begun.report.score)
        if not (bool(begun.report.completed) and math.isfinite(loss)):
            raise NonFiniteLossError(
                f"the simulation is not finite after presentation {number} (counted from 0): use "
                "slower plasticity (a smaller learning rate, a longer time_constant), a smaller "
                "amplitude, smaller steps, or clip the gradient (optax.clip_by_global_norm)"
            )
        taken = self._supply.taken(self._journal.taken, number)
        self._journal.add(begun.after, (loss, score), begun.seen, taken)
        return Presentation(number, loss, score, begun.after)


def simulate_learning(
    network: AbstractNetwork,
    data: Data | tuple[Any, Any],
    simulation: Simulation,
    *,
    presentations: int,
    batch_size: int = 1,
    seed: int = 0,
    key: PRNGKeyArray | None = None,
    probe: Probe | None = None,
    start: SimulationState | None = None,
    checkpoint: Path | str | None = None,
    checkpoint_every: int = 1000,
    progress: bool = True,
) -> LearningRun:
    """Simulate a network that learns online, for `presentations` samples counted from its start.

    Without a probe, memory does not grow with the simulated time but for two numbers per
    presentation. Going on from `start` or from a checkpoint gives the numbers of an uninterrupted
    run, bit for bit on the same machine, given the same seed, key and settings. A checkpoint is
    written every `checkpoint_every` presentations, at the end, and on an interrupt or error.
    What ends the simulation early, an interrupt or a full disk too, has an attribute `learning`:
    the `Learning` with all presentations so far, from which one can go on.

    Args:
        network: The network: `osciprop.Network`, or one of the user's own.
        data: Training samples: a `Dataset`, arrays `(x, y)`, or an iterable of batches `(x, y)`
            (see `osciprop.datasets.Stream`), which is begun anew at its end; samples to test on
            are not used. Or a pair of signals, of which every presentation is the next stretch.
        simulation: Teaching, filters, plasticity, noise and numerics.
        presentations: Number of samples to be seen, counted from the simulation's beginning.
        batch_size: Copies of the network with common synapses, each of which sees a sample.
        seed: Decides the order of samples, where data come as arrays.
        key: Source of the noise; None without noise.
        probe: What to record; None for nothing.
        start: State of an earlier run to go on from; None to begin.
        checkpoint: File to go on from, and to write; None for none.
        checkpoint_every: Presentations between two checkpoints.
        progress: Whether to show a bar.

    Returns:
        Loss and metric of every presentation, and the state to go on from.

    Raises:
        NonFiniteLossError: the state or the loss is not finite any more; the checkpoint holds the
            last finite state.
        CheckpointError: the checkpoint belongs to another simulation, or is damaged.
        ValueError: an argument does not fit, there is noise without a `key`, `start` is the state
            of another simulation, or had that many presentations already.

    Example:
        >>> data = osciprop.datasets.digits().subset(train=32, test=16)
        >>> net = osciprop.hopfield_mlp([64, 8, 10], key=key)
        >>> simulation = osciprop.Simulation(
        ...     osciprop.Oscillation(0.05, 10.0), osciprop.PeriodicPlasticity(optax.sgd(0.1)),
        ...     presentation=1, integrator=osciprop.euler_maruyama(0.5),
        ... )
        >>> run = osciprop.simulate_learning(net, data, simulation, presentations=2, progress=False)
        >>> run.loss.shape
        (2,)
    """
    check_at_least("presentations", presentations, 1, "the number of samples to be seen in all")
    learning = Learning(
        network,
        data,
        simulation,
        batch_size=batch_size,
        seed=seed,
        key=key,
        probe=probe,
        start=start,
        checkpoint=checkpoint,
        checkpoint_every=checkpoint_every,
    )
    bar = progress_bar(presentations, unit="sample", initial=learning.state.count, shown=progress)
    with bar, attached("learning", learning, "error.learning.state, error.learning.run"):
        for shown in learning.presentations(presentations):
            bar.update()
            bar.set_postfix(loss=f"{shown.loss:.3f}", refresh=False)
    return learning.run


def _going_on(start: SimulationState, fresh: SimulationState, batch_size: int) -> SimulationState:
    """`start`, if it fits the simulation whose state before the first presentation is `fresh`."""
    copies = len(jax.tree.leaves(start.u)[0])
    if copies != batch_size:
        raise ValueError(
            f"start holds {copies} copies of the network and batch_size={batch_size}: give the "
            "batch_size that start was simulated with"
        )

    def outline(state: SimulationState) -> tuple[Any, list[tuple[int, ...]]]:
        arrays = eqx.filter(state, eqx.is_array)
        return jax.tree.structure(arrays), [leaf.shape for leaf in jax.tree.leaves(arrays)]

    if outline(start) != outline(fresh):
        raise ValueError(
            "start is the state of another network or simulation: give the network, plasticity, "
            "lock_in and noise that it was simulated with"
        )
    return start


def _structure(state: SimulationState, simulation: Simulation, probe: Probe) -> Any:
    """The pytree that the probe returns."""
    filters = simulation.lock_in
    seen = jax.eval_shape(
        lambda: probe.observe(
            state.network,
            state.u,
            state.network.activity(state.u),
            filters.mean(state.filters),
            filters.error(state.filters),
        )
    )
    return jax.tree.structure(seen)
