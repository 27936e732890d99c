"""Asymmetric networks that respond to a nudge by their adjoint.

The response of an equilibrium to a nudge is `ds/dbeta = J^-1 dC/ds`; the gradient needs
`J^-T dC/ds`. Less twice the antisymmetric part of the Jacobian, `-2 A (s - s0)` with
`A = (J - J^T) / 2` at the free equilibrium `s0`, the linearised dynamics have J^T in place of J,
and the same equilibrium and stability (nonconservative2026, asymmetric EP). All of it in activity
space: `A` is that of `d current / d s`, since what remains of J there is diagonal.

The correction is holomorphic, so it works on the whole contour. `s0` comes from a free phase
(`Corrected`), from a free compartment beside each neuron (`FreeCompanion`), or from the neuron's
own running mean (`RunningMean`); the last two need no phases. `Dyad` has the adjoint as a state.

No Jacobian is formed: products with it come from `jax.jvp` and `jax.vjp`.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact, PyTree

from ..errors import check_positive
from ..networks.complexity import complex_like
from ..networks.costs import Targets
from ..networks.extensions import AbstractDoubled, AbstractExtension
from ..networks.network import AbstractNetwork, State
from ..networks.trees import sample_products
from ..settings import Number, number
from .dynamics import cost_force

MEAN_REMEDY = "give several periods of the teaching signal, in units of time"


def jacobian_product(network: AbstractNetwork, s: State, drive: PyTree, v: State) -> State:
    """`(d current / d s) v` at activity `s`, per sample; holomorphic for complex `v`."""
    at = complex_like(s, v)
    return jax.jvp(lambda activity: network.current(activity, drive), (at,), (v,))[1]


def transposed_product(network: AbstractNetwork, s: State, drive: PyTree, v: State) -> State:
    """`(d current / d s)^T v` at activity `s`, per sample: a transpose, never Hermitian."""
    return network.transposed(complex_like(s, v), drive, v)


def antisymmetric_product(network: AbstractNetwork, s: State, drive: PyTree, v: State) -> State:
    """`A v` with `A = (J - J^T) / 2` at activity `s`, per sample.

    Args:
        network: Any network.
        s: Activities, a pytree of arrays with a leading batch axis.
        drive: `network.drive(x)`.
        v: What is multiplied, like `s`.

    Returns:
        `A v`, like `s`.

    Example:
        >>> free = osciprop.relax(network, x)
        >>> drive = network.drive(jnp.asarray(x))
        >>> product = osciprop.dynamics.antisymmetric_product(network, free.s, drive, free.s)
        >>> float(jnp.abs(product[0]).max()) < 1e-12  # reciprocal synapses
        True
    """
    forward = jacobian_product(network, s, drive, v)
    backward = transposed_product(network, s, drive, v)
    return jax.tree.map(lambda a, b: (a - b) / 2, forward, backward)


def corrected_current(network: AbstractNetwork, s: State, reference: State, drive: PyTree) -> State:
    """`current(s) - 2 A (s - reference)`, `A` taken at the reference.

    The correction is physics, not something to learn: parameters have no derivative through it.
    """
    still, still_drive = jax.lax.stop_gradient((eqx.filter(network, eqx.is_array), drive))
    frozen = eqx.combine(still, network)
    offset = jax.tree.map(lambda a, b: a - b, s, complex_like(reference, s))
    turned = antisymmetric_product(frozen, reference, still_drive, offset)
    return jax.tree.map(lambda a, b: a - 2 * b, network.current(s, drive), turned)


class Corrected(AbstractExtension):
    """A network with the correction of asymmetric EP about a given activity.

    Nudged with a small `beta`, its activity moves by `beta J^-T dC/ds`.

    Args:
        network: Any network.
        reference: The free activity `s0` of the batch that the network is used with.

    Source: nonconservative2026, asymmetric EP.

    Example:
        >>> free = osciprop.relax(directed, x)
        >>> corrected = osciprop.dynamics.Corrected(directed, free.s)
        >>> bool(osciprop.relax(corrected, x).converged.all())
        True
    """

    network: AbstractNetwork
    reference: State

    def drive(self, x: Float[Array, "batch ..."]) -> tuple[PyTree, State]:
        return self.network.drive(x), self.reference

    def current(self, s: State, drive: tuple[PyTree, State]) -> State:
        inner, reference = drive
        return corrected_current(self.network, s, reference, inner)


class FreeCompanion(AbstractDoubled):
    """A network in which every neuron has a free companion compartment, which is never nudged.

    States are pairs (taught, free). The companion carries the free activity while the other
    oscillates, so that nothing ever waits for a free phase. Stable wherever the network is.

    Args:
        network: Any network.

    Example:
        >>> taught, free = osciprop.relax(osciprop.dynamics.FreeCompanion(directed), x).s
        >>> bool(jnp.allclose(taught[0], free[0]))
        True
    """

    network: AbstractNetwork

    def around(self, u: State) -> tuple[State, State]:
        return u, u

    def current(self, s: tuple[State, State], drive: PyTree) -> tuple[State, State]:
        taught, free = s
        still, still_drive = jax.lax.stop_gradient((eqx.filter(self.network, eqx.is_array), drive))
        companion = eqx.combine(still, self.network).current(free, still_drive)
        return corrected_current(self.network, taught, free, drive), companion


class RunningMean(AbstractDoubled):
    """A network in which every neuron keeps the running mean of its own activity.

    States are pairs (potential, mean); `tau_m dm/dt = s - m` with `tau_m = time_constant`. The mean
    takes the place of the free activity in the correction. It obeys
    `tau_m dm/dt = -J^-T J (m - s0)`, and so finds the free activity only if all eigenvalues of
    `J^-T J` have positive real parts (`running_mean_stability`); else it drifts away, and
    `FreeCompanion` is the one to use.

    Args:
        network: Any network.
        time_constant: Of the mean, in units of time: several periods of the teaching signal.

    Raises:
        ValueError: the time constant is not positive.

    Example:
        >>> float(osciprop.dynamics.RunningMean(directed, 300.0).slowest())
        300.0
    """

    network: AbstractNetwork
    time_constant: Number = eqx.field(converter=number)

    def __check_init__(self) -> None:
        check_positive("time_constant", self.time_constant, MEAN_REMEDY)

    def around(self, u: State) -> tuple[State, State]:
        return u, self.network.activity(u)

    def activity(self, u: tuple[State, State]) -> tuple[State, State]:
        return self.network.activity(u[0]), u[1]

    def current(self, s: tuple[State, State], drive: PyTree) -> tuple[State, State]:
        now, mean = s
        return corrected_current(self.network, now, mean, drive), now

    def velocity(self, u: tuple[State, State], current: tuple[State, State]) -> tuple[State, State]:
        def follow(mean: Array, now: Array) -> Array:
            return (now - mean) / self.time_constant.astype(mean.dtype)

        return self.network.velocity(u[0], current[0]), jax.tree.map(follow, u[1], current[1])

    def slowest(self) -> Float[Array, ""]:
        return jnp.maximum(self.network.slowest(), self.time_constant)


class Dyad(AbstractDoubled):
    """A network in which every neuron has a second compartment that carries the adjoint.

    `dm/dt = F(m)` and `dd/dt = J(m)^T d - beta dC/dm`: the mean `m` of the dyad is the free
    network, the difference `d` settles at `beta J^-T dC/ds` for any finite `beta`
    (nonconservative2026, dyadic EP). States are pairs (mean, difference), as potentials `(u, w)`
    with the activity `d = sigma'(u) w`: that of the difference of two neurons at `u +- w / 2`, to
    first order. The teaching signal acts on the difference alone.

    Args:
        network: Any network.

    Source: nonconservative2026, dyadic EP.

    Example:
        >>> mean, difference = osciprop.relax(osciprop.dynamics.Dyad(directed), x).s
        >>> float(jnp.abs(difference[0]).max())
        0.0
    """

    network: AbstractNetwork

    def around(self, u: State) -> tuple[State, State]:
        return u, jax.tree.map(jnp.zeros_like, u)

    def activity(self, u: tuple[State, State]) -> tuple[State, State]:
        return jax.jvp(self.network.activity, (u[0],), (u[1],))

    def current(self, s: tuple[State, State], drive: PyTree) -> tuple[State, State]:
        mean, difference = s
        return (
            self.network.current(mean, drive),
            transposed_product(self.network, mean, drive, difference),
        )

    def cost(self, s: tuple[State, State], y: Targets) -> Inexact[Array, " batch"]:
        """The difference of the cost between the two neurons of each dyad, to first order, as a
        function of their difference alone.
        """
        mean, difference = s
        slope = jax.lax.stop_gradient(cost_force(self.network, mean, y))
        return sample_products(difference, slope)
