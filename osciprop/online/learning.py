"""`simulate_learning`: a network that learns while it oscillates, as a physical system would.

Neurons relax, the teaching signal rotates without pause, inputs change from sample to sample, noise
acts on every neuron, and the synapses move: nothing is stopped, reset, or switched between phases.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
from jaxtyping import PRNGKeyArray

from ..datasets import Batches, Dataset
from ..datasets.batches import Batch
from ..dynamics.dynamics import require_holomorphic
from ..errors import NonFiniteLossError, check_at_least
from ..files.checkpoint import key_numbers
from ..files.fingerprint import describe
from ..networks.network import AbstractNetwork
from ..networks.preparation import prepare_pair
from .journal import Journal, LearningRun, Probe, load_journal, save_journal
from .simulation import Simulation, SimulationState, begin, present

# Reports are looked at in pieces of this many presentations, so that the device never waits.
PIECE = 16


def simulate_learning(
    network: AbstractNetwork,
    data: Dataset,
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

    Args:
        network: The network: `osciprop.Network`, or one of the user's own.
        data: Training samples; test samples are not used.
        simulation: Teaching, filters, plasticity, noise and numerics.
        presentations: Number of samples to be seen, counted from the simulation's beginning.
        batch_size: Copies of the network with common synapses, each of which sees a sample.
        seed: Decides the order of samples.
        key: Source of the noise; None without noise.
        probe: What to record; None for nothing.
        start: State of an earlier run to go on from; None to begin.
        checkpoint: File to go on from, and to write; None for none.
        checkpoint_every: Presentations between two checkpoints.
        progress: Whether to show a bar.

    Returns:
        Loss and accuracy of every presentation, and the state to go on from.

    Raises:
        NonFiniteLossError: the state or the loss is not finite any more; the checkpoint holds the
            last finite state.
        CheckpointError: the checkpoint belongs to another simulation.
        ValueError: an argument does not fit, there is noise without a `key`, or `start` is the
            state of another simulation.

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
    from tqdm import tqdm  # slow to import, and not needed before

    check_at_least("presentations", presentations, 1, "the number of samples to be seen in all")
    check_at_least("checkpoint_every", checkpoint_every, 1, "presentations between two files")
    require_holomorphic(network)
    batches = Batches(data.x_train, data.y_train, batch_size, seed=seed)
    x, y = prepare_pair(network, data.x_train[:batch_size], data.y_train[:batch_size])
    fresh = begin(network, x, simulation, key)
    state = fresh if start is None else _going_on(start, fresh, batch_size)
    journal = Journal(state)
    path = None if checkpoint is None else Path(checkpoint)
    settings = _settings(network, data, simulation, batch_size, seed, key, probe)
    if path is not None and path.exists():
        journal = load_journal(path, state, settings)
    done = journal.state.count
    bar = tqdm(total=presentations, initial=done, disable=not progress, unit="sample")
    try:
        with bar:
            samples = _samples(batches, done)
            for number in range(done, presentations):
                x, y = prepare_pair(network, *next(samples))
                wanted = probe if probe is not None and probe.wants(number) else None
                after, report, seen = present(
                    journal.newest,
                    x,
                    y,
                    simulation,
                    key,
                    None if wanted is None else wanted.observe,
                    1 if wanted is None else wanted.samples,
                )
                arrays = None if wanted is None else jax.tree.leaves(seen)
                journal.pending.append((after, report, arrays))
                due = path is not None and (number + 1) % checkpoint_every == 0
                if due or len(journal.pending) == PIECE or number == presentations - 1:
                    _settle(journal)
                    bar.update(number + 1 - bar.n)
                    bar.set_postfix(loss=f"{journal.rows[-1][1]:.3f}", refresh=False)
                if due and path is not None:
                    save_journal(path, journal, settings)
    finally:
        # Also on an interrupt or error: what was simulated is not lost.
        journal.settle()
        if path is not None:
            save_journal(path, journal, settings)
    structure = None
    if probe is not None:
        structure = _structure(journal.state, simulation, probe)
    return journal.result(probe, float(simulation.teaching.period), structure)


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


def _samples(batches: Batches, number: int) -> Iterator[Batch]:
    """Batches from the given one on, epoch after epoch."""
    epoch, step = divmod(number, batches.steps_per_epoch)
    while True:
        yield from batches.epoch(epoch, step)
        epoch, step = epoch + 1, 0


def _settle(journal: Journal) -> None:
    if not journal.settle():
        raise NonFiniteLossError(
            f"the simulation is not finite after presentation {journal.state.count} (counted from "
            "0): use slower plasticity (a smaller learning rate, a longer time_constant), a "
            "smaller amplitude, smaller steps, or clip the gradient "
            "(optax.clip_by_global_norm)"
        )


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


def _settings(
    network: AbstractNetwork,
    data: Dataset,
    simulation: Simulation,
    batch_size: int,
    seed: int,
    key: PRNGKeyArray | None,
    probe: Probe | None,
) -> dict[str, Any]:
    """What must agree between a checkpoint and the simulation that goes on from it."""
    plan = None if probe is None else [probe.samples, probe.start, probe.stop, probe.every]
    return {
        "data": data.name,
        "samples": len(data.x_train),
        "batch_size": batch_size,
        "seed": seed,
        "key": None if key is None else key_numbers(key),
        "simulation": describe(simulation),
        "network": str(jax.tree.structure(network)),
        "probe": plan if plan is None else [str(number) for number in plan],
    }
