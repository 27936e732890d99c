"""Jacobian homeostasis: a penalty that makes a network's Jacobian symmetric (homeostasis2024).

`E[|J e|^2 - e^T J^2 e] = 2 |A|_F^2` over normal probes `e`, with the antisymmetric part
`A = (J - J^T) / 2`. The first term keeps the network insensitive to perturbations, the second makes
two steps through it give back the perturbation. J is that of `current(s) - s`: in activity space,
where the Jacobian of the dynamics differs from it by a diagonal, which A does not see.

Products with J only, so that memory grows with the number of units, not with its square.
"""

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from ...dynamics.correction import jacobian_product
from ...dynamics.stochastic import require_key
from ...errors import check_at_least, check_not_negative
from ...networks.costs import Targets
from ...networks.network import AbstractNetwork, State
from ...networks.trees import sample_products
from ...settings import Module, Number, number
from ..accuracy import Accuracy
from ..estimate import AbstractDiagnostics, AbstractGradientMethod, Estimate, cost_gradient


def _probe(key: PRNGKeyArray, s: State) -> State:
    """Independent standard normal numbers for every sample and unit."""
    leaves, structure = jax.tree.flatten(s)
    keys = jax.random.split(key, len(leaves))
    drawn = [
        jax.random.normal(own, leaf.shape, leaf.dtype)
        for own, leaf in zip(keys, leaves, strict=True)
    ]
    return jax.tree.unflatten(structure, drawn)


def homeostatic_terms(
    network: AbstractNetwork,
    s: State,
    x: Float[Array, "batch ..."],
    *,
    key: PRNGKeyArray,
    probes: int = 5,
) -> tuple[Float[Array, " batch"], Float[Array, " batch"]]:
    """The two terms at real activity `s`, per sample: `|J e|^2` and `e^T J^2 e`, means over probes.

    Their difference estimates `2 |A|_F^2` without bias. Differentiable by the network's parameters
    at fixed `s`, as the authors do.

    Args:
        network: The network: `osciprop.Network`, or one of the user's own.
        s: Real activities, a pytree of arrays with a leading batch axis.
        x: Inputs, `(batch, features)`, or of whatever shape the network takes.
        key: Source of random numbers, from `jax.random.key`.
        probes: Number of random probes per sample.

    Returns:
        `|J e|^2` and `e^T J^2 e`, each `(batch,)`, means over the probes.

    Source: homeostasis2024, the homeostatic loss.

    Example:
        >>> free = osciprop.relax(network, x)
        >>> first, second = osciprop.gradients.homeostatic_terms(
        ...     network, free.s, jnp.asarray(x), key=key
        ... )
        >>> bool(jnp.allclose(first, second))
        True
    """
    drive = network.drive(x)

    def product(v: State) -> State:
        forward = jacobian_product(network, s, drive, v)
        return jax.tree.map(lambda a, b: a - b, forward, v)

    def terms(own: PRNGKeyArray) -> tuple[Array, Array]:
        probe = _probe(own, s)
        once = product(probe)
        return sample_products(once, once), sample_products(probe, product(once))

    first, second = jax.vmap(terms)(jax.random.split(key, probes))
    return jnp.mean(first, axis=0), jnp.mean(second, axis=0)


class HomeostaticPenalty(Module):
    """`sensitivity E|J e|^2 - reconstruction E[e^T J^2 e]`, a batch mean over random probes.

    Equal coefficients give `2 coefficient |A|_F^2`; unequal ones or a zero show what each term does
    by itself.

    Args:
        sensitivity: Coefficient of `E |J e|^2`, not negative.
        reconstruction: Coefficient of `E e^T J^2 e`, not negative.
        probes: Number of random probes `e` per sample, at least 1.
        per_unit: Whether the penalty is divided by the number of units, as the authors'
            coefficients (0.1 to 15) expect.

    Raises:
        ValueError: a coefficient is negative, or there is no probe.

    Source: homeostasis2024, the homeostatic loss.

    Example:
        >>> penalty = osciprop.gradients.HomeostaticPenalty(probes=20)
        >>> free = osciprop.relax(network, x)
        >>> abs(float(penalty(network, free.s, jnp.asarray(x), key=key))) < 1e-12  # it is symmetric
        True
    """

    sensitivity: Number = eqx.field(default=1.0, converter=number)
    reconstruction: Number = eqx.field(default=1.0, converter=number)
    probes: int = eqx.field(default=5, static=True)
    per_unit: bool = eqx.field(default=True, static=True)

    def __check_init__(self) -> None:
        check_not_negative("sensitivity", self.sensitivity, "0 leaves the term out")
        check_not_negative("reconstruction", self.reconstruction, "0 leaves the term out")
        check_at_least("probes", self.probes, 1, "the penalty is a mean over probes")

    def __call__(
        self,
        network: AbstractNetwork,
        s: State,
        x: Float[Array, "batch ..."],
        *,
        key: PRNGKeyArray,
    ) -> Float[Array, ""]:
        """The penalty at real activity `s`."""
        first, second = homeostatic_terms(network, s, x, key=key, probes=self.probes)
        dtype = first.dtype
        total = self.sensitivity.astype(dtype) * first - self.reconstruction.astype(dtype) * second
        units = sum(leaf[0].size for leaf in jax.tree.leaves(s))
        return jnp.mean(total) / (units if self.per_unit else 1)


class HomeostaticDiagnostics(AbstractDiagnostics):
    """What the method tells of its gradient, and the size of the penalty."""

    method: AbstractDiagnostics
    penalty: Float[Array, ""]

    @property
    def converged(self) -> Array:
        return self.method.converged

    def failure(self) -> str:
        return self.method.failure()

    def concerns(self) -> list[str]:
        return self.method.concerns()

    def summary(self) -> str:
        return f"{self.method.summary()}; homeostatic penalty {float(self.penalty):.4g}"


class Homeostatic(AbstractGradientMethod):
    """Any gradient method, with the gradient of a homeostatic penalty added to its own.

    The penalty is taken at the free equilibrium that `method` found, which is held fixed. Needs a
    key, for the probes: `estimate_gradient(..., key=key)`; `osciprop.fit` gives one.

    Args:
        method: What finds the gradient of the cost.
        penalty: What is added.

    Raises:
        ValueError: by `estimate_gradient`, without a key.

    Source: homeostasis2024, the homeostatic loss.

    Example:
        >>> method = osciprop.Homeostatic(osciprop.VectorFieldEP(0.05))
        >>> bool(osciprop.estimate_gradient(directed, x, y, method, key=key).converged)
        True
    """

    method: AbstractGradientMethod
    penalty: HomeostaticPenalty = HomeostaticPenalty()

    def check(self, network: AbstractNetwork) -> None:
        self.method.check(network)

    def estimate(
        self,
        network: AbstractNetwork,
        x: Float[Array, "batch ..."],
        y: Targets,
        initial: State | None,
        key: PRNGKeyArray | None = None,
    ) -> Estimate:
        own_key, probe_key = jax.random.split(require_key(key, "the penalty has random probes"))
        found = self.method.estimate(network, x, y, initial, own_key)

        @eqx.filter_value_and_grad
        def penalty(parameters: AbstractNetwork) -> Array:
            return self.penalty(parameters, found.equilibrium.s, x, key=probe_key)

        value, own = penalty(network)
        gradient: PyTree[Array] = jax.tree.map(jnp.add, found.gradient, own)
        return replace(
            found,
            gradient=gradient,
            cost_gradient=cost_gradient(found),
            diagnostics=HomeostaticDiagnostics(found.diagnostics, value),
        )

    def accuracy(
        self,
        network: AbstractNetwork,
        x: Float[Array, "batch ..."],
        y: Targets,
        estimate: Estimate,
        initial: State | None = None,
    ) -> Accuracy | None:
        return self.method.accuracy(network, x, y, _of_the_cost(estimate), initial)

    def concerns(
        self, network: AbstractNetwork, x: Float[Array, "batch ..."], estimate: Estimate
    ) -> list[str]:
        return self.method.concerns(network, x, _of_the_cost(estimate))


def _of_the_cost(estimate: Estimate) -> Estimate:
    """The estimate as the method around which the penalty stands has made it."""
    assert isinstance(estimate.diagnostics, HomeostaticDiagnostics)
    return replace(estimate, diagnostics=estimate.diagnostics.method)
