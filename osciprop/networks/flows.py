"""Gradient flows: systems given by an energy of their own, with states that are their own activity.

`Q du/dt = -dE/du - beta dC/du`: equilibria are the stationary points of the energy, minima or
saddles, and the nudged ones those of `E + beta C`, whatever the metric Q is: symmetric, with a skew
part, indefinite. So every method applies, and learns by the contrast of `dE/dtheta`; the metric
decides which equilibria the flow settles in, and how fast. A part of the contract follows from the
energy: `activity(u) = u`, `phi = |u|^2/2 - E`, and `current - u = -dE/du`.
"""

import abc
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact, PyTree

from ..errors import check_instance, shown
from ..settings import Numbers, entries, weights
from .complexity import complex_like, is_complex, matmul
from .costs import AbstractCost, SquaredError, Targets, readout_obstacle
from .metrics import AbstractMetric
from .network import AbstractEnergyNetwork, Scores, State
from .trees import along_samples, sample_products


class AbstractGradientFlow(AbstractEnergyNetwork):
    """A system that descends an energy. Subclasses write `rest`, `energy`, `cost` and `output`.

    The energy sees what `drive(x)` makes of the input, once per batch: by default the input itself.
    By default `du/dt = -dE/du`; `velocity(u, current)` may be any invertible matrix, or function,
    times `current - u`, which is `-dE/du - beta dC/du`.

    Example:
        >>> class Spring(osciprop.networks.AbstractGradientFlow):
        ...     stiffness: jax.Array
        ...     def rest(self, x):
        ...         return jnp.zeros_like(x)
        ...     def energy(self, u, drive):
        ...         pulled = osciprop.networks.complex_like(drive, u)
        ...         return jnp.sum(self.stiffness * u**2 / 2 - pulled * u, axis=-1)
        ...     def cost(self, s, y):
        ...         return jnp.sum((s - y) ** 2, axis=-1)
        ...     def output(self, s):
        ...         return s
        >>> osciprop.relax(Spring(jnp.asarray(4.0)), np.ones((1, 2))).s.round(6).tolist()
        [[0.25, 0.25]]
    """

    @abc.abstractmethod
    def energy(self, u: State, drive: PyTree) -> Inexact[Array, " batch"]:
        """The energy of each sample, holomorphic in `u`, given the `drive` of the input."""

    def activity(self, u: State) -> State:
        return u

    def phi(self, s: State, x: Float[Array, "batch ..."]) -> Inexact[Array, " batch"]:
        square = sample_products(s, s)
        return jnp.asarray(0.5, dtype=square.dtype) * square - self.energy(s, self.drive(x))

    def current(self, s: State, drive: PyTree) -> State:
        def total(u: State) -> Inexact[Array, ""]:
            return jnp.sum(self.energy(u, drive))

        return jax.tree.map(jnp.subtract, s, jax.grad(total, holomorphic=is_complex(s))(s))


class GradientFlow(AbstractGradientFlow):
    """The flow down an energy that is given as a function of the state and the input.

    Args:
        function: The energy: an Equinox module, called with states `(batch, units)` and inputs
            `(batch, features)`, that gives one number per sample. Its arrays are what is trained.
            It must be written for complex states too (`osciprop.networks.complex_like` and
            `matmul` help), and be bounded below for the flow to settle.
        start: Where the flow begins, `(units,)`; of several equilibria it settles in the one in
            whose basin this lies.
        outputs: The units that the cost reads, by index; None for all of them.
        readout: The cost of these units' states.
        mobility: The inverse of the metric, `(units, units)` for `du/dt = -M dE/du`, of any
            symmetry, or `(units,)` for a diagonal one; None for the identity. It is physics, and
            not trained.

    Raises:
        ValueError: `start` is no row of numbers, an output is none of the units, or `mobility`
            fits no state.
        TypeError: `function` is no Equinox module.

    Source: Scellier and Bengio 2017; for skew metrics, equilibrium propagation of skew-gradient
        systems (arXiv 2605.21568).

    Example:
        >>> import equinox as eqx
        >>> class Wells(eqx.Module):  # two wells per unit, tilted by the input
        ...     depth: jax.Array
        ...     def __call__(self, u, x):
        ...         tilt = osciprop.networks.complex_like(x, u) * u
        ...         return jnp.sum(u**4 / 4 - self.depth * u**2 / 2 - tilt, axis=-1)
        >>> energy, start = Wells(jnp.asarray(1.0)), jnp.asarray([0.5, -0.5])
        >>> wells = osciprop.networks.GradientFlow(energy, start)
        >>> osciprop.relax(wells, np.zeros((1, 2))).s.round(6).tolist()
        [[1.0, -1.0]]
    """

    function: Callable[[State, Array], Array]
    start: Numbers = eqx.field(converter=weights)
    outputs: tuple[int, ...] | None = eqx.field(
        default=None, static=True, converter=entries, kw_only=True
    )
    readout: AbstractCost = eqx.field(default=SquaredError(), kw_only=True)
    mobility: Numbers | None = eqx.field(default=None, converter=weights, kw_only=True)

    def __check_init__(self) -> None:
        if self.start.ndim != 1 or not self.start.size:
            raise ValueError(
                f"start has shape {self.start.shape}: give one number per unit, such as "
                "jnp.zeros(3)"
            )
        check_instance("function", self.function, eqx.Module)
        check_units("outputs", self.outputs, self.start.size)
        units = self.start.size
        shape = (units,) if self.mobility is None else self.mobility.shape
        if shape not in ((units,), (units, units)):
            raise ValueError(
                f"mobility has shape {shape}, but there are {units} units: give ({units},) numbers "
                f"for a diagonal one, or ({units}, {units})"
            )

    def rest(self, x: Float[Array, "batch ..."]) -> State:
        return jnp.broadcast_to(self.start, (x.shape[0], *self.start.shape))

    def energy(self, u: State, drive: PyTree) -> Inexact[Array, " batch"]:
        return self.function(u, drive)

    def velocity(self, u: State, current: State) -> State:
        if self.mobility is None:
            return current - u
        if self.mobility.ndim == 1:
            return along_samples(complex_like(self.mobility, u), u) * (current - u)
        return matmul(current - u, self.mobility.T)

    def cost(self, s: State, y: Targets) -> Inexact[Array, " batch"]:
        return self.readout(read(s, self.outputs), y)

    def output(self, s: State) -> Scores:
        return self.readout.output(read(s, self.outputs))

    def output_obstacle(self) -> str:
        return readout_obstacle(self.readout)

    def metric(self, y: np.ndarray, outputs: int) -> AbstractMetric:
        return self.readout.metric(y, outputs)

    def slowest(self) -> Float[Array, ""]:
        if self.mobility is None:
            return jnp.ones((), dtype=self.start.dtype)
        if self.mobility.ndim == 1:
            return 1 / jnp.min(jnp.abs(self.mobility))
        return 1 / jnp.min(jnp.linalg.svd(self.mobility, compute_uv=False))

    def trainable(self) -> PyTree[bool]:
        frozen = jax.tree.map(lambda _: False, self)
        learned = jax.tree.map(eqx.is_inexact_array, (self.function, self.readout))
        return eqx.tree_at(lambda tree: (tree.function, tree.readout), frozen, learned)


def read(
    s: Inexact[Array, "batch units"], outputs: tuple[int, ...] | None
) -> Inexact[Array, "batch outputs"]:
    """What a cost reads: all units, or some by index."""
    return s if outputs is None else s[:, np.asarray(outputs)]


def check_units(name: str, places: tuple[int, ...] | None, units: int) -> None:
    """Raise `ValueError` for indices of units that are not there, or of none."""
    if places is None:
        return
    if not isinstance(places, tuple) or not places:
        raise ValueError(f"{name} is {shown(places)}: give a tuple of indices of units, or None")
    for place in places:
        if isinstance(place, bool) or not isinstance(place, (int, np.integer)):
            raise ValueError(f"{name} holds {shown(place)}: give indices of units, integers")
        if not 0 <= place < units:
            raise ValueError(
                f"{name} holds {place}, but there are {units} units: use 0 ... {units - 1}"
            )
