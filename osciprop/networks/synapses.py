"""Synapses between populations: what current an activity sends, and back.

A synapse knows the places it connects: `source` and `target` are indices of populations, `INPUT`
is the clamped input. Reciprocal synapses carry both directions with one (tied) weight and so have
an energy; directed synapses carry only from source to target. `Directed` and `Reciprocal` are
dense; projections carry through any transform, such as `osciprop.networks.Convolution`.
"""

import abc
import math
from collections.abc import Callable

import equinox as eqx
import jax
from jaxtyping import Array, ArrayLike, Float, Inexact

from ..settings import Module, weights
from .complexity import complex_like, matmul
from .trees import as_row

INPUT = -1
Activity = Inexact[Array, "batch ..."]
# The index of a population, and what current it receives.
Currents = tuple[tuple[int, Activity], ...]


class AbstractSynapse(Module):
    """A connection from the activity of `source` to the current of `target`.

    Currents need not have the shape of the population that they reach, only its size.

    Example:
        >>> [synapse.target for synapse in network.synapses]
        [0, 1]
    """

    source: eqx.AbstractVar[int]
    target: eqx.AbstractVar[int]

    @abc.abstractmethod
    def forward(self, pre: Activity) -> Activity:
        """The current that the activity of the `lower` population makes in the `upper` one."""

    def forward_about(self, center: Activity, pre: Activity) -> Activity:
        """`forward(pre)`, for contrasts of states `pre` that differ little from one `center`.

        Linear synapses send the center and the deviation from it by themselves: weights then learn
        from products with deviations, in which nothing large has to cancel.
        """
        return self.forward(pre)

    def currents(self, s: tuple[Activity, ...]) -> Currents:
        """What it sends where, given the activities of all populations."""
        return ((self.target, self.forward(s[self.source])),)

    def transposed_currents(self, s: tuple[Activity, ...], v: tuple[Activity, ...]) -> Currents:
        """What the transposed derivative of `currents` at `s` makes of `v`, a state."""
        ends = (s[self.source], s[self.target])

        def both(source: Activity, target: Activity) -> list[Activity]:
            at = tuple(
                source if place == self.source else target if place == self.target else activity
                for place, activity in enumerate(s)
            )
            return [inflow for _, inflow in self.currents(at)]

        sent, pull = jax.vjp(both, *ends)
        places = [place for place, _ in self.currents(s)]
        shaped = [
            v[place].reshape(inflow.shape) for place, inflow in zip(places, sent, strict=True)
        ]
        back = pull(shaped)
        return ((self.source, back[0]), (self.target, back[1]))

    def sent(self, activity: jax.ShapeDtypeStruct) -> tuple[int, ...]:
        """The shape of one sample's current that an activity of a batch makes by `forward`.

        Raises an error for a shape that it does not take.
        """
        self.check("the activity", activity)
        return jax.eval_shape(lambda pre: self.forward(pre), activity).shape[1:]

    def descends(self, place: int) -> bool:
        """Whether what it sends to the population at `place` comes from one further on."""
        return (self.source if place == self.target else self.target) > place

    @property
    def lower(self) -> int:
        """The population that `forward` starts from."""
        return self.source

    @property
    def upper(self) -> int:
        """The population that `forward` leads to."""
        return self.target

    @abc.abstractmethod
    def check(self, name: str, activity: Array | jax.ShapeDtypeStruct) -> None:
        """Raise `ValueError` if an activity, or input, called `name` is none to send `forward`."""

    def is_holomorphic(self) -> bool:
        """Whether what it sends is a holomorphic function of the activities."""
        return True


class AbstractReciprocalSynapse(AbstractSynapse):
    """A synapse whose backward current is the transpose of its forward one.

    Example:
        >>> isinstance(network.synapses[1], osciprop.networks.AbstractReciprocalSynapse)
        True
    """

    def backward(self, pre: Activity, post: Activity) -> Activity:
        """The current that the target's activity `post` sends back to the source: the derivative
        of `forward(pre) . post` by `pre`.
        """
        return pull_back(self.forward, pre, post)

    def currents(self, s: tuple[Activity, ...]) -> Currents:
        pre, post = s[self.source], s[self.target]
        return (
            (self.target, self.forward(pre)),
            (self.source, self.backward(pre, post)),
        )

    def transposed_currents(self, s: tuple[Activity, ...], v: tuple[Activity, ...]) -> Currents:
        # The derivative is symmetric: that of a scalar's gradient.
        pre, post = s[self.source], s[self.target]
        _, (up, down) = jax.jvp(
            lambda a, b: (self.forward(a), self.backward(a, b)),
            (pre, post),
            (v[self.source], v[self.target]),
        )
        return ((self.target, up), (self.source, down))


def push_forward(function: Callable[[Activity], Activity], at: Activity, v: Activity) -> Activity:
    """The derivative of a function along `v`."""
    return jax.jvp(function, (at,), (v,))[1]


def pull_back(forward: Callable[[Activity], Activity], pre: Activity, post: Activity) -> Activity:
    """`d (forward(pre) . post) / d pre`: transpose, never Hermitian, also for complex numbers."""
    current, pull = jax.vjp(forward, pre)
    (back,) = pull(post.reshape(current.shape))
    return back


class _Dense(AbstractSynapse):
    """Shared part of the synapses that join every unit to every unit."""

    weight: Float[Array, "pre post"] = eqx.field(converter=weights)
    source: int = eqx.field(static=True)
    target: int = eqx.field(static=True)

    # Written out, here and below, because type checkers put the inherited fields first.
    def __init__(self, weight: ArrayLike, source: int, target: int):
        self.weight, self.source, self.target = weights(weight), source, target

    def __check_init__(self) -> None:
        if isinstance(self.weight, jax.Array) and self.weight.ndim != 2:
            raise ValueError(
                f"weight has shape {self.weight.shape}: give (units of the source, units of the "
                "target)"
            )

    def sent(self, activity: jax.ShapeDtypeStruct) -> tuple[int, ...]:
        before, after = self.weight.shape
        if math.prod(activity.shape[1:]) != before:
            raise ValueError(f"its weight of shape {self.weight.shape} takes {before} units")
        return (after,)

    def forward(self, pre: Activity) -> Inexact[Array, "batch post"]:
        return matmul(as_row(pre), self.weight)

    def forward_about(self, center: Activity, pre: Activity) -> Inexact[Array, "batch post"]:
        deviation = self.forward(pre - complex_like(center, pre))
        return deviation + complex_like(self.forward(center), deviation)

    def check(self, name: str, activity: Array | jax.ShapeDtypeStruct) -> None:
        if activity.ndim != 2 or activity.shape[1] != self.weight.shape[0]:
            raise ValueError(
                f"{name} has shape {activity.shape}, but the network's input synapses take "
                f"(batch, {self.weight.shape[0]}): flatten each sample to one row of that width"
            )


class Directed(_Dense):
    """A dense one-way synapse; the clamped input always uses this kind.

    Args:
        weight: `(units of the source, units of the target)`.
        source: Index of the population that sends, or `osciprop.INPUT`.
        target: Index of the population that receives.

    Example:
        >>> osciprop.Directed(np.ones((4, 6)), osciprop.INPUT, 0).forward(jnp.ones((2, 4))).shape
        (2, 6)
    """

    __init__ = _Dense.__init__


class Reciprocal(_Dense, AbstractReciprocalSynapse):
    """A dense two-way synapse with one tied weight: `W` forward, its transpose backward.

    Args:
        weight: `(units of the source, units of the target)`; its transpose leads back.
        source: Index of the lower population.
        target: Index of the upper population.

    Example:
        >>> synapse = osciprop.Reciprocal(np.ones((6, 5)), 0, 1)
        >>> [current.shape for _, current in synapse.currents((jnp.ones((2, 6)), jnp.ones((2, 5))))]
        [(2, 5), (2, 6)]
    """

    __init__ = _Dense.__init__

    def backward(self, pre: Activity, post: Activity) -> Activity:
        # Transpose, never Hermitian: holomorphic derivatives do not conjugate.
        return matmul(as_row(post), self.weight.T).reshape(pre.shape)


class AbstractTransform(Module):
    """A map with parameters from the activity of one population to currents of another.

    Example:
        >>> issubclass(osciprop.networks.Convolution, osciprop.networks.AbstractTransform)
        True
    """

    @abc.abstractmethod
    def __call__(self, activity: Activity) -> Activity:
        """The currents that an activity, with a leading batch axis, makes."""

    def about(self, center: Activity, activity: Activity) -> Activity:
        """`self(activity)`, for contrasts: see `AbstractSynapse.forward_about`."""
        return self(activity)

    def transposed(self, pre: Activity, post: Activity) -> Activity:
        """`d (self(pre) . post) / d pre`, without a conjugate: what travels back."""
        return pull_back(self, pre, post)

    @abc.abstractmethod
    def check(self, name: str, activity: Array | jax.ShapeDtypeStruct) -> None:
        """Raise `ValueError` if an array called `name` is no activity that it takes."""

    @abc.abstractmethod
    def is_holomorphic(self) -> bool:
        """Whether it is a holomorphic function."""


class _Projection(AbstractSynapse):
    """Shared part of the synapses that carry through a transform."""

    transform: AbstractTransform
    source: int = eqx.field(static=True)
    target: int = eqx.field(static=True)

    def forward(self, pre: Activity) -> Activity:
        return self.transform(pre)

    def forward_about(self, center: Activity, pre: Activity) -> Activity:
        return self.transform.about(center, pre)

    def check(self, name: str, activity: Array | jax.ShapeDtypeStruct) -> None:
        self.transform.check(name, activity)

    def is_holomorphic(self) -> bool:
        return self.transform.is_holomorphic()


class DirectedProjection(_Projection):
    """`transform` from `source` to `target`, nothing back.

    Args:
        transform: What it makes of an activity, such as `osciprop.networks.Convolution`.
        source: Index of the population that sends, or `osciprop.INPUT`.
        target: Index of the population that receives.

    Example:
        >>> convolution = osciprop.networks.Convolution(jnp.ones((3, 3, 1, 2)))
        >>> up = osciprop.networks.DirectedProjection(convolution, osciprop.INPUT, 0)
        >>> up.forward(jnp.ones((1, 8, 8, 1))).shape
        (1, 8, 8, 2)
    """

    def transposed_currents(self, s: tuple[Activity, ...], v: tuple[Activity, ...]) -> Currents:
        return ((self.source, self.transform.transposed(s[self.source], v[self.target])),)


class ReciprocalProjection(_Projection, AbstractReciprocalSynapse):
    """`transform` from `source` to `target`, and its transpose at the source's activity back.

    Args:
        transform: What it makes of an activity on the way up; its transpose leads back.
        source: Index of the lower population.
        target: Index of the upper population.

    Example:
        >>> convolution = osciprop.networks.Convolution(jnp.ones((3, 3, 1, 2)))
        >>> synapse = osciprop.networks.ReciprocalProjection(convolution, 0, 1)
        >>> images = jnp.ones((1, 8, 8, 1)), jnp.ones((1, 8, 8, 2))
        >>> [current.shape for _, current in synapse.currents(images)]
        [(1, 8, 8, 2), (1, 8, 8, 1)]
    """

    def backward(self, pre: Activity, post: Activity) -> Activity:
        return self.transform.transposed(pre, post)


class FeedbackProjection(_Projection):
    """The transpose of a `transform` that leads from `target` to `source`: feedback with weights of
    its own, of the same shape as those of the way up (homeostasis2024, convolutional network).

    Args:
        transform: What it sends back the transpose of.
        source: Index of the upper population, which sends.
        target: Index of the lower population, which receives.

    Example:
        >>> convolution = osciprop.networks.Convolution(jnp.ones((3, 3, 1, 2)))
        >>> osciprop.networks.FeedbackProjection(convolution, 1, 0).source
        1
    """

    def currents(self, s: tuple[Activity, ...]) -> Currents:
        return ((self.target, self.transform.transposed(s[self.target], s[self.source])),)

    def transposed_currents(self, s: tuple[Activity, ...], v: tuple[Activity, ...]) -> Currents:
        below, above, along = s[self.target], s[self.source], v[self.target]
        # By `below` it is the derivative of a scalar's gradient, and symmetric.
        curvature = push_forward(lambda a: self.transform.transposed(a, above), below, along)
        return ((self.source, push_forward(self.transform, below, along)), (self.target, curvature))

    @property
    def lower(self) -> int:
        return self.target

    @property
    def upper(self) -> int:
        return self.source
