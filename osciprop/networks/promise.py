"""The promise of a network to be holomorphic, tested where a method relies on it.

With a complex teaching signal states are complex, and what is computed of them is no gradient where
`activity`, `current`, `cost` or `phi` are not holomorphic. A network of the user's own, or one with
parts of the user's own, is tested on circles in the complex plane that cover the potentials from -3
to 3: a kink or a conjugate shows on the smallest of them, a pole beside the real axis on the large
ones only. `osciprop.check_holomorphic` does more, and tells more.
"""

from collections.abc import Hashable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from ..errors import ContractError, HolomorphyError, is_traced
from .circles import CENTRE_RANGE, directions, modes, turns
from .complexity import real_dtype, to_complex
from .contract import (
    check_like,
    check_per_sample,
    has_phi,
    met,
    network_key,
    shape_of,
    without_extensions,
)
from .costs import Targets
from .network import AbstractNetwork, State

# Circles as large as this one, side by side, cover the range; those that fail are divided, each
# into smaller ones that overlap, until they are too small for a pole to lie inside of them.
RADIUS, STEPS, POINTS = 0.3, 11, 24
DIVISIONS, SHRUNK, PARTS = 4, 0.3, (-0.75, -0.25, 0.25, 0.75)
MOST_CIRCLES = 48

# A violation relative to how much a function changes on the circle; round-off is allowed for.
LIMIT, ROUNDING = 1e-5, 1e3

NOT_HOLOMORPHIC = (
    "abs, conj, real, imag, relu, clip, max and where on values are not. Write it by functions "
    "such as jnp.tanh or jax.nn.sigmoid; or say so, by is_holomorphic() or the activation's "
    "`holomorphic`, and use a method with real teaching, such as osciprop.CentredEP, DyadicEP or "
    "Implicit. osciprop.check_holomorphic(network, x, y) tells more"
)

_KEPT: set[Hashable] = set()
FULL = 1000


def check_promise(network: AbstractNetwork) -> None:
    """Raise `HolomorphyError` where a network of the user's own is not as holomorphic as it says.

    Tested once for each class, structure and shapes, on a sample that the network was met with;
    inside `jit`, or before it has met any, nothing is known.
    """
    network = without_extensions(network)
    key = network_key(network)
    samples = None if key is None else met(key)
    if samples is None or key in _KEPT or is_traced(network):
        return
    x, y = samples
    _check_complex_shapes(network, x, y)
    x, y = x[:1], None if y is None else y[:1]
    try:
        rest = network.rest(x)
    except Exception:  # one that holds arrays for its whole batch
        x, y = samples
        rest = network.rest(x)
    for call, gap in _violations(network, x, y, rest).items():
        raise HolomorphyError(
            f"{type(network).__name__}.{call} says that it is holomorphic and is not: on circles "
            f"about real potentials it deviates by up to {gap:.2g} of its change. {NOT_HOLOMORPHIC}"
        )
    if len(_KEPT) > FULL:
        _KEPT.clear()
    _KEPT.add(key)


def _functions(network: AbstractNetwork, x: Array, y: Targets | None) -> dict[str, Any]:
    """What has to be holomorphic in the activity, by name."""
    drive = network.drive(x)
    found: dict[str, Any] = {"current(s, drive)": lambda s: network.current(s, drive)}
    if y is not None:
        found["cost(s, y)"] = lambda s: network.cost(s, y)
    if has_phi(network):
        found["phi(s, x)"] = lambda s: network.phi(s, x)
    return found


def _check_complex_shapes(network: AbstractNetwork, x: Array, y: Targets | None) -> None:
    """Raise `HolomorphyError` for methods that take no complex states, or give none."""
    name, batch = type(network).__name__, x.shape[0]
    try:
        u = jax.eval_shape(lambda: to_complex(network.rest(x)))
        s = shape_of(network, "activity(u)", lambda own, u: own.activity(u), u)
        check_like(name, "activity(u)", s, u)
        for call in _functions(network, x, y):
            found = shape_of(network, call, lambda own, s, at=call: _functions(own, x, y)[at](s), s)
            if call == "current(s, drive)":
                check_like(name, call, found, u)
                continue
            check_per_sample(name, call, found, batch)
            if not jnp.issubdtype(found.dtype, jnp.complexfloating):
                raise ContractError(f"{name}.{call} gives {found.dtype} for a complex activity")
    except (ContractError, TypeError) as error:
        raise HolomorphyError(
            f"{error}. Under a complex teaching signal states are complex, and weights and inputs "
            "stay real: osciprop.networks.complex_like(x, s) makes a real array complex beside "
            f"them, osciprop.networks.matmul(s, weight) multiplies. {NOT_HOLOMORPHIC}"
        ) from error


def _violations(
    network: AbstractNetwork, x: Array, y: Targets | None, rest: State
) -> dict[str, float]:
    """The functions that are not holomorphic on the smallest circles, each with its violation."""
    random = np.random.default_rng(0)
    kind = np.dtype(real_dtype(rest))
    # Each unit's centres step through the range, from a place of its own.
    place = jax.tree.map(lambda leaf: random.random(leaf.shape), rest)
    way = directions(rest, random)

    def centre(step: int) -> PyTree[np.ndarray]:
        return jax.tree.map(
            lambda part: (CENTRE_RANGE * (2 * (step + part) / STEPS - 1)).astype(kind), place
        )

    circles = [(jax.tree.map(np.asarray, rest), RADIUS)]
    circles += [(centre(step), RADIUS) for step in range(STEPS)]
    worst: dict[str, float] = {}
    for _ in range(DIVISIONS + 1):
        failing, worst = [], {}
        for middle, radius in circles[:MOST_CIRCLES]:
            gaps = _gaps(network, x, y, middle, way, kind.type(radius))
            for call, gap in gaps.items():
                worst[call] = max(gap, worst.get(call, 0.0))
            failing += [(middle, radius)] * bool(gaps)
        circles = [
            (_moved(middle, part * radius), SHRUNK * radius)
            for middle, radius in failing
            for part in PARTS
        ]
    return worst


def _moved(state: PyTree[np.ndarray], by: float) -> PyTree[np.ndarray]:
    return jax.tree.map(lambda leaf: leaf + leaf.dtype.type(by), state)


def _gaps(
    network: AbstractNetwork,
    x: Array,
    y: Targets | None,
    middle: PyTree[np.ndarray],
    way: PyTree[np.ndarray],
    radius: np.floating,
) -> dict[str, float]:
    """The functions that are not holomorphic on a circle, by how much, relative to their change."""
    found = jax.device_get(_coefficients(network, x, y, middle, way, radius))
    precision = np.finfo(radius.dtype)
    return {
        call: float(gap / max(change, precision.tiny))
        for call, (gap, change, size) in found.items()
        if gap > LIMIT * change + ROUNDING * precision.eps * size + precision.tiny**0.5
    }


@eqx.filter_jit
def _coefficients(
    network: AbstractNetwork,
    x: Array,
    y: Targets | None,
    middle: PyTree,
    way: PyTree,
    radius: Array | np.floating,
) -> dict[str, tuple[Array, Array, Array]]:
    """For each function on a circle: what a holomorphic one does not have, how much it changes, and
    its size.
    """

    def ring(centre: PyTree, reach: Array | np.floating) -> PyTree:
        def around(leaf: Array, direction: Array) -> Array:
            turn = jnp.asarray(turns(POINTS), dtype=direction.dtype)
            turn = turn.reshape((-1,) + (1,) * direction.ndim)
            return to_complex(leaf)[None] + reach.astype(direction.dtype) * turn * direction[None]

        return jax.tree.map(around, centre, way)

    s = network.activity(middle)
    units = sum(leaf[0].size for leaf in jax.tree.leaves(s))
    # All activities together move by the radius: what weights sum up stays small.
    share = radius * jnp.asarray(units**-0.5, dtype=radius.dtype)
    parts = {"activity(u)": (network.activity, middle, radius)}
    parts |= {call: (f, s, share) for call, f in _functions(network, x, y).items()}
    found = {}
    for call, (function, centre, reach) in parts.items():
        values, at_centre = jax.vmap(function)(ring(centre, reach)), function(centre)
        sizes = [
            _sizes(*pair) for pair in zip(*map(jax.tree.leaves, (values, at_centre)), strict=True)
        ]
        gap, change, size = jnp.max(jnp.asarray(sizes), axis=0)
        found[call] = (gap, change, size)
    return found


def _sizes(values: Array, middle: Array) -> tuple[Array, Array, Array]:
    coefficients = jnp.tensordot(jnp.asarray(modes(POINTS), dtype=values.dtype), values, axes=1)
    apart = jnp.abs(coefficients[0] - to_complex(middle))
    change = jnp.max(jnp.abs(values - to_complex(middle)[None]))
    gap = jnp.maximum(jnp.max(apart), jnp.max(jnp.abs(coefficients[1:])))
    return gap, change, jnp.max(jnp.abs(values))
