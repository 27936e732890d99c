"""Brownian paths for networks: which random numbers drive a simulation, and how they are drawn.

Every number depends on the key, on where the integration started, on the number of the step from
there (or the time since), and on the sample. The size of the batch does not change what a sample
sees, and no two steps see the same: they are counted, not numbered by their times, whose last
digits run out. A simulation that goes on where another ended, under the same key, goes on with its
numbers where the step's number can be told from the time, and else has numbers of its own.
"""

import abc
import dataclasses
import math
from typing import TypeAlias

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from ..errors import check_positive
from ..networks.trees import scaled
from ..settings import Module
from .noise import Wiener, normal

Area: TypeAlias = (
    type[diffrax.BrownianIncrement]
    | type[diffrax.SpaceTimeLevyArea]
    | type[diffrax.SpaceTimeTimeLevyArea]
)
# Standard deviations of the space-time and space-time-time Levy areas of a unit step.
AREA_SIZES = {"H": 1 / math.sqrt(12), "K": 1 / math.sqrt(720)}

# Up to this many steps the time of a start tells how many came before it, in single precision too.
LATEST = 2.0**17


class AbstractBrownianPath(Module):
    """Wiener processes over one integration."""

    @abc.abstractmethod
    def increments(
        self,
        number: Int[Array, ""],
        start: Float[Array, ""],
        end: Float[Array, ""],
        use_levy: bool = False,
    ) -> PyTree[Array]:
        """What the processes gain in the step of a number, between two times since the start, with
        Levy areas if a solver asks.
        """


class AbstractBrownian(Module):
    """How an `Integrator` draws its Wiener processes.

    Example:
        >>> issubclass(osciprop.dynamics.FreshSteps, osciprop.dynamics.AbstractBrownian)
        True
    """

    @abc.abstractmethod
    def path(
        self,
        sources: tuple[Wiener, ...],
        key: PRNGKeyArray,
        times: Float[Array, " times"],
        step: Float[Array, ""] | None,
        area: Area,
        origin: Float[Array, ""],
    ) -> AbstractBrownianPath:
        """A path over `times` since the start, itself at the time `origin`, with the Levy area that
        the solver needs; `step` is the constant step of the integration, None if its steps adapt.
        """


class FreshSteps(AbstractBrownian):
    """New numbers for every step, by the step's number: for constant steps, where it is fastest.

    Example:
        >>> osciprop.euler_maruyama(0.1).brownian
        FreshSteps()
    """

    def path(
        self,
        sources: tuple[Wiener, ...],
        key: PRNGKeyArray,
        times: Float[Array, " times"],
        step: Float[Array, ""] | None,
        area: Area,
        origin: Float[Array, ""],
    ) -> AbstractBrownianPath:
        if step is None:
            raise ValueError(
                "brownian is FreshSteps, but the integrator's steps adapt, so that steps of "
                "different size must see one path: use brownian=BrownianTree(), or ConstantStepSize"
            )
        return _Steps(sources, *numbering(key, origin, step), area)


class BrownianTree(AbstractBrownian):
    """One path that can be asked at any time: for adaptive steps, and for comparing step sizes.

    Resolves times down to `resolution` times the integrated interval. Many times slower than
    `FreshSteps`.

    Args:
        resolution: Smallest time that is resolved, as a fraction of the integrated interval.

    Raises:
        ValueError: the resolution is not positive.

    Example:
        >>> osciprop.dynamics.BrownianTree().resolution == 2**-14
        True
    """

    resolution: float = eqx.field(default=2**-14, static=True)

    def __check_init__(self) -> None:
        check_positive("resolution", self.resolution, "give a fraction of the integrated interval")

    def path(
        self,
        sources: tuple[Wiener, ...],
        key: PRNGKeyArray,
        times: Float[Array, " times"],
        step: Float[Array, ""] | None,
        area: Area,
        origin: Float[Array, ""],
    ) -> AbstractBrownianPath:
        return _Tree(sources, apart(key, origin), times[0], times[-1], self.resolution, area)


def apart(key: PRNGKeyArray, origin: Float[Array, ""]) -> PRNGKeyArray:
    """A key of an integration's own, by the time at which it starts."""
    # Less than the last digit of single precision does not tell integrations apart.
    bits = jax.lax.bitcast_convert_type(origin.astype(jnp.float32), jnp.uint32)
    return jax.lax.select(origin == 0, key, jax.random.fold_in(key, bits))


def numbering(
    key: PRNGKeyArray, origin: Float[Array, ""], step: Float[Array, ""]
) -> tuple[PRNGKeyArray, Int[Array, ""]]:
    """The key of an integration and the number of its first step.

    Started at `n` steps, to rounding, the first is number `n`; started between two, the later one,
    since the step to that start had the earlier. Too late to tell, or before 0, it is number 0 of a
    key of its own.
    """
    steps = origin / step
    known = (steps > -0.5) & (steps < LATEST)
    rounding = 4 * float(jnp.finfo(steps.dtype).eps) * jnp.maximum(steps, 1)
    first = jnp.ceil(jnp.where(known, steps - rounding, 0)).astype(int)
    return jax.lax.select(known, key, apart(key, origin)), first


class _Steps(AbstractBrownianPath):
    """Increments of a Wiener process over the steps of a fixed grid."""

    sources: tuple[Wiener, ...]
    key: PRNGKeyArray
    first: Int[Array, ""]
    area: Area = eqx.field(static=True)

    def increments(
        self,
        number: Int[Array, ""],
        start: Float[Array, ""],
        end: Float[Array, ""],
        use_levy: bool = False,
    ) -> PyTree[Array]:
        key = jax.random.fold_in(self.key, self.first + number)
        duration = end - start
        names = [field.name for field in dataclasses.fields(self.area) if field.name != "dt"]
        parts = {}
        for index, name in enumerate(names if use_levy else ["W"]):
            size = jnp.sqrt(duration) * AREA_SIZES.get(name, 1.0)
            # Sources and areas fold in numbers of their own.
            own = jax.random.fold_in(key, index)
            parts[name] = tuple(
                scaled(size, normal(source, jax.random.fold_in(own, place)))
                for place, source in enumerate(self.sources)
            )
        return self.area(dt=duration, **parts) if use_levy else parts["W"]


class _Tree(AbstractBrownianPath):
    """A `VirtualBrownianTree` for each sample."""

    sources: tuple[Wiener, ...]
    key: PRNGKeyArray
    first: Float[Array, ""]
    last: Float[Array, ""]
    resolution: float = eqx.field(static=True)
    area: Area = eqx.field(static=True)

    def increments(
        self,
        number: Int[Array, ""],
        start: Float[Array, ""],
        end: Float[Array, ""],
        use_levy: bool = False,
    ) -> PyTree[Array]:
        parts = [
            self._source(source, jax.random.fold_in(self.key, place), start, end)
            for place, source in enumerate(self.sources)
        ]
        names = [field.name for field in dataclasses.fields(self.area) if field.name != "dt"]
        increments = {name: tuple(getattr(part, name) for part in parts) for name in names}
        return self.area(dt=end - start, **increments) if use_levy else increments["W"]

    def _source(
        self, source: Wiener, key: PRNGKeyArray, start: Float[Array, ""], end: Float[Array, ""]
    ) -> diffrax.AbstractBrownianIncrement:
        batch = jax.tree.leaves(source.shapes)[0].shape[0]
        one = jax.tree.map(
            lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), source.shapes
        )
        resolution = self.resolution * (self.last - self.first)

        def draw(own: PRNGKeyArray) -> PyTree[Array]:
            tree = diffrax.VirtualBrownianTree(
                self.first, self.last, resolution, one, own, self.area
            )
            return tree.evaluate(start, end, use_levy=True)

        return source.sharing.over_batch(draw, key, batch)
