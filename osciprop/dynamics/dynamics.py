"""A network under a teaching signal, as one dynamical system.

`tau du/dt = current(s) - beta(t) dC/ds - u`, with `s = activity(u)`. Everything that integrates,
relaxes or solves works on this object alone. Where the input or the target moves, its drive or its
target is a signal, and only what integrates in time may be asked for it.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, PyTree

from ..errors import HolomorphyError, check_instance, is_numeric
from ..networks.complexity import is_complex, is_half, real_dtype, to_complex
from ..networks.contract import default_type, described
from ..networks.costs import Targets
from ..networks.network import AbstractNetwork, State
from ..networks.promise import check_promise
from ..networks.signals import AbstractSignal, Clamped, later, signal_shape, value_at
from ..settings import Module
from .teaching import AbstractTeaching, Constant


class Driven(AbstractSignal):
    """What an input that moves sends into a network: `network.drive(x(t))`."""

    network: AbstractNetwork
    x: AbstractSignal

    def __call__(self, time: ArrayLike) -> PyTree:
        return self.network.drive(self.x(time))


def driven(network: AbstractNetwork, x: Clamped) -> PyTree:
    """The drive of an input, or the signal of its drive."""
    return Driven(network, x) if isinstance(x, AbstractSignal) else network.drive(x)


class Dynamics(Module):
    """The equations of motion of a network with clamped input, target and teaching signal.

    Args:
        network: The network.
        drive: `network.drive(x)`, computed once, or a signal whose value that is.
        target: Targets of the batch, or a signal of them; None for a free network.
        teaching: The teaching signal.

    Example:
        >>> drive = network.drive(jnp.asarray(x))
        >>> dynamics = osciprop.dynamics.Dynamics(network, drive, None, osciprop.Constant())
        >>> free = osciprop.relax(network, x)
        >>> float(dynamics.residual(0.0, free.u).max()) < 1e-9
        True
    """

    network: AbstractNetwork
    drive: PyTree
    target: Targets | AbstractSignal | None
    teaching: AbstractTeaching

    def rest(self, x: Float[Array, "batch ..."]) -> State:
        """Where a simulation starts: complex if the teaching signal is."""
        state = self.network.rest(x)
        return to_complex(state) if self.teaching.is_complex() else state

    def current(self, time: ArrayLike, u: State) -> State:
        """Synaptic plus teaching current of every neuron, in units of the potential."""
        s = self.network.activity(u)
        current = self.network.current(s, value_at(self.drive, time))
        if self.target is None:
            return current
        dtype = real_dtype(u)
        beta = self.teaching(jnp.asarray(time, dtype=dtype))
        beta = beta.astype(jax.tree.leaves(u)[0].dtype)
        force = cost_force(self.network, s, value_at(self.target, time))

        def nudge(inflow: Array, slope: Array) -> Array:
            return inflow - beta.reshape(beta.shape + (1,) * (inflow.ndim - beta.ndim)) * slope

        return jax.tree.map(nudge, current, force)

    def velocity(self, time: ArrayLike, u: State) -> State:
        """Time derivative of the membrane potential."""
        return self.network.velocity(u, self.current(time, u))

    def residual(self, time: ArrayLike, u: State) -> Float[Array, " batch"]:
        """Per sample, the largest change of any activity in one step `u <- current(u)`.

        In the network's own measure (`AbstractNetwork.change`). Zero exactly at an equilibrium. One
        step, not two: a 2-cycle is not an equilibrium.
        """
        now = self.network.activity(u)
        then = self.network.activity(self.current(time, u))
        return self.network.change(now, then)

    def later(self, shift: ArrayLike) -> "Dynamics":
        """The same with inputs and targets that are ahead by `shift` of the time it is asked at."""
        moved = later(self.drive, shift), later(self.target, shift)
        return Dynamics(self.network, *moved, self.teaching)


def cost_force(network: AbstractNetwork, s: State, y: Targets) -> State:
    """`dC/ds` of each sample, holomorphic for complex `s`."""

    def total(activity: State) -> Array:
        return jnp.sum(network.cost(activity, y))

    return jax.grad(total, holomorphic=is_complex(s))(s)


def starting_point(
    network: AbstractNetwork, x: Float[Array, "batch ..."], initial: State | None
) -> State:
    """Where a network begins: at `initial`, or at rest if that is None."""
    return network.rest(x) if initial is None else as_state("initial", network, x, initial)


def as_state(name: str, network: AbstractNetwork, x: Clamped, state: State) -> State:
    """Potentials as arrays of the network's precision, real or complex.

    Raises `ValueError` for a state of another structure or shape than `rest` has.
    """
    rest = jax.eval_shape(network.rest, _outline(x))
    if jax.tree.structure(state) == jax.tree.structure(rest):
        pairs = [*zip(jax.tree.leaves(state), jax.tree.leaves(rest), strict=True)]
        if all(is_numeric(leaf) and np.shape(leaf) == like.shape for leaf, like in pairs):
            return jax.tree.map(_as_potential, state, rest)
    raise ValueError(
        f"{name} is {described(state)}, but potentials of this {type(network).__name__} are "
        f"{described(rest)} for {_outline(x).shape[0]} samples: give arrays like those of "
        "network.rest(x), such as the u of a solution for the same batch"
    )


def _outline(x: Clamped) -> Float[Array, "batch ..."] | jax.ShapeDtypeStruct:
    """An input, or of one that moves shape and type."""
    return signal_shape(x) if isinstance(x, AbstractSignal) else x


def _as_potential(leaf: ArrayLike, like: jax.ShapeDtypeStruct) -> Array:
    array = jnp.asarray(leaf)
    kind = jax.eval_shape(to_complex, like) if jnp.iscomplexobj(array) else like
    return array.astype(kind.dtype)


def make_dynamics(
    network: AbstractNetwork,
    x: Clamped,
    y: Targets | AbstractSignal | None = None,
    teaching: AbstractTeaching | None = None,
) -> Dynamics:
    """The dynamics of a network for a batch, its input drive computed.

    Raises `ValueError` for a teaching signal without a target, `HolomorphyError` for a complex
    teaching signal on a network that is not holomorphic.
    """
    signal = Constant() if teaching is None else teaching
    check_instance("teaching", signal, AbstractTeaching)
    if teaching is not None and y is None:
        raise ValueError("y is None but a teaching signal is given: it nudges towards a target")
    if signal.is_complex():
        require_holomorphic(network)
    shape = jax.eval_shape(signal, jax.ShapeDtypeStruct((), default_type())).shape
    samples = _outline(x).shape[0]
    if shape not in ((), (samples,)):
        raise ValueError(
            f"beta has shape {shape}, but x holds {samples} samples: give one number, or one "
            "per sample"
        )
    return Dynamics(network, driven(network, x), None if teaching is None else y, signal)


def _told(network: AbstractNetwork) -> str:
    """The names of parts that say of themselves that they are not holomorphic."""

    def denies(part: Any) -> bool:
        return getattr(part, "holomorphic", True) is False

    parts = jax.tree.leaves(network, is_leaf=denies)
    names = sorted({type(part).__name__ for part in parts if denies(part)})
    return f" ({', '.join(names)})" if names else ""


def require_holomorphic(network: AbstractNetwork) -> None:
    """Raise `HolomorphyError` unless the network says that it is holomorphic, and is; `TypeError`
    for one in half precision.
    """
    if not network.is_holomorphic():
        raise HolomorphyError(
            f"this {type(network).__name__} has an activation that is not "
            f"holomorphic{_told(network)}, so its response to a complex teaching signal holds no "
            "exact gradient: use Tanh, ShiftedSigmoid or HolomorphicTanh, or a method with real "
            "teaching such as osciprop.CentredEP"
        )
    if any(is_half(leaf) for leaf in jax.tree.leaves(network)):
        raise TypeError(
            f"this {type(network).__name__} is in half precision, for which there are no complex "
            "numbers: cast it to float32, or use a method with real teaching, such as "
            "osciprop.CentredEP; osciprop.equilibria.ReducedPrecision() relaxes in half precision"
        )
    check_promise(network)
