"""What each method costs and misses: one gradient of each, against the exact one.

    python -m benchmarks.choosing            # measures what is missing, prints tables, draws
    python -m benchmarks.choosing --redraw   # the same from the stored numbers alone

Fifty digits of scikit-learn on networks of 64-64-64-10 of every kind; processor time of a compiled
gradient in single precision, by turns, in units of the kind's reference; errors of the same network
and samples in single and in double precision, against the reference in double precision. Then the
error by amplitude and by period, and relaxations beside each other. Numbers go to
`benchmarks/choosing.json`, the picture to `docs/images/choosing.png`, tables into
`docs/choosing.md`.
"""

import argparse
import contextlib
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from matplotlib import ticker
from matplotlib.axes import Axes

import osciprop
from osciprop import gradients
from osciprop.equilibria.attempts import AbstractLarge
from osciprop.gradients import AbstractGradientMethod
from osciprop.plotting.styling import MARKERS

ROOT = Path(__file__).resolve().parents[1]
NUMBERS = ROOT / "benchmarks" / "choosing.json"
PICTURE = ROOT / "docs" / "images" / "choosing.png"
SIZES, BATCH, STEPS = [64, 64, 64, 10], 50, 80
KEY = jax.random.PRNGKey(0)
ERRORS = osciprop.ErrorSignals()
SETTLED = osciprop.SettledOscillation(0.1, 100.0)
# Its second oscillation starts where the first one ended, at an equilibrium, from which no sweeps
# are seen to contract.
SWEPT = osciprop.AndersonIteration()
CRITICAL = 1.0
"""The scale of weights at which a network is close to critical."""

Methods = dict[str, AbstractGradientMethod]
RECIPROCAL: Methods = {
    "Implicit()": osciprop.Implicit(),
    "ClassicEP(0.1)": osciprop.ClassicEP(0.1),
    "CentredEP(0.1)": osciprop.CentredEP(0.1),
    "HolomorphicEP(0.1, 4)": osciprop.HolomorphicEP(0.1, 4),
    "HolomorphicEP(0.1, 8)": osciprop.HolomorphicEP(0.1, 8),
    "SettledOscillation(0.1, 100)": SETTLED,
    "SettledOscillation(0.1, 100, rule=ErrorSignals())": osciprop.SettledOscillation(
        0.1, 100.0, rule=ERRORS
    ),
    "LagCorrected(SettledOscillation(0.1, 100))": osciprop.LagCorrected(
        osciprop.SettledOscillation(0.1, 100.0, relaxation=SWEPT)
    ),
    "OscillatoryEP(0.1, 100)": osciprop.OscillatoryEP(0.1, 100.0),
    "FrequencyPropagation(0.1)": gradients.FrequencyPropagation(0.1),
    "VectorFieldEP(0.1, 2)": osciprop.VectorFieldEP(0.1, 2),
    "AsymmetricEP(0.1, 8)": osciprop.AsymmetricEP(0.1, 8),
    "DyadicEP()": osciprop.DyadicEP(),
    "RecurrentBackprop()": osciprop.RecurrentBackprop(),
    "BPTT(100)": osciprop.BPTT(100),
    "LinearResponse()": gradients.LinearResponse(),
    "NegativeEP(0.1)": gradients.NegativeEP(0.1),
}
DIRECTED: Methods = {
    "Implicit()": osciprop.Implicit(),
    "VectorFieldEP(0.1, 2)": osciprop.VectorFieldEP(0.1, 2),
    "LinearResponse()": gradients.LinearResponse(),
    "AsymmetricEP(0.1, 2)": osciprop.AsymmetricEP(0.1, 2),
    "AsymmetricEP(0.1, 8)": osciprop.AsymmetricEP(0.1, 8),
    "DyadicEP()": osciprop.DyadicEP(),
    "OscillatoryAEP(SettledOscillation(0.1, 100, rule=ErrorSignals()))": osciprop.OscillatoryAEP(
        osciprop.SettledOscillation(0.1, 100.0, rule=ERRORS)
    ),
    "OscillatoryAEP(OscillatoryEP(0.1, 100, rule=ErrorSignals()))": osciprop.OscillatoryAEP(
        osciprop.OscillatoryEP(0.1, 100.0, rule=ERRORS)
    ),
}
SWEEP = osciprop.SequentialIteration(order=osciprop.equilibria.Backward(), max_steps=1)
LAYERED: Methods = {
    "Implicit()": osciprop.Implicit(),
    "DualPropagation(0.1)": osciprop.DualPropagation(0.1),
    "DualPropagationAdjoint(0.1)": osciprop.DualPropagationAdjoint(0.1),
    "DualPropagationAdjoint(0.1, 0, one backward sweep)": osciprop.DualPropagationAdjoint(
        0.1, 0.0, SWEEP
    ),
    "HolomorphicDualPropagation(0.1, 8)": gradients.HolomorphicDualPropagation(0.1, 8),
    "DyadicEP()": osciprop.DyadicEP(),
}
CLAMPED: Methods = {
    "Implicit()": osciprop.Implicit(),
    "CoupledLearning(0.1)": gradients.CoupledLearning(nudge=0.1),
    "NegativeCoupledLearning(0.1)": gradients.NegativeCoupledLearning(nudge=0.1),
    "CentredCoupledLearning(0.1)": gradients.CentredCoupledLearning(nudge=0.1),
    "HolomorphicCoupledLearning(0.4, 8)": gradients.HolomorphicCoupledLearning(nudge=0.4, points=8),
    "ContrastiveLearning()": gradients.ContrastiveLearning(),
}
MOVING: Methods = {
    "TrajectoryBPTT()": gradients.TrajectoryBPTT(),
    "OneSidedEcho(0.01)": gradients.OneSidedEcho(0.01),
    "CentredEcho(0.01)": gradients.CentredEcho(0.01),
    "HolomorphicEcho(0.1, 4)": gradients.HolomorphicEcho(0.1, 4),
    "HolomorphicEcho(0.1, 8)": gradients.HolomorphicEcho(0.1, 8),
}


def digits() -> tuple[np.ndarray, np.ndarray]:
    data = osciprop.datasets.digits()
    return np.asarray(data.x_train[:BATCH], np.float32), np.asarray(data.y_train[:BATCH])


def rows_of_pixels() -> tuple[np.ndarray, np.ndarray]:
    """Each digit as a sequence of its eight rows, of which each is held for ten steps."""
    x, y = digits()
    return x.reshape(len(x), 8, -1), y


def mlp() -> osciprop.Network:
    return osciprop.hopfield_mlp(SIZES, key=KEY)


Build = Callable[[], Any]
KINDS: dict[str, tuple[Build, Methods, Build]] = {
    "reciprocal": (mlp, RECIPROCAL, digits),
    "directed": (
        lambda: osciprop.feedback_mlp(SIZES, key=KEY, angle=45.0),
        DIRECTED,
        digits,
    ),
    "without feedback": (
        lambda: osciprop.perceptron(SIZES, key=KEY, activation=osciprop.Tanh()),
        LAYERED,
        digits,
    ),
    "outputs are units": (
        lambda: osciprop.hopfield_regressor(SIZES, key=KEY),
        CLAMPED,
        digits,
    ),
    "moving": (
        lambda: osciprop.networks.oscillator_network(
            SIZES[0] // 8, SIZES[1], SIZES[-1], duration=8.0, steps=STEPS, key=KEY
        ),
        MOVING,
        rows_of_pixels,
    ),
}
AMPLITUDES = np.logspace(-4, 0.5, 13)
BY_AMPLITUDE: dict[str, Callable[[Any], AbstractGradientMethod]] = {
    "ClassicEP": lambda r: osciprop.ClassicEP(r),
    "CentredEP": lambda r: osciprop.CentredEP(r),
    "HolomorphicEP, 4 points": lambda r: osciprop.HolomorphicEP(r, 4),
    "HolomorphicEP, 8 points": lambda r: osciprop.HolomorphicEP(r, 8),
    "SettledOscillation, period 100": lambda r: osciprop.SettledOscillation(r, 100.0),
}
PERIODS = [12.5, 25.0, 50.0, 100.0, 200.0, 400.0, 800.0]
BY_PERIOD: dict[str, Callable[[Any], AbstractGradientMethod]] = {
    "SettledOscillation": lambda period: osciprop.SettledOscillation(0.1, period),
    "OscillatoryEP": lambda period: osciprop.OscillatoryEP(0.1, period),
    "LagCorrected": lambda period: osciprop.LagCorrected(
        osciprop.SettledOscillation(0.1, period, relaxation=SWEPT)
    ),
}
RELAXATIONS: dict[str, osciprop.equilibria.AbstractRelaxation] = {
    "Settling()": osciprop.Settling(),
    "AndersonIteration()": osciprop.AndersonIteration(),
    "SequentialIteration()": osciprop.SequentialIteration(),
    "SynchronousIteration()": osciprop.SynchronousIteration(),
    "SynchronousIteration(0.3)": osciprop.SynchronousIteration(0.3),
    "Newton()": osciprop.Newton(),
    "Flow()": osciprop.Flow(),
}


@contextlib.contextmanager
def double_precision() -> Iterator[None]:
    """Double precision, for programs that are not timed, and so are compiled as fast as can be."""
    with jax.enable_x64(True):
        before = jax.config.read("jax_disable_most_optimizations")
        jax.config.update("jax_disable_most_optimizations", True)
        try:
            yield
        finally:
            jax.config.update("jax_disable_most_optimizations", before)


def in_double(tree: Any) -> Any:
    """A pytree in double precision, with the numbers that it has."""

    def cast(leaf: Any) -> Any:
        floating = isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jnp.floating)
        return jnp.asarray(np.asarray(leaf, np.float64)) if floating else leaf

    return jax.tree.map(cast, tree)


@eqx.filter_jit
def solved(network: Any, x: Any, y: Any, method: AbstractGradientMethod) -> tuple[Any, Any]:
    """The gradient, and whether it converged; one program for all settings of a method."""
    found = osciprop.estimate_gradient(network, x, y, method, throw=False)
    return found.gradient, found.converged


def tried_first(network: Any, method: AbstractGradientMethod) -> AbstractGradientMethod:
    """A method as `estimate_gradient` tries it first outside of `jit`: with the small part of what
    is large, which is all that these networks need.
    """

    def is_large(node: object) -> bool:
        return isinstance(node, AbstractLarge)

    small = jax.tree.map(
        lambda node: node.small(network) if is_large(node) else node, method, is_leaf=is_large
    )
    assert isinstance(small, AbstractGradientMethod)
    return small


def gradient_of(network: Any, x: Any, y: Any, method: AbstractGradientMethod) -> np.ndarray:
    """The gradient as one vector in double precision; NaN where it did not converge."""
    gradient, converged = solved(network, x, y, tried_first(network, method))
    leaves = [np.ravel(np.asarray(leaf, np.float64)) for leaf in jax.tree.leaves(gradient)]
    return np.concatenate(leaves) * (1.0 if bool(converged) else np.nan)


def distance(found: np.ndarray, exact: np.ndarray) -> float:
    return float(np.linalg.norm(found - exact) / np.linalg.norm(exact))


def cosine(found: np.ndarray, exact: np.ndarray) -> float:
    return float(found @ exact / (np.linalg.norm(found) * np.linalg.norm(exact)))


def timed(calls: Sequence[Callable[[], Any]], repeats: int) -> list[float]:
    """Seconds of processor time of calls that take turns, the median of each. Other work beside it
    then counts little. The first call of each compiles.
    """
    taken: list[list[float]] = [[] for _ in calls]
    for turn in range(repeats + 1):
        for times, call in zip(taken, calls, strict=True):
            start = time.process_time()
            jax.block_until_ready(call())
            if turn:
                times.append(time.process_time() - start)
    return list(map(statistics.median, taken))


def call_of(network: Any, x: Any, y: Any, method: AbstractGradientMethod) -> Callable[[], Any]:
    small = tried_first(network, method)
    return lambda: solved(network, x, y, small)


class Store:
    """What has been measured: written after every row, and not measured again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.content: dict[str, Any] = {
            "methods": [],
            "relaxations": [],
            "by amplitude": {},
            "by period": {},
        }
        if path.exists():
            self.content = json.loads(path.read_text(encoding="utf-8"))

    def rows(self, name: str, **wanted: Any) -> list[dict[str, Any]]:
        return [row for row in self.content[name] if wanted.items() <= row.items()]

    def write(self) -> None:
        device, versions = jax.devices()[0].device_kind, {"jax": jax.__version__}
        self.content |= {"device": device, "versions": versions}
        self.content |= {"amplitudes": list(map(float, AMPLITUDES)), "periods": PERIODS}
        self.path.write_text(json.dumps(self.content, indent=1) + "\n", encoding="utf-8")


def measure_methods(store: Store, kind: str, repeats: int) -> None:
    """Every method on networks of a kind that it is for."""
    build, methods, data = KINDS[kind]
    missing = [name for name in methods if not store.rows("methods", kind=kind, method=name)]
    if not missing:
        return
    x, y = data()
    network = build()
    with double_precision():
        precise, x64 = in_double(network), np.asarray(x, np.float64)
    reference = next(iter(methods.values()))
    with double_precision():
        exact = gradient_of(precise, x64, y, reference)
    for name in missing:
        method = methods[name]
        pair = [call_of(network, x, y, one) for one in (reference, method)]
        of_reference, seconds = timed(pair, repeats)
        single = gradient_of(network, x, y, method)
        with double_precision():
            double = gradient_of(precise, x64, y, method)
        row = {
            "kind": kind,
            "method": name,
            "ms": 1e3 * seconds,
            "cost": 1.0 if method is reference else seconds / of_reference,
            "error in single precision": distance(single, exact),
            "error in double precision": distance(double, exact),
            "cosine": cosine(double, exact),
        }
        print(row, flush=True)
        store.content["methods"].append(row)
        store.write()


def measure_backprop(store: Store, repeats: int) -> None:
    """A step of backpropagation through a feedforward network of the same layers."""
    if "backprop over implicit" in store.content:
        return
    x, y = digits()
    network = mlp()
    layers = osciprop.perceptron(SIZES, key=KEY, activation=osciprop.ShiftedSigmoid())

    @eqx.filter_jit
    @eqx.filter_grad
    def step(layers: osciprop.Network, x: Any, y: Any) -> jax.Array:
        activity = jnp.asarray(x)
        for synapse, population in zip(layers.synapses, layers.populations, strict=True):
            activity = population.neuron.activity(synapse.forward(activity) + population.bias)
        return jnp.mean(layers.readout(activity, jnp.asarray(y)))

    implicit = call_of(network, x, y, osciprop.Implicit())
    of_reference, seconds = timed([implicit, lambda: step(layers, x, y)], 10 * repeats)
    store.content["backprop over implicit"] = seconds / of_reference
    store.write()


def measure_curves(
    store: Store,
    name: str,
    methods: dict[str, Callable[[Any], AbstractGradientMethod]],
    settings: Sequence[float],
) -> None:
    """The errors of methods over a setting of theirs, in both precisions."""
    x, y = digits()
    network = mlp()
    with double_precision():
        precise, x64 = in_double(network), np.asarray(x, np.float64)
        exact = gradient_of(precise, x64, y, osciprop.Implicit())
    for label, make in methods.items():
        if label in store.content[name]:
            continue
        single = [distance(gradient_of(network, x, y, make(one)), exact) for one in settings]
        with double_precision():
            double = [distance(gradient_of(precise, x64, y, make(one)), exact) for one in settings]
        store.content[name][label] = {"single": single, "double": double}
        print(label, store.content[name][label], flush=True)
        store.write()


def measure_relaxations(store: Store, repeats: int) -> None:
    """The free equilibria of a network as it is built, and of one that is close to critical."""
    x, _ = digits()
    for scale in (0.5, CRITICAL):
        missing = [
            name
            for name in RELAXATIONS
            if not store.rows("relaxations", scale=scale, relaxation=name)
        ]
        if not missing:
            continue
        network = osciprop.hopfield_mlp(SIZES, key=KEY, scale=scale)
        with double_precision():
            exact = rested(in_double(network), np.asarray(x, np.float64), osciprop.Newton())

        def call(name: str, network: Any = network) -> Callable[[], Any]:
            return lambda: rested(network, x, RELAXATIONS[name])

        for name in missing:
            first = next(iter(RELAXATIONS))
            of_reference, seconds = timed([call(first), call(name)], repeats)
            found = call(name)()
            gaps = [
                np.max(np.abs(np.asarray(one, np.float64) - np.asarray(other)), axis=1)
                for one, other in zip(found.s, exact.s, strict=True)
            ]
            settled = np.asarray(found.converged)
            row = {
                "scale": scale,
                "relaxation": name,
                "ms": 1e3 * seconds,
                "cost": 1.0 if name == first else seconds / of_reference,
                "steps": int(found.steps),
                "converged": float(np.mean(settled)),
                "largest error of an activity": float(np.max(np.max(gaps, axis=0)[settled])),
            }
            print(row, flush=True)
            store.content["relaxations"].append(row)
            store.write()


@eqx.filter_jit
def rested(
    network: Any, x: Any, relaxation: osciprop.equilibria.AbstractRelaxation
) -> osciprop.Solution:
    small: Any = relaxation.small(network) if isinstance(relaxation, AbstractLarge) else relaxation
    return osciprop.relax(network, x, relaxation=small, throw=False)


def measure(store: Store, kinds: Sequence[str], repeats: int) -> None:
    """All that is missing."""
    for kind in kinds:
        measure_methods(store, kind, repeats)
    measure_backprop(store, repeats)
    measure_curves(store, "by amplitude", BY_AMPLITUDE, list(AMPLITUDES))
    measure_curves(store, "by period", BY_PERIOD, PERIODS)
    measure_relaxations(store, repeats)


def two_digits(value: float) -> str:
    return (
        f"{value:.1f}" if 0.95 <= value < 9.5 else f"{value:.2g}" if value < 1 else f"{value:.0f}"
    )


def table_of_methods(content: dict[str, Any], kind: str) -> str:
    lines = [
        "| method | cost | error, single precision | error, double precision | cosine |",
        "|---|---|---|---|---|",
    ]
    for row in content["methods"]:
        if row["kind"] == kind:
            errors = [row[f"error in {one} precision"] for one in ("single", "double")]
            told = ["0" if error == 0 else f"{error:.0e}" for error in errors]
            lines.append(
                f"| `{row['method']}` | {two_digits(row['cost'])} | {told[0]} | {told[1]} | "
                f"{row['cosine']:.4f} |"
            )
    return "\n".join(lines)


def table_of_relaxations(content: dict[str, Any]) -> str:
    lines = [
        "| relaxation | scale | cost | steps | converged | largest error of an activity |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| `{row['relaxation']}` | {row['scale']:g} | {two_digits(row['cost'])} | "
        f"{row['steps']} | {100 * row['converged']:.0f} % | "
        f"{row['largest error of an activity']:.0e} |"
        for row in content["relaxations"]
    ]
    return "\n".join(lines)


def tables(content: dict[str, Any]) -> dict[str, str]:
    """The tables of docs/choosing.md."""
    kinds = {row["kind"]: table_of_methods(content, row["kind"]) for row in content["methods"]}
    if content["relaxations"]:
        kinds["relaxations"] = table_of_relaxations(content)
    return kinds


def draw(content: dict[str, Any], path: Path) -> None:
    """What the tables say of networks with reciprocal synapses, and the curves."""
    with osciprop.plotting.style():
        figure, axes = plt.subplots(1, 3, figsize=(11.0, 4.2))
        _draw_trade_off(content, axes[0])
        _draw_curves(content["amplitudes"], content["by amplitude"], axes[1])
        axes[1].set(xlabel="amplitude (dimensionless)", title="b  Error by amplitude")
        _draw_curves(content["periods"], content["by period"], axes[2])
        axes[2].set(xlabel="period (time constants)", title="c  Error by period")
        for ax in axes:
            ax.xaxis.set_minor_formatter(ticker.NullFormatter())
            ax.legend(
                loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2 if ax is axes[0] else 1
            )
        axes[2].set_xticks(content["periods"], [f"{period:g}" for period in content["periods"]])
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=130)
        plt.close(figure)


NUMBERED = {
    "ClassicEP(0.1)": "ClassicEP",
    "CentredEP(0.1)": "CentredEP",
    "HolomorphicEP(0.1, 4)": "HolomorphicEP, 4",
    "HolomorphicEP(0.1, 8)": "HolomorphicEP, 8",
    "SettledOscillation(0.1, 100)": "SettledOscillation",
    "LagCorrected(SettledOscillation(0.1, 100))": "LagCorrected",
    "OscillatoryEP(0.1, 100)": "OscillatoryEP",
}
"""What is drawn of the table, and how it is called there."""


def _draw_trade_off(content: dict[str, Any], ax: Axes) -> None:
    rows = {row["method"]: row for row in content["methods"] if row["kind"] == "reciprocal"}
    colors = plt.rcParams["axes.prop_cycle"].by_key()["color"]
    for index, (method, label) in enumerate(NUMBERED.items()):
        if method in rows:
            row = rows[method]
            ax.plot(
                row["cost"],
                row["error in double precision"],
                MARKERS[index % len(MARKERS)],
                color=colors[index % len(colors)],
                label=label,
                markersize=6,
            )
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="cost (implicit gradients)",
        ylabel="relative error",
        title="a  Cost and error at amplitude 0.1",
    )


def _draw_curves(
    settings: Sequence[float], found: dict[str, dict[str, list[float]]], ax: Axes
) -> None:
    colors = plt.rcParams["axes.prop_cycle"].by_key()["color"]
    for index, (name, errors) in enumerate(found.items()):
        for precision, line in (("double", "-"), ("single", ":")):
            ax.plot(
                settings,
                errors[precision],
                linestyle=line,
                marker=MARKERS[index],
                markersize=3,
                color=colors[index],
                label=name if precision == "double" else None,
            )
    ax.plot([], [], color="0.35", linestyle=":", label="single precision")
    ax.set(xscale="log", yscale="log", ylabel="relative error")


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--redraw", action="store_true", help="from the stored numbers alone")
    parser.add_argument("--kinds", nargs="*", choices=[*KINDS], default=[*KINDS])
    parser.add_argument("--numbers", type=Path, default=NUMBERS)
    parser.add_argument("--picture", type=Path, default=PICTURE)
    arguments = parser.parse_args(argv)
    store = Store(arguments.numbers)
    if not arguments.redraw:
        measure(store, arguments.kinds, arguments.repeats)
    content = store.content
    for name, table in tables(content).items():
        print(f"\n{name}\n\n{table}")
    draw(content, arguments.picture)


if __name__ == "__main__":
    main()
