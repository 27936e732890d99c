"""How asymmetric a network's Jacobian is, and what that does to its error signals."""

import dataclasses

import equinox as eqx
import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Complex, Float

from ..dynamics.correction import jacobian_product, transposed_product
from ..networks.network import AbstractNetwork, State
from ..networks.preparation import prepare
from ..networks.trees import as_rows, sample_products
from ..settings import Module
from .own import OwnRelaxation
from .relaxation import AbstractRelaxation
from .relaxing import relax


class JacobianSymmetry(Module):
    """Frobenius norms of the symmetric and antisymmetric part of the Jacobian, per sample.

    The Jacobian is that of `current(s) - s` by the activities, as in homeostasis2024; that of the
    dynamics has the same antisymmetric part.

    Args:
        symmetric: Frobenius norm of the symmetric part, `(batch,)`.
        antisymmetric: Frobenius norm of the antisymmetric part, `(batch,)`.

    Source: homeostasis2024, Fig. 4.

    Example:
        >>> found = osciprop.equilibria.jacobian_symmetry(network, x)
        >>> float(found.measure.min()) > 1 - 1e-12
        True
    """

    symmetric: Float[Array, " batch"]
    antisymmetric: Float[Array, " batch"]

    @property
    def measure(self) -> Float[Array, " batch"]:
        """`|S| / (|S| + |A|)`: 1 for a symmetric Jacobian (homeostasis2024, Fig. 4)."""
        return self.symmetric / (self.symmetric + self.antisymmetric)

    def __str__(self) -> str:
        return (
            f"JacobianSymmetry: measure {float(jnp.mean(self.measure)):.4g}, |S| "
            f"{float(jnp.mean(self.symmetric)):.4g}, |A| "
            f"{float(jnp.mean(self.antisymmetric)):.4g} (means over {self.symmetric.size} samples)"
        )


@eqx.filter_jit
def _norms(network: AbstractNetwork, s: State, x: Array) -> JacobianSymmetry:
    """Column by column, so that memory does not grow with the square of the units."""
    drive = network.drive(x)
    flat, join = jax.flatten_util.ravel_pytree(jax.tree.map(lambda leaf: leaf[0], s))
    batch = jax.tree.leaves(s)[0].shape[0]

    def column(unit: Array) -> tuple[Array, Array]:
        basis = join(jnp.zeros_like(flat).at[unit].set(1))
        probe = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (batch, *leaf.shape)), basis)
        forward = jacobian_product(network, s, drive, probe)
        backward = transposed_product(network, s, drive, probe)
        even = jax.tree.map(lambda a, b, e: (a + b) / 2 - e, forward, backward, probe)
        odd = jax.tree.map(lambda a, b: (a - b) / 2, forward, backward)
        return sample_products(even, even), sample_products(odd, odd)

    even, odd = jax.lax.map(column, jnp.arange(flat.size))
    return JacobianSymmetry(jnp.sqrt(jnp.sum(even, axis=0)), jnp.sqrt(jnp.sum(odd, axis=0)))


def jacobian_symmetry(
    network: AbstractNetwork, x: ArrayLike, *, relaxation: AbstractRelaxation = OwnRelaxation()
) -> JacobianSymmetry:
    """How symmetric the Jacobian is at the free equilibrium of each input, exactly.

    Takes as many products with the Jacobian as there are units.

    Args:
        network: The network: `osciprop.Network`, or one of the user's own.
        x: Inputs, `(batch, features)`, or of whatever shape the network takes.
        relaxation: How equilibria are found.

    Returns:
        Norms of both parts, per sample.

    Raises:
        ConvergenceError: an equilibrium was not found.

    Source: homeostasis2024, Fig. 4.

    Example:
        >>> print(osciprop.equilibria.jacobian_symmetry(network, x))
        JacobianSymmetry: measure 1, ...
    """
    free = relax(network, x, relaxation=relaxation)
    return _norms(network, free.s, prepare(network, x, None)[0])


@dataclasses.dataclass(frozen=True)
class MeanStability:
    """Whether running means find the free activity: see `running_mean_stability`.

    Args:
        eigenvalues: Of `J^-T J`, `(batch, units)`, complex. The mean decays with their real parts,
            in units of one over its own time constant.
        motion: Eigenvalues of the free network's own motion, `(batch, units)`, complex, in units of
            one over the neurons' one time constant. Where one has a positive real part, the network
            does not stay at the equilibrium that was found.

    Example:
        >>> found = osciprop.equilibria.running_mean_stability(network, x)
        >>> bool(found.stable.all())
        True
    """

    eigenvalues: Complex[np.ndarray, "batch units"]
    motion: Complex[np.ndarray, "batch units"]

    @property
    def slowest(self) -> Float[np.ndarray, " batch"]:
        """The smallest real part of each sample."""
        return self.eigenvalues.real.min(axis=1)

    @property
    def stable(self) -> Bool[np.ndarray, " batch"]:
        """Per sample, whether the mean settles at the free activity."""
        return self.slowest > 0

    def __str__(self) -> str:
        return (
            f"MeanStability: {np.count_nonzero(self.stable)} of {self.stable.size} samples stable, "
            f"smallest real part {self.slowest.min():.4g}"
        )


def running_mean_stability(
    network: AbstractNetwork, x: ArrayLike, *, relaxation: AbstractRelaxation = OwnRelaxation()
) -> MeanStability:
    """Whether `OscillatoryAEP` with `OwnMean` finds the free equilibrium of each input.

    A slow running mean m in place of the free activity obeys
    `tau_m dm/dt = -J^-T J (m - s0)`: it settles if every eigenvalue of `J^-T J` has a positive real
    part. Where the symmetric part S of J is negative definite, that is where the spectral radius of
    `S^-1 A` is below 1: the asymmetry smaller than the symmetry. Dense matrices, on the host and in
    double precision: for networks of up to a few thousand units.

    Args:
        network: The network: `osciprop.Network`, or one of the user's own.
        x: Inputs, `(batch, features)`, or of whatever shape the network takes.
        relaxation: How equilibria are found.

    Returns:
        Eigenvalues, and whether the mean settles.

    Raises:
        ConvergenceError: an equilibrium was not found.

    Example:
        >>> print(osciprop.equilibria.running_mean_stability(network, x))
        MeanStability: 10 of 10 samples stable, smallest real part 1
    """
    free = relax(network, x, relaxation=relaxation)
    weights = np.asarray(_dense(network, free.s, prepare(network, x, None)[0]), dtype=float)
    slopes = np.asarray(_slopes(network, free.u), dtype=float)
    found, motion = [], []
    for weight, slope in zip(weights, slopes, strict=True):
        # J D and J^T D instead of J and J^T: finite where a neuron is saturated.
        identity = np.eye(len(slope))
        forward, backward = weight * slope - identity, weight.T * slope - identity
        found.append(np.linalg.eigvals(np.linalg.solve(backward, forward)))
        motion.append(np.linalg.eigvals(forward))
    # Of a symmetric matrix NumPy gives real ones.
    return MeanStability(np.asarray(found, dtype=complex), np.asarray(motion, dtype=complex))


@eqx.filter_jit
def _dense(network: AbstractNetwork, s: State, x: Array) -> Float[Array, "batch units units"]:
    """`d current / d s` of each sample."""
    drive = network.drive(x)
    flat, join = jax.flatten_util.ravel_pytree(jax.tree.map(lambda leaf: leaf[0], s))
    batch = jax.tree.leaves(s)[0].shape[0]

    def column(basis: Array) -> Array:
        probe = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (batch, *leaf.shape)), join(basis))
        return as_rows(jacobian_product(network, s, drive, probe))

    return jnp.moveaxis(jax.lax.map(column, jnp.eye(flat.size, dtype=flat.dtype)), 0, 2)


@eqx.filter_jit
def _slopes(network: AbstractNetwork, u: State) -> Float[Array, "batch units"]:
    """The derivative of each unit's activity by its potential."""
    ones = jax.tree.map(jnp.ones_like, u)
    return as_rows(jax.jvp(network.activity, (u,), (ones,))[1])
