"""Whether long runs stay as small and as fast as they began, and large stores open quickly.

    python -m experiments.long_runs

100,000 updates of `Training` and 100,000 presentations of `Learning`, each with a checkpoint every
thousand: seconds and resident memory (of Linux) by tenths of the run. A store of 50,000 blocks,
opened by a new process, where the right to do so is given after the system's caches were emptied.
What comes out goes to `experiments/results/long_runs.json`; half an hour on a core.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import jax
import numpy as np
import optax

import osciprop
from experiments.runs import options, parsed, write
from osciprop.online import Learning
from osciprop.studies import Study

FILE = "long_runs.json"
UPDATES, BLOCKS, TENTHS = 100_000, 50_000, 10
SAMPLES, FEATURES, CLASSES = 2000, 8, 3
CACHES = Path("/proc/sys/vm/drop_caches")
Parts = dict[str, list[float]]


def network() -> osciprop.Network:
    return osciprop.hopfield_mlp([FEATURES, 8, CLASSES], key=jax.random.PRNGKey(0))


def samples() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    x = random.normal(size=(SAMPLES, FEATURES)).astype(np.float32)
    return x, (x @ random.normal(size=(FEATURES, CLASSES))).argmax(axis=1)


def megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def by_tenths(steps: Iterable[object], count: int) -> Parts:
    """Seconds and memory after each tenth of so many steps; the first thousandth compiles."""
    found: Parts = {"seconds": [], "resident MB": []}
    part, start = count // TENTHS, time.perf_counter()
    for number, _ in enumerate(steps):
        if number == count // 1000:
            start = time.perf_counter()
        if (number + 1) % part == 0:
            found["seconds"].append(round(time.perf_counter() - start, 2))
            found["resident MB"].append(round(megabytes(), 1))
            start = time.perf_counter()
    return found


def updates(folder: Path, count: int) -> Parts:
    training = osciprop.Training(
        network(),
        samples(),
        osciprop.Implicit(),
        optax.adam(1e-3),
        batch_size=20,
        checkpoint=folder / "training",
        checkpoint_every=1000,
    )
    assert training.steps_per_epoch
    return by_tenths(training.updates(count // training.steps_per_epoch), count)


def presentations(folder: Path, count: int) -> Parts:
    simulation = osciprop.Simulation(
        osciprop.Oscillation(0.05, 10.0),
        osciprop.PeriodicPlasticity(optax.sgd(0.01)),
        presentation=1,
        integrator=osciprop.euler_maruyama(0.5),
    )
    learning = Learning(
        network(), samples(), simulation, checkpoint=folder / "learning", checkpoint_every=1000
    )
    return by_tenths(learning.presentations(count), count)


def third(n: int) -> dict[str, float]:
    return {"value": n / 3}


OPENING = """
import sys, time
from osciprop.studies import load_results
for _ in range(2):
    start = time.perf_counter()
    found = load_results(sys.argv[1])
    print(time.perf_counter() - start)
assert abs(float(found["value"].sum()) - sum(n / 3 for n in range(found.sizes["n"]))) < 1e-3
"""


def store(folder: Path, blocks: int) -> dict[str, float | bool]:
    start = time.perf_counter()
    Study(third, {"n": list(range(blocks))}, points_per_block=1).run(folder, progress=False)
    made = time.perf_counter() - start
    cold = os.access(CACHES, os.W_OK)
    if cold:
        os.sync()
        CACHES.write_text("3")
    words = [sys.executable, "-c", OPENING, str(folder)]
    opened, again = map(float, subprocess.check_output(words).split())
    return {
        "blocks": blocks,
        "seconds to make": round(made, 1),
        "seconds to open": round(opened, 2),
        "caches emptied": cold,
        "seconds to open again": round(again, 2),
    }


def main(argv: Sequence[str] | None = None) -> None:
    arguments = parsed(options(__doc__), argv)
    count, blocks = (1000, 20) if arguments.tiny else (UPDATES, BLOCKS)
    path = arguments.output / FILE
    content: dict[str, Mapping[str, object]] = json.loads(path.read_text()) if path.exists() else {}
    content["versions"] = {"osciprop": osciprop.__version__, "jax": jax.__version__}
    parts: dict[str, Callable[[Path], Mapping[str, object]]] = {
        "updates": lambda folder: updates(folder, count),
        "presentations": lambda folder: presentations(folder, count),
        "store": lambda folder: store(folder / "store", blocks),
    }
    for name, run in parts.items():
        if name not in content:
            with tempfile.TemporaryDirectory() as temporary:
                content[name] = run(Path(temporary))
            write(path, content)
        print(name, *(f"{key}: {value}" for key, value in content[name].items()), sep="\n  ")


if __name__ == "__main__":
    main()
