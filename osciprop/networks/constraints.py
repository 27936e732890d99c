"""Constraints: parameters that are functions of free numbers, so that every step of an optimizer
keeps to them.

Conductances are positive, the synapses of one neuron have one sign (Dale's law), couplings are
symmetric, weights on a chip have bounds and levels. A constraint maps free numbers to such values;
`constrain` puts one in the place of an array of a network. Gradients, optimizers and `osciprop.fit`
then see the free numbers, by the chain rule, and every method sees the values.
"""

import abc
from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, PyTree

from ..errors import check_instance, is_traced, shown
from ..settings import Module
from .extensions import AbstractExtension
from .network import AbstractNetwork


class AbstractConstraint(Module):
    """A map from free numbers to the values of a parameter, of the same shape.

    Example:
        >>> class Halves(osciprop.networks.AbstractConstraint):
        ...     def __call__(self, free):
        ...         return free / 2
        ...     def free(self, value):
        ...         return 2 * value
        >>> weight = lambda net: net.synapses[1].weight
        >>> halves = osciprop.networks.constrain(network, weight, Halves())
        >>> bool(jnp.allclose(halves.network.synapses[1].weight, network.synapses[1].weight))
        True
    """

    learned: ClassVar[bool] = True
    """Whether the free numbers are learned where the parameter is."""

    @abc.abstractmethod
    def __call__(self, free: Float[Array, "..."]) -> Float[Array, "..."]:
        """The values that free numbers stand for."""

    @abc.abstractmethod
    def free(self, value: Float[Array, "..."]) -> Float[Array, "..."]:
        """Free numbers that stand for values. Raises `ValueError` where there are none."""


class Positive(AbstractConstraint):
    """Values above zero: `log(1 + exp(free))`, for conductances and couplings of one sign.

    Example:
        >>> bool((osciprop.networks.Positive()(jnp.asarray([-30.0, 0.0, 5.0])) > 0).all())
        True
    """

    def __call__(self, free: Float[Array, "..."]) -> Float[Array, "..."]:
        return jax.nn.softplus(free)

    def free(self, value: Float[Array, "..."]) -> Float[Array, "..."]:
        require_values(value > 0, value, "Positive", "above 0")
        return value + jnp.log(-jnp.expm1(-value))


class Signed(AbstractConstraint):
    """Values of given signs and free sizes: `sign * log(1 + exp(free))`, Dale's law for neurons.

    Args:
        signs: 1, -1, or 0 for a connection that is not there; of any shape that broadcasts to that
            of the parameter: `(units of the source, 1)` where every neuron excites or inhibits.

    Raises:
        ValueError: a sign is none of the three.

    Source: Dale's law, as in Song, Yang and Wang 2016.

    Example:
        >>> signs = np.asarray([[1], [-1]])  # one excitatory neuron, one inhibitory
        >>> np.asarray(osciprop.networks.Signed(signs)(jnp.zeros((2, 3)))).round(2).tolist()
        [[0.69, 0.69, 0.69], [-0.69, -0.69, -0.69]]
    """

    signs: Any = eqx.field(converter=lambda value: _whole(value))

    def __check_init__(self) -> None:
        if not isinstance(self.signs, np.ndarray) or not np.isin(self.signs, (-1, 0, 1)).all():
            raise ValueError(f"signs is {shown(self.signs)}: give an array of 1, -1 and 0")

    def __call__(self, free: Float[Array, "..."]) -> Float[Array, "..."]:
        return jnp.asarray(self.signs, dtype=free.dtype) * jax.nn.softplus(free)

    def free(self, value: Float[Array, "..."]) -> Float[Array, "..."]:
        signs = jnp.broadcast_to(jnp.asarray(self.signs, dtype=value.dtype), value.shape)
        fits = jnp.where(signs == 0, value == 0, signs * value > 0)
        require_values(fits, value, "Signed", "of the given signs, and 0 where these are 0")
        size = jnp.where(signs == 0, 1, signs * value)
        return size + jnp.log(-jnp.expm1(-size))


class Symmetric(AbstractConstraint):
    """A square matrix that is its own transpose, `(free + free^T) / 2`, with zeros on the diagonal.

    Example:
        >>> osciprop.networks.Symmetric()(jnp.asarray([[1.0, 2.0], [0.0, 3.0]])).tolist()
        [[0.0, 1.0], [1.0, 0.0]]
    """

    def __call__(self, free: Float[Array, "units units"]) -> Float[Array, "units units"]:
        mean = (free + free.T) / 2
        return mean - jnp.diag(jnp.diag(mean))

    def free(self, value: Float[Array, "..."]) -> Float[Array, "..."]:
        if value.ndim != 2 or value.shape[0] != value.shape[1]:
            raise ValueError(f"a Symmetric parameter is a square matrix, got shape {value.shape}")
        require_values(
            value == self(value), value, "Symmetric", "symmetric, with zeros on the diagonal"
        )
        return value


class Masked(AbstractConstraint):
    """Values that are zero where there is no connection: sparse connectivity.

    Args:
        mask: True where there is a connection; of the parameter's shape, or one that broadcasts.

    Example:
        >>> osciprop.networks.Masked(np.asarray([[True, False]]))(jnp.ones((2, 2))).tolist()
        [[1.0, 0.0], [1.0, 0.0]]
    """

    mask: Bool[np.ndarray, "..."] = eqx.field(converter=lambda value: np.asarray(value, dtype=bool))

    def __call__(self, free: Float[Array, "..."]) -> Float[Array, "..."]:
        return jnp.where(self.mask, free, 0)

    def free(self, value: Float[Array, "..."]) -> Float[Array, "..."]:
        require_values(value == self(value), value, "Masked", "0 where the mask is False")
        return value


class Fixed(AbstractConstraint):
    """Values that are not learned: they stay what they are, and still have a gradient.

    Example:
        >>> weight = lambda net: net.synapses[1].weight
        >>> fixed = osciprop.networks.constrain(network, weight, osciprop.networks.Fixed())
        >>> weight(fixed.trainable().free).numbers
        False
    """

    learned: ClassVar[bool] = False

    def __call__(self, free: Float[Array, "..."]) -> Float[Array, "..."]:
        return free

    def free(self, value: Float[Array, "..."]) -> Float[Array, "..."]:
        return value


class Composed(AbstractConstraint):
    """One constraint after another, as `constrain` makes of two on one parameter.

    Args:
        inner: What is made of free numbers.
        outer: What is made of that.

    Example:
        >>> from osciprop.networks import Composed, Positive, Symmetric
        >>> both = Composed(Symmetric(), Positive())
        >>> np.asarray(both(jnp.asarray([[0.0, 1.0], [3.0, 0.0]]))).round(2).tolist()
        [[0.69, 2.13], [2.13, 0.69]]
    """

    inner: AbstractConstraint
    outer: AbstractConstraint

    @property
    def learned(self) -> bool:  # type: ignore[override]
        """Whether both allow it."""
        return self.inner.learned and self.outer.learned

    def __call__(self, free: Float[Array, "..."]) -> Float[Array, "..."]:
        return self.outer(self.inner(free))

    def free(self, value: Float[Array, "..."]) -> Float[Array, "..."]:
        return self.inner.free(self.outer.free(value))


class Constraint(Module):
    """Free numbers in the place of a parameter of a network, and what they stand for."""

    numbers: PyTree[Array]
    constraint: AbstractConstraint


class Constrained(AbstractExtension):
    """A network some of whose parameters are functions of free numbers; made by `constrain`.

    `constrained.network` is the network with the values themselves.

    Args:
        free: The network, with free numbers and their constraint in the place of parameters.

    Example:
        >>> weight = lambda net: net.synapses[1].weight
        >>> positive = osciprop.networks.Positive()
        >>> positive = osciprop.networks.constrain(network, weight, positive, value=0.1)
        >>> bool((positive.network.synapses[1].weight > 0).all())
        True
    """

    free: AbstractNetwork

    @property  # type: ignore[misc] # Equinox allows a property for an abstract variable
    def network(self) -> AbstractNetwork:  # type: ignore[override]
        """The network that the free numbers stand for."""
        return jax.tree.map(_value, self.free, is_leaf=_is_constraint)

    def phi(self, s: PyTree, x: Array) -> Array:
        return self.network.phi(s, x)

    def phi_about(self, center: PyTree, s: PyTree, x: Array) -> Array:
        return self.network.phi_about(center, s, x)

    def transposed(self, s: PyTree, drive: PyTree, v: PyTree) -> PyTree:
        return self.network.transposed(s, drive, v)

    def energy_obstacle(self) -> str:
        return self.network.energy_obstacle()

    def sweeps_tell_stability(self) -> bool:
        return self.network.sweeps_tell_stability()

    def metric(self, y: np.ndarray, outputs: int) -> Any:
        return self.network.metric(y, outputs)

    def trainable(self) -> PyTree[bool]:
        def each(part: Any, learned: bool) -> Any:
            if not _is_constraint(part):
                return learned
            frozen = jax.tree.map(lambda _: False, part)
            numbers = jax.tree.map(
                lambda leaf: learned and part.constraint.learned and eqx.is_inexact_array(leaf),
                part.numbers,
            )
            return eqx.tree_at(lambda tree: tree.numbers, frozen, numbers)

        learned = jax.tree.map(each, self.free, self.network.trainable(), is_leaf=_is_constraint)
        return Constrained(free=learned)  # type: ignore[call-arg]


def constrain(
    network: AbstractNetwork,
    where: Callable[[Any], Array],
    constraint: AbstractConstraint,
    *,
    value: ArrayLike | None = None,
) -> Constrained:
    """A network with a constraint on one of its parameters.

    Args:
        network: The network; or a constrained one, for a further parameter.
        where: The parameter, an array, of the network: `lambda net: net.synapses[1].weight`.
        constraint: What its values are as a function of free numbers.
        value: The values to begin with; None for those that the parameter has.

    Returns:
        The network with free numbers in the parameter's place, to be used, trained and saved as
        any other.

    Raises:
        ValueError: no free numbers stand for the values.
        TypeError: `where` leads to no array, or `constraint` is none.

    Example:
        >>> excitatory = osciprop.networks.Signed(np.ones((6, 1), dtype=int))
        >>> weight = lambda net: net.synapses[1].weight
        >>> excitatory = osciprop.networks.constrain(network, weight, excitatory, value=0.1)
        >>> found = osciprop.estimate_gradient(excitatory, x, y, osciprop.Implicit())
        >>> bool(found.equilibrium.converged.all())
        True
    """
    check_instance("network", network, AbstractNetwork)
    check_instance("constraint", constraint, AbstractConstraint)
    inside = network.free if isinstance(network, Constrained) else network
    old = where(inside)
    if isinstance(old, Constraint):
        constraint = Composed(old.constraint, constraint)
        old = _value(old)
    if not eqx.is_inexact_array(old):
        raise TypeError(
            f"where leads to {shown(old)}: lead to an array of the network, as by "
            "lambda net: net.synapses[1].weight"
        )
    values = old if value is None else jnp.broadcast_to(jnp.asarray(value, old.dtype), old.shape)
    held = Constraint(constraint.free(values), constraint)
    return Constrained(free=eqx.tree_at(where, inside, held))  # type: ignore[call-arg]


def _is_constraint(part: Any) -> bool:
    return isinstance(part, Constraint)


def _value(part: Any) -> Any:
    return part.constraint(part.numbers) if _is_constraint(part) else part


def _whole(value: Any) -> Any:
    array = np.asarray(value)
    whole = array.dtype.kind in "iuf" and bool((array == np.round(array)).all())
    return array.astype(np.int8) if whole else value


def require_values(fits: Bool[Array, "..."], value: Array, name: str, asked: str) -> None:
    """Raise `ValueError` for known values of a parameter that do not fit its constraint `name`."""
    if is_traced((fits, value)) or bool(jnp.all(fits)):
        return
    wrong = np.asarray(value)[~np.asarray(fits)]
    raise ValueError(
        f"{wrong.size} of {value.size} values of the parameter are not {asked}, such as "
        f"{wrong.flat[0]:.4g}: give `value` to begin with others that osciprop.networks."
        f"{name} takes"
    )
