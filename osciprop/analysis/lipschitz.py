"""Lipschitz constants: how much a network's scores can change per change of its input.

All in the Euclidean norm, so that a matrix counts by its spectral norm. Of a layered network, the
product of the layers' norms bounds every change of the scores (Szegedy et al., ICLR 2014, arXiv
1312.6199) where no activation is steeper than 1; the norm of the product is the estimate of
two_tales2024, that of the network made linear; and the norm of the Jacobian at an input is exact
for small changes of it, in every network.
"""

from functools import reduce

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float, Inexact, PRNGKeyArray

from ..equilibria.attempts import at_once_or
from ..equilibria.own import OwnRelaxation
from ..equilibria.relaxation import AbstractRelaxation
from ..equilibria.relaxing import relax
from ..equilibria.solution import require_converged
from ..errors import check_at_least, check_instance, check_key
from ..gradients import Implicit
from ..gradients.inputs import finite_samples, input_gradient, require_solved
from ..networks.costs import CrossEntropy, SoftmaxCrossEntropy, SquaredError, Targets
from ..networks.extensions import AbstractExtension
from ..networks.joined import Network
from ..networks.network import AbstractNetwork, State
from ..networks.preparation import prepare
from ..networks.synapses import INPUT, Directed

REMEDY = (
    "build the network with osciprop.perceptron or feedforward_mlp, or use local_lipschitz, which "
    "is for every network"
)


def _as_matrix(weight: ArrayLike) -> Float[Array, "rows columns"]:
    matrix = jnp.asarray(weight)
    if matrix.ndim != 2 or jnp.iscomplexobj(matrix):
        raise ValueError(
            f"weight has shape {matrix.shape} and type {matrix.dtype}: give a real matrix"
        )
    return matrix if jnp.issubdtype(matrix.dtype, jnp.floating) else matrix.astype(float)


def spectral_norm(weight: ArrayLike) -> Float[Array, ""]:
    """The largest singular value of a real matrix, by a singular value decomposition.

    Args:
        weight: The matrix `(rows, columns)`.

    Returns:
        A scalar.

    Raises:
        ValueError: it is not a real matrix.

    Example:
        >>> round(float(osciprop.analysis.spectral_norm(np.diag([3.0, -4.0]))), 6)
        4.0
    """
    return jnp.linalg.norm(_as_matrix(weight), ord=2)


def power_iteration(
    weight: ArrayLike, iterations: int = 50, *, key: PRNGKeyArray
) -> Float[Array, ""]:
    """The largest singular value of a real matrix from below, by the power method.

    Each iteration takes two products of the matrix with a vector, which is random at first. It
    never lowers the estimate, and lowers its error, in the end, by the fourth power of the ratio of
    the second to the first singular value. For matrices too large to decompose.

    Args:
        weight: The matrix `(rows, columns)`.
        iterations: Number of iterations, at least 1.
        key: Random key of the first vector.

    Returns:
        A scalar.

    Raises:
        ValueError: it is not a real matrix, or less than one iteration.

    Example:
        >>> found = osciprop.analysis.power_iteration(np.diag([3.0, -4.0]), key=key)
        >>> round(float(found), 6)
        4.0
    """
    matrix = _as_matrix(weight)
    check_key("key", key)
    check_at_least("iterations", iterations, 1, "the power method needs an iteration")

    def body(_: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        sent = _unit(matrix @ carry[0])
        back = matrix.T @ sent
        return _unit(back), jnp.linalg.norm(back)

    start = _unit(jax.random.normal(key, matrix.shape[1:], matrix.dtype))
    zero = jnp.zeros((), dtype=matrix.dtype)
    return jax.lax.fori_loop(0, iterations, body, (start, zero))[1]


def _unit(vector: Float[Array, " n"]) -> Float[Array, " n"]:
    """A vector at length 1; zero stays zero."""
    size = jnp.linalg.norm(vector)
    return vector / jnp.where(size > 0, size, 1)


def path_weights(network: AbstractNetwork) -> list[Float[Array, "pre post"]]:
    """The weights from input to scores of a layered network, in order.

    One from the input to the first population, one from each population to the next, and that of
    the readout if it has one.

    Raises `TypeError` for a network that is not a `Network`; `ValueError` if a synapse is
    reciprocal, skips a population or leads back, if two have the same place or one is missing, or
    if the readout is none of osciprop's own.
    """
    if not isinstance(network, Network):
        raise TypeError(
            f"network is a {type(network).__name__}: layers are those of a Network; use "
            "local_lipschitz, which is for every network"
        )
    weights: dict[int, Array] = {}
    for index, synapse in enumerate(network.synapses):
        source = "the input" if synapse.source == INPUT else f"population {synapse.source}"
        place = f"synapses[{index}], from {source} to population {synapse.target},"
        if not isinstance(synapse, Directed):
            raise ValueError(
                f"{place} is a {type(synapse).__name__}, but in a layered network without feedback "
                f"every synapse is Directed: {REMEDY}"
            )
        before = INPUT if synapse.target == 0 else synapse.target - 1
        if synapse.source != before:
            raise ValueError(
                f"{place} does not lead from one layer to the next, so the network is no chain of "
                f"layers: {REMEDY}"
            )
        if synapse.target in weights:
            raise ValueError(
                f"{place} has the same place as another: replace them by one with the sum of both "
                "weights"
            )
        weights[synapse.target] = synapse.weight
    for target in range(len(network.populations)):
        if target not in weights:
            raise ValueError(
                f"no synapse leads to population {target}, so no path from the input to the "
                f"scores: {REMEDY}"
            )
    path = [weights[target] for target in range(len(network.populations))]
    if isinstance(network.readout, SoftmaxCrossEntropy):
        return [*path, network.readout.weight]
    if isinstance(network.readout, (SquaredError, CrossEntropy)):
        return path
    raise ValueError(
        f"readout is a {type(network.readout).__name__}, whose scores need not be the activity of "
        "the last population: use local_lipschitz, which is for every network"
    )


def layer_norms(network: AbstractNetwork) -> Float[Array, " layers"]:
    """The spectral norms of all weights from input to scores of a layered network, in order.

    Their product is an upper bound of the Lipschitz constant of the scores if no activation is
    steeper than 1, as none of osciprop's is at its default.

    Args:
        network: A chain of layers, such as `perceptron` and `feedforward_mlp` build.

    Returns:
        One norm per layer, the readout's included if it has a weight.

    Raises:
        TypeError: the network is not a `Network`.
        ValueError: a synapse is reciprocal, skips a population or leads back, two have the same
            place, one is missing, or the readout is none of osciprop's own.

    Source: Szegedy et al., ICLR 2014, arXiv 1312.6199, section 4.3.

    Example:
        >>> osciprop.analysis.layer_norms(layers).shape
        (3,)
    """
    return jnp.stack([spectral_norm(weight) for weight in path_weights(network)])


def linearised_norm(network: AbstractNetwork) -> Float[Array, ""]:
    """The spectral norm of the product of all weights from input to scores of a layered network.

    The Lipschitz constant of the network with activations of slope 1. Never above the product of
    `layer_norms`; no bound for the network itself.

    Args:
        network: A chain of layers, such as `perceptron` and `feedforward_mlp` build.

    Returns:
        A scalar.

    Raises:
        TypeError: as `layer_norms`.
        ValueError: as `layer_norms`.

    Source: two_tales2024, C.3: the authors' measure `|W2 W1 W0|`.

    Example:
        >>> norm = osciprop.analysis.linearised_norm(layers)
        >>> bool(norm <= jnp.prod(osciprop.analysis.layer_norms(layers)))
        True
    """
    # From the scores, which are few, so that every product is narrow.
    return spectral_norm(reduce(lambda product, w: w @ product, reversed(path_weights(network))))


class _Reading(AbstractExtension):
    """A network whose cost is the sum of its scores, weighted by the target."""

    network: AbstractNetwork

    def cost(self, s: State, y: Targets) -> Inexact[Array, " batch"]:
        return jnp.sum(self.network.output(s) * y, axis=-1)


def local_lipschitz(
    network: AbstractNetwork, x: ArrayLike, *, relaxation: AbstractRelaxation = OwnRelaxation()
) -> Float[Array, " batch"]:
    """The spectral norm of `d output / dx` at the free equilibrium of each input.

    For any network, layered or recurrent: the equation of the adjoint is solved once per output,
    and the Jacobians, `(batch, outputs, features)` numbers, decomposed. The largest over many
    inputs is a lower bound of the Lipschitz constant.

    Args:
        network: Any network.
        x: Inputs `(batch, features)`.
        relaxation: How the free equilibria are found.

    Returns:
        One norm per sample, in units of score per unit of input; inside `jit` a sample whose
        equilibrium or adjoint was not found is NaN.

    Raises:
        ConvergenceError: an equilibrium or adjoint was not found.
        ValueError: the inputs do not fit.

    Example:
        >>> steepest = osciprop.analysis.local_lipschitz(layers, x)
        >>> steepest.shape, bool(steepest.max() <= jnp.prod(osciprop.analysis.layer_norms(layers)))
        ((10,), True)
    """
    check_instance("relaxation", relaxation, AbstractRelaxation)
    inputs, _ = prepare(network, x, None)
    free = relax(network, inputs, relaxation=relaxation, throw=False)
    require_converged(free, "relaxation")
    norms = at_once_or(
        network,
        Implicit(relaxation),
        lambda method: _jacobian_norms(network, inputs, free.u, method),
        jnp.isfinite,
    )
    require_solved(
        norms, "the adjoint", "smaller weights, as the network is close to critical; float64"
    )
    return jnp.where(jnp.isfinite(norms), norms, jnp.nan)


@eqx.filter_jit
def _jacobian_norms(
    network: AbstractNetwork, x: Float[Array, "batch ..."], u: State, method: Implicit
) -> Float[Array, " batch"]:
    batch = x.shape[0]
    outputs = jax.eval_shape(lambda: network.output(network.activity(u))).shape[-1]

    def row(weights: Array) -> Array:
        targets = jnp.broadcast_to(weights, (batch, outputs))
        slope = input_gradient(_Reading(network), x, targets, method, initial=u)
        return slope.reshape(batch, -1)

    rows = jnp.moveaxis(jax.lax.map(row, jnp.eye(outputs, dtype=x.dtype)), 0, 1)
    found = finite_samples(rows)
    # Decompositions of NaN are not the same everywhere.
    safe = jnp.where(found[:, None, None], rows, 0)
    # Not NaN, which `jax_debug_nans` would take for an error, where another attempt follows.
    return jnp.where(found, jnp.linalg.svd(safe, compute_uv=False)[:, 0], jnp.inf)
