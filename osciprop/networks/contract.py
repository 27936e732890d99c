"""The contract of a network, checked where one of the user's own is first met.

Every function takes for granted what `AbstractNetwork` promises, and what breaks it gives wrong
gradients in silence, or errors that name no cause. So the first call with a class of the user's,
be it a network, an activation, a neuron, a synapse or a cost, checks shapes and types abstractly,
and values by one small program on two samples; later calls with the same structure, shapes and
types look that up. Inside `jit` values are not known, and shapes alone are checked. What
osciprop's own classes promise its tests check.

`OSCIPROP_CHECK_NETWORKS=0` in the environment leaves all of that out.
"""

import os
from collections.abc import Callable, Hashable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from ..errors import ContractError, is_traced
from .complexity import real_dtype
from .costs import Targets
from .extensions import AbstractExtension
from .network import AbstractEnergyNetwork, AbstractNetwork, State, current_from_phi

VARIABLE = "OSCIPROP_CHECK_NETWORKS"

Method = Callable[..., Any]

# What has passed; emptied when it is full.
_PASSED: set[Hashable] = set()
_FOREIGN: dict[Hashable, bool] = {}
_MET: dict[Hashable, tuple[Array, Targets | None]] = {}
FULL = 1000


def check_shapes(network: AbstractNetwork, x: Array) -> None:
    """Raise `ContractError` unless a network of the user's own gives arrays of the right shapes.

    `x` is a batch of inputs that the network takes.
    """
    network = without_extensions(network)
    structure = network_key(network)
    if structure is None:
        return
    key = ("shapes", structure, x.shape, default_type())
    if key not in _PASSED:
        _check_shapes(network, jax.ShapeDtypeStruct(x.shape, default_type()))
        _remember(key)


def check_values(network: AbstractNetwork, x: Array, y: Targets | None) -> None:
    """Raise `ContractError` unless the costs and values of a network of the user's own keep to the
    contract; after `check_shapes`, with inputs and targets of the network's precision.
    """
    network = without_extensions(network)
    structure = network_key(network)
    if structure is None:
        return
    if not is_traced((x, y)):
        remember_samples(structure, x, y)
    unknown = is_traced((network, x, y))
    types = tuple((leaf.shape, leaf.dtype) for leaf in jax.tree.leaves((x, y)))
    key = ("values", structure, types, y is None, unknown)
    if key not in _PASSED:
        if y is not None:
            _check_cost(network, x, y)
        if not unknown:
            _check_values(network, *two_samples(network, x, y))
        _remember(key)


def default_type() -> np.dtype:
    """The type of JAX's real numbers where none is given: single precision, or double."""
    return jax.dtypes.canonicalize_dtype(float)


def check_precision(network: AbstractNetwork) -> None:
    """Raise `TypeError` for a network of double precision where JAX has that switched off.

    Arrays of NumPy, such as numbers of a constraint, take JAX's precision where they are used.
    """
    if default_type() == np.float64:
        return
    leaves = jax.tree.leaves(network)
    if any(isinstance(leaf, jax.Array) and leaf.dtype == np.float64 for leaf in leaves):
        raise TypeError(
            f"network is a {type(network).__name__} of float64, but JAX computes in float32, as "
            "jax_enable_x64 is off: switch it on, by jax.config.update('jax_enable_x64', True), or "
            "cast the network, by jax.tree.map(lambda leaf: leaf.astype(jnp.float32), network)"
        )


def without_extensions(network: AbstractNetwork) -> AbstractNetwork:
    """The network inside of extensions of osciprop's own, which keep its promises in their way."""
    while isinstance(network, AbstractExtension) and not _is_foreign(type(network)):
        network = network.network
    return network


def _is_foreign(kind: type) -> bool:
    return kind.__module__.split(".")[0] != __name__.split(".")[0]


def network_key(network: AbstractNetwork) -> Hashable | None:
    """Structure, shapes and types of a network that is to be checked; None for others."""
    if os.environ.get(VARIABLE, "1") == "0":
        return None
    leaves, structure = jax.tree.flatten(network)
    foreign = _FOREIGN.get(structure)
    if foreign is None:
        if len(_FOREIGN) > FULL:
            _FOREIGN.clear()
        foreign = _FOREIGN[structure] = _has_foreign(structure)
    return (structure, *map(_leaf_key, leaves)) if foreign else None


def _leaf_key(leaf: Any) -> Any:
    if isinstance(leaf, (jax.Array, np.ndarray, np.generic)):
        return leaf.shape, leaf.dtype
    try:
        hash(leaf)
    except TypeError:
        return type(leaf).__qualname__
    return leaf


def _has_foreign(structure: Any) -> bool:
    """Whether any module of a pytree is of a class that is not osciprop's own."""
    data = structure.node_data()
    if data is None:
        return False
    kind = data[0]
    if issubclass(kind, eqx.Module) and _is_foreign(kind):
        return True
    return any(map(_has_foreign, structure.children()))


def _remember(key: Hashable) -> None:
    if len(_PASSED) > FULL:
        _PASSED.clear()
    _PASSED.add(key)


def remember_samples(structure: Hashable, x: Array, y: Targets | None) -> None:
    """Keep two samples for the tests that a method may ask for later (see `promise`)."""
    if structure in _MET and (y is None or _MET[structure][1] is not None):
        return
    if len(_MET) > FULL:
        _MET.clear()
    _MET[structure] = (x[:2], None if y is None else y[:2])


def met(structure: Hashable) -> tuple[Array, Targets | None] | None:
    """Samples that a network was met with, as they are kept."""
    return _MET.get(structure)


def shape_of(network: AbstractNetwork, call: str, method: Method, *arguments: PyTree) -> PyTree:
    """What a method gives, abstractly. Raises `ContractError` for one that raises."""
    try:
        return eqx.filter_eval_shape(method, network, *arguments)
    except Exception as error:
        words = str(error).strip().splitlines() or [""]
        raise ContractError(
            f"{type(network).__name__}.{call} raises {type(error).__name__} ({words[0]}) for "
            f"{' and '.join(map(described, arguments))}: it must work for any batch, and inside "
            "jax.jit"
        ) from error


def described(tree: PyTree) -> str:
    """Shapes and types of a pytree in one line."""
    text = eqx.tree_pformat(tree, struct_as_array=True, width=10_000)
    return " ".join(text.split())


def _struct(tree: PyTree) -> PyTree:
    return jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype) if eqx.is_array(leaf) else leaf,
        tree,
    )


def _check_shapes(network: AbstractNetwork, x: jax.ShapeDtypeStruct) -> None:
    name = type(network).__name__
    rest = shape_of(network, "rest(x)", lambda own, x: own.rest(x), x)
    _check_rest(name, rest, x.shape[0])
    x = jax.ShapeDtypeStruct(x.shape, real_dtype(rest))
    u = shape_of(network, "rest(x)", lambda own, x: own.rest(x), x)
    s = shape_of(network, "activity(u)", lambda own, u: own.activity(u), u)
    check_like(name, "activity(u)", s, u)
    drive = shape_of(network, "drive(x)", lambda own, x: own.drive(x), x)
    for leaf in jax.tree.leaves(drive):
        if not _is_batch(leaf, x.shape[0]):
            raise ContractError(
                f"{name}.drive(x) gives {described(drive)} for {x.shape[0]} samples: every array "
                "of it needs the batch as its leading axis, for instance by jnp.broadcast_to"
            )
    current = shape_of(network, "current(s, drive)", lambda own, s, d: own.current(s, d), s, drive)
    check_like(name, "current(s, drive)", current, u)
    velocity = shape_of(
        network, "velocity(u, current)", lambda own, u, c: own.velocity(u, c), u, current
    )
    check_like(name, "velocity(u, current)", velocity, u)
    output = shape_of(network, "output(s)", lambda own, s: own.output(s), s)
    if not _is_batch(output, x.shape[0]) or len(output.shape) != 2:
        raise ContractError(
            f"{name}.output(s) gives {described(output)} for {x.shape[0]} samples: give one row of "
            "scores per sample, (batch, outputs), also where there is one output: values[:, None]"
        )
    if has_phi(network):
        phi = shape_of(network, "phi(s, x)", lambda own, s, x: own.phi(s, x), s, x)
        check_per_sample(name, "phi(s, x)", phi, x.shape[0])
    slowest = shape_of(network, "slowest()", lambda own: own.slowest())
    if np.shape(slowest) != ():
        raise ContractError(
            f"{name}.slowest() gives {described(slowest)}: give one number, the longest time "
            "constant, by jnp.max"
        )


def has_phi(network: AbstractNetwork) -> bool:
    """Whether a network says that it has an energy."""
    return not network.energy_obstacle()


def _is_batch(leaf: Any, batch: int) -> bool:
    shape: tuple[int, ...] = getattr(leaf, "shape", ())
    return len(shape) > 0 and shape[0] == batch


def _check_rest(name: str, rest: PyTree, batch: int) -> None:
    leaves = jax.tree.leaves(rest)
    types = [getattr(leaf, "dtype", None) for leaf in leaves]
    if not leaves or not all(
        kind is not None and jnp.issubdtype(kind, jnp.floating) for kind in types
    ):
        raise ContractError(
            f"{name}.rest(x) gives {described(rest)}: give real floating-point arrays, such as "
            "jnp.zeros((x.shape[0], units), dtype=x.dtype); states become complex by themselves, "
            "where the teaching signal is"
        )
    if len(set(types)) > 1:
        raise ContractError(
            f"{name}.rest(x) gives {described(rest)}, in more than one precision: use one type for "
            "all, such as x.dtype"
        )
    if not all(_is_batch(leaf, batch) for leaf in leaves):
        raise ContractError(
            f"{name}.rest(x) gives {described(rest)} for {batch} samples: the batch is the leading "
            "axis of every array of a state, as in jnp.zeros((x.shape[0], units), dtype=x.dtype)"
        )


def check_like(name: str, call: str, found: PyTree, state: PyTree) -> None:
    """Raise `ContractError` unless what a method gives has structure, shapes and types of a
    state.
    """
    same = jax.tree.structure(found) == jax.tree.structure(state)
    if not same or any(
        getattr(a, "shape", None) != b.shape or getattr(a, "dtype", None) != b.dtype
        for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(state), strict=True)
    ):
        raise ContractError(
            f"{name}.{call} gives {described(found)}, where {described(state)} is needed: the same "
            "structure (tuple, dict, ...), shapes and types as the state u that rest(x) begins with"
        )


def check_per_sample(name: str, call: str, found: PyTree, batch: int) -> None:
    """Raise `ContractError` unless a method gives one number per sample."""
    if getattr(found, "shape", None) != (batch,):
        raise ContractError(
            f"{name}.{call} gives {described(found)} for {batch} samples: give one number per "
            "sample, (batch,), by a sum or mean over the units alone, such as "
            "jnp.sum(..., axis=-1); the mean over the batch is taken by osciprop"
        )


def _check_cost(network: AbstractNetwork, x: Array, y: Targets) -> None:
    u = shape_of(network, "rest(x)", lambda own, x: own.rest(x), _struct(x))
    s = shape_of(network, "activity(u)", lambda own, u: own.activity(u), u)
    cost = shape_of(network, "cost(s, y)", lambda own, s, y: own.cost(s, y), s, _struct(y))
    check_per_sample(type(network).__name__, "cost(s, y)", cost, x.shape[0])
    if not jnp.issubdtype(cost.dtype, jnp.floating):
        raise ContractError(
            f"{type(network).__name__}.cost(s, y) gives {described(cost)}: give real "
            "floating-point numbers for a real activity"
        )


def two_samples(network: AbstractNetwork, x: Array, y: Array | None) -> tuple[Array, Array | None]:
    """Two samples of a batch, or all of them for a network that holds arrays for them."""
    x2 = jnp.concatenate([x, x])[:2]
    try:
        _check_shapes(network, jax.ShapeDtypeStruct(x2.shape, x2.dtype))
    except ContractError:
        return x, y
    return x2, None if y is None else jnp.concatenate([y, y])[:2]


def _check_values(network: AbstractNetwork, x: Array, y: Array | None) -> None:
    name = type(network).__name__
    rest = jax.eval_shape(network.rest, x)
    random = np.random.default_rng(0)
    u = jax.tree.map(lambda leaf: random.normal(size=leaf.shape).astype(leaf.dtype), rest)
    moved = jax.tree.map(lambda leaf: _last_moved(jnp.asarray(leaf)), (x, u))
    other = y if y is None or not jnp.issubdtype(y.dtype, jnp.floating) else _last_moved(y)
    if y is not None and other is y:
        other = y.at[-1].set(y[0])
    found = jax.device_get(_measure(network, (x, u, y), (*moved, other), len(x) > 1))
    limit = 1e3 * float(jnp.finfo(real_dtype(rest)).eps)
    for call, (gap, size) in found["mixed"].items():
        if gap > limit * size:
            raise ContractError(
                f"{name}.{call} mixes the samples of a batch: with another last sample the first "
                f"one's result changes by {gap:.2g}, of {size:.2g}. Samples must not depend on "
                "each other: take means and sums over axis=-1, not over the batch"
            )
    gap, size = found["still"]
    if gap > limit * size:
        raise ContractError(
            f"{name}.velocity(u, current) is {gap:.2g} where the current equals the potential u, "
            "but that is an equilibrium: write it as a rate times (current - u)"
        )
    gap, size = found["force"]
    if gap > limit**0.5 * size:
        raise ContractError(
            f"{name}.current(s, drive) differs by {gap:.2g}, of {size:.2g}, from the derivative of "
            f"{name}.phi(s, x) by s: correct one of them, or derive from "
            "osciprop.AbstractEnergyNetwork, which differentiates phi itself"
        )
    if not found["slowest"] > 0:
        raise ContractError(
            f"{name}.slowest() is {found['slowest']}: give the longest time constant, above 0"
        )


def _last_moved(leaf: Array) -> Array:
    return leaf.at[-1].add(jnp.asarray(0.5, dtype=leaf.dtype))


@eqx.filter_jit
def _measure(network: AbstractNetwork, one: Any, other: Any, several: bool) -> dict[str, Any]:
    """How much of the contract is missed, each with the size of what it is compared with."""

    def results(x: Array, u: State, y: Targets | None) -> dict[str, PyTree]:
        s, drive = network.activity(u), network.drive(x)
        found = {
            "activity(u)": s,
            "current(s, drive)": network.current(s, drive),
            "output(s)": network.output(s),
        }
        if y is not None:
            found["cost(s, y)"] = network.cost(s, y)
        if has_phi(network):
            found["phi(s, x)"] = network.phi(s, x)
        return found

    here, there = results(*one), results(*other)
    first: dict[str, PyTree] = {
        call: jax.tree.map(lambda leaf: leaf[0], (here[call], there[call])) for call in here
    }
    x, u, _ = one
    zeros = jax.tree.map(jnp.zeros_like, u)
    force = current = zeros
    told = has_phi(network) and not network.phi_is_reduced()
    if told and not isinstance(network, AbstractEnergyNetwork):
        current = here["current(s, drive)"]
        force = current_from_phi(network, here["activity(u)"], x)
    return {
        "mixed": {call: _gap(*pair) for call, pair in first.items()} if several else {},
        "still": (_gap(network.velocity(u, u), zeros)[0], _gap(u, u)[1]),
        "force": _gap(current, force),
        "slowest": jnp.asarray(network.slowest()),
    }


def _gap(a: PyTree, b: PyTree) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Largest difference of two pytrees, and largest entry of the first."""
    gaps = [jnp.max(jnp.abs(p - q)) for p, q in _pairs(a, b)]
    sizes = [jnp.max(jnp.abs(p)) for p, _ in _pairs(a, b)]
    return jnp.max(jnp.stack(gaps)), jnp.max(jnp.stack(sizes))


def _pairs(a: PyTree, b: PyTree) -> list[tuple[Array, Array]]:
    leaves = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return [(jnp.asarray(p), jnp.asarray(q)) for p, q in leaves if np.size(p)]
