"""Fashion-MNIST with asymmetric networks: what the angle costs, what homeostasis repairs, Table 1.

    OSCIPROP_DATA=... python -m experiments.homeostasis2024 --part fig4 --epochs 5 --seeds 0

homeostasis2024, Figs. 3 and 4 and Table 1: 784-256-256-10 with a readout, shifted sigmoid, LeCun
weights, batches of 50. By part:

- `fig3`: SGD 0.01, momentum 0.9, feedback at 0 to 90 degrees; the exact response to a nudge
  (`response`) against the adjoint (`adjoint`: recurrent backpropagation in its limit).
- `fig4`: the response with and without the homeostatic penalty; the reciprocal network at 90
  degrees with AdamW 1e-4 and a coefficient of 1, the loop network with SGD and 0.1. Every 300
  updates the symmetry of the Jacobian and the cosine of response and adjoint are recorded.
- `table1`: feedback at 0 degrees, N points at two amplitudes, an always-on rotation, integrated,
  and the orbit that it settles in.

Relaxations end by tolerance, not after a fixed number of steps; what does not converge is left out
of exact gradients and goes on in the others. Each finished run is stored in
`experiments/results/homeostasis2024/`; runs that are there are not computed again, and an
interrupted run goes on from its checkpoint. XLA_FLAGS=--xla_cpu_multi_thread_eigen=false, one run
per core.
"""

import functools
from collections.abc import Callable, Sequence

import diffrax
import jax
import numpy as np
import optax

import osciprop
from experiments.runs import Row, noise_images, options, parsed, stored, train
from osciprop.datasets import fashion_mnist
from osciprop.training.updates import Monitor
from paper_figures.homeostasis2024.fig4 import ADJOINT, RELAXATION, RESPONSE, look
from paper_figures.homeostasis2024.network import LECUN, SIZES

FOLDER = "homeostasis2024"
ANGLES = (0, 15, 30, 45, 60, 75, 90)
MOMENTUM = optax.sgd(0.01, momentum=0.9)
ADAM = optax.adamw(1e-4, weight_decay=0.0)


def reciprocal(angle: float, seed: int) -> osciprop.Network:
    return osciprop.feedback_mlp(SIZES, key=jax.random.PRNGKey(seed), angle=angle, scale=LECUN)


def loop(seed: int) -> osciprop.Network:
    return osciprop.loop_mlp(SIZES, key=jax.random.PRNGKey(seed), scale=LECUN)


def _row(
    network: Callable[[int], osciprop.Network],
    method: osciprop.gradients.AbstractGradientMethod,
    optimizer: optax.GradientTransformation,
    monitor: Monitor | None = None,
) -> Row:
    evaluation = osciprop.AndersonIteration(tolerance=3e-4, max_steps=200)
    return Row(network, method, optimizer, 50, evaluation, monitor, 300)


def fig3() -> dict[str, Row]:
    return {
        f"fig3_{name}_{angle}": _row(functools.partial(reciprocal, float(angle)), method, MOMENTUM)
        for name, method in (("response", RESPONSE), ("adjoint", ADJOINT))
        for angle in ANGLES
    }


def fig4() -> dict[str, Row]:
    def penalised(coefficient: float) -> osciprop.Homeostatic:
        return osciprop.Homeostatic(
            RESPONSE, osciprop.gradients.HomeostaticPenalty(coefficient, coefficient, probes=5)
        )

    def tilted(seed: int) -> osciprop.Network:
        return reciprocal(90.0, seed)

    return {
        "fig4_reciprocal": _row(tilted, RESPONSE, ADAM, look),
        "fig4_reciprocal_homeostasis": _row(tilted, penalised(1.0), ADAM, look),
        "fig4_loop": _row(loop, RESPONSE, MOMENTUM, look),
        "fig4_loop_homeostasis": _row(loop, penalised(0.1), MOMENTUM, look),
    }


def always_on(period: float) -> osciprop.OscillatoryEP:
    """The rotation of table 1; its period there is 240."""
    return osciprop.OscillatoryEP(
        0.5,
        period,
        settle_periods=1,
        periods=1,
        samples=24,
        rule=osciprop.ErrorSignals(),
        integrator=osciprop.Integrator(diffrax.Euler(), diffrax.ConstantStepSize(), dt0=1.0),
    )


def settled(period: float) -> osciprop.SettledOscillation:
    """The orbit that the rotation ends in, for any period at the same cost. Harmonic balance alone:
    beyond the radius of convergence, where the ODE would be followed, it goes on as it stands.
    """
    return osciprop.SettledOscillation(
        0.5,
        period,
        solver=osciprop.equilibria.HarmonicBalance(8, tolerance=1e-3, max_steps=60),
        rule=osciprop.ErrorSignals(),
        relaxation=RELAXATION,
    )


def table1() -> dict[str, Row]:
    methods: dict[str, osciprop.gradients.AbstractGradientMethod] = {
        f"table1_N{points}_{amplitude}": osciprop.VectorFieldEP(amplitude, points, RELAXATION)
        for points in (1, 2, 4, 6)
        for amplitude in (0.05, 0.5)
    }
    methods |= {"table1_always_on_0.5": always_on(240.0)}
    methods |= {f"table1_settled_{period}_0.5": settled(period) for period in (240, 2400)}
    return {
        name: _row(lambda seed: reciprocal(0.0, seed), method, MOMENTUM)
        for name, method in methods.items()
    }


PARTS = {"fig3": fig3, "fig4": fig4, "table1": table1}


def main(argv: Sequence[str] | None = None) -> None:
    parser = options(__doc__)
    parser.add_argument("--part", choices=list(PARTS), required=True)
    parser.add_argument("--rows", nargs="+", help="names of rows, by default all of the part")
    parser.add_argument("--epochs", type=int, default=5, help="training epochs (paper: 50)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parsed(parser, argv)
    rows = PARTS[arguments.part]()
    chosen = arguments.rows or list(rows)
    unknown = set(chosen) - set(rows)
    if unknown:
        parser.error(f"no rows {sorted(unknown)}: choose from {', '.join(rows)}")
    data = noise_images((28, 28)) if arguments.tiny else fashion_mnist()
    folder = arguments.output / FOLDER
    for seed in arguments.seeds:
        for name in chosen:
            train(folder, name, rows[name], seed, arguments.epochs, data)
    print("| row | seeds | test error by epoch, % | train error of the last, % |")
    print("|---|---|---|---|")
    for name in rows:
        runs = stored(folder, name)
        if runs:
            length = min(len(run["epochs"]["epoch"]) for run in runs)
            test = 100 - 100 * np.mean(
                [run["epochs"]["test_accuracy"][:length] for run in runs], axis=0
            )
            last = 100 - 100 * np.mean(
                [run["epochs"]["train_accuracy"][length - 1] for run in runs]
            )
            print(f"| {name} | {len(runs)} | {', '.join(f'{e:.2f}' for e in test)} | {last:.2f} |")


if __name__ == "__main__":
    main()
