"""Adversarial inputs: attacks that climb the cost, and the accuracy under them.

An attack looks for the input of the highest cost close to the given one; what it finds bounds the
worst case from below, and the accuracy under it bounds the robust accuracy from above.
"""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Int, PRNGKeyArray

from ..dynamics.stochastic import numbered_key
from ..equilibria.attempts import at_once_or
from ..equilibria.own import OwnRelaxation
from ..equilibria.relaxation import AbstractRelaxation
from ..errors import check_at_least, check_not_negative, check_positive, is_traced
from ..gradients import AbstractGradientMethod, Implicit
from ..gradients.inputs import finite_samples, input_gradient, require_solved
from ..networks.costs import Targets
from ..networks.network import AbstractNetwork
from ..networks.preparation import prepare_pair
from ..networks.trees import keep_samples
from ..settings import Module, Number, number
from .evaluation import evaluate


class AbstractAttack(Module):
    """A way to change inputs so that a network errs.

    Example:
        >>> issubclass(osciprop.training.FastGradientSign, osciprop.training.AbstractAttack)
        True
    """

    @abc.abstractmethod
    def perturb(
        self,
        network: AbstractNetwork,
        x: ArrayLike,
        y: ArrayLike,
        *,
        key: PRNGKeyArray | None = None,
        throw: bool = True,
    ) -> Float[Array, "batch ..."]:
        """Changed inputs, shaped as `x`, for targets `y` that the network is to miss.

        `key` is the source of randomness, for attacks that have any. Raises `ConvergenceError` if a
        gradient that the attack needs was not found; inside `jit` that sample is NaN instead. With
        `throw=False` the attack goes by what was reached, and is weak or, with `Implicit`, none.
        """


def check_ball(radius: Number, low: Number, high: Number) -> None:
    """Raise `ValueError` for a negative radius or an empty range of data."""
    remedy = "give the largest change of any input, 0 for none"
    check_not_negative("radius", radius, remedy)
    if not is_traced((low, high)) and not low < high:
        raise ValueError(f"low is {low} and high is {high}: low must be below high")


def sign_ascent(
    network: AbstractNetwork,
    x: ArrayLike,
    y: ArrayLike,
    attack: "FastGradientSign | ProjectedGradient",
    step: Number,
    steps: int,
    key: PRNGKeyArray | None,
    throw: bool,
) -> Float[Array, "batch ..."]:
    """The input after `steps` along the sign of the gradient, in the ball and the range of the
    data of the `attack`, from `x` or, with a `key`, from a random point of the ball.
    """
    inputs, targets = prepare_pair(network, x, y)
    radius, low, high, step = (
        value.astype(inputs.dtype) for value in (attack.radius, attack.low, attack.high, step)
    )
    check_range(inputs, low, high)
    lower, upper = jnp.maximum(inputs - radius, low), jnp.minimum(inputs + radius, high)
    start = inputs
    if key is not None:
        away = jax.random.uniform(key, inputs.shape, inputs.dtype, -1, 1)
        start = jnp.clip(inputs + radius * away, lower, upper)
    count = jnp.asarray(steps)  # traced: any number of steps is one program

    def climb(method: AbstractGradientMethod) -> tuple[Array, Array]:
        return ascend(network, start, targets, step, count, lower, upper, method, throw)

    if not throw:  # then what was not solved shows nowhere
        moved, _ = climb(attack.method)
        return moved
    moved, solved = at_once_or(network, attack.method, climb, lambda found: found[1])
    moved = keep_samples(solved, moved, jnp.nan)
    require_solved(
        moved,
        "the gradient by the input",
        "method=osciprop.Implicit(relaxation=...) with another relaxation or more max_steps, "
        "or throw=False, which goes by what was reached",
    )
    return moved


@eqx.filter_jit
def ascend(
    network: AbstractNetwork,
    start: Float[Array, "batch ..."],
    y: Targets,
    step: Number,
    steps: Int[Array, ""],
    lower: Float[Array, "batch ..."],
    upper: Float[Array, "batch ..."],
    method: AbstractGradientMethod,
    throw: bool,
) -> tuple[Float[Array, "batch ..."], Bool[Array, " batch"]]:
    """Where sign ascent ends, and which samples had all their gradients solved.

    What has no finite gradient stays where it is, so that the other samples are not affected.
    """

    def body(_: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        moved, solved = carry
        slope = input_gradient(network, moved, y, method, throw=throw)
        ascent = jnp.where(jnp.isfinite(slope), step * jnp.sign(slope), 0)
        return jnp.clip(moved + ascent, lower, upper), solved & finite_samples(slope)

    solved = jnp.ones(start.shape[0], dtype=bool)
    return jax.lax.fori_loop(0, steps, body, (start, solved))


def check_range(x: Float[Array, "batch ..."], low: Number, high: Number) -> None:
    """Raise `ValueError` for values outside of the range."""
    if is_traced((x, low, high)):
        return
    if x.min() < low or x.max() > high:
        raise ValueError(
            f"x holds values from {float(x.min()):.4g} to {float(x.max()):.4g}, outside of "
            f"low={float(low):.4g} to high={float(high):.4g}: give the attack the range of the "
            "data (-inf and inf for data without one)"
        )


class FastGradientSign(AbstractAttack):
    """The fast gradient sign method (FGSM): one step of `radius` along the gradient's sign.

    For a cost that is linear in the input it is the worst case.

    Args:
        radius: Largest change of any input, in units of the input, not negative.
        low: Smallest value that data have, and changed data may have.
        high: Largest value.
        method: What finds the gradient of the cost by the input.

    Raises:
        ValueError: the radius is negative or the range empty; by `perturb`, data lie outside of it
            (inside `jit` they are brought into it).

    Source: Goodfellow, Shlens and Szegedy 2015, arXiv 1412.6572.

    Example:
        >>> moved = osciprop.training.FastGradientSign(0.1).perturb(network, x, y)
        >>> bool((abs(moved - x) <= 0.1 + 1e-12).all())
        True
    """

    radius: Number = eqx.field(converter=number)
    low: Number = eqx.field(default=0.0, converter=number)
    high: Number = eqx.field(default=1.0, converter=number)
    method: AbstractGradientMethod = Implicit()

    def __check_init__(self) -> None:
        check_ball(self.radius, self.low, self.high)

    def perturb(
        self,
        network: AbstractNetwork,
        x: ArrayLike,
        y: ArrayLike,
        *,
        key: PRNGKeyArray | None = None,
        throw: bool = True,
    ) -> Float[Array, "batch ..."]:
        return sign_ascent(network, x, y, self, self.radius, 1, None, throw)


class ProjectedGradient(AbstractAttack):
    """Projected gradient ascent (PGD) in the maximum norm: `steps` of size `step`, each brought
    back to within `radius` of the input.

    It starts at the input or, if `perturb` is given a key, at a random point of the ball.

    Args:
        radius: Largest change of any input, in units of the input, not negative.
        step: Size of a step, above 0; about `2.5 radius / steps` reaches the whole ball.
        steps: Number of steps, at least 1.
        low: Smallest value that data have, and changed data may have.
        high: Largest value.
        method: What finds the gradient of the cost by the input.

    Raises:
        ValueError: a number is out of its range; by `perturb`, data lie outside of it (inside `jit`
            they are brought into it).

    Source: Madry et al. 2018, arXiv 1706.06083.

    Example:
        >>> moved = osciprop.training.ProjectedGradient(0.1, 0.05, 2).perturb(network, x, y)
        >>> bool((abs(moved - x) <= 0.1 + 1e-12).all())
        True
    """

    radius: Number = eqx.field(converter=number)
    step: Number = eqx.field(converter=number)
    steps: int = eqx.field(static=True)
    low: Number = eqx.field(default=0.0, converter=number)
    high: Number = eqx.field(default=1.0, converter=number)
    method: AbstractGradientMethod = Implicit()

    def __check_init__(self) -> None:
        check_ball(self.radius, self.low, self.high)
        check_positive("step", self.step, "about 2.5 radius / steps reaches the whole ball")
        check_at_least("steps", self.steps, 1, "an ascent needs a step")

    def perturb(
        self,
        network: AbstractNetwork,
        x: ArrayLike,
        y: ArrayLike,
        *,
        key: PRNGKeyArray | None = None,
        throw: bool = True,
    ) -> Float[Array, "batch ..."]:
        return sign_ascent(network, x, y, self, self.step, self.steps, key, throw)


def adversarial_accuracy(
    network: AbstractNetwork,
    x: ArrayLike,
    y: ArrayLike,
    attack: AbstractAttack,
    *,
    batch_size: int = 500,
    relaxation: AbstractRelaxation = OwnRelaxation(),
    key: PRNGKeyArray | None = None,
    throw: bool = True,
) -> float:
    """The fraction of samples that the network gets right after an attack.

    Args:
        network: The network: `osciprop.Network`, or one of the user's own.
        x: Inputs, `(batch, features)`, or of whatever shape the network takes.
        y: Targets: integer labels `(batch,)`, or rows `(batch, outputs)`.
        attack: How inputs are changed.
        batch_size: Number of samples at a time.
        relaxation: How equilibria of changed inputs are found, as in `osciprop.evaluate`.
        key: Source of random starts; None to start at the inputs.
        throw: Whether a gradient that was not found is an error.

    Returns:
        The accuracy at the changed inputs.

    Raises:
        ConvergenceError: a gradient that the attack needs was not found.
        ValueError: the batch size is below 1, or as `attack.perturb`.

    Example:
        >>> attack = osciprop.training.FastGradientSign(0.1)
        >>> accuracy = osciprop.training.adversarial_accuracy(network, x, y, attack)
        >>> 0 <= accuracy <= 1
        True
    """
    check_at_least("batch_size", batch_size, 1, "attack at least one sample at a time")
    inputs, targets = (np.asarray(array) for array in prepare_pair(network, x, y))
    correct = 0.0
    for start in range(0, len(inputs), batch_size):
        clean, wanted = inputs[start : start + batch_size], targets[start : start + batch_size]
        own = numbered_key(key, start)
        moved = np.asarray(attack.perturb(network, clean, wanted, key=own, throw=throw))
        found = evaluate(network, moved, wanted, relaxation=relaxation, batch_size=batch_size)
        correct += found.accuracy * len(clean)
    return correct / len(inputs)
