"""Deep resistive networks: layers of nodes, crossbars of resistors and amplifiers between them.

An amplifier shows the crossbar above it the potential of its node times a voltage gain `a`, and
draws from the node the current that flows there times a current gain `1/a`. Kirchhoff's current law
of the layer below, taken `a^2` times, is then the derivative of the same co-content
`g (a v - w)^2 / 2` as that of the layer above. So a total energy remains: the sum of the crossbars'
co-contents, in which the layer `k` steps below the outputs counts `a^(2k)` times.
"""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Inexact, PRNGKeyArray, PyTree

from ...errors import check_instance, check_not_negative, check_positive
from ...settings import Number, parameter, weights
from ..build.dense import check_sizes
from ..complexity import complex_like, matmul
from ..constraints import AbstractConstraint, Positive, constrain
from ..costs import AbstractCost, SquaredError, Targets
from ..draws import split, uniform
from ..flows import AbstractGradientFlow
from ..network import AbstractNetwork, Scores
from .circuits import Dissipation, diode_content, diode_current, weighted_sum

Layers = tuple[Inexact[Array, "batch _"], ...]


class ResistiveLayers(AbstractGradientFlow):
    """A deep resistive network: crossbars of resistors between layers of nodes.

    The lowest crossbar is driven by voltage sources: the inputs `x`, then `-x`, then 1 and -1, all
    times `input_gain`. Every hidden node has a diode to ground, of every other node the other way
    round, so that one half cannot fall far below zero volts, the other not rise far above.
    Outputs are differences of the potentials of neighbouring nodes in the last layer. Signs of
    weights come from these pairs: all conductances are positive. `resistive_layers` builds one.
    A gain counts twice in the residuals of the layers below it: in single precision, relax to a
    tolerance of about `3e-6 gain**2`, as by `osciprop.equilibria.LimitedNewton(tolerance=5e-5)`,
    which settles networks of some hundred nodes whose diodes conduct.

    Args:
        conductances: Of each crossbar, `(nodes below, nodes above)`, at least 0; the first has two
            rows for each input and two more, the last two columns for each output.
        gain: Voltage gain of the amplifiers between hidden nodes and the crossbar above, above 0.
        input_gain: Voltage of the sources per unit of input, above 0.
        saturation_current: Of the diodes, at least 0.
        thermal_voltage: Of the diodes, above 0; 0.026 V is that of room temperature.
        capacitance: From each node to ground, above 0.
        readout: The cost of the outputs.

    Raises:
        ValueError: crossbars do not fit each other, or a number is out of its range.

    Source: Kendall et al. 2020 (arXiv 2006.01981); Scellier 2024 (arXiv 2402.11674).

    Example:
        >>> crossbars = (jnp.ones((4, 3)) / 4, jnp.ones((3, 2)) / 3)  # one input, one output
        >>> layers = osciprop.networks.ResistiveLayers(crossbars)
        >>> layers.output(layers.rest(jnp.ones((5, 1)))).shape
        (5, 1)
    """

    conductances: tuple[Float[Array, "below above"], ...] = eqx.field(
        converter=lambda value: tuple(map(weights, value))
    )
    gain: Number = eqx.field(default=4.0, converter=parameter, kw_only=True)
    input_gain: Number = eqx.field(default=1.0, converter=parameter, kw_only=True)
    saturation_current: Number = eqx.field(default=1e-3, converter=parameter, kw_only=True)
    thermal_voltage: Number = eqx.field(default=0.026, converter=parameter, kw_only=True)
    capacitance: Number = eqx.field(default=1.0, converter=parameter, kw_only=True)
    readout: AbstractCost = eqx.field(default=SquaredError(), kw_only=True)

    def __check_init__(self) -> None:
        if not self.conductances or any(np.ndim(each) != 2 for each in self.conductances):
            raise ValueError(
                "conductances must be a list of matrices (nodes below, nodes above), one for each "
                f"crossbar, got shapes {[np.shape(each) for each in self.conductances]}"
            )
        for place, (below, above) in enumerate(pairwise(self.conductances)):
            if below.shape[1] != above.shape[0]:
                raise ValueError(
                    f"conductances[{place}] has {below.shape[1]} nodes above it, but "
                    f"conductances[{place + 1}] has {above.shape[0]} below: give the same number"
                )
        for place, end, axis in ((0, "inputs", 0), (-1, "outputs", 1)):
            if self.conductances[place].shape[axis] % 2:
                raise ValueError(
                    f"conductances[{place}] has shape {self.conductances[place].shape}: {end} come "
                    "in pairs of nodes, so give an even number"
                )
        for place, each in enumerate(self.conductances):
            remedy = "0 for a resistor that is not there"
            check_not_negative(f"conductances[{place}]", each, remedy)
        check_positive("gain", self.gain, "1 for a crossbar without amplifiers' help")
        check_positive("input_gain", self.input_gain, "1 for the inputs themselves")
        check_not_negative("saturation_current", self.saturation_current, "1e-3 is a diode's")
        check_positive("thermal_voltage", self.thermal_voltage, "0.026 is that of 300 K")
        check_positive("capacitance", self.capacitance, "every node needs some to settle")

    def rest(self, x: Float[Array, "batch inputs"]) -> Layers:
        return tuple(
            jnp.zeros((x.shape[0], each.shape[1]), dtype=each.dtype) for each in self.conductances
        )

    def _sources(self, x: Float[Array, "batch inputs"]) -> Float[Array, "batch sources"]:
        one = jnp.ones_like(x[:, :1])
        return self.input_gain.astype(x.dtype) * jnp.concatenate([x, -x, one, -one], axis=1)

    def _counts(self, like: Layers) -> list[Inexact[Array, ""]]:
        """How many times the law of each layer counts in the energy."""
        gain = self.gain.astype(self.conductances[0].dtype)
        above = range(len(self.conductances) - 1, -1, -1)
        return [complex_like(gain ** (2 * steps), like) for steps in above]

    def _driven(self, u: Layers, x: Float[Array, "batch inputs"]) -> Layers:
        """What each crossbar sees below it."""
        gain = complex_like(self.gain.astype(x.dtype), u)
        return (complex_like(self._sources(x), u), *(gain * layer for layer in u[:-1]))

    def energy(self, u: Layers, x: Float[Array, "batch inputs"]) -> Inexact[Array, " batch"]:
        below = self._driven(u, x)
        parts = [_crossbar(*each) for each in zip(below, u, self.conductances, strict=True)]
        for place, layer in enumerate(u[:-1]):
            content = diode_content(_forwards(layer), self.saturation_current, self.thermal_voltage)
            parts[place] = parts[place] + jnp.sum(content, axis=1)
        counts = self._counts(u)
        return sum(
            (count * part for count, part in zip(counts[1:], parts[1:], strict=True)),
            start=counts[0] * parts[0],
        )

    def velocity(self, u: Layers, current: Layers) -> Layers:
        capacitance = complex_like(self.capacitance.astype(self.conductances[0].dtype), u)
        return tuple(
            (inflow - layer) / (count * capacitance)
            for layer, inflow, count in zip(u, current, self._counts(u), strict=True)
        )

    def slowest(self) -> Float[Array, ""]:
        """The longest time constant of a node by itself, driven from below."""
        least = [jnp.min(jnp.sum(each, axis=0)) for each in self.conductances]
        return self.capacitance / jnp.min(jnp.stack(least))

    def cost(self, s: Layers, y: Targets) -> Inexact[Array, " batch"]:
        return self.readout(_differences(s[-1]), y)

    def output(self, s: Layers) -> Scores:
        return self.readout.output(_differences(s[-1]))

    def dissipation(self, v: Layers, x: ArrayLike) -> Dissipation:
        """The power of all resistors of each crossbar, `(batch, crossbars)`, and of all diodes of
        each hidden layer, at potentials `v`.
        """
        below = self._driven(v, jnp.asarray(x, dtype=v[-1].dtype))
        linear = [2 * _crossbar(*each) for each in zip(below, v, self.conductances, strict=True)]
        heat = []
        for layer in v[:-1]:
            across = _forwards(layer)
            current = diode_current(across, self.saturation_current, self.thermal_voltage)
            heat.append(jnp.sum(across * current, axis=1))
        none = jnp.zeros((v[-1].shape[0], 0), dtype=v[-1].dtype)
        return Dissipation(jnp.stack(linear, axis=1), jnp.stack(heat, axis=1) if heat else none)

    def check_input(self, x: Array) -> None:
        super().check_input(x)
        inputs = self.conductances[0].shape[0] // 2 - 1
        if x.shape[1:] != (inputs,):
            raise ValueError(
                f"x has shape {x.shape}, but the lowest crossbar has rows for {inputs} inputs: "
                f"give (batch, {inputs}) numbers"
            )

    def trainable(self) -> PyTree[bool]:
        frozen = jax.tree.map(lambda _: False, self)
        learned = jax.tree.map(eqx.is_inexact_array, (self.conductances, self.readout))
        return eqx.tree_at(lambda tree: (tree.conductances, tree.readout), frozen, learned)


def _crossbar(
    below: Inexact[Array, "batch below"],
    above: Inexact[Array, "batch above"],
    conductances: Float[Array, "below above"],
) -> Inexact[Array, " batch"]:
    """The co-content of all resistors between two layers, `g (below - above)^2 / 2`, by products
    of matrices: no voltage across a single resistor is ever stored.
    """
    half = weighted_sum(below**2, jnp.sum(conductances, axis=1) / 2)
    half = half + weighted_sum(above**2, jnp.sum(conductances, axis=0) / 2)
    return half - jnp.sum(matmul(below, conductances) * above, axis=1)


def _forwards(layer: Inexact[Array, "batch nodes"]) -> Inexact[Array, "batch nodes"]:
    """The voltage across each node's diode in the direction in which it conducts: from ground to
    the first node, from the second to ground, and so on.
    """
    signs = jnp.asarray(np.where(np.arange(layer.shape[1]) % 2, 1, -1), dtype=layer.dtype)
    return layer * signs[None]


def _differences(layer: Inexact[Array, "batch nodes"]) -> Inexact[Array, "batch outputs"]:
    return layer[:, ::2] - layer[:, 1::2]


def resistive_layers(
    sizes: Sequence[int],
    *,
    key: PRNGKeyArray,
    gain: float = 4.0,
    input_gain: float = 1.0,
    saturation_current: float = 1e-3,
    thermal_voltage: float = 0.026,
    capacitance: float = 1.0,
    readout: AbstractCost = SquaredError(),
    constraint: AbstractConstraint | None = Positive(),
) -> AbstractNetwork:
    """A deep resistive network with random conductances that stay positive.

    Conductances are uniform, and those below a node sum to about 1 before training: a node's time
    constant is then about `capacitance`.

    Args:
        sizes: Number of inputs, of nodes in each hidden layer, of outputs.
        key: Source of random numbers, from `jax.random.key`.
        gain: Voltage gain of the amplifiers, above 0.
        input_gain: Voltage of the sources per unit of input, above 0; a random crossbar averages
            its inputs, so that the root of their number is a good one.
        saturation_current: Of the diodes, at least 0.
        thermal_voltage: Of the diodes, above 0.
        capacitance: From each node to ground, above 0.
        readout: The cost of the outputs.
        constraint: What conductances are as functions of the numbers that are trained; None for
            these themselves.

    Returns:
        The network; its `network` is the `ResistiveLayers`, where there is a constraint.

    Raises:
        ValueError: there are fewer than three sizes, one is below 1, or a number is out of range.
        TypeError: the key or the constraint is none.

    Source: Scellier 2024 (arXiv 2402.11674).

    Example:
        >>> net = osciprop.networks.resistive_layers([4, 6, 3], key=key)
        >>> [each.shape for each in net.network.conductances]
        [(10, 6), (6, 6)]
    """
    check_sizes(sizes, key)
    widths = [2 * sizes[0] + 2, *sizes[1:-1], 2 * sizes[-1]]
    keys = split(key, len(widths) - 1)
    crossbars = [
        uniform(one, (below, above), 0.1, 1.9) / below
        for one, (below, above) in zip(keys, pairwise(widths), strict=True)
    ]
    network: AbstractNetwork = ResistiveLayers(
        tuple(crossbars),
        gain=gain,
        input_gain=input_gain,
        saturation_current=saturation_current,
        thermal_voltage=thermal_voltage,
        capacitance=capacitance,
        readout=readout,
    )
    if constraint is None:
        return network
    check_instance("constraint", constraint, AbstractConstraint)
    for place in range(len(crossbars)):
        network = constrain(network, partial(_crossbar_at, place), constraint)
    return network


def _crossbar_at(place: int, network: Any) -> Any:
    return network.conductances[place]
