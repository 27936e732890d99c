"""Training runs that are stored: each in one JSON file, resumed from its checkpoint, made once."""

import argparse
import dataclasses
import json
import math
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax

import osciprop
from osciprop.datasets import Dataset
from osciprop.files.durable import replacing
from osciprop.training.parallel import AbstractPlacement, OneDevice
from osciprop.training.updates import Monitor

RESULTS = Path(__file__).parent / "results"


@dataclasses.dataclass(frozen=True)
class Row:
    """One row of a table: what is trained, how, and what is looked at on the way and at last."""

    network: Callable[[int], osciprop.AbstractNetwork]
    method: osciprop.gradients.AbstractGradientMethod
    optimizer: optax.GradientTransformation
    batch_size: int
    evaluation: osciprop.equilibria.AbstractRelaxation
    monitor: Monitor | None = None
    monitor_every: int = 100
    finish: Callable[[osciprop.AbstractNetwork, Dataset], dict[str, float]] | None = None
    """What is measured on the trained network."""

    preprocessing: osciprop.training.AbstractPreprocessing | None = None


def options(doc: str | None) -> argparse.ArgumentParser:
    """The options of every experiment: where results go, and a size at which all of it runs."""
    parser = argparse.ArgumentParser(description=(doc or "").splitlines()[0])
    parser.add_argument("--output", type=Path, metavar="DIR", help=f"default {RESULTS.name}/")
    parser.add_argument(
        "--tiny",
        action="store_true",
        help="a few images of noise: shows that all of it runs; results go to a temporary folder",
    )
    return parser


def parsed(parser: argparse.ArgumentParser, argv: Sequence[str] | None) -> argparse.Namespace:
    """The arguments, `output` among them in any case."""
    arguments = parser.parse_args(argv)
    if arguments.output is None:
        arguments.output = Path(tempfile.mkdtemp()) if arguments.tiny else RESULTS
    return arguments


def noise_images(shape: tuple[int, ...], count: int = 40) -> Dataset:
    """Images of noise and random labels of ten classes; bytes where there are channels."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 10, count).astype(np.int32)
    if len(shape) == 3:
        images = random.integers(0, 256, (count, *shape)).astype(np.uint8)
    else:
        images = random.uniform(size=(count, math.prod(shape))).astype(np.float32)
    return Dataset("noise", images, labels, images, labels, 10, shape)


def write(path: Path, content: Mapping[str, object]) -> None:
    """Write JSON whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def train(
    folder: Path,
    name: str,
    row: Row,
    seed: int,
    epochs: int,
    data: Dataset,
    placement: AbstractPlacement = OneDevice(),
) -> None:
    """Train one network unless it is stored, and store accuracies by epoch with what made them.

    An interrupted run goes on from its checkpoint.
    """
    path = folder / f"{name}_seed{seed}.json"
    stored = json.loads(path.read_text()) if path.exists() else None
    if stored and len(stored["epochs"]["epoch"]) >= epochs:
        return
    print(f"{name}, seed {seed}", flush=True)
    start = time.perf_counter()
    network, history = osciprop.fit(
        row.network(seed),
        data,
        row.method,
        row.optimizer,
        epochs=epochs,
        batch_size=min(row.batch_size, len(data.x_train)),
        seed=seed,
        monitor=row.monitor,
        monitor_every=row.monitor_every,
        checkpoint=path.with_suffix(".checkpoint"),
        relaxation=row.evaluation,
        preprocessing=row.preprocessing,
        placement=placement,
        throw=False,
    )
    if jax.process_index():  # of several hosts the first one writes
        return
    write(
        path,
        {
            "method": name,
            "settings": str(row.method),
            "seed": seed,
            "epochs": history.epochs,
            "monitored": history.monitored,
            "finished": row.finish(network, data) if row.finish else {},
            "converged_updates": float(np.mean(history.steps["converged"])),
            "seconds": time.perf_counter() - start,
            "versions": {"osciprop": osciprop.__version__, "jax": jax.__version__},
            "device": jax.devices()[0].device_kind,
        },
    )


def stored(folder: Path, name: str) -> list[dict[str, Any]]:
    """The runs of a row that are there, by seed."""
    return [json.loads(path.read_text()) for path in sorted(folder.glob(f"{name}_seed*.json"))]
