"""Damped inference of dual propagation: slower where weights are large.

With `alpha != 1/2` the mean of a dyad feeds back on itself, and undamped sweeps of the original
dual propagation may diverge. The authors' remedy damps layer `k` by `1 / (1 + L_k)` with
`L_k = max(0, gamma_k^2 - 1) / 2 |1 - 2 alpha|` and the spectral norm `gamma_k` of the weights that
the layer sends its activity through (two_tales2024, damped DP). The equilibrium is the same.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PyTree

from ..dynamics.dual import AbstractDual
from ..dynamics.dynamics import Dynamics
from ..errors import check_at_least
from ..networks.complexity import real_dtype
from ..networks.network import AbstractNetwork, State
from ..settings import Number, optional_number
from .iterations import SequentialIteration
from .orders import AbstractOrder, ZigZag
from .relaxation import AbstractRelaxation


class LipschitzDamping(AbstractRelaxation):
    """Sweeps over the layers of a dual network, each layer damped by its weights.

    The power method finds each spectral norm anew for every batch, because weights learn.

    Args:
        tolerance: Residual at which a sample has settled, a change of activity; None for the
            precision's default.
        max_steps: Number of steps after which the solve gives up.
        order: In what order the populations are visited.
        iterations: Of the power method, for each spectral norm; 3 are the authors'.

    Raises:
        ValueError: a number is not positive.
        TypeError: by `solve`, for a network that is not dual.

    Source: two_tales2024, damped dual propagation.

    Example:
        >>> damping = osciprop.equilibria.LipschitzDamping()
        >>> method = osciprop.DualPropagation(0.2, relaxation=damping)
        >>> bool(osciprop.estimate_gradient(layers, x, y, method).converged)
        True
    """

    tolerance: Number | None = eqx.field(default=None, converter=optional_number)
    max_steps: int = eqx.field(default=200, static=True)
    order: AbstractOrder = ZigZag()
    iterations: int = eqx.field(default=3, static=True)

    def __check_init__(self) -> None:
        check_at_least("max_steps", self.max_steps, 1, "an iteration needs a step")
        check_at_least("iterations", self.iterations, 1, "the power method needs an iteration")

    def run(
        self, dynamics: Dynamics, u: State, tolerance: Float[Array, ""]
    ) -> tuple[State, Int[Array, ""], Float[Array, ""]]:
        dual = dynamics.network
        if not isinstance(dual, AbstractDual):
            raise TypeError(
                f"LipschitzDamping is made for dual networks, not for {type(dual).__name__}: use "
                "SequentialIteration(damping=...)"
            )
        damping = layer_damping(dual, u, dynamics.drive, self.iterations)
        sweeps = SequentialIteration(1.0, self.tolerance, self.max_steps, self.order)
        damped = eqx.tree_at(lambda tree: tree.damping, sweeps, damping)
        return damped.run(dynamics, u, tolerance)


def layer_damping(
    dual: AbstractDual, u: State, drive: PyTree, iterations: int
) -> Float[Array, " populations"]:
    """`1 / (1 + L_k)` of every population, for dyads at potentials `u`."""
    s = dual.activity(u)
    dtype = real_dtype(s)
    norms = sending_norms(dual.network, dual.mean(s), drive, iterations)
    asymmetry = jnp.abs(1 - 2 * jnp.broadcast_to(dual.alpha.astype(dtype), norms.shape))
    return 1 / (1 + jnp.maximum(norms**2 - 1, 0) / 2 * asymmetry)


def sending_norms(
    network: AbstractNetwork, s: State, drive: PyTree, iterations: int
) -> Float[Array, " populations"]:
    """The spectral norms of the weights that each population sends its activity through.

    By the power method, matrix-free, at the first sample's activity (dense synapses are the same
    for all); a lower bound that rises with `iterations`.
    """
    first = jax.tree.map(lambda leaf: leaf[:1].real, s)
    inflow = jax.tree.map(lambda leaf: leaf[:1], drive)
    _, push = jax.linearize(lambda seen: network.current(seen, inflow), first)
    pull = jax.linear_transpose(push, first)
    leaves, structure = jax.tree.flatten(first)

    def norm_of(place: int) -> Array:
        def only(leaf: Array) -> State:
            kept = [leaf if k == place else 0 * other for k, other in enumerate(leaves)]
            return jax.tree.unflatten(structure, kept)

        def body(_: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
            (back,) = pull(push(only(carry[0])))
            after = jax.tree.leaves(back)[place]
            size = jnp.linalg.norm(after.ravel())
            tiny = jnp.finfo(after.dtype).tiny
            return after / jnp.maximum(size, tiny), jnp.sqrt(size)

        # A direction without structure, the same every time.
        start = jax.random.normal(jax.random.PRNGKey(0), leaves[place].shape, leaves[place].dtype)
        unit = start / jnp.linalg.norm(start.ravel())
        zero = jnp.zeros((), dtype=unit.dtype)
        return jax.lax.fori_loop(0, iterations, body, (unit, zero))[1]

    return jnp.stack([norm_of(place) for place in range(len(leaves))])
