"""Networks whose outputs are held: the clamped phase of contrastive and coupled learning.

Where `output` picks units, `s -> P s`, the activity with outputs at `v` is `s + P^T (v - P s)`, and
`P^T` comes from `jax.vjp`: no network need say which units these are, only that they are
(`AbstractNetwork.output_obstacle`).
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Inexact

from ..networks.complexity import complex_like
from ..networks.costs import Targets, target_rows
from ..networks.extensions import AbstractExtension
from ..networks.network import AbstractNetwork, Scores, State, require_outputs_of_units


class ClampedOutputs(AbstractExtension):
    """A network whose outputs are held at given values, whatever their input currents are.

    All other units, and hidden variables of the outputs' own neurons, move as they do in the
    network inside.

    Args:
        network: A network whose `output` is the activity of some units as it is.
        values: The outputs of the batch that the network is used with, `(batch, outputs)`, real or
            complex.

    Raises:
        TypeError: the outputs are not activities of units.
        ValueError: where it is used, for inputs of another number of samples.

    Source: Movellan 1991; Stern et al. 2021.

    Example:
        >>> direct = osciprop.perceptron([4, 6, 3], key=key)
        >>> clamped = osciprop.dynamics.ClampedOutputs(direct, jnp.full((10, 3), 0.25))
        >>> osciprop.relax(clamped, x).s[-1][0].round(9).tolist()
        [0.25, 0.25, 0.25]
    """

    network: AbstractNetwork
    values: Inexact[Array, "batch outputs"] = eqx.field(converter=jnp.asarray)

    def __check_init__(self) -> None:
        require_outputs_of_units(self.network)

    def check_input(self, x: Array) -> None:
        super().check_input(x)
        if x.shape[0] != self.values.shape[0]:
            raise ValueError(
                f"values holds {self.values.shape[0]} samples, but x holds {x.shape[0]}: give one "
                "row of outputs per sample"
            )

    def activity(self, u: State) -> State:
        s = self.network.activity(u)
        outputs, place = jax.vjp(self.network.output, s)
        (moved,) = place(complex_like(self.values, outputs).astype(outputs.dtype) - outputs)
        return jax.tree.map(lambda a, b: a + b, s, moved)


def towards_targets(
    outputs: Scores, y: Targets, share: Inexact[Array, " points"]
) -> Inexact[Array, "points batch outputs"]:
    """`(1 - share) outputs + share y` for every share: soft clamps, the hard one at 1."""
    rows = target_rows(y, outputs.shape[-1], outputs.dtype)
    gap, start = complex_like((rows - outputs, outputs), share)
    return start[None] + share[:, None, None].astype(gap.dtype) * gap[None]
