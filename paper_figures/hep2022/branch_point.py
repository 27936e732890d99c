"""Where equilibria cease to be analytic in beta: the branch point, solved for directly."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex

import osciprop

from . import toy

NEWTON_STEPS = 20


def spectral_radius() -> float:
    """Of the synchronous iteration's Jacobian at the free equilibrium."""
    jacobian = _jacobian(_pack(toy.free().u), jnp.zeros(()))
    return float(np.abs(np.linalg.eigvals(jacobian)).max())


def _pack(u: osciprop.networks.State) -> Array:
    return jnp.concatenate([leaf[0] for leaf in u])


def _current(potentials: Array, beta: Array) -> Array:
    """One undamped synchronous iteration of all eight units."""
    x, y = toy.sample()
    network = toy.network()
    dynamics = osciprop.dynamics.Dynamics(network, network.drive(x), y, osciprop.Constant(beta))
    u = (potentials[None, :4], potentials[None, 4:])
    return _pack(dynamics.current(0.0, u))


@jax.jit
def _jacobian(potentials: Array, beta: Array) -> Array:
    holomorphic = jnp.iscomplexobj(potentials)
    return jax.jacfwd(_current, holomorphic=holomorphic)(potentials, beta)


def _conditions(unknowns: Complex[Array, " 9"]) -> Complex[Array, " 9"]:
    """An equilibrium (8 equations) whose linearisation is singular (1 equation)."""
    potentials, beta = unknowns[:8], unknowns[8]
    defect = _current(potentials, beta) - potentials
    singular = jnp.linalg.det(_jacobian(potentials, beta) - jnp.eye(8, dtype=potentials.dtype))
    return jnp.append(defect, singular)


@jax.jit
def _newton_step(unknowns: Complex[Array, " 9"]) -> Complex[Array, " 9"]:
    derivative = jax.jacfwd(_conditions, holomorphic=True)(unknowns)
    return unknowns - jnp.linalg.solve(derivative, _conditions(unknowns))


def branch_point(guess: complex) -> complex:
    """The branch point near a guess, by Newton's method on both conditions.

    The guess should be within a few hundredths: there are more branch points on other sheets.
    """
    near = toy.nudged(np.asarray([guess]), osciprop.SequentialIteration(0.5), throw=False)
    unknowns = jnp.append(_pack(near.u), jnp.asarray(guess))
    for _ in range(NEWTON_STEPS):
        unknowns = _newton_step(unknowns)
    return complex(unknowns[8])
