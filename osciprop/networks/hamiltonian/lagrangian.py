"""Networks given by a Lagrangian: inertia and potential, positions and velocities."""

import abc

import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact

from ..complexity import matmul
from ..network import State
from .system import AbstractHamiltonian, Phase


class AbstractLagrangian(AbstractHamiltonian):
    """A network with `L(q, v) = v . M v / 2 - V(q, x)`, whose inertia `M` is a matrix: masses that
    pull at each other, inductances that share flux.

    `Phase.p` is the momentum `M v`, of which `kinetic` is the energy; a start that is given in
    velocities depends on `M`, and its part of the gradient counts. Friction makes it
    `exp(friction t) L`.

    Subclasses have the field `motion`, and give `inertia`, `begin`, `potential`, `output`, and
    costs.

    Example:
        >>> class Coils(osciprop.networks.AbstractLagrangian):
        ...     matrix: jax.Array
        ...     motion: osciprop.networks.Leapfrog = osciprop.networks.Leapfrog(2.0, 20)
        ...     def inertia(self):
        ...         return self.matrix
        ...     def begin(self, x):
        ...         return jnp.zeros_like(x), jnp.ones_like(x)
        ...     def potential(self, q, x):
        ...         return jnp.sum(q**2, axis=-1) / 2
        ...     def output(self, q):
        ...         return q
        >>> coils = Coils(jnp.asarray([[1.0, 0.2], [0.2, 1.5]]))
        >>> osciprop.networks.passage(coils, np.zeros((1, 1, 2))).start.p.tolist()
        [[1.2, 1.7]]
    """

    @abc.abstractmethod
    def inertia(self) -> Float[Array, "units units"]:
        """The matrix `M`, symmetric and positive."""

    @abc.abstractmethod
    def begin(self, x: Float[Array, "batch ..."]) -> tuple[State, State]:
        """Positions and velocities at the start, `(batch, units)`."""

    def start(self, x: Float[Array, "batch ..."]) -> Phase:
        q, v = self.begin(x)
        return Phase(q, matmul(v, self.inertia()))

    def kinetic(self, p: Inexact[Array, "batch units"]) -> Inexact[Array, " batch"]:
        inertia = self.inertia()
        inverse = jnp.linalg.solve(inertia, jnp.eye(len(inertia), dtype=inertia.dtype))
        return jnp.sum(p * matmul(p, inverse), axis=-1) / 2
