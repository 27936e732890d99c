"""The gradient of the cost by the input, from any method that forms an error signal.

The cost depends on the input only through the equilibrium, so that an error signal
`e = J^-T dC/ds` gives its gradient, `-e . d current / dx`, as it gives that of every weight.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, PRNGKeyArray

from ..errors import ConvergenceError, check_instance, is_traced
from ..networks.network import AbstractNetwork, State
from ..networks.preparation import prepare_pair
from ..networks.trees import as_row, keep_samples
from .estimate import AbstractGradientMethod, Estimate, estimate_gradient
from .reference import AdjointDiagnostics, Implicit


def input_gradient(
    network: AbstractNetwork,
    x: ArrayLike,
    y: ArrayLike,
    method: AbstractGradientMethod = Implicit(),
    *,
    initial: State | None = None,
    key: PRNGKeyArray | None = None,
    throw: bool = True,
) -> Float[Array, "batch ..."]:
    """The gradient of each sample's own cost by its input, at the free equilibrium.

    It comes from the error signal of `method`, and is as exact as that.

    Args:
        network: The network: `osciprop.Network`, or one of the user's own.
        x: Inputs, `(batch, features)`, or of whatever shape the network takes.
        y: Targets: integer labels `(batch,)`, or rows `(batch, outputs)`.
        method: What finds the error signal.
        initial: Membrane potentials to start from; None for rest.
        key: Source of noise, for methods that have any; else None.
        throw: Whether samples whose gradient was not found are an error; if not, they hold
            whatever was reached, which for `Implicit` is zero.

    Returns:
        The gradient of each sample's cost, shaped like `x`, in units of cost per unit of input; not
        divided by the batch.

    Raises:
        ConvergenceError: a gradient was not found. Inside `jit` or `vmap` nothing can be raised:
            such samples hold NaN instead, unless `throw` is false.
        ValueError: the method forms no error signal, or input does not fit.

    Example:
        >>> osciprop.gradients.input_gradient(network, x, y).shape
        (10, 4)
    """
    check_instance("method", method, AbstractGradientMethod)
    inputs, targets = prepare_pair(network, x, y)
    estimate = estimate_gradient(
        network, inputs, targets, method, initial=initial, key=key, throw=throw
    )
    require_error_signal(method, estimate)
    gradient = pull_to_input(network, inputs, estimate)
    return keep_samples(solved_samples(estimate), gradient, jnp.nan) if throw else gradient


def require_error_signal(method: AbstractGradientMethod, estimate: Estimate) -> None:
    """Raise `ValueError` if a method has formed no error signal."""
    if estimate.error_signal is None:
        raise ValueError(
            f"method is a {type(method).__name__}, which forms no error signal to take to the "
            "input: use osciprop.Implicit(), which is exact for every network, or DyadicEP, "
            "AsymmetricEP or HolomorphicEP"
        )


@eqx.filter_jit
def pull_to_input(
    network: AbstractNetwork, x: Float[Array, "batch ..."], estimate: Estimate
) -> Float[Array, "batch ..."]:
    """`-e . d current / dx` of each sample."""

    def matched(inputs: Array) -> Array:
        current = network.current(estimate.equilibrium.s, network.drive(inputs))
        products = jax.tree.map(lambda e, c: jnp.sum(e * c), estimate.error_signal, current)
        return -sum(jax.tree.leaves(products))

    return jax.grad(matched)(x)


def solved_samples(estimate: Estimate) -> Bool[Array, " batch"]:
    """The samples to believe: one by one where the method tells them apart, else all or none."""
    if isinstance(estimate.diagnostics, AdjointDiagnostics):
        return estimate.diagnostics.solved
    return jnp.broadcast_to(estimate.converged, estimate.outputs.shape[:1])


def finite_samples(values: Float[Array, "batch ..."]) -> Bool[Array, " batch"]:
    """Per sample, whether all its numbers are finite."""
    return jnp.all(jnp.isfinite(as_row(values)), axis=1)


def require_solved(values: Float[Array, "batch ..."], what: str, remedy: str) -> None:
    """Raise `ConvergenceError` if samples hold NaN for not having been solved; traced ones pass."""
    if is_traced(values):
        return
    lost = np.flatnonzero(~np.asarray(finite_samples(values)))
    if lost.size:
        shown = ", ".join(map(str, lost[:5])) + (", ..." if lost.size > 5 else "")
        raise ConvergenceError(
            f"{what} was not found for {lost.size} of {len(values)} samples: {shown}. Remedies: "
            f"{remedy}"
        )
