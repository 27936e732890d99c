"""The contract of complex teaching, checked: is a network holomorphic, does its force fit phi?"""

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, PRNGKeyArray, PyTree

from ..errors import check_at_least, check_positive
from ..networks.circles import CENTRE_RANGE, AnyArray, centres, directions, modes, turns
from ..networks.complexity import real_dtype, to_complex
from ..networks.network import AbstractNetwork, State, current_from_phi
from ..networks.preparation import prepare, prepare_pair


@dataclass(frozen=True)
class HolomorphyReport:
    """What `check_holomorphic` found.

    `phi` and `force` (is `current` the derivative of `phi`?) are missing for a network without a
    `phi`.

    Args:
        violations: The largest violation of each part, relative to the part's largest value.
        messages: The error of each part that raised one for complex input.
        tolerance: Up to which violation a part passes.

    Example:
        >>> found = {"activity": 1e-16, "current": 0.1}
        >>> osciprop.analysis.HolomorphyReport(found, messages={}, tolerance=1e-12).holomorphic
        False
    """

    violations: dict[str, float]
    messages: dict[str, str]
    tolerance: float

    @property
    def holomorphic(self) -> bool:
        """Whether every part is within the tolerance."""
        return all(size <= self.tolerance for size in self.violations.values())

    def __str__(self) -> str:
        lines = [f"{'' if self.holomorphic else 'NOT '}holomorphic, tolerance {self.tolerance:.2g}"]
        for part, size in self.violations.items():
            verdict = "ok" if size <= self.tolerance else "FAILS"
            detail = self.messages.get(part, f"largest violation {size:.2g}")
            lines.append(f"  {part:<9}{verdict:<6}{detail}")
        if not self.holomorphic:
            lines.append(
                "  abs, conj, real, imag, relu, clip, max and where on values are not holomorphic. "
                "A pole within a circle fails too: if you know of one, repeat with smaller radii"
            )
        return "\n".join(lines)


def _generator(key: PRNGKeyArray | None) -> np.random.Generator:
    """Random numbers on the host: JAX would compile each small step."""
    return np.random.default_rng(0 if key is None else np.asarray(jax.random.key_data(key)))


def _ring(
    centre: PyTree, radius: float, points: int, random: np.random.Generator
) -> PyTree[np.ndarray]:
    """Points (leading axis) of a circle around a state, in a random complex direction."""

    def around(leaf: AnyArray, direction: np.ndarray) -> np.ndarray:
        ring = np.asarray(leaf) + np.multiply.outer(radius * turns(points), direction)
        return ring.astype(direction.dtype)

    return jax.tree.map(around, centre, directions(centre, random))


def _worst_gaps(
    functions: Mapping[str, Callable[[State], PyTree]],
    middles: list[PyTree],
    radii: list[float],
    points: int,
    random: np.random.Generator,
) -> dict[str, float]:
    """Largest deviation of each function from holomorphy on circles, relative to its largest value.

    The mean must be the value at the real centre, and no coefficient may turn backwards.
    """

    @jax.jit
    def evaluate(ring: PyTree, centre: PyTree) -> dict[str, tuple[PyTree, PyTree]]:
        return {name: (jax.vmap(f)(ring), f(centre)) for name, f in functions.items()}

    gaps: dict[str, list[float]] = {name: [0.0] for name in functions}
    sizes: dict[str, list[float]] = {name: [1e-300] for name in functions}
    # Circle after circle: memory is that of one.
    for centre, radius in itertools.product(middles, radii):
        results = jax.device_get(evaluate(_ring(centre, radius, points, random), centre))
        for name, found in results.items():
            for value, middle in zip(*map(jax.tree.leaves, found), strict=True):
                mean, *backwards = np.tensordot(modes(points), value, axes=1)
                gaps[name] += [np.abs(mean - middle).max(), np.abs(backwards).max()]
                sizes[name].append(np.abs(value).max())
    return {name: float(np.max(gaps[name]) / np.max(sizes[name])) for name in functions}


def _force_gap(network: AbstractNetwork, s: State, x: Array) -> tuple[Array, Array]:
    """Largest difference between `current` and `d phi / d s`, and largest current."""
    current, slope = network.current(s, network.drive(x)), current_from_phi(network, s, x)
    pairs = zip(jax.tree.leaves(current), jax.tree.leaves(slope), strict=True)
    sizes = [(jnp.max(jnp.abs(a - b)), jnp.max(jnp.abs(a))) for a, b in pairs]
    gaps, largest = jnp.max(jnp.asarray(sizes), axis=0)
    return gaps, largest


def _has_phi(network: AbstractNetwork, s: State, x: Array) -> bool:
    try:
        jax.eval_shape(network.phi, s, x)
    except TypeError:
        return False
    return True


def _refusals(functions: Mapping[str, Callable[[State], PyTree]], state: PyTree) -> dict[str, str]:
    """The error of each function that raises one for complex input."""
    messages = {}
    for name, function in functions.items():
        try:
            jax.eval_shape(function, to_complex(jax.tree.map(jnp.asarray, state)))
        except (TypeError, ValueError, NotImplementedError) as error:
            messages[name] = f"{type(error).__name__}: {error}".splitlines()[0]
    return messages


def force_matches_phi(
    network: AbstractNetwork, x: ArrayLike, *, key: PRNGKeyArray | None = None
) -> float:
    """Largest absolute difference between `current` and the gradient of `phi` by the activity.

    At random real activities: about round-off where `phi` is right.

    Args:
        network: A network with a `phi`.
        x: Inputs `(batch, features)`.
        key: Random key of the activities; None is always the same ones.

    Returns:
        The difference, in units of current.

    Raises:
        TypeError: the network has no `phi`.

    Example:
        >>> osciprop.analysis.force_matches_phi(network, x) < 1e-12
        True
    """
    inputs, _ = prepare(network, x, None)
    u = centres(network.rest(inputs), 1, _generator(key))[1]
    s = eqx.filter_jit(network.activity)(u)
    return float(eqx.filter_jit(_force_gap)(network, s, inputs)[0])


def check_holomorphic(
    network: AbstractNetwork,
    x: ArrayLike,
    y: ArrayLike,
    *,
    radii: tuple[float, ...] = (1e-2, 0.2),
    points: int = 48,
    key: PRNGKeyArray | None = None,
) -> HolomorphyReport:
    """Test on circles in the complex plane whether a network's functions are holomorphic.

    A complex teaching signal needs holomorphic `activity`, `current`, `cost` and `phi`. Each is
    evaluated on circles around random real states, in random complex directions. The centres (0
    first, then -3 ... 3 in potential) lie so close that every kink of an activation in between is
    inside a circle of the largest radius; kinks of the other functions are met by chance.

    Args:
        network: Any network, such as one of your own.
        x: Inputs `(batch, features)`; at most 4 samples are used.
        y: Labels `(batch,)` or rows of targets.
        radii: Radii of the circles, in units of potential. They must stay clear of poles: within
            0.4 of their distance, so a steep activation needs smaller ones.
        points: Points of each circle, at least 8.
        key: Random key of states and directions; None is always the same ones.

    Returns:
        A report, to print or to ask whether it is `holomorphic`; errors that complex input causes
        are in it.

    Raises:
        ValueError: input does not fit, or a number is out of range.

    Example:
        >>> osciprop.check_holomorphic(network, x, y, radii=(0.2,)).holomorphic
        True
    """
    check_at_least("points", points, 8, "too few points confuse high powers with conjugates")
    check_positive("radii", radii, "give radii of circles well below the distance of any pole")
    inputs, targets = prepare_pair(network, x, y)
    inputs, targets = inputs[:4], targets[:4]
    random, rest = _generator(key), network.rest(inputs)
    potentials = centres(rest, math.ceil(2 * CENTRE_RANGE / max(radii)), random)
    activities = [*map(eqx.filter_jit(network.activity), potentials)]
    drive = network.drive(inputs)
    parts: dict[str, Callable[[State], PyTree]] = {
        "current": lambda s: network.current(s, drive),
        "cost": lambda s: network.cost(s, targets),
    }
    force: dict[str, float] = {}
    if _has_phi(network, activities[0], inputs):
        parts["phi"] = lambda s: network.phi(s, inputs)
        if not network.phi_is_reduced():
            # At real activities: holomorphic functions that agree there agree everywhere.
            compare = jax.jit(lambda s: _force_gap(network, s, inputs))
            gaps, sizes = np.max([compare(s) for s in activities], axis=0)
            force["force"] = float(gaps / max(sizes, 1e-300))
    # All activities together move by the radius: what weights sum up stays small, clear of the
    # singularities of a softmax.
    share = sum(leaf[0].size for leaf in jax.tree.leaves(activities[0])) ** -0.5
    violations: dict[str, float] = {}
    messages: dict[str, str] = {}
    for functions, middles, reach in (
        ({"activity": network.activity}, potentials, 1.0),
        (parts, activities, share),
    ):
        refused = _refusals(functions, middles[0])
        accepted = {name: f for name, f in functions.items() if name not in refused}
        messages |= refused
        violations |= dict.fromkeys(refused, math.inf)
        reaches = [reach * radius for radius in radii]
        violations |= _worst_gaps(accepted, middles, reaches, points, random)
    tolerance = 1e3 * float(jnp.finfo(real_dtype(rest)).eps)
    return HolomorphyReport(violations | force, messages, tolerance)
