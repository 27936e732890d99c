"""An equilibrium as a layer of a larger computation, differentiated by any method of this package.

The layer's output is that of its network at rest. What the computation behind it sends back, the
cotangent `c` of the output, is the slope of a cost that is linear in the output, `C = c . output`.
Under that cost a method finds the gradient by the network's parameters as under any other, and the
gradient by the clamped input as that of one more parameter, in the same pass.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Inexact, Int, PRNGKeyArray, PyTree

from ..dynamics.dynamics import Dynamics
from ..equilibria.own import OwnRelaxation
from ..equilibria.relaxation import AbstractRelaxation, judge
from ..equilibria.relaxing import relax
from ..equilibria.solution import Solution, require_converged
from ..errors import check_finite, is_traced
from ..networks.complexity import complex_like
from ..networks.costs import Targets
from ..networks.extensions import AbstractExtension
from ..networks.network import AbstractNetwork, Scores, State
from ..networks.preparation import prepare
from ..networks.trees import keep_samples, sample_norms, scaled
from ..settings import Module, Number
from .estimate import AbstractGradientMethod, cost_gradient, estimate_gradient
from .reference import Implicit


class _LinearReading(AbstractExtension):
    """A network under a cost that is linear in its output: the target holds the slope.

    `shift` is added to the input. It is zero, and a parameter: whatever a method does to find the
    gradient by parameters gives that by the input too.
    """

    network: AbstractNetwork
    shift: Float[Array, "batch ..."]

    def drive(self, x: Float[Array, "batch ..."]) -> PyTree:
        return self.network.drive(x + self.shift)

    def phi(self, s: State, x: Float[Array, "batch ..."]) -> Inexact[Array, " batch"]:
        return self.network.phi(s, x + self.shift)

    def phi_about(
        self, center: State, s: State, x: Float[Array, "batch ..."]
    ) -> Inexact[Array, " batch"]:
        return self.network.phi_about(center, s, x + self.shift)

    def transposed(self, s: State, drive: PyTree, v: State) -> State:
        return self.network.transposed(s, drive, v)

    def energy_obstacle(self) -> str:
        return self.network.energy_obstacle()

    def sweeps_tell_stability(self) -> bool:
        return self.network.sweeps_tell_stability()

    def output_obstacle(self) -> str:
        return (
            "they are those of a layer, to which a slope comes back and no target. Use a method "
            "that nudges, such as osciprop.CentredEP, or osciprop.Implicit"
        )

    def cost(self, s: State, y: Targets) -> Inexact[Array, " batch"]:
        output = self.network.output(s)
        return jnp.sum(output * complex_like(y, output), axis=-1)


class _Reached(AbstractRelaxation):
    """A free equilibrium that is known already, and a relaxation for all others."""

    free: Solution
    others: AbstractRelaxation

    @property
    def tolerance(self) -> Number | None:
        return self.others.tolerance

    def run(
        self, dynamics: Dynamics, u: State, tolerance: Float[Array, ""]
    ) -> tuple[State, Int[Array, ""], Float[Array, ""]]:
        return self.others.run(dynamics, u, tolerance)

    def solve(self, dynamics: Dynamics, u: State) -> Solution:
        if dynamics.target is not None:
            return self.others.solve(dynamics, u)
        free = self.free
        # A method that moves the input asks for another equilibrium: this one is none then.
        here = judge(dynamics, free.u, free.tolerance, free.steps, free.time)
        return eqx.tree_at(lambda tree: tree.converged, free, free.converged & here.converged)

    def track(self, dynamics: Dynamics, u: State) -> Solution:
        return self.others.track(dynamics, u)

    def assess(self, dynamics: Dynamics, found: Solution) -> Solution:
        return self.others.assess(dynamics, found)


class EquilibriumLayer(Module):
    """The output of a network at its free equilibrium, as a function of parameters and input that
    `jax.grad` differentiates by a method of this package.

    It composes with other layers, `jax.jit` and `jax.vmap`. What comes back to it, the slope of the
    loss by its output, nudges the network as a cost would, at the same time for the whole batch and
    scaled so that the steepest sample's slope has length 1: an `amplitude` is in units of
    that. The gradient by the parameters and by the input is the one that `method` finds: exact for
    `Implicit`, and else as exact as the method is. What `network.trainable()` leaves out has a
    gradient of zero. First derivatives only, in reverse mode.

    The cost of the network has no part in it, but for what its `output` reads. Methods with complex
    nudges need an `output` that is holomorphic.

    Args:
        network: The network: `osciprop.Network`, or one of the user's own.
        method: What finds the gradient. It starts from the free equilibrium of the layer; its own
            relaxation finds the nudged ones.
        relaxation: How the free equilibrium is found.
        batched: Whether inputs are batches, `(batch, ...)`; if not they are single samples, as
            Equinox's own layers take them, for `jax.vmap`. Batches are faster.

    Raises:
        TypeError: an argument is none of its kind.
        ReciprocityError: the method needs an energy that the network has not.
        HolomorphyError: the method needs a holomorphic network.
        ConvergenceError: where it is called, an equilibrium was not found; where it is
            differentiated, the method did not converge. Inside `jit` or `vmap` nothing can be
            raised: such samples have outputs of NaN, and such gradients are NaN.

    Source: the blocks of arXiv 2409.03306 (feedforward-tied energy-based models), for any method.

    Example:
        >>> layer = osciprop.gradients.EquilibriumLayer(network)
        >>> loss = lambda layer, x: jnp.sum(layer(x) ** 2)
        >>> gradient = jax.grad(loss, argnums=1)(layer, jnp.asarray(x))
        >>> layer(x).shape, gradient.shape
        ((10, 3), (10, 4))
    """

    network: AbstractNetwork
    method: AbstractGradientMethod = Implicit()
    relaxation: AbstractRelaxation = OwnRelaxation()
    batched: bool = eqx.field(default=True, static=True, kw_only=True)

    def __check_init__(self) -> None:
        self.method.check(self.network)

    def __call__(self, x: ArrayLike, *, key: PRNGKeyArray | None = None) -> Float[Array, "..."]:
        """The outputs `(batch, outputs)`, or `(outputs,)` of a single sample.

        `key` is the source of noise, for methods that have any.
        """
        inputs, _ = prepare(self.network, x if self.batched else jnp.asarray(x)[None], None)
        self.method.check(self.network)
        self.method.check(_LinearReading(self.network, jnp.zeros_like(inputs)))
        # Numbers of methods and relaxations are no parameters.
        settings = _without_slope((self.method, self.relaxation))
        output, converged = _output((self.network, inputs), *settings, key)
        output = keep_samples(converged, output, jnp.nan)
        return output if self.batched else output[0]


def _without_slope(tree: PyTree) -> PyTree:
    return jax.tree.map(
        lambda leaf: jax.lax.stop_gradient(leaf) if eqx.is_array(leaf) else leaf, tree
    )


@eqx.filter_custom_vjp
def _output(
    given: tuple[AbstractNetwork, Float[Array, "batch ..."]],
    method: AbstractGradientMethod,
    relaxation: AbstractRelaxation,
    key: PRNGKeyArray | None,
) -> tuple[Scores, Array]:
    """The outputs of a network at rest, and which samples are."""
    output, free = _at_rest(*given, relaxation)
    return output, free.converged


@_output.def_fwd  # type: ignore[untyped-decorator]
def _forward(
    perturbed: PyTree[bool],
    given: tuple[AbstractNetwork, Float[Array, "batch ..."]],
    method: AbstractGradientMethod,
    relaxation: AbstractRelaxation,
    key: PRNGKeyArray | None,
) -> tuple[tuple[Scores, Array], Solution]:
    output, free = _at_rest(*given, relaxation)
    return (output, free.converged), free


@_output.def_bwd  # type: ignore[untyped-decorator]
def _backward(
    free: Solution,
    slopes: tuple[Scores | None, None],
    perturbed: PyTree[bool],
    given: tuple[AbstractNetwork, Float[Array, "batch ..."]],
    method: AbstractGradientMethod,
    relaxation: AbstractRelaxation,
    key: PRNGKeyArray | None,
) -> tuple[PyTree[Array], Array | None]:
    network, x = given
    slope, _ = slopes
    if slope is None:
        return jax.tree.map(lambda _: None, eqx.filter(network, eqx.is_inexact_array)), None
    check_finite("what comes back to the layer", slope, "look for what makes the loss so")
    # Nudges neither drown in round-off nor leave the circle of convergence for the size of a batch.
    steepest = jnp.max(sample_norms(slope))
    size = jnp.where(steepest > 0, steepest, 1)
    found = estimate_gradient(
        _LinearReading(network, jnp.zeros_like(x)),
        x,
        slope / size,
        _from(free, method),
        initial=free.u,
        key=key,
    )
    # Estimates are of the mean over the batch.
    gradient = scaled(size * x.shape[0], cost_gradient(found))
    return eqx.filter(gradient.network, network.trainable()), gradient.shift


def _at_rest(
    network: AbstractNetwork, x: Float[Array, "batch ..."], relaxation: AbstractRelaxation
) -> tuple[Scores, Solution]:
    free = relax(network, x, relaxation=relaxation, throw=False)
    if not is_traced(free.converged):
        require_converged(free, "the equilibrium of the layer")
    return network.output(free.s), free


def _from(free: Solution, method: AbstractGradientMethod) -> AbstractGradientMethod:
    """A method that has its free equilibrium already."""

    def is_relaxation(node: object) -> bool:
        return isinstance(node, AbstractRelaxation)

    return jax.tree.map(
        lambda node: _Reached(free, node) if is_relaxation(node) else node,
        method,
        is_leaf=is_relaxation,
    )
