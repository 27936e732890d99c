"""The toy network of Fig. 2: 6 inputs, two populations of 4, 4 classes, one sample.

Populations and units are counted from 0 here, from 1 in the captions.
"""

import warnings

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Int

import osciprop
from osciprop.equilibria.spectra import circle

from ..published import hep2022_toy

SEED = 2
"""Of the published weights and input, which are read from the published data."""

TIGHT = 1e-14
"""Tolerance at which double precision leaves only round-off."""

BRANCH_POINT = 0.22957 + 0.61574j
"""Published nearest singularity of the equilibrium as a function of beta; its mirror is another."""

RADIUS = abs(BRANCH_POINT)


def network() -> osciprop.Network:
    """The published network, in the session's precision."""
    stored = {
        name: jnp.asarray(value, dtype=float)
        for name, value in hep2022_toy().items()
        if name[0] in "wb"
    }
    return osciprop.Network(
        populations=tuple(
            osciprop.Population(osciprop.LeakyIntegrator(), stored[bias]) for bias in ("b1", "b2")
        ),
        synapses=(
            osciprop.Directed(stored["w1"], osciprop.INPUT, 0),
            osciprop.Reciprocal(stored["w2"], 0, 1),
        ),
        readout=osciprop.SoftmaxCrossEntropy(stored["w3"], stored["b3"]),
    )


def sample(copies: int = 1) -> tuple[Float[Array, "copies 6"], Int[Array, " copies"]]:
    """The one input and its label, `copies` times."""
    x = jnp.asarray(hep2022_toy()["x"], dtype=float)
    return jnp.tile(x, (copies, 1)), jnp.full(copies, int(hep2022_toy()["label"]))


def free() -> osciprop.Solution:
    """The free equilibrium to round-off."""
    relaxation = osciprop.SequentialIteration(tolerance=TIGHT)
    return osciprop.relax(network(), sample()[0], relaxation=relaxation)


def nudged(
    betas: Complex[np.ndarray, " points"],
    relaxation: osciprop.equilibria.AbstractRelaxation,
    *,
    throw: bool = True,
) -> osciprop.Solution:
    """States at many betas, as one batch, each started from the free equilibrium."""
    x, y = sample(betas.size)
    start = jax.tree.map(lambda leaf: jnp.tile(leaf, (betas.size, 1)), free().u)
    return osciprop.relax(
        network(), x, y, beta=betas, relaxation=relaxation, initial=start, throw=throw
    )


def contour(amplitude: float, points: int) -> Complex[np.ndarray, " points"]:
    """`beta_k = r exp(2 pi i k / N)`."""
    return circle(0j, amplitude, points)


def estimate(method: osciprop.gradients.AbstractGradientMethod) -> osciprop.Estimate:
    """A gradient estimate, converged or not, without a word about its accuracy.

    Figures show on purpose what happens at amplitudes about which osciprop warns.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", osciprop.GradientAccuracyWarning)
        return osciprop.estimate_gradient(network(), *sample(), method, throw=False)


def flat(gradient: osciprop.Network) -> Float[np.ndarray, " parameters"]:
    """All layers, weights and biases, as one vector (neurons' constants contribute zeros)."""
    leaves = jax.tree.leaves(eqx.filter(gradient, eqx.is_inexact_array))
    return np.concatenate([np.ravel(leaf) for leaf in leaves])


def true_gradient() -> osciprop.Network:
    """The exact gradient by implicit differentiation."""
    relaxation = osciprop.SequentialIteration(tolerance=TIGHT)
    return estimate(osciprop.Implicit(relaxation, tolerance=TIGHT)).gradient


def cosine(a: Float[np.ndarray, " n"], b: Float[np.ndarray, " n"]) -> float:
    """Cosine of the angle between two vectors."""
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def relative_error(a: Float[np.ndarray, " n"], reference: Float[np.ndarray, " n"]) -> float:
    """Distance of two vectors, relative to the second."""
    return float(np.linalg.norm(a - reference) / np.linalg.norm(reference))
