"""Runs that may end at any moment: each goes on where it ended, and tells what it came to.

    python -m experiments.safety.tasks NAME FOLDER

prints a digest of all numbers that the run ends with, so that two of them are the same bits or not.
"""

import hashlib
import json
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import jax
import numpy as np
import optax

import osciprop
from osciprop.studies import Study, StudyWarning, load_results

OPTIMIZER = optax.adam(1e-2)
POINTS, BATCH = 200, 20
EPOCHS, PRESENTATIONS = 40, 3000
FINISHED_WITH_FAILURES = 3
"""The exit status of a study of whose points some failed, as here each fifth."""


def network() -> osciprop.Network:
    return osciprop.hopfield_mlp([64, 6, 10], key=jax.random.PRNGKey(0))


def data() -> osciprop.datasets.Dataset:
    return osciprop.datasets.digits().subset(train=400, test=50)


def digest(values: object) -> str:
    """Of all arrays and numbers of a pytree, to the last bit."""
    found = hashlib.blake2b(digest_size=16)
    for leaf in jax.tree.leaves(values):
        if isinstance(leaf, jax.Array) and jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            leaf = jax.random.key_data(leaf)
        array = np.asarray(leaf)
        if array.dtype.kind in "biufc":
            found.update(f"{array.dtype}{array.shape}".encode())
            found.update(array.tobytes())
    return found.hexdigest()


def fit(folder: Path, epochs: int = EPOCHS) -> str:
    """Twenty updates an epoch."""
    trained, history = osciprop.fit(
        network(),
        data(),
        osciprop.Implicit(),
        OPTIMIZER,
        epochs=epochs,
        batch_size=BATCH,
        checkpoint=folder / "run.checkpoint",
        checkpoint_every=3,
        progress=False,
    )
    return digest((trained, history.steps, history.epochs))


SIMULATION = osciprop.Simulation(
    osciprop.Oscillation(0.1, 20.0),
    osciprop.PeriodicPlasticity(optax.sgd(0.05)),
    noise=osciprop.WhiteNoise(0.02),
    presentation=1,
    integrator=osciprop.euler_maruyama(0.5),
)


def simulate(folder: Path, presentations: int = PRESENTATIONS) -> str:
    run = osciprop.simulate_learning(
        network(),
        data(),
        SIMULATION,
        presentations=presentations,
        batch_size=2,
        key=jax.random.PRNGKey(1),
        checkpoint=folder / "run.checkpoint",
        checkpoint_every=10,
        progress=False,
    )
    return digest((run.state, run.loss))


def point(n: int, folder: str) -> dict[str, object]:
    """Types that widen on the way; each fifth point fails until there is a file."""
    time.sleep(0.01)
    if n % 5 == 2 and not (Path(folder) / "mended").exists():
        raise ArithmeticError(f"no result for {n}")
    return {"value": n if n < 20 else n / 7, "trace": [n / 3] * 4}


def study(folder: Path, points: int = POINTS) -> Study:
    constants = {"folder": str(folder.resolve())}
    return Study(point, {"n": list(range(points))}, constants=constants, points_per_block=5)


def results(store: Path) -> str:
    found = load_results(store)
    return digest({str(name): found[name].values for name in found if name != "seconds"})


def study_run(folder: Path, points: int = POINTS) -> str:
    study(folder, points).run(folder / "store", progress=False)
    return results(folder / "store")


def study_retry(folder: Path, points: int = POINTS) -> str:
    """All points; then, mended, the fifth that failed."""
    if not (folder / "mended").exists():
        study(folder, points).run(folder / "store", progress=False)
        (folder / "mended").touch()
    study(folder, points).retry(folder / "store", progress=False)
    return results(folder / "store")


def command(*words: str | Path) -> None:
    """In the process that is killed, not in one below it."""
    from osciprop.commands.program import main

    status = main([str(word) for word in words])
    if status not in (0, FINISHED_WITH_FAILURES):
        sys.exit(status)


def command_train(folder: Path) -> str:
    path, history = folder / "run.checkpoint", folder / "history.json"
    files: list[str | Path] = ["--checkpoint", path, "--history", history]
    command("train", "--method", "Implicit", "--hidden", "6", "--epochs", "10", *files, "--quiet")
    return digest(json.loads(history.read_text()))


STUDY_FILE = """
from pathlib import Path
from experiments.safety.tasks import study
study = study(Path(__file__).parent)
"""


def command_study(folder: Path) -> str:
    (folder / "study.py").write_text(STUDY_FILE, encoding="utf-8")
    command("study", "run", folder / "study.py", "--store", folder / "store", "--quiet")
    return results(folder / "store")


TASKS: Mapping[str, Callable[[Path], str]] = {
    "fit": fit,
    "simulate_learning": simulate,
    "Study.run": study_run,
    "Study.retry": study_retry,
    "osciprop train": command_train,
    "osciprop study run": command_study,
}


def program(name: str, folder: Path) -> subprocess.Popen[bytes]:
    """A task in a process of its own."""
    words = [sys.executable, "-m", "experiments.safety.tasks", name, str(folder)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


if __name__ == "__main__":
    warnings.filterwarnings("ignore", message=".* points failed", category=StudyWarning)
    # By its own name and not as __main__: a store holds the function's name.
    from experiments.safety import tasks

    print(tasks.TASKS[sys.argv[1]](Path(sys.argv[2])))
