"""The relaxed objectives behind dual propagation: bounds on the loss of a layered network.

A layer with activity `s = f(u)`, `f = d G* / du`, that receives a current `a` has the energy
`G(s) - s a`, least at `s = f(a)`. What it is above that is a divergence,

    D(s, a) = G(s) - s a + G*(a) >= 0,    with G(f(u)) = u f(u) - G*(u),

so that states need not be those of the forward pass, but pay for it (two_tales2024), the less
the larger the amplitude `beta` of the nudge:

    optimistic    ROVR+  = min over s of  C(s) + (1 / beta) sum_k D(s_k, a_k)        <= loss
    pessimistic   ROVR-  = max over s of  C(s) - (1 / beta) sum_k D(s_k, a_k)        >= loss
    averaged      AROVR  = alpha ROVR+ with alpha beta, (1 - alpha) ROVR- with (1 - alpha) beta
    saddle point  SPROVR = alpha C(s+) + (1 - alpha) C(s-)
                           + (1 / beta) sum_k [D(s+_k, a_k) - D(s-_k, a_k)],  a of the means

The last is stationary where `osciprop.dynamics.Dual` is in equilibrium (with the `Proximal` nudge,
whose outputs see the cost at their own activity), and its derivative by the weights is the learning
rule. At `alpha = 1` it is the optimistic objective, at `alpha = 0` the pessimistic one, which is
the worst loss under perturbations of every layer that `beta` prices: the link to robustness.

All values are per sample, for given membrane potentials; nothing is minimised here.
"""

import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from ..dynamics.dual import AbstractDual
from ..dynamics.dynamics import as_state
from ..errors import check_instance, check_positive
from ..networks.joined import Network
from ..networks.network import State
from ..networks.preparation import prepare_pair
from ..networks.trees import sample_sums

AMPLITUDE_REMEDY = "give the size of the nudge, the price of a divergence"


def divergence(network: Network, u: State, current: State) -> Float[Array, " batch"]:
    """`sum_k D(s_k, a_k)`: how far potentials are from what the currents would make of them.

    In energy, zero where their activities agree (see the top of this file).

    Args:
        network: A network of populations and synapses.
        u: Membrane potentials, one array `(batch, units)` per population.
        current: The currents `a`, likewise.

    Returns:
        One number per sample, not negative.

    Raises:
        NotImplementedError: an activation has no `primitive`.

    Source: two_tales2024, the relaxed objectives.

    Example:
        >>> u = osciprop.relax(layers, x).u
        >>> bool(jnp.all(osciprop.analysis.divergence(layers, u, u) == 0))
        True
    """
    total = jnp.zeros(())
    for population, potential, inflow in zip(network.populations, u, current, strict=True):
        activation = population.neuron.activation
        s = activation(potential)
        excess = (potential - inflow) * s
        excess = excess - activation.primitive(potential) + activation.primitive(inflow)
        total = total + sample_sums(excess)
    return total


def optimistic_objective(
    network: Network, x: ArrayLike, y: ArrayLike, u: State, amplitude: ArrayLike
) -> Float[Array, " batch"]:
    """`C(s) + (1 / amplitude) sum_k D(s_k, a_k)` at given potentials.

    Its minimum, at the first compartments of `Dual(network, 1.0, Proximal(amplitude))`, is not
    above the loss.

    Args:
        network: A network of populations and synapses.
        x: Inputs `(batch, features)`.
        y: Labels `(batch,)` or rows of targets.
        u: Membrane potentials, one array `(batch, units)` per population.
        amplitude: Size of the nudge, above 0: the larger, the cheaper a divergence.

    Returns:
        One number per sample.

    Raises:
        ValueError: `amplitude` is not positive, or input does not fit.
        NotImplementedError: an activation has no `primitive`.

    Source: two_tales2024, the relaxed objectives.

    Example:
        >>> free = osciprop.relax(layers, x)
        >>> loss = osciprop.estimate_gradient(layers, x, y, osciprop.Implicit()).loss
        >>> bound = osciprop.analysis.optimistic_objective(layers, x, y, free.u, amplitude=0.1)
        >>> bool(jnp.allclose(bound.mean(), loss))  # at rest it is the loss itself
        True
    """
    return _relaxed(network, x, y, u, amplitude, 1.0)


def pessimistic_objective(
    network: Network, x: ArrayLike, y: ArrayLike, u: State, amplitude: ArrayLike
) -> Float[Array, " batch"]:
    """`C(s) - (1 / amplitude) sum_k D(s_k, a_k)` at given potentials.

    Its maximum, at the second compartments of `Dual(network, 0.0, Proximal(amplitude))`, is not
    below the loss; beyond some amplitude there is none.

    Args:
        network: A network of populations and synapses.
        x: Inputs `(batch, features)`.
        y: Labels `(batch,)` or rows of targets.
        u: Membrane potentials, one array `(batch, units)` per population.
        amplitude: Size of the nudge, above 0: the larger, the cheaper a divergence.

    Returns:
        One number per sample.

    Raises:
        ValueError: `amplitude` is not positive, or input does not fit.
        NotImplementedError: an activation has no `primitive`.

    Source: two_tales2024, the relaxed objectives.

    Example:
        >>> u = tuple(jnp.ones((10, units)) for units in (6, 5, 3))
        >>> low = osciprop.analysis.pessimistic_objective(layers, x, y, u, amplitude=0.1)
        >>> bool(jnp.all(low <= osciprop.analysis.optimistic_objective(layers, x, y, u, 0.1)))
        True
    """
    return _relaxed(network, x, y, u, amplitude, -1.0)


def averaged_objective(
    network: Network,
    x: ArrayLike,
    y: ArrayLike,
    first: State,
    second: State,
    alpha: float,
    amplitude: ArrayLike,
) -> Float[Array, " batch"]:
    """The optimistic and the pessimistic objective, averaged.

    Args:
        network: A network of populations and synapses.
        x: Inputs `(batch, features)`.
        y: Labels `(batch,)` or rows of targets.
        first: Potentials of the optimistic objective, one array `(batch, units)` per population.
        second: Potentials of the pessimistic one.
        alpha: Weight of the first, from 0 to 1, with `alpha amplitude` as its amplitude; the second
            has `1 - alpha` and `(1 - alpha) amplitude`. For 0 or 1 only one of them is left.
        amplitude: Size of the nudge, above 0.

    Returns:
        One number per sample.

    Raises:
        ValueError: as `optimistic_objective`.
        NotImplementedError: as `optimistic_objective`.

    Source: two_tales2024, the relaxed objectives.

    Example:
        >>> u = tuple(jnp.ones((10, units)) for units in (6, 5, 3))
        >>> one = osciprop.analysis.averaged_objective(layers, x, y, u, u, alpha=1.0, amplitude=0.1)
        >>> bool(jnp.all(one == osciprop.analysis.optimistic_objective(layers, x, y, u, 0.1)))
        True
    """
    total = jnp.zeros(())
    if alpha > 0:
        total = total + alpha * optimistic_objective(network, x, y, first, alpha * amplitude)
    if alpha < 1:
        rest = 1 - alpha
        total = total + rest * pessimistic_objective(network, x, y, second, rest * amplitude)
    return total


def saddle_objective(
    dual: AbstractDual,
    x: ArrayLike,
    y: ArrayLike,
    u: State,
    amplitude: ArrayLike,
) -> Float[Array, " batch"]:
    """The saddle-point objective, stationary where the dyads of dual propagation settle.

    Args:
        dual: The dyads, such as `Dual(network, 0.5, Proximal(amplitude))`.
        x: Inputs `(batch, features)`.
        y: Labels `(batch,)` or rows of targets.
        u: Potentials of both compartments, one array `(batch, 2, units)` per population.
        amplitude: Size of the nudge, above 0.

    Returns:
        One number per sample.

    Raises:
        TypeError: the network inside is not a `Network` of populations and synapses.
        ValueError: as `optimistic_objective`.
        NotImplementedError: as `optimistic_objective`.

    Source: two_tales2024, the relaxed objectives.

    Example:
        >>> from osciprop.dynamics import Dual, Proximal
        >>> u = tuple(jnp.ones((10, 2, units)) for units in (6, 5, 3))
        >>> osciprop.analysis.saddle_objective(Dual(layers, 0.5, Proximal(0.1)), x, y, u, 0.1).shape
        (10,)
    """
    check_instance("dual", dual, AbstractDual)
    check_positive("amplitude", amplitude, AMPLITUDE_REMEDY)
    x, y = prepare_pair(dual, x, y)
    network = dual.network
    if not isinstance(network, Network):
        raise TypeError(
            f"the network inside is a {type(network).__name__}: objectives are defined for a "
            "Network of populations and synapses"
        )
    s = dual.activity(u)
    current = network.current(dual.mean(s), network.drive(x))
    parts = [tuple(leaf[:, place] for leaf in u) for place in (0, 1)]
    costs = [network.cost(tuple(leaf[:, place] for leaf in s), y) for place in (0, 1)]
    alpha = dual.alphas(s)[-1]
    apart = divergence(network, parts[0], current) - divergence(network, parts[1], current)
    return alpha * costs[0] + (1 - alpha) * costs[1] + apart / amplitude


def _relaxed(
    network: Network,
    x: ArrayLike,
    y: ArrayLike,
    u: State,
    amplitude: ArrayLike,
    sign: float,
) -> Float[Array, " batch"]:
    check_instance("network", network, Network)
    check_positive("amplitude", amplitude, AMPLITUDE_REMEDY)
    x, y = prepare_pair(network, x, y)
    u = as_state("u", network, x, u)
    s = network.activity(u)
    current = network.current(s, network.drive(x))
    return network.cost(s, y) + sign * divergence(network, u, current) / amplitude
