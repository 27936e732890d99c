"""How one presentation gives way to the next: at once, or gradually."""

import abc
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, PyTree

from ..errors import check_positive
from ..networks.costs import Targets, target_rows
from ..networks.signals import AbstractSignal, Clamped
from ..settings import Module, Number, number


class AbstractTransition(Module):
    """How one presentation gives way to the next.

    Example:
        >>> issubclass(osciprop.online.Fade, osciprop.online.AbstractTransition)
        True
    """

    @abc.abstractmethod
    def check(self, presentation: int) -> None:
        """Raise `ValueError` if it does not fit into a presentation of so many periods."""

    @abc.abstractmethod
    def has_borders(self) -> bool:
        """Whether it says what becomes of the border between two samples, so that there must be
        one.
        """

    @abc.abstractmethod
    def begin(self, x: Float[Array, "batch ..."], outputs: int) -> PyTree[Array]:
        """What a simulation carries of the presentation before, when there was none."""

    @abc.abstractmethod
    def clamped(
        self,
        x: Clamped,
        y: Targets | AbstractSignal,
        before: PyTree[Array],
        first: Bool[Array, ""],
        period: Float[Array, ""],
    ) -> tuple[Clamped, Targets | AbstractSignal]:
        """Input and target of a presentation, signals from its beginning on where they move.

        `first` says that there was no presentation before, `period` how long a period is.
        """

    @abc.abstractmethod
    def remember(self, x: Clamped, y: Targets | AbstractSignal, before: PyTree[Array]) -> PyTree:
        """What the next presentation must know of this one, shaped like `before`."""


class Jump(AbstractTransition):
    """The next sample takes the place of the one before at once.

    Example:
        >>> osciprop.online.Jump().has_borders()
        False
    """

    def check(self, presentation: int) -> None:
        return None

    def has_borders(self) -> bool:
        return False

    def begin(self, x: Float[Array, "batch ..."], outputs: int) -> None:
        return None

    def clamped(
        self,
        x: Clamped,
        y: Targets | AbstractSignal,
        before: None,
        first: Bool[Array, ""],
        period: Float[Array, ""],
    ) -> tuple[Clamped, Targets | AbstractSignal]:
        return x, y

    def remember(self, x: Clamped, y: Targets | AbstractSignal, before: None) -> None:
        return None


class Fade(AbstractTransition):
    """Samples that fade into each other: at the beginning of a presentation input and target go
    from those before to the new ones, at a speed that rises and falls as a raised cosine, and then
    stand still.

    Of a transition that takes two whole periods, or more of them, nothing falls on the frequency of
    the teaching signal. The first presentation has nothing before it, and begins with its own. What
    fading is worth depends on when synapses move: docs/online.md has numbers.

    Args:
        periods: Of the teaching signal that this takes, above 0, at most those of a presentation.

    Raises:
        ValueError: `periods` is not positive; by `Simulation`, a presentation is shorter.

    Example:
        >>> float(osciprop.online.Fade(2).periods)
        2.0
    """

    periods: Number = eqx.field(converter=number)

    def __check_init__(self) -> None:
        check_positive("periods", self.periods, "give the time of the transition in periods")

    def check(self, presentation: int) -> None:
        if float(self.periods) > presentation:
            raise ValueError(
                f"periods={float(self.periods):.4g} of the Fade are more than the "
                f"{presentation} of a presentation: no sample would ever be shown as it is. Use a "
                "shorter Fade or a longer presentation"
            )

    def has_borders(self) -> bool:
        return True

    def begin(self, x: Float[Array, "batch ..."], outputs: int) -> tuple[Array, Array]:
        return jnp.zeros_like(x), jnp.zeros((x.shape[0], outputs), dtype=x.dtype)

    def clamped(
        self,
        x: Any,
        y: Any,
        before: tuple[Array, Array],
        first: Bool[Array, ""],
        period: Float[Array, ""],
    ) -> tuple[AbstractSignal, AbstractSignal]:
        now = self.remember(x, y, before)
        start = jax.tree.map(lambda old, new: jnp.where(first, new, old), before, now)
        duration = self.periods.astype(period.dtype) * period
        inputs, targets = (Crossing(*ends, duration) for ends in zip(start, now, strict=True))
        return inputs, targets

    def remember(self, x: Any, y: Any, before: tuple[Array, Array]) -> tuple[Array, Array]:
        rows = before[1]
        return x, target_rows(y, rows.shape[-1], rows.dtype)


class Crossing(AbstractSignal):
    """From one batch to another within a duration, and there from then on."""

    start: Array
    end: Array
    duration: Array

    def __call__(self, time: ArrayLike) -> Float[Array, "batch ..."]:
        progress = jnp.clip(jnp.asarray(time).astype(self.duration.dtype) / self.duration, 0, 1)
        share = progress - jnp.sin(2 * math.pi * progress) / (2 * math.pi)
        share = share.astype(self.end.dtype)
        return self.start + share * (self.end - self.start)
