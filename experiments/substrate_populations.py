"""Whether systems of every kind settle where SciPy finds them, and are told the same gradient.

    python -m experiments.substrate_populations

100 random instances of 2 to 50 units each, in double precision: oscillators of phases and of
amplitudes, excitable cells, neurons that adapt, excitation and inhibition, circuits with diodes.
SciPy integrates their equations of motion, written in NumPy, from the same start and solves for the
root; every exact gradient method is compared with the implicit gradient. What comes out goes to
`experiments/results/substrate_populations.json`; half an hour on a core.
"""

import json
import warnings
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
import scipy.integrate
import scipy.optimize

import osciprop
from experiments.populations.systems import SYSTEMS, Drawn, Velocity
from experiments.runs import options, parsed, write
from osciprop.errors import ConvergenceError, ReciprocityError
from paper_figures.precision import in_double_precision

FILE = "substrate_populations.json"
UNITS, SEEDS = (2, 5, 10, 20, 50), 20
NEAR, EXACT = 1e-8, 1e-8
TIME = 3000.0
"""How long SciPy follows the equations of motion."""


class NotSettled(Exception):
    """SciPy's solution is still on its way."""


def in_a_row(state: Any) -> np.ndarray:
    return np.concatenate([np.ravel(np.asarray(leaf)) for leaf in jax.tree.leaves(state)])


def scipys(velocity: Velocity, start: np.ndarray, time: float) -> np.ndarray:
    """Where an ODE settles, by LSODA and then as a root."""
    found = scipy.integrate.solve_ivp(
        lambda _, u: velocity(u), (0, time), start, method="LSODA", rtol=1e-9, atol=1e-11
    )
    root = scipy.optimize.root(velocity, found.y[:, -1], tol=1e-13)
    # Its own flag asks for more than rounding leaves.
    still = np.abs(velocity(root.x)).max() < 1e-10
    if not still or np.abs(root.x - found.y[:, -1]).max() > 1e-3:
        raise NotSettled
    return np.asarray(root.x)


def gap(drawn: Drawn, time: float = TIME) -> float:
    """The largest distance of a potential from SciPy's."""
    start = in_a_row(drawn.network.rest(jax.numpy.asarray(drawn.x)))
    wanted = scipys(drawn.velocity, start, time)
    found = osciprop.relax(drawn.network, drawn.x, relaxation=drawn.relaxation)
    apart = in_a_row(found.u) - wanted
    return float(np.abs(np.angle(np.exp(1j * apart)) if drawn.on_circles else apart).max())


def methods(amplitude: float, drawn: Drawn) -> dict[str, osciprop.gradients.AbstractGradientMethod]:
    return {
        "HolomorphicEP, N = 8": osciprop.HolomorphicEP(amplitude, 8, drawn.relaxation),
        "AsymmetricEP, N = 8": osciprop.AsymmetricEP(amplitude, 8, drawn.relaxation),
        "DyadicEP": osciprop.DyadicEP(relaxation=drawn.relaxation),
    }


def gradients(drawn: Drawn) -> dict[str, float]:
    """Of every method that the system admits, the distance from the implicit gradient."""
    network, x = drawn.network, drawn.x
    answer = network.output(network.activity(network.rest(jax.numpy.asarray(x))))
    y = np.zeros(answer.shape)
    implicit = osciprop.Implicit(drawn.relaxation)
    exact = osciprop.estimate_gradient(network, x, y, implicit)
    slope = max(float(np.abs(in_a_row(exact.error_signal)).max()), 1e-3)
    found = {}
    for name, method in methods(1e-2 / slope, drawn).items():
        try:
            estimate = osciprop.estimate_gradient(network, x, y, method)
        except ReciprocityError:  # there is no energy
            continue
        found[name] = float(osciprop.relative_error(estimate.gradient, exact.gradient))
    return found


def population(name: str, units: int, seeds: int) -> dict[str, Any]:
    found: dict[str, Any] = {"instances": 0, "same": 0, "neither settles": 0, "elsewhere": 0}
    found |= {"flagged": 0, "only ours settles": 0}
    errors: dict[str, list[float]] = {}
    for seed in range(seeds):
        drawn = SYSTEMS[name](units, 1000 * units + seed)
        found["instances"] += 1
        try:
            apart = gap(drawn)
        except NotSettled:
            ours = osciprop.relax(drawn.network, drawn.x, relaxation=drawn.relaxation, throw=False)
            settles = bool(ours.converged.all())
            found["only ours settles" if settles else "neither settles"] += 1
            continue
        except ConvergenceError:
            found["flagged"] += 1
            continue
        found["same" if apart < NEAR else "elsewhere"] += 1
        for method, error in gradients(drawn).items():
            errors.setdefault(method, []).append(error)
    found["gradients"] = {
        method: {"largest error": max(each), "over 1e-8": int(np.sum(np.asarray(each) > EXACT))}
        for method, each in errors.items()
    }
    return found


@in_double_precision
def measured(arguments: Any) -> None:
    path = arguments.output / FILE
    content = json.loads(path.read_text()) if path.exists() else {}
    chosen = ((2,), 1) if arguments.tiny else (UNITS, SEEDS)
    for name in arguments.systems:
        for units in chosen[0]:
            key = f"{name}, {units} units"
            if key not in content:
                jax.clear_caches()
                content[key] = population(name, units, chosen[1])
                write(path, content)
            print(key, content[key], flush=True)


def main(argv: Sequence[str] | None = None) -> None:
    parser = options(__doc__)
    parser.add_argument("--systems", nargs="+", default=list(SYSTEMS), choices=list(SYSTEMS))
    arguments = parsed(parser, argv)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", osciprop.GradientAccuracyWarning)
        measured(arguments)


if __name__ == "__main__":
    main()
