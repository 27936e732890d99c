"""Whether the default relaxation ends where the ODE ends, counted over populations of networks.

    python -m experiments.settling

Rate networks `tau u' = W tanh(u) + b - u` in double precision, from rest, against LSODA and
Newton's method: such in which inhibition dominates, symmetric or not, and balanced ones of
excitatory and inhibitory neurons. Samples of digits in layered networks with several equilibria,
against the flow. Random layered and rate networks of all sizes and scales, whose solutions are
asked for the eigenvalues of their Jacobian. What comes out goes to
`experiments/results/settling.json`; half an hour on a core.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from scipy.integrate import solve_ivp

import osciprop
from experiments.runs import options, parsed, write
from osciprop.datasets import digits
from osciprop.dynamics.dynamics import make_dynamics
from osciprop.networks.complexity import complex_like
from paper_figures.precision import in_double_precision

FILE = "settling.json"
COUNTS = {3: 1200, 20: 600, 100: 200}
BALANCED, BALANCED_UNITS = 100, 200
SAMPLES = 600
STABLE, DRAWS = 11_000, 500
BASINS = [
    *((osciprop.ShiftedSigmoid(), scale) for scale in (0.5, 1.5, 2.0, 3.0)),
    *((osciprop.Tanh(), scale) for scale in (1.0, 1.5, 2.0)),
]
TINY = {
    "COUNTS": {3: 2},
    "BALANCED": 1,
    "BALANCED_UNITS": 10,
    "SAMPLES": 3,
    "STABLE": 8,
    "DRAWS": 4,
    "BASINS": BASINS[:1],
}
TARGET = 0.3
TOTALS = ("networks", "converged", "unstable")

POSITIVE = 1e-7
"""A growth rate that is no round-off."""

NEAR = 1e-8
"""Distance of a potential from the ODE's at which an equilibrium is the right one."""

ELSEWHERE = 1e-3
"""Distance of an activity from the flow's at which an equilibrium is another one."""


class RateNetwork(osciprop.AbstractNetwork):
    """`tau u' = W tanh(u) + b - u`, with half the squared distance to a target as its cost."""

    weight: Array
    bias: Array
    time_constant: Array

    def rest(self, x: Array) -> Array:
        return jnp.zeros((x.shape[0], self.bias.size), dtype=x.dtype)

    def activity(self, u: Any) -> Array:
        return jnp.tanh(u)

    def drive(self, x: Array) -> Array:
        return x

    def current(self, s: Any, drive: Any) -> Array:
        weight, bias, inflow = (complex_like(part, s) for part in (self.weight, self.bias, drive))
        return s @ weight.T + bias + inflow

    def velocity(self, u: Any, current: Any) -> Array:
        return (current - u) / complex_like(self.time_constant, u)

    def cost(self, s: Any, y: Any) -> Array:
        return jnp.sum((s - complex_like(y, s)) ** 2, axis=1) / 2

    def output(self, s: Any) -> Array:
        return s


def dominated(units: int, random: np.random.Generator) -> RateNetwork:
    """Any gain, asymmetry, inhibition of itself, and time constants."""
    gain, skew, inhibition = 10 ** random.uniform(-1, 0.5), *random.uniform(size=2)
    one, other = random.normal(size=(2, units, units)) / np.sqrt(2 * units)
    weight = np.sqrt(1 - skew**2) * (one + one.T) + skew * (other - other.T)
    weight = gain * (weight - inhibition * np.eye(units))
    times = 10 ** random.uniform(-0.3, 0.3, units)
    return RateNetwork(*map(jnp.asarray, (weight, random.normal(size=units) / 2, times)))


def balanced(units: int, random: np.random.Generator) -> RateNetwork:
    """Four excitatory neurons to an inhibitory one that is four times as strong, sparse."""
    gain = 10 ** random.uniform(-0.5, 0.7)
    sign = np.where(np.arange(units) < 0.8 * units, 1.0, -4.0)
    links = random.uniform(size=(units, units)) < 0.2
    weight = gain * links * random.uniform(0.5, 1.5, (units, units)) * sign / np.sqrt(units)
    times = np.where(sign > 0, 1.0, 0.5)
    return RateNetwork(*map(jnp.asarray, (weight, random.normal(size=units) / 2, times)))


def end_of_ode(network: RateNetwork) -> np.ndarray | None:
    """Where the ODE goes from rest, by LSODA and Newton's method; None if it does not settle."""
    weight, bias, times = map(np.asarray, (network.weight, network.bias, network.time_constant))
    unit = np.eye(bias.size)

    def velocity(_: float, u: np.ndarray) -> np.ndarray:
        moved: np.ndarray = (weight @ np.tanh(u) + bias - u) / times
        return moved

    def jacobian(_: float, u: np.ndarray) -> np.ndarray:
        slopes: np.ndarray = (weight * (1 - np.tanh(u) ** 2) - unit) / times[:, None]
        return slopes

    run = solve_ivp(
        velocity, (0, 400), np.zeros(bias.size), "LSODA", jac=jacobian, rtol=1e-9, atol=1e-11
    )
    u = end = run.y[:, -1]
    for _ in range(20):
        u = u - np.linalg.solve(jacobian(0.0, u), velocity(0.0, u))
    still = np.abs(velocity(0.0, u)).max() < 1e-9 and np.abs(u - end).max() < 1e-2
    return u if still else None


def gradients(network: RateNetwork, u: np.ndarray, target: float) -> np.ndarray:
    """The gradient with respect to the biases, by the dense adjoint."""
    slope = 1 - np.tanh(u) ** 2
    system = np.eye(u.size) - np.asarray(network.weight) * slope
    found: np.ndarray = np.linalg.solve(system.T, slope * (np.tanh(u) - target))
    return found


def solve(network: RateNetwork) -> dict[str, Array]:
    x = jnp.zeros((1, network.bias.size))
    y = jnp.full_like(x, TARGET)
    free = osciprop.Settling().solve(make_dynamics(network, x), network.rest(x))
    found = {"u": free.u[0], "converged": free.converged[0]}
    for name, method in METHODS.items():
        estimate = method.estimate(network, x, y, None)
        found[name] = estimate.gradient.bias
        found[f"{name} converged"] = estimate.converged
    return found


METHODS: dict[str, Any] = {
    "Implicit": osciprop.Implicit(),
    "AsymmetricEP": osciprop.AsymmetricEP(0.02, 6),
    "DyadicEP": osciprop.DyadicEP(1e-3),
}


def rates(
    draw: Callable[[int, np.random.Generator], RateNetwork], units: int, count: int
) -> dict[str, Any]:
    """How many of `count` networks whose ODE settles are solved, and their gradients' errors."""
    random, drawn = np.random.default_rng(units), 0
    networks: list[RateNetwork] = []
    ends: list[np.ndarray] = []
    while len(networks) < count:
        network = draw(units, random)
        end, drawn = end_of_ode(network), drawn + 1
        if end is not None:
            networks.append(network)
            ends.append(end)
    together = jax.tree.map(lambda *leaves: jnp.stack(leaves), *networks)
    found = jax.tree.map(np.asarray, jax.jit(lambda many: jax.lax.map(solve, many))(together))
    right = np.abs(found["u"] - ends).max(axis=1) <= NEAR
    row: dict[str, Any] = {
        "networks": count,
        "drawn": drawn,
        "right": int(right.sum()),
        "flagged": int((~found["converged"]).sum()),
        "wrong without a word": int((found["converged"] & ~right).sum()),
    }
    exact = np.stack([gradients(*pair, TARGET) for pair in zip(networks, ends, strict=True)])
    for name in METHODS:
        error = np.linalg.norm(found[name] - exact, axis=1) / np.linalg.norm(exact, axis=1)
        settled = right & found[f"{name} converged"]
        row[name] = {
            "converged": int(settled.sum()),
            "median error": float(np.median(error[settled])),
            "99 % below": float(np.quantile(error[settled], 0.99)),
            "largest error": float(error[settled].max()),
        }
    return row


def basins(activation: osciprop.networks.AbstractActivation, scale: float) -> dict[str, int]:
    """Samples of digits that end in another equilibrium than the flow's."""
    network = osciprop.hopfield_mlp(
        [64, 64, 64, 10], key=jax.random.key(0), activation=activation, scale=scale
    )
    x = digits().x_train[:SAMPLES].astype(float)
    flow = osciprop.relax(network, x, relaxation=osciprop.Flow(1e-6), throw=False)
    ours = osciprop.relax(network, x, throw=False)
    apart = [np.abs(a - b).max(axis=1) for a, b in zip(flow.s, ours.s, strict=True)]
    other = (np.max(apart, axis=0) > ELSEWHERE) & np.asarray(flow.converged)
    return {
        "samples": len(x),
        "elsewhere": int(other.sum()),
        "flagged": int((~ours.converged).sum()),
        "flow not done": int((~flow.converged).sum()),
    }


def largest_rate(network: Any, x: Array, u: Any) -> Array:
    """The largest real part of a dense Jacobian's eigenvalues, for a batch of one sample."""
    flat, restore = jax.flatten_util.ravel_pytree(u)
    dynamics = make_dynamics(network, x)

    def velocity(row: Array) -> Array:
        return jax.flatten_util.ravel_pytree(dynamics.velocity(0.0, restore(row)))[0]

    return jnp.linalg.eigvals(jax.jacobian(velocity)(flat)).real.max()


def layered(
    activation: osciprop.networks.AbstractActivation, sizes: list[int], scale: Array, key: Array
) -> osciprop.Network:
    network = osciprop.hopfield_mlp(sizes, key=key, activation=activation)
    return replace(network, synapses=jax.tree.map(lambda leaf: scale * leaf, network.synapses))


def stable(make: Callable[..., Any], features: int, *arguments: Array) -> dict[str, int]:
    """Of random networks and inputs: the solutions, and those of them that the ODE leaves."""

    def one(drawn: tuple[Array, ...]) -> tuple[Array, ...]:
        *parts, key = drawn
        network = make(*parts)
        x = jax.random.normal(key, (1, features))
        free = osciprop.Settling().solve(make_dynamics(network, x), network.rest(x))
        return free.converged[0], largest_rate(network, x, free.u)

    keys = jax.random.split(jax.random.key(features), len(arguments[0]))
    converged, rate = map(np.asarray, jax.jit(partial(jax.lax.map, one))((*arguments, keys)))
    return {
        "networks": converged.size,
        "converged": int(converged.sum()),
        "unstable": int((converged & (rate > POSITIVE)).sum()),
    }


def all_stable() -> dict[str, dict[str, int]]:
    """Networks with weights of 0.1 to 3 times their usual size: layered ones, and of rates."""
    found, groups = {}, max(STABLE // DRAWS // 2, 1)
    random = np.random.default_rng(0)
    for group in range(groups):
        scales = jnp.asarray(10 ** random.uniform(-1, np.log10(3), DRAWS))
        activation = (osciprop.Tanh(), osciprop.ShiftedSigmoid())[group % 2]
        sizes = [5, *random.integers(1, 60, 2).tolist(), 3]
        make = partial(layered, activation, sizes)
        keys = jax.random.split(jax.random.key(group), DRAWS)
        name = f"{type(activation).__name__} {'-'.join(map(str, sizes))}, group {group}"
        found[name] = stable(make, sizes[0], scales, keys)
        units = int(random.integers(1, 60))
        skews = random.uniform(size=(DRAWS, 1, 1))
        one, other = random.normal(size=(2, DRAWS, units, units)) / np.sqrt(2 * units)
        turned = (part.swapaxes(1, 2) for part in (one, other))
        weights = np.sqrt(1 - skews**2) * (one + next(turned)) + skews * (other - next(turned))
        parts = (
            np.asarray(scales)[:, None, None] * weights,
            random.normal(size=(DRAWS, units)) / 2,
            10 ** random.uniform(-0.3, 0.3, (DRAWS, units)),
        )
        rated = f"rates {units}, group {group}"
        found[rated] = stable(RateNetwork, units, *map(jnp.asarray, parts))
        print(name, found[name], rated, found[rated], flush=True)
    return found


@in_double_precision
def measured() -> dict[str, Any]:
    content: dict[str, Any] = {"inhibition dominates": {}, "several equilibria": {}}
    for units, count in COUNTS.items():
        content["inhibition dominates"][units] = rates(dominated, units, count)
        print(units, content["inhibition dominates"][units], flush=True)
    content["balanced"] = rates(balanced, BALANCED_UNITS, BALANCED)
    print(content["balanced"], flush=True)
    for activation, scale in BASINS:
        name = f"{type(activation).__name__}, scale {scale:g}"
        content["several equilibria"][name] = basins(activation, scale)
        print(name, content["several equilibria"][name], flush=True)
    content["stable"] = all_stable()
    total = {key: sum(row[key] for row in content["stable"].values()) for key in TOTALS}
    return {**content, "stable in all": total}


def main(argv: Sequence[str] | None = None) -> None:
    arguments = parsed(options(__doc__), argv)
    if arguments.tiny:
        globals().update(TINY)
    versions = {"osciprop": osciprop.__version__, "jax": jax.__version__}
    write(arguments.output / FILE, {**measured(), "versions": versions})


if __name__ == "__main__":
    main()
