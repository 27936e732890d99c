"""Which always-on teaching learns in noise, and what goes wrong late: see docs/findings.md.

    OSCIPROP_DATA=... python -m experiments.always_on_in_noise

The network, data, optimizer and noise (0.04, shared by the batch) of hep2022, Table 1, seed 0.

- `learning`: 500 updates from the published initialisation, with amplitudes, learning rules and
  numbers of readings, one period of 200 listened to after one to settle; beside the implicit
  gradient without noise, and the authors' own schedule (ten values of 0.4, each held for 30 steps,
  three periods from rest, nothing left out).
- `gradients`: the gradients of the network that hEP has trained for five epochs (that run of
  `experiments.hep2022_table1`, whose checkpoint is used or made), with and without noise, batch by
  batch: how far from the implicit one, how much of the response turns backwards, and how large.

Finished rows are stored in `experiments/results/always_on_in_noise.json` and not run again. About
an hour on a core; XLA_FLAGS=--xla_cpu_multi_thread_eigen=false if anything else is running.
"""

import dataclasses
import functools
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Complex, Float

import osciprop
from experiments import hep2022_table1
from experiments.runs import noise_images, options, parsed, write
from osciprop.datasets import Dataset, mnist
from osciprop.gradients.oscillation import OscillationDiagnostics
from osciprop.networks.trees import norm

FILE = "always_on_in_noise.json"
NOISE = osciprop.WhiteNoise(0.04, sharing=osciprop.dynamics.SharedAcrossBatch())
UNIT_STEPS = osciprop.Integrator(diffrax.Euler(), diffrax.ConstantStepSize(), dt0=1.0)
SIZES, BATCH, UPDATES, BATCHES, EPOCHS = (784, 256, 256, 10), 20, 500, 200, 5
EXACT = osciprop.Implicit(osciprop.AndersonIteration(tolerance=1e-4, max_steps=200), tolerance=1e-3)

PRODUCTS, SIGNALS = osciprop.gradients.ActivityProducts(), osciprop.ErrorSignals()


class HeldOscillation(osciprop.Oscillation):
    """The authors' schedule: the teaching signal moves in ten jumps per period.

    A value is that of the end of its interval, where the network has settled and is read.
    """

    def __call__(self, time: Float[Array, ""]) -> Complex[Array, ""]:
        interval = self.period.astype(time.dtype) / 10
        return super().__call__((jnp.floor(time / interval + 1e-3) + 1) * interval)


class HeldOscillatoryEP(osciprop.OscillatoryEP):
    """Always-on EP under that signal."""

    @property
    def teaching(self) -> HeldOscillation:
        return HeldOscillation(self.amplitude, self.period, self.ramp)


def always_on(
    amplitude: float,
    samples: int,
    rule: osciprop.gradients.AbstractLearningRule,
    noisy: bool,
) -> osciprop.OscillatoryEP:
    return osciprop.OscillatoryEP(
        amplitude,
        200.0,
        samples=samples,
        rule=rule,
        integrator=UNIT_STEPS,
        noise=NOISE if noisy else None,
    )


def published(noisy: bool) -> osciprop.OscillatoryEP:
    """Ten values of amplitude 0.4, 30 steps each, three periods from rest, every one counted."""
    return HeldOscillatoryEP(
        0.4,
        300.0,
        settle_periods=0,
        periods=3,
        samples=10,
        rule=PRODUCTS,
        integrator=UNIT_STEPS,
        noise=NOISE if noisy else None,
    )


LEARNING: dict[str, Callable[[], osciprop.gradients.AbstractGradientMethod]] = {
    "implicit, no noise": lambda: EXACT,
    "0.1, products, 20 readings": lambda: always_on(0.1, 20, PRODUCTS, True),
    "0.2, products, 20 readings": lambda: always_on(0.2, 20, PRODUCTS, True),
    "0.4, products, 20 readings": lambda: always_on(0.4, 20, PRODUCTS, True),
    "0.1, error signals, 200 readings": lambda: always_on(0.1, 200, SIGNALS, True),
    "0.2, error signals, 200 readings": lambda: always_on(0.2, 200, SIGNALS, True),
    "0.3, error signals, 200 readings": lambda: always_on(0.3, 200, SIGNALS, True),
    "0.4, error signals, 200 readings": lambda: always_on(0.4, 200, SIGNALS, True),
    "published schedule": lambda: published(True),
}
GRADIENTS: dict[str, Callable[[], osciprop.OscillatoryEP]] = {
    f"{name}, {'noise' if noisy else 'no noise'}": functools.partial(make, noisy)
    for name, make in {
        "0.1": lambda noisy: always_on(0.1, 200, SIGNALS, noisy),
        "0.2": lambda noisy: always_on(0.2, 200, SIGNALS, noisy),
        "0.3": lambda noisy: always_on(0.3, 200, SIGNALS, noisy),
        "0.4": lambda noisy: always_on(0.4, 200, SIGNALS, noisy),
        "published schedule": published,
    }.items()
    for noisy in (False, True)
}


def learn(name: str, data: Dataset) -> dict[str, Any]:
    """Accuracies after some hundred updates."""
    network = osciprop.hopfield_mlp(SIZES, key=jax.random.PRNGKey(0), scale=1.0)
    rows = slice(0, BATCH * UPDATES)
    few = dataclasses.replace(data, x_train=data.x_train[rows], y_train=data.y_train[rows])
    start = time.perf_counter()
    _, history = osciprop.fit(
        network,
        few,
        LEARNING[name](),
        optax.sgd(0.05),
        epochs=1,
        batch_size=BATCH,
        seed=0,
        relaxation=osciprop.AndersonIteration(tolerance=3e-4, max_steps=100),
        throw=False,
    )
    return {
        "name": name,
        "test_accuracy": history.epochs["test_accuracy"][0],
        # Of the last hundred batches, before each is learned: steadier than the one network at the
        # end, which a single large step may have thrown back.
        "late_accuracy": float(np.mean(history.steps["accuracy"][-100:])),
        "seconds": time.perf_counter() - start,
    }


def trained(data: Dataset, output: Path, epochs: int) -> osciprop.AbstractNetwork:
    """The network after five epochs of hEP without noise, seed 0."""
    network = osciprop.hopfield_mlp(SIZES, key=jax.random.PRNGKey(0), scale=1.0)
    return osciprop.fit(
        network,
        data,
        hep2022_table1.methods()["hep"],
        optax.sgd(0.05),
        epochs=epochs,
        batch_size=BATCH,
        seed=0,
        checkpoint=output / hep2022_table1.FOLDER / "hep_seed0.checkpoint",
        relaxation=osciprop.AndersonIteration(tolerance=3e-4, max_steps=100),
        throw=False,
    )[0]


@eqx.filter_jit
def compare(
    method: osciprop.OscillatoryEP,
    network: osciprop.AbstractNetwork,
    x: Array,
    y: Array,
    key: Array,
) -> dict[str, Array]:
    """One batch: the estimate beside the implicit gradient."""
    exact = EXACT.estimate(network, x, y, None).gradient
    found = method.estimate(network, x, y, None, key)
    diagnostics = found.diagnostics
    assert isinstance(diagnostics, OscillationDiagnostics)
    return {
        "loss": found.loss,
        "cosine": jnp.asarray(1 - osciprop.cosine_distance(found.gradient, exact)),
        "relative_error": jnp.asarray(osciprop.relative_error(found.gradient, exact)),
        "size": norm(found.gradient),
        "exact_size": norm(exact),
        "counter_rotation": diagnostics.counter_rotation,
        "lag": diagnostics.lag,
    }


def gradients(
    name: str, network: osciprop.AbstractNetwork, data: Dataset, batches: int
) -> dict[str, Any]:
    """Every number of every batch, rounded to what a plot would show."""
    method, rows = GRADIENTS[name](), []
    for index in range(batches):
        part = slice(BATCH * index, BATCH * (index + 1))
        x, y = jnp.asarray(data.x_train[part]), jnp.asarray(data.y_train[part], jnp.int32)
        rows.append(compare(method, network, x, y, jax.random.key(index)))
    columns = {key: np.asarray([float(row[key]) for row in rows]) for key in rows[0]}
    return {
        "name": name,
        **{key: [float(f"{value:.5g}") for value in column] for key, column in columns.items()},
    }


def summary(content: dict[str, Any]) -> str:
    lines = ["| always on | accuracy, updates 400 to 500 | test, after 500 |", "|---|---|---|"]
    for row in content["learning"]:
        late, test = 100 * row["late_accuracy"], 100 * row["test_accuracy"]
        lines.append(f"| {row['name']} | {late:.1f} % | {test:.1f} % |")
    lines += [
        "",
        "| gradients of the trained network | cosine, median | 5 % | error, median "
        "| counter-rotation, median | 95 % | largest gradient over exact |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in content["gradients"]:
        cosine, error, turning = (
            np.asarray(row[key]) for key in ("cosine", "relative_error", "counter_rotation")
        )
        ratio = np.asarray(row["size"]) / np.asarray(row["exact_size"])
        lines.append(
            f"| {row['name']} | {np.median(cosine):.4f} | {np.quantile(cosine, 0.05):.4f} "
            f"| {np.median(error):.3g} | {np.median(turning):.2g} "
            f"| {np.quantile(turning, 0.95):.2g} | {ratio.max():.3g} |"
        )
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    parser = options(__doc__)
    parser.add_argument("--learning", nargs="*", default=list(LEARNING), metavar="ROW")
    parser.add_argument("--gradients", nargs="*", default=list(GRADIENTS), metavar="ROW")
    arguments = parsed(parser, argv)
    path = arguments.output / FILE
    content = json.loads(path.read_text()) if path.exists() else {}
    content = {"learning": [], "gradients": [], **content}
    content["versions"] = {"osciprop": osciprop.__version__, "jax": jax.__version__}
    data = noise_images((28, 28)) if arguments.tiny else mnist()
    epochs, batches = (1, 2) if arguments.tiny else (EPOCHS, BATCHES)
    done = {row["name"] for row in content["learning"]}
    for name in (name for name in arguments.learning if name not in done):
        content["learning"].append(learn(name, data))
        write(path, content)
    done = {row["name"] for row in content["gradients"]}
    missing = [name for name in arguments.gradients if name not in done]
    if missing:
        network = trained(data, arguments.output, epochs)
        for name in missing:
            content["gradients"].append(gradients(name, network, data, batches))
            write(path, content)
    print(summary(content))


if __name__ == "__main__":
    main()
