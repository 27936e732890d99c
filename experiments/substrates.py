"""Systems beyond layered rate networks learn the digits: by a rule of their own, and exactly.

    python -m experiments.substrates --epochs 5 --seeds 0 1 2

scikit-learn's digits, 64 pixels, ten classes. Each system learns by the method that stands for its
physics and by the implicit gradient of the same network, from the same weights and batches:

- `adaptation`: 64-32-10, whose hidden neurons adapt; the settled oscillation (`always_on`) and
  holomorphic EP.
- `excitation_inhibition`: 80 excitatory and 20 inhibitory neurons under Dale's law, sparse;
  asymmetric EP, dyads, and their always-on form with a companion, settled.
- `oscillators`: 50 phase oscillators, pixels as clamped phases, spins by a second harmonic; dyads.
- `circuit`: the deep resistive network 64-32-10 with diodes and amplifiers; holomorphic EP, also
  with conductances of 16 levels.

Finished runs are stored in `experiments/results/substrates/`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import osciprop
from experiments.runs import Row, options, parsed, stored, train
from osciprop.datasets import Dataset, digits
from osciprop.equilibria import LimitedNewton
from osciprop.networks import (
    AdaptiveNeuron,
    Fixed,
    KuramotoNetwork,
    PhaseClasses,
    Positive,
    Quantised,
    balanced_network,
    constrain,
    resistive_layers,
    with_neurons,
)

FOLDER = "substrates"
EXACT = "implicit"
LEVELS = 2**4
"""Of a conductance of four bits."""

SYSTEMS = ("adaptation", "excitation_inhibition", "oscillators", "circuit", "coarse_circuit")
WAY = osciprop.Settling(tolerance=1e-5)
LIMITED = LimitedNewton(0.026, tolerance=5e-5)


def adaptation(seed: int) -> Any:
    network = osciprop.hopfield_mlp([64, 32, 10], key=jax.random.PRNGKey(seed))
    return with_neurons(network, AdaptiveNeuron(adaptation=0.3, adaptation_time=5.0))


def excitation_inhibition(seed: int) -> Any:
    return balanced_network([64, 80, 20, 10], key=jax.random.PRNGKey(seed), connectivity=0.2)


def oscillators(seed: int) -> Any:
    units, classes = 50, 10
    random = np.random.default_rng(seed)
    couplings = np.triu(random.normal(size=(units, units)), 1) / np.sqrt(units)
    network = KuramotoNetwork(
        jnp.asarray(0.5 * couplings, jnp.float32),
        jnp.asarray(0.5 * random.normal(size=(64, units)) / 8, jnp.float32),
        fields=jnp.full(units, 0.5, jnp.float32),
        second_harmonic=jnp.asarray(0.1, jnp.float32),
        outputs=tuple(range(units - classes, units)),
        readout=PhaseClasses(),
    )
    return constrain(network, lambda net: net.second_harmonic, Fixed())


def circuit(seed: int, constraint: Any = Positive()) -> Any:
    return resistive_layers(
        [64, 32, 10], key=jax.random.PRNGKey(seed), input_gain=20.0, constraint=constraint
    )


def coarse(seed: int) -> Any:
    """The circuit, its conductances rounded to a few levels up to twice the largest."""
    network = circuit(seed)
    for place, matrix in enumerate(network.network.conductances):
        levels = Quantised(LEVELS, 0.0, 2 * float(jnp.max(matrix)))
        network = constrain(network, _conductances(place), levels)
    return network


def _conductances(place: int) -> Callable[[Any], Any]:
    return lambda network: network.conductances[place]


def phases(data: Dataset) -> Dataset:
    """Pixels from 0 to 1 as phases from 0 to half a turn."""
    turn = np.float32(np.pi) / data.x_train.max()
    x, x_test = turn * data.x_train, turn * data.x_test
    return Dataset("digits as phases", x, data.y_train, x_test, data.y_test, image_shape=(8, 8))


def rows() -> dict[str, Row]:
    settled = osciprop.SettledOscillation(0.1, 200.0, relaxation=WAY)
    signals = osciprop.SettledOscillation(0.05, 200.0, rule=osciprop.ErrorSignals(), relaxation=WAY)
    systems: dict[str, tuple[Any, Any, float, dict[str, Any]]] = {
        "adaptation": (
            adaptation,
            WAY,
            3e-3,
            {"always_on": settled, "holomorphic_ep": osciprop.HolomorphicEP(0.2, 4, WAY)},
        ),
        "excitation_inhibition": (
            excitation_inhibition,
            WAY,
            1e-2,
            {
                "asymmetric_ep": osciprop.AsymmetricEP(0.05, 2, WAY),
                "dyadic": osciprop.DyadicEP(0.1, WAY),
                "always_on": osciprop.OscillatoryAEP(signals),
            },
        ),
        "oscillators": (oscillators, WAY, 1e-2, {"dyadic": osciprop.DyadicEP(0.1, WAY)}),
        "circuit": (
            circuit,
            LIMITED,
            2e-2,
            {"holomorphic_ep": osciprop.HolomorphicEP(0.1, 4, LIMITED)},
        ),
        "coarse_circuit": (
            coarse,
            LIMITED,
            2e-2,
            {"holomorphic_ep": osciprop.HolomorphicEP(0.1, 4, LIMITED)},
        ),
    }
    return {
        f"{system}_{name}": Row(build, method, optax.adam(rate), 50, way)
        for system, (build, way, rate, methods) in systems.items()
        for name, method in {EXACT: osciprop.Implicit(way), **methods}.items()
    }


def main(argv: Sequence[str] | None = None) -> None:
    parser = options(__doc__)
    table = rows()
    parser.add_argument("--rows", nargs="+", default=list(table), choices=list(table))
    parser.add_argument("--epochs", type=int, default=5, help="training epochs")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parsed(parser, argv)
    data = digits()
    if arguments.tiny:
        data = data.subset(train=20, test=10)
    folder = arguments.output / FOLDER
    for seed in arguments.seeds:
        for name in arguments.rows:
            of = phases(data) if name.startswith("oscillators") else data
            train(folder, name, table[name], seed, arguments.epochs, of)
    print("| row | seeds | test accuracy, % | below the exact gradient | converged | seconds |")
    print("|---|---|---|---|---|---|")
    for name in table:
        runs = stored(folder, name)
        if not runs:
            continue
        system = next(one for one in SYSTEMS if name.startswith(f"{one}_"))
        exact = stored(folder, f"{system}_{EXACT}")
        last = [100 * run["epochs"]["test_accuracy"][-1] for run in runs]
        missing = ""
        reference = {run["seed"]: 100 * run["epochs"]["test_accuracy"][-1] for run in exact}
        if not name.endswith(EXACT):
            pairs = [(reference.get(run["seed"]), own) for run, own in zip(runs, last, strict=True)]
            gaps = [exactly - own for exactly, own in pairs if exactly is not None]
            missing = f"{np.mean(gaps):.2f}" if gaps else ""
        share = np.mean([run["converged_updates"] for run in runs])
        seconds = np.mean([run["seconds"] for run in runs])
        spread = f"{np.mean(last):.2f} ({min(last):.2f} to {max(last):.2f})"
        print(f"| {name} | {len(runs)} | {spread} | {missing} | {share:.3f} | {seconds:.0f} |")


if __name__ == "__main__":
    main()
