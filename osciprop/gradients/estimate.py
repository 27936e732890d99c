"""One verb for every way to get a gradient: `estimate_gradient(network, x, y, method)`."""

import abc
import warnings
from dataclasses import replace
from typing import Any, overload

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Bool, Float, PRNGKeyArray, PyTree

from ..dynamics.correction import transposed_product
from ..dynamics.dynamics import as_state
from ..equilibria.attempts import at_once_or
from ..equilibria.solution import Solution
from ..errors import (
    ConvergenceError,
    GradientAccuracyWarning,
    check_instance,
    check_key,
    is_traced,
)
from ..networks.costs import Targets
from ..networks.hamiltonian.system import AbstractHamiltonian, Phase
from ..networks.network import AbstractNetwork, Scores, State
from ..networks.preparation import prepare_pair
from ..networks.signals import AbstractSignal
from ..networks.trees import largest_change
from ..settings import Module
from .accuracy import Accuracy, predicted_error


class AbstractDiagnostics(Module):
    """What a method measured about its own estimate.

    Example:
        >>> estimate = osciprop.estimate_gradient(network, x, y, osciprop.Implicit())
        >>> estimate.diagnostics.concerns()
        []
    """

    @property
    @abc.abstractmethod
    def converged(self) -> Bool[Array, ""]:
        """Whether every solve behind the gradient reached its tolerance."""

    @abc.abstractmethod
    def failure(self) -> str:
        """What did not converge and what to change; empty if all did."""

    @abc.abstractmethod
    def concerns(self) -> list[str]:
        """Reasons to doubt a converged gradient, each with its number and a remedy."""

    @abc.abstractmethod
    def summary(self) -> str:
        """The measured numbers in one line."""


class Estimate(Module):
    """A gradient of the batch-mean cost, and what is needed to decide whether to believe it.

    Args:
        gradient: Shaped like `eqx.filter(network, eqx.is_inexact_array)`, so that Optax takes it as
            it is; constants of the neurons get zeros.
        loss: Mean cost of the batch at the free equilibrium.
        outputs: Scores there, `(batch, outputs)`.
        equilibrium: The free equilibrium.
        diagnostics: What the method measured about its own estimate.
        error_signal: Error in activity space, per sample and unit, as the method found it: the
            response `ds/dbeta` of the activity to the teaching signal, or the adjoint
            `J^-T dC/ds`; None for methods that form none.
        cost_gradient: The part of `gradient` that is the cost's, where a penalty or another rule
            has changed it; else None.
        accuracy: The predicted error of the gradient. None inside `jit`, where
            `method.accuracy(network, x, y, estimate)` gives it, under noise, where a solve did not
            converge, and for methods that do not aim at the gradient of the cost.

    Example:
        >>> estimate = osciprop.estimate_gradient(network, x, y, osciprop.Implicit())
        >>> estimate.outputs.shape, bool(estimate.converged)
        ((10, 3), True)
    """

    gradient: PyTree[Array]
    loss: Float[Array, ""]
    outputs: Scores
    equilibrium: Solution
    diagnostics: AbstractDiagnostics
    error_signal: State | None = None
    cost_gradient: PyTree[Array] | None = None
    accuracy: Accuracy | None = None

    @property
    def converged(self) -> Bool[Array, ""]:
        """Whether every solve behind the gradient reached its tolerance."""
        return self.diagnostics.converged

    def __str__(self) -> str:
        if is_traced(self):
            return "Estimate(traced)"
        loss = f"loss {float(self.loss):.6g}"
        predicted = (
            ""
            if self.accuracy is None
            else f", predicted relative error of the gradient {float(self.accuracy.error):.2g}"
        )
        state = (
            f"mean activity: not at equilibrium, largest residual "
            f"{float(jnp.max(self.equilibrium.residual)):.3g}"
            if bool(self.converged) and not bool(jnp.all(self.equilibrium.converged))
            else f"equilibrium: {self.equilibrium}"
        )
        return (
            f"Estimate: {loss}, {'converged' if bool(self.converged) else 'NOT converged'}"
            f"{predicted}\n  {state}\n  {self.diagnostics.summary()}"
        )


class TrajectoryEstimate(Module):
    """A gradient of the batch-mean cost of trajectories, and what is needed to decide whether to
    believe it.

    Args:
        gradient: Shaped like `eqx.filter(network, eqx.is_inexact_array)`, so that Optax takes it as
            it is; constants get zeros.
        loss: Mean cost of the batch, running and final.
        outputs: Scores at the end, `(batch, outputs)`.
        start: Where the trajectories began.
        end: Where they ended.
        diagnostics: What the method measured about its own estimate.
        accuracy: The predicted error of the gradient; None inside `jit`, and for methods that
            make none.
        cost_gradient: None: nothing else than the cost is learned here.

    Example:
        >>> net = osciprop.networks.oscillator_network(2, 3, 1, duration=5.0, steps=50, key=key)
        >>> found = osciprop.estimate_gradient(
        ...     net, np.ones((4, 5, 2)), np.ones((4, 1)), osciprop.gradients.TrajectoryBPTT()
        ... )
        >>> found.end.q.shape
        (4, 3)
    """

    gradient: PyTree[Array]
    loss: Float[Array, ""]
    outputs: Scores
    start: Phase
    end: Phase
    diagnostics: AbstractDiagnostics
    accuracy: Accuracy | None = None
    cost_gradient: PyTree[Array] | None = None

    @property
    def converged(self) -> Bool[Array, ""]:
        """Whether the gradient is finite, and the trajectory retraced its way where it should."""
        return self.diagnostics.converged

    def __str__(self) -> str:
        if is_traced(self):
            return "TrajectoryEstimate(traced)"
        predicted = (
            ""
            if self.accuracy is None
            else f", predicted relative error of the gradient {float(self.accuracy.error):.2g}"
        )
        return (
            f"TrajectoryEstimate: loss {float(self.loss):.6g}, "
            f"{'converged' if bool(self.converged) else 'NOT converged'}{predicted}\n"
            f"  {self.diagnostics.summary()}"
        )


class AbstractGradientMethod(Module):
    """A way to get the gradient of a network's cost out of its dynamics.

    Example:
        >>> issubclass(osciprop.HolomorphicEP, osciprop.gradients.AbstractGradientMethod)
        True
    """

    @abc.abstractmethod
    def check(self, network: AbstractNetwork) -> None:
        """Raise if the method does not apply to the network."""

    def prepare(self, network: AbstractNetwork, x: Any, y: Any) -> tuple[Any, Any]:
        """Inputs and targets as the method takes them, or an error that says why not."""
        if isinstance(network, AbstractHamiltonian):
            raise TypeError(
                f"network is a {type(network).__name__}, which moves and never comes to rest, so "
                f"{type(self).__name__} does not apply: use osciprop.gradients.HolomorphicEcho, "
                "CentredEcho or TrajectoryBPTT"
            )
        return prepare_pair(network, x, y)

    def prepare_initial(self, network: AbstractNetwork, x: Any, initial: State) -> State:
        """Potentials to start from, of the network's precision."""
        return as_state("initial", network, x, initial)

    @abc.abstractmethod
    def estimate(
        self,
        network: AbstractNetwork,
        x: Float[Array, "batch ..."],
        y: Targets,
        initial: State | None,
        key: PRNGKeyArray | None = None,
    ) -> Estimate:
        """The estimate, without looking whether it converged: see `estimate_gradient`."""

    def product(self, network: AbstractNetwork, s: State, drive: PyTree, v: State) -> State:
        """`(d current / d s)^T v` at activity `s`: of the equation that the error signal solves in
        the method's limit. `J v` for a method without correction for an asymmetric Jacobian.
        """
        return transposed_product(network, s, drive, v)

    def free(
        self, network: AbstractNetwork, x: Array, estimate: Estimate, initial: State | None
    ) -> Solution | None:
        """The free equilibrium about which the error is predicted; None where there is noise."""
        return estimate.equilibrium

    def accuracy(
        self,
        network: AbstractNetwork,
        x: Float[Array, "batch ..."],
        y: Targets,
        estimate: Estimate,
        initial: State | None = None,
    ) -> Accuracy | None:
        """The predicted error of an estimate's gradient; None where there is noise.

        The distance from the method's limit, of infinitesimal nudges: for methods without
        correction for an asymmetric Jacobian that is not the gradient.
        """
        free = self.free(network, x, estimate, initial)
        if free is None:
            return None
        own = cost_gradient(estimate)
        signal = estimate.error_signal
        if signal is not None and type(self).product is AbstractGradientMethod.product:
            signal = network.error(signal)
        error = predicted_error(network, x, y, own, free.u, signal, self.product)
        apart = largest_change(estimate.equilibrium.s, free.s)
        return Accuracy(jnp.where(jnp.all(free.converged), error, jnp.inf), apart)

    def concerns(self, network: Any, x: Any, estimate: Any) -> list[str]:
        """Reasons to doubt a converged estimate, each with its number and a remedy."""
        found = estimate.diagnostics.concerns()
        if estimate.accuracy is None:
            return found
        found = found + estimate.accuracy.branch_concerns()
        # Where a cause is known, its number and remedy say more.
        return found or estimate.accuracy.error_concerns()


def cost_gradient(estimate: Estimate) -> PyTree[Array]:
    """The part of an estimate's gradient that is the cost's."""
    return estimate.gradient if estimate.cost_gradient is None else estimate.cost_gradient


@eqx.filter_jit
def _estimate(
    network: Any,
    x: Any,
    y: Any,
    method: AbstractGradientMethod,
    initial: State | None,
    key: PRNGKeyArray | None,
) -> Any:
    return method.estimate(network, x, y, initial, key)


@overload
def estimate_gradient(
    network: AbstractNetwork,
    x: ArrayLike | AbstractSignal,
    y: ArrayLike | AbstractSignal,
    method: AbstractGradientMethod,
    *,
    initial: State | None = None,
    key: PRNGKeyArray | None = None,
    throw: bool = True,
) -> Estimate: ...
@overload
def estimate_gradient(
    network: AbstractHamiltonian,
    x: ArrayLike | AbstractSignal,
    y: ArrayLike | AbstractSignal,
    method: AbstractGradientMethod,
    *,
    initial: State | None = None,
    key: PRNGKeyArray | None = None,
    throw: bool = True,
) -> TrajectoryEstimate: ...
def estimate_gradient(
    network: Any,
    x: ArrayLike | AbstractSignal,
    y: ArrayLike | AbstractSignal,
    method: AbstractGradientMethod,
    *,
    initial: State | None = None,
    key: PRNGKeyArray | None = None,
    throw: bool = True,
) -> Any:
    """The gradient of the batch-mean cost with respect to the network's parameters.

    Compiled once per method, network and shape; numbers such as amplitudes, periods and tolerances
    may change freely. Works inside `jax.jit` and `jax.vmap`. Warns with `GradientAccuracyWarning`
    where the diagnostics show an inaccurate gradient.

    Args:
        network: The network: `osciprop.Network`, or one of the user's own; for methods that ask
            for one that moves, an `osciprop.networks.AbstractHamiltonian`.
        x: Inputs, `(batch, features)`, or of whatever shape the network takes; signals where the
            method takes them, sequences `(batch, times, ...)` for networks that move.
        y: Targets: integer labels `(batch,)`, or rows `(batch, outputs)`; signals likewise.
        method: A gradient method.
        initial: Membrane potentials to start from; None for rest.
        key: Source of noise, for methods that have any; else None.
        throw: Whether a solve that did not converge is an error; if not, the estimate holds
            whatever was reached, with `converged` false.

    Returns:
        The gradient, the loss, the outputs, the equilibrium, and diagnostics: an `Estimate`; for
            networks that move a `TrajectoryEstimate`.

    Raises:
        ConvergenceError: a solve did not converge. Inside `jit` or `vmap` nothing can be raised:
            gradient and loss are NaN instead, unless `throw` is false.
        ValueError: input does not fit.
        TypeError: `method` is not an instance of a gradient method.
        ReciprocityError: the method needs an energy that the network has not.
        HolomorphyError: the method needs a holomorphic network.

    Example:
        >>> estimate = osciprop.estimate_gradient(network, x, y, osciprop.HolomorphicEP(0.1))
        >>> optimizer = optax.sgd(0.1)
        >>> updates, _ = optimizer.update(estimate.gradient, optimizer.init(estimate.gradient))
        >>> jax.tree.structure(updates) == jax.tree.structure(estimate.gradient)
        True
    """
    check_instance("method", method, AbstractGradientMethod)
    if key is not None:
        check_key("key", key)
    inputs, targets = method.prepare(network, x, y)
    method.check(network)
    if initial is not None:
        initial = method.prepare_initial(network, inputs, initial)
    estimate: Any = at_once_or(
        network,
        method,
        lambda chosen: _estimate(network, inputs, targets, chosen, initial, key),
        lambda found: found.converged,
    )
    if is_traced((estimate.loss, estimate.converged)):
        return _poison(estimate) if throw else estimate
    if throw and not bool(estimate.converged):
        raise ConvergenceError(
            f"{type(method).__name__}: {estimate.diagnostics.failure()}. "
            "throw=False returns the estimate flagged"
        )
    # The concerns are about converged gradients; what has not converged is flagged as such.
    if not bool(estimate.converged):
        return estimate
    estimate = replace(
        estimate, accuracy=method.accuracy(network, inputs, targets, estimate, initial)
    )
    for concern in method.concerns(network, inputs, estimate):
        warnings.warn(f"{type(method).__name__}: {concern}", GradientAccuracyWarning, stacklevel=2)
    return estimate


def _poison(estimate: Any) -> Any:
    """NaN where nothing can be raised: what did not converge never passes for what did."""
    keep = estimate.converged

    def blank(leaf: Array) -> Array:
        return jnp.where(keep, leaf, jnp.nan)

    return eqx.tree_at(
        lambda tree: (tree.gradient, tree.loss),
        estimate,
        jax.tree.map(blank, (estimate.gradient, estimate.loss)),
    )


def batch_mean(values: Array) -> Float[Array, ""]:
    """The real part's mean over samples: losses of possibly complex states."""
    return jnp.mean(values.real)


def at_equilibrium(
    network: AbstractNetwork,
    y: Targets,
    free: Solution,
    gradient: PyTree[Array],
    diagnostics: AbstractDiagnostics,
    error_signal: State | None,
) -> Estimate:
    """A gradient with the loss and outputs of the free equilibrium that it belongs to."""
    return Estimate(
        gradient=gradient,
        loss=batch_mean(network.cost(free.s, y)),
        outputs=network.output(free.s),
        equilibrium=free,
        diagnostics=diagnostics,
        error_signal=error_signal,
    )
