"""Inputs that move: how exact always-on gradients are, and digits learned without borders.

    python -m experiments.moving_inputs

First the always-on gradient of small random networks whose input and target are waves, against the
mean of the exact gradients at all inputs of a cycle, for inputs of many speeds. Then the digits of
`online_digits`, in samples that fade into each other. About ten minutes on a core; what is
finished is stored in `experiments/results/moving_inputs.json` and not run again.
"""

import json
import time
from collections.abc import Sequence
from typing import Any, TypeAlias

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

import osciprop
from experiments.online_digits import CONTINUOUS, PERIODIC, STEPS
from experiments.runs import options, parsed, write
from osciprop.demo import build, optimizer

FILE = "moving_inputs.json"
SETTLE = 4
POINTS = 48
"""Inputs of a cycle at which exact gradients are computed."""

# Rule, amplitude, period, cycles that are listened to.
PRODUCTS, ERRORS = osciprop.gradients.ActivityProducts(), osciprop.ErrorSignals()
SETTINGS = (
    (PRODUCTS, 0.1, 50.0, 1.0),
    (PRODUCTS, 0.1, 100.0, 1.0),
    (PRODUCTS, 0.4, 50.0, 1.0),
    (PRODUCTS, 0.1, 50.0, 0.5),
    (PRODUCTS, 0.4, 50.0, 0.5),
    (ERRORS, 0.1, 50.0, 1.0),
    (ERRORS, 0.1, 100.0, 1.0),
    (ERRORS, 0.4, 50.0, 1.0),
)
# Periods of the teaching signal in a cycle of the input.
CYCLES = (4, 6, 8, 12, 16, 24, 32, 48, 64)
FITTED = slice(3, None)
"""Of these, what the slopes are fitted to: the first are so fast that harmonics of the input reach
the frequency of the teaching signal."""
TARGETS = ("in phase", "quadrature")
NETWORKS = 12

# Plasticity (how often, or how slow), periods per sample, those that fade, filters (time constant,
# order), samples.
ROWS = (
    (PERIODIC, 3, 3, 1.0, (0.3, 2), 600),
    (PERIODIC, 1, 3, 2.0, (0.3, 2), 600),
    (CONTINUOUS, 2500, 3, 2.0, (0.3, 2), 400),
    (CONTINUOUS, 2500, 8, 2.0, (0.3, 2), 400),
    (CONTINUOUS, 2500, 8, 4.0, (0.3, 2), 400),
    (CONTINUOUS, 2500, 3, 2.5, (0.3, 2), 400),
    (CONTINUOUS, 2500, 8, 4.0, (0.3, 2), 120),
    (CONTINUOUS, 2500, 8, 1.0, (0.3, 2), 400),
    (CONTINUOUS, 2500, 8, 0.5, (0.3, 2), 400),
    (CONTINUOUS, 2500, 3, 2.0, (0.3, 2), 1067),
    (CONTINUOUS, 5000, 8, 2.0, (0.3, 2), 400),
    (CONTINUOUS, 1250, 8, 2.0, (0.3, 2), 400),
    (CONTINUOUS, 800, 8, 2.0, (0.3, 2), 400),
)
FADES = (0.0, 0.5, 1.0, 2.0, 2.5, 4.0)
"""Periods of a transition whose effect on synapses that move all the time is integrated."""

TINY_ROWS = ((PERIODIC, 1, 1, 0.5, (0.5, 1), 2),)


class Wave(osciprop.networks.AbstractSignal):
    """`mean + cosine cos(nu t) + sine sin(nu t)`, with `t` counted from `begin`."""

    mean: Array
    cosine: Array
    sine: Array
    frequency: Array
    begin: Array

    def __call__(self, time: Any) -> Array:
        angle = self.frequency * (time - self.begin)
        return self.mean + self.cosine * jnp.cos(angle) + self.sine * jnp.sin(angle)


Member: TypeAlias = tuple[osciprop.AbstractNetwork, Wave, Wave]


def population(count: int, target: str) -> list[Member]:
    """Networks with waves as input and target, of frequency 1."""
    found: list[Member] = []
    for seed in range(count):
        network = osciprop.networks.hopfield_regressor(
            [3, 6, 4, 2],
            key=jax.random.key(seed),
            activation=osciprop.Tanh(),
            scale=0.5,
            bias=0.2,
        )
        random = np.random.default_rng(seed)
        mean, cosine = (jnp.asarray(random.normal(size=(1, 3))) for _ in range(2))
        x = Wave(mean, cosine, jnp.zeros_like(mean), jnp.ones(()), jnp.zeros(()))
        mean, cosine, sine = (jnp.asarray(random.normal(size=(1, 2)) / 2) for _ in range(3))
        quadrature = sine if target == "quadrature" else jnp.zeros_like(sine)
        y = Wave(mean, cosine, quadrature, jnp.ones(()), jnp.zeros(()))
        found.append((network, x, y))
    return found


def at_speed(signal: Wave, frequency: float, begin: float) -> Wave:
    """The same wave, faster or slower, whose cycle begins at a time."""
    values = jnp.asarray(frequency), jnp.asarray(begin)
    return eqx.tree_at(lambda wave: (wave.frequency, wave.begin), signal, values)


def stacked(trees: Sequence[PyTree]) -> PyTree:
    """Modules of one kind as one whose arrays have an axis more."""
    arrays = [eqx.filter(tree, eqx.is_array) for tree in trees]
    together = jax.tree.map(lambda *leaves: jnp.stack(leaves), *arrays)
    return eqx.combine(together, trees[0])


@eqx.filter_jit
def always_on(
    networks: PyTree, x: PyTree, y: PyTree, method: osciprop.OscillatoryEP, periods: Array
) -> PyTree[Array]:
    """The gradients of all networks after so many periods, any number by one program."""

    def one(network: osciprop.AbstractNetwork, x: Wave, y: Wave) -> PyTree[Array]:
        running = jax.lax.fori_loop(
            0,
            periods,
            lambda _, now: method.advance(network, x, y, now),
            method.begin(network, x),
        )
        return method.conclude(network, x, y, running).gradient

    return eqx.filter_vmap(one)(networks, x, y)


def flat(gradient: PyTree[Array]) -> np.ndarray:
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(gradient)])


def method_of(
    rule: osciprop.gradients.AbstractLearningRule, amplitude: float, period: float
) -> osciprop.OscillatoryEP:
    steps = osciprop.Integrator(diffrax.Heun(), diffrax.ConstantStepSize(), dt0=0.25)
    return osciprop.OscillatoryEP(
        amplitude,
        period,
        settle_periods=SETTLE,
        samples=round(period),  # two steps before and after each
        rule=rule,
        integrator=steps,
    )


def errors(
    setting: tuple[Any, ...], target: str, cycles: Sequence[int], count: int
) -> dict[str, Any]:
    """Of one setting at all speeds: errors of the population, relative to the exact mean.

    `at_rest` is that of the method for inputs at rest, by lag and amplitude; `of_the_motion` what
    is added where they move.
    """
    rule, amplitude, period, share = setting
    members, method = population(count, target), method_of(rule, amplitude, period)
    networks = stacked([network for network, _, _ in members])
    # The middles of equal parts of what is listened to, which begins after the periods that settle.
    angles = 2 * np.pi * share * (np.arange(POINTS) + 0.5) / POINTS
    exact, at_rest = [], []
    for network, *waves in members:
        x, y = (jnp.concatenate([wave(angle) for angle in angles]) for wave in waves)
        exact.append(flat(gradient(network, x, y, osciprop.Implicit())))
        at_rest.append(flat(gradient(network, x, y, method)))

    def apart(found: list[np.ndarray], other: list[np.ndarray]) -> dict[str, float]:
        """Relative to the exact gradient, over the population."""
        distances = [
            np.linalg.norm(a - b) / np.linalg.norm(size)
            for a, b, size in zip(found, other, exact, strict=True)
        ]
        return {"median": float(np.median(distances)), "largest": float(np.max(distances))}

    rows = []
    for periods in cycles:
        frequency = 2 * np.pi / (periods * period)
        inputs, targets = (
            stacked([at_speed(wave, frequency, SETTLE * period) for wave in waves])
            for waves in ([x for _, x, _ in members], [y for _, _, y in members])
        )
        whole = jnp.asarray(SETTLE + round(share * periods))
        found = always_on(networks, inputs, targets, method, whole)
        measured = [flat(jax.tree.map(lambda leaf, n=n: leaf[n], found)) for n in range(count)]
        rows.append(
            {
                "periods_per_cycle": periods,
                "speed": frequency,
                "error": apart(measured, exact),
                "of_the_motion": apart(measured, at_rest),
            }
        )
    fitted = rows[FITTED] if len(rows) > 3 else rows
    speeds = np.log([row["speed"] for row in fitted])
    moved = np.log([row["of_the_motion"]["median"] for row in fitted])
    return {
        "rule": type(rule).__name__,
        "amplitude": amplitude,
        "period": period,
        "cycles": share,
        "target": target,
        "at_rest": apart(at_rest, exact),
        "rows": rows,
        "slope": float(np.polyfit(speeds, moved, 1)[0]),
    }


@eqx.filter_jit
def gradient(
    network: osciprop.AbstractNetwork,
    x: Array,
    y: Array,
    method: osciprop.gradients.AbstractGradientMethod,
) -> PyTree[Array]:
    """Of the batch mean, and so of the mean over a cycle."""
    return osciprop.estimate_gradient(network, x, y, method, throw=False).gradient


def learned(
    kind: str,
    pace: int,
    presentation: int,
    fade: float,
    filters: tuple[float, int],
    presentations: int,
) -> dict[str, Any]:
    """Train one network online on samples that fade into each other."""
    network, data = build(0), osciprop.datasets.digits()
    plasticity = (
        osciprop.PeriodicPlasticity(optimizer(network), pace)
        if kind == PERIODIC
        else osciprop.ContinuousPlasticity(pace)
    )
    simulation = osciprop.Simulation(
        osciprop.Oscillation(0.05, 50.0),
        plasticity,
        lock_in=osciprop.LockInFilter(*filters),
        presentation=presentation,
        transition=osciprop.online.Fade(fade),
        integrator=STEPS,
    )
    start = time.perf_counter()
    run = osciprop.simulate_learning(
        network, data, simulation, presentations=presentations, batch_size=32, progress=False
    )
    seconds = time.perf_counter() - start
    return {
        "plasticity": kind.format(pace),
        "presentation": presentation,
        "fade": fade,
        "filters": list(filters),
        "presentations": presentations,
        "test_accuracy": osciprop.evaluate(run.network, data.x_test, data.y_test).accuracy,
        "seconds": seconds,
    }


def covariance_gain(fade: float, filters: tuple[float, int] = (0.3, 2)) -> float:
    """What a transition adds to a synapse that moves all the time, in units of time: the integral
    of mean times error signal, per covariance of its two activities over samples.

    A transition by `delta` at the synapse's far end shows an error signal `delta E(t)` that is
    none, while the mean at its near end goes from that of one sample to the next, as `M(t)`. Over
    independent samples the mean of their product is `integral of E (2 M - 1)` times the
    covariance: below 0 every transition takes something from a weight, above 0 it feeds it.
    """
    period, amplitude, step, (constant, order) = 50.0, 0.05, 0.02, filters
    omega, slow = 2 * np.pi / period, constant * period
    through = 1 / (1 + 1j * omega * slow) ** order
    mean, error, total = np.zeros(order), np.zeros(order, dtype=complex), 0.0
    for moment in np.arange(0, 8 * period, step):
        part = min(moment / (fade * period), 1.0) if fade else 1.0
        shown = part - np.sin(2 * np.pi * part) / (2 * np.pi)
        heard: Any = shown
        for stage in range(order):
            mean[stage] += step / slow * (heard - mean[stage])
            heard = mean[stage]
        heard = (shown - mean[-1]) * np.exp(-1j * omega * moment) / (amplitude * (1 - through))
        for stage in range(order):
            error[stage] += step / slow * (heard - error[stage])
            heard = error[stage]
        total += step * error[-1].real * (2 * mean[-1] - 1)
    return float(total)


def main(argv: Sequence[str] | None = None) -> None:
    arguments = parsed(options(__doc__), argv)
    path = arguments.output / FILE
    found: dict[str, Any] = {
        "errors": [],
        "digits": [],
        "versions": {"osciprop": osciprop.__version__, "jax": jax.__version__},
    }
    if path.exists():
        found = json.loads(path.read_text())
    cycles, count = ((4, 8), 2) if arguments.tiny else (CYCLES, NETWORKS)
    cases = [(setting, target) for setting in SETTINGS for target in TARGETS]
    for setting, target in cases[len(found["errors"]) : 1 if arguments.tiny else None]:
        with jax.enable_x64(True):  # errors far below those of single precision
            found["errors"].append(errors(setting, target, cycles, count))
        write(path, found)
    rows = TINY_ROWS if arguments.tiny else ROWS
    for row in rows[len(found["digits"]) :]:
        found["digits"].append(learned(*row))
        write(path, found)
    found["covariance_gain"] = {fade: covariance_gain(fade) for fade in FADES}
    write(path, found)
    report(found)


def report(found: dict[str, Any]) -> None:
    """The tables of docs/signals.md."""
    print("| rule | amplitude | period | cycles | target | at rest | slope |", end="")
    shown = [row["periods_per_cycle"] for row in found["errors"][0]["rows"]]
    print("".join(f" {periods} periods |" for periods in shown))
    print("|---" * (7 + len(shown)) + "|")
    for case in found["errors"]:
        moved = [row["of_the_motion"]["median"] for row in case["rows"]]
        numbers = " | ".join(f"{100 * value:.2g} %" for value in moved)
        print(
            f"| {case['rule']} | {case['amplitude']} | {case['period']} | {case['cycles']} | "
            f"{case['target']} | {100 * case['at_rest']['median']:.2g} % | "
            f"{case['slope']:.2f} | {numbers} |"
        )
    print("| plasticity | periods per sample | fading | filters | presentations | test accuracy |")
    print("|---|---|---|---|---|---|")
    for row in found["digits"]:
        print(
            f"| {row['plasticity']} | {row['presentation']} | {row['fade']} | {row['filters']} | "
            f"{row['presentations']} | {100 * row['test_accuracy']:.1f} % |"
        )
    print("| periods of fading | gain of the covariance, units of time |")
    print("|---|---|")
    for fade, gain in found["covariance_gain"].items():
        print(f"| {fade} | {gain:.1f} |")


if __name__ == "__main__":
    main()
