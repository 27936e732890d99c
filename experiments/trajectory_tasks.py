"""Networks of oscillators that learn tasks in time, by echoes and by backpropagation.

    python -m experiments.trajectory_tasks

Four tasks: to generate a signal from a standing start, to filter one tone out of two, to read
scikit-learn's digits row by row, and to tell a cue at the end of a delay full of noise. Each is
learned from the same start by the centred echo, by the echo on four points of a circle, and by
backpropagation through the same steps. Finished rows are kept in
`experiments/results/trajectory_tasks.json`; a quarter of an hour on a core.
"""

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import numpy as np
import optax

import osciprop
from experiments.runs import options, parsed, write
from osciprop.gradients import CentredEcho, HolomorphicEcho, TrajectoryBPTT
from osciprop.networks import oscillator_network, passage
from osciprop.networks.costs import softmax_readout

FILE = "trajectory_tasks.json"
METHODS: dict[str, Any] = {
    "centred echo": CentredEcho(0.02),
    "echo, N = 4": HolomorphicEcho(0.005, 4),
    "backpropagation": TrajectoryBPTT(),
}
SEEDS = (0, 1, 2)
STEPS, DURATION = 200, 20.0
Sequences = tuple[np.ndarray, np.ndarray]


def generated(seed: int) -> tuple[Any, Callable[[int], Sequences], Sequences]:
    """16 oscillators that begin where they learn to, and one of which follows two tones."""
    times = np.linspace(0, DURATION, STEPS + 1)
    y = (0.5 * np.sin(0.9 * times) + 0.3 * np.cos(1.7 * times + 1))[None, :, None]
    network = oscillator_network(
        1,
        16,
        1,
        duration=DURATION,
        steps=STEPS,
        key=jax.random.key(seed),
        running=osciprop.SquaredError(),
        coupling=0.3,
    )
    begin = 0.2 * jax.random.normal(jax.random.key(seed + 100), (16,))
    network = eqx.tree_at(lambda net: net.begin_p, network, begin)
    data = np.zeros((1, 1, 1)), y
    return network, lambda _: data, data


def filtered(seed: int) -> tuple[Any, Callable[[int], Sequences], Sequences]:
    """16 oscillators driven by a slow and a fast tone of any phases, to follow the slow one."""
    times = np.linspace(0, DURATION, STEPS + 1)

    def batch(number: int, count: int = 20) -> Sequences:
        random = np.random.default_rng((seed, number))
        phases = random.uniform(0, 2 * np.pi, (2, count, 1))
        sizes = random.uniform(0.5, 1.0, (2, count, 1))
        slow = sizes[0] * np.sin(0.6 * times + phases[0])
        fast = sizes[1] * np.sin(2.0 * times + phases[1])
        return (slow + fast)[..., None], slow[..., None]

    network = oscillator_network(
        1,
        16,
        1,
        duration=DURATION,
        steps=STEPS,
        key=jax.random.key(seed),
        running=osciprop.SquaredError(),
        coupling=0.3,
        cubic=0.05,
    )
    return network, batch, batch(1_000_000, 200)


def learned(task: str, method: Any, seed: int, updates: int) -> dict[str, Any]:
    """Learn a sequence, by updates on batches that never repeat."""
    network, batch, test = {"generate": generated, "filter": filtered}[task](seed)
    optimizer = optax.adam(optax.cosine_decay_schedule(2e-2, updates))
    state = optimizer.init(eqx.filter(network, network.trainable()))

    @eqx.filter_jit
    def update(network: Any, state: Any, x: Any, y: Any) -> tuple[Any, Any, Any]:
        found = osciprop.estimate_gradient(network, x, y, method)
        gradient = eqx.filter(found.gradient, network.trainable())
        changes, state = optimizer.update(gradient, state)
        return eqx.apply_updates(network, changes), state, found.loss

    x, y = batch(0)
    update(network, state, x, y)  # compiled before the clock runs
    start = time.perf_counter()
    for number in range(updates):
        x, y = batch(number)
        network, state, _ = update(network, state, x, y)
    jax.block_until_ready(network)
    seconds = time.perf_counter() - start
    x, y = test
    found = passage(network, x, y)
    outputs = np.moveaxis(np.asarray(found.q)[:, :, list(network.outputs)], 0, 1)
    missed = np.mean((outputs - y) ** 2) / np.var(y)
    return {"r_squared": float(1 - missed), "seconds": seconds}


def rows_of_digits() -> tuple[Any, Any]:
    data = osciprop.datasets.digits()
    pairs = ((data.x_train, data.y_train), (data.x_test, data.y_test))
    first, second = ((np.asarray(x).reshape(-1, 8, 8), np.asarray(y)) for x, y in pairs)
    return first, second


def cues() -> tuple[Any, Any]:
    """Which of four cues came first, told at the end of a delay full of noise."""

    def made(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        random = np.random.default_rng(seed)
        y = random.integers(0, 4, count)
        x = random.normal(size=(count, 20, 4))
        x[np.arange(count), 0, y] += 2.0
        return x.astype(np.float32), y

    return made(1000, 0), made(500, 1)


def classified(task: str, method: Any, seed: int, epochs: int) -> dict[str, Any]:
    """Learn classes of sequences, read at the end."""
    train, test = {"digits by rows": rows_of_digits, "delayed cue": cues}[task]()
    features, classes = train[0].shape[2], int(train[1].max()) + 1
    key = jax.random.key(seed)
    network = oscillator_network(
        features,
        64,
        64,
        duration=8.0,
        steps=80,
        key=key,
        frequencies=(0.3, 2.0),
        coupling=0.5,
        final=softmax_readout(64, classes, key=key),
    )
    start = time.perf_counter()
    updates = epochs * (len(train[0]) // 50)
    _, history = osciprop.fit(
        network,
        (train, test),
        method,
        optax.adam(optax.cosine_decay_schedule(5e-3, updates)),
        epochs=epochs,
        batch_size=50,
        seed=seed,
        progress=False,
    )
    seconds = time.perf_counter() - start
    return {"accuracy": history.epochs["test_accuracy"][-1], "seconds": seconds}


TASKS: dict[str, tuple[Callable[..., dict[str, Any]], int, int]] = {
    "generate": (learned, 1500, 2),
    "filter": (learned, 1500, 2),
    "digits by rows": (classified, 15, 1),
    "delayed cue": (classified, 15, 1),
}
"""Each with its updates or epochs, and those of a tiny run."""


def main(argv: Sequence[str] | None = None) -> None:
    arguments = parsed(options(__doc__), argv)
    path = arguments.output / FILE
    rows: dict[str, Any] = json.loads(path.read_text())["rows"] if path.exists() else {}
    methods = dict(list(METHODS.items())[:1]) if arguments.tiny else METHODS
    for task, (learn, length, tiny) in TASKS.items():
        for name, method in methods.items():
            for seed in SEEDS[: 1 if arguments.tiny else None]:
                row = f"{task}, {name}, seed {seed}"
                if row not in rows:
                    rows[row] = learn(task, method, seed, tiny if arguments.tiny else length)
                    versions = {"osciprop": osciprop.__version__, "jax": jax.__version__}
                    write(path, {"rows": rows, "versions": versions})
                print(row, rows[row], flush=True)


if __name__ == "__main__":
    main()
