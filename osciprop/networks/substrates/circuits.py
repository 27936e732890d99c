"""Nonlinear resistive circuits: networks of resistors, diodes and sources that settle and learn.

Kirchhoff's laws hold where the total co-content is stationary: the sum over branches of the
integral of current by voltage. Potentials of free nodes are the state, capacitors the metric, and a
conductance learns from the contrast of half its squared voltage, which is local to it.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Inexact, PyTree

from ...errors import check_at_least, check_not_negative, check_number, check_positive, shown
from ...settings import Module, Numbers, parameter, weights
from ..complexity import complex_like, matmul
from ..costs import AbstractCost, SquaredError, Targets
from ..flows import AbstractGradientFlow
from ..network import Scores
from ..trees import along_samples

GROUND = -1
"""The node at zero volts."""

Potentials: TypeAlias = Inexact[Array, "batch nodes"]
Drops: TypeAlias = Inexact[Array, "batch branches"]
Branches: TypeAlias = tuple[tuple[int, int], ...]


def _plain(value: Any) -> Any:
    """Lists and arrays of integers as tuples, which programs are compiled for."""
    if isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim):
        return tuple(_plain(part) for part in value)
    return int(value) if isinstance(value, (int, np.integer)) and value is not True else value


class Dissipation(Module):
    """The power that a circuit turns into heat.

    Args:
        resistors: Power of each resistor, `(batch, resistors)`, in units of voltage times current.
        diodes: Power of each diode, `(batch, diodes)`.

    Example:
        >>> heat = osciprop.networks.Dissipation(jnp.ones((2, 3)), jnp.ones((2, 1)))
        >>> heat.total.tolist()
        [4.0, 4.0]
    """

    resistors: Float[Array, "batch resistors"]
    diodes: Float[Array, "batch diodes"]

    @property
    def total(self) -> Float[Array, " batch"]:
        """The power of all branches of each sample."""
        return jnp.sum(self.resistors, axis=1) + jnp.sum(self.diodes, axis=1)


class ResistiveCircuit(AbstractGradientFlow):
    """A circuit of resistors, Shockley diodes, sources and capacitors.

    `Q dv/dt = -dP/dv - beta dC/dv` with the total co-content `P`: `g d^2 / 2` for a resistor with
    the voltage `d` across it, `Is Vt (exp(d / Vt) - 1) - Is d` for a diode, `-I v` for a current
    source. Of a circuit whose conductances are positive there is one equilibrium, that of
    Kirchhoff's laws. A cost nudges by currents into the output nodes. Diodes make a circuit stiff:
    to integrate it, give `osciprop.Integrator` an implicit solver of Diffrax whose equations
    Newton's method solves, such as `diffrax.Kvaerno5(root_finder=
    diffrax.with_stepsize_controller_tols(optimistix.Newton)())`. Of up to some hundred nodes,
    `osciprop.equilibria.LimitedNewton(0.026)`, or another thermal voltage, settles it from any
    start where no exponential overflows; the default follows the flow first.

    Nodes are numbers: the free ones from 0, then those held at the inputs, then those held at
    constant voltages; `GROUND`, -1, is at zero volts. To keep conductances positive in training,
    `osciprop.networks.constrain(circuit, lambda net: net.conductances,
    osciprop.networks.Positive())`.

    Args:
        resistors: The two nodes of each resistor, pairs.
        conductances: Of each resistor, `(resistors,)`, at least 0.
        nodes: Number of free nodes.
        inputs: Number of nodes that are held at the voltages `x`.
        voltages: Of nodes that are held at constants, `(sources,)`; None for no such nodes.
        diodes: Anode and cathode of each diode, pairs.
        saturation_current: Of the diodes, at least 0; one number, or one per diode.
        thermal_voltage: Of the diodes, times their ideality, above 0; likewise. 0.026 V is that of
            room temperature.
        currents: Injected into each free node, `(nodes,)`; None for none.
        capacitance: From each free node to ground, one number or `(nodes,)`, above 0; or Maxwell's
            matrix of capacitances, `(nodes, nodes)`, symmetric and positive definite: a floating
            capacitor between two nodes adds to both diagonal entries, and is taken off between.
        outputs: What the cost reads: free nodes, or pairs of nodes for the difference of their
            potentials; None for all free nodes.
        readout: The cost of the outputs.

    Raises:
        ValueError: a node is not there, numbers do not fit the branches or are out of range, or a
            free node is connected to no potential.

    Source: Kendall et al. 2020 (arXiv 2006.01981); co-content, Millar 1951.

    Example:
        >>> from osciprop.networks import GROUND, ResistiveCircuit
        >>> divider = ResistiveCircuit([(1, 0), (0, GROUND)], [1.0, 3.0], nodes=1, inputs=1)
        >>> settled = osciprop.relax(divider, np.asarray([[2.0]]), relaxation=osciprop.Newton())
        >>> settled.s.round(6).tolist()
        [[0.5]]
    """

    resistors: Branches = eqx.field(static=True, converter=_plain)
    conductances: Float[Array, " resistors"] = eqx.field(converter=weights)
    nodes: int = eqx.field(static=True, kw_only=True)
    inputs: int = eqx.field(static=True, kw_only=True)
    voltages: Float[Array, " sources"] | None = eqx.field(
        default=None, converter=weights, kw_only=True
    )
    diodes: Branches = eqx.field(default=(), static=True, converter=_plain, kw_only=True)
    saturation_current: Numbers = eqx.field(default=1e-3, converter=parameter, kw_only=True)
    thermal_voltage: Numbers = eqx.field(default=0.026, converter=parameter, kw_only=True)
    currents: Float[Array, " nodes"] | None = eqx.field(
        default=None, converter=weights, kw_only=True
    )
    capacitance: Numbers = eqx.field(default=1.0, converter=parameter, kw_only=True)
    outputs: tuple[int | tuple[int, int], ...] | None = eqx.field(
        default=None, static=True, converter=_plain, kw_only=True
    )
    readout: AbstractCost = eqx.field(default=SquaredError(), kw_only=True)

    def __check_init__(self) -> None:
        check_at_least("nodes", self.nodes, 1, "a circuit settles in the potentials of free nodes")
        check_at_least("inputs", self.inputs, 0, "0 for a circuit without inputs")
        held = 0 if self.voltages is None else self.voltages.size
        _require_shape("voltages", self.voltages, (held,), "one per source")
        _check_branches("resistors", self.resistors, self.nodes + self.inputs + held)
        _check_branches("diodes", self.diodes, self.nodes + self.inputs + held)
        _require_shape(
            "conductances", self.conductances, (len(self.resistors),), "one per resistor"
        )
        _require_shape("currents", self.currents, (self.nodes,), "one per free node")
        check_not_negative("conductances", self.conductances, "0 for a resistor that is not there")
        for name in ("saturation_current", "thermal_voltage"):
            if np.ndim(getattr(self, name)):
                _require_shape(name, getattr(self, name), (len(self.diodes),), "one per diode")
        check_not_negative("saturation_current", self.saturation_current, "1e-3 is a diode's")
        check_positive("thermal_voltage", self.thermal_voltage, "0.026 is that of 300 K")
        self._check_capacitance()
        self._check_outputs()
        _check_connected(self.resistors + self.diodes, self.nodes)

    def _check_capacitance(self) -> None:
        shape = self.capacitance.shape
        if shape not in ((), (self.nodes,), (self.nodes, self.nodes)):
            raise ValueError(
                f"capacitance has shape {shape} for {self.nodes} free nodes: give one number, one "
                "per free node, or a square matrix"
            )
        if len(shape) < 2:
            check_positive("capacitance", self.capacitance, "every free node needs some to settle")
            return
        check_number("capacitance", self.capacitance, "give finite entries")
        if isinstance(self.capacitance, jax.core.Tracer):
            return
        matrix = np.asarray(self.capacitance)
        if (matrix != matrix.T).any() or np.linalg.eigvalsh(matrix).min() <= 0:
            raise ValueError(
                "capacitance is a matrix that is not symmetric and positive definite: give the sum "
                "of a node's capacitors on the diagonal and those between two nodes, negative, "
                "beside it"
            )

    def _check_outputs(self) -> None:
        if self.outputs is None:
            return
        if not isinstance(self.outputs, tuple) or not self.outputs:
            raise ValueError(
                f"outputs is {shown(self.outputs)}: give free nodes, or pairs of them, or None"
            )
        _check_branches("outputs", _as_pairs(self.outputs), self.nodes)

    def rest(self, x: Float[Array, "batch inputs"]) -> Potentials:
        return jnp.zeros((x.shape[0], self.nodes), dtype=self.conductances.dtype)

    def potentials(
        self, u: Potentials, x: Float[Array, "batch inputs"]
    ) -> Inexact[Array, "batch all"]:
        """The potentials of all nodes: free ones, inputs, constants, ground."""
        parts = [u, complex_like(x, u)]
        if self.voltages is not None:
            constants = complex_like(self.voltages, u)[None]
            parts.append(jnp.broadcast_to(constants, (u.shape[0], constants.shape[1])))
        return jnp.concatenate([*parts, jnp.zeros_like(u[:, :1])], axis=1)

    def energy(self, u: Potentials, x: Float[Array, "batch inputs"]) -> Inexact[Array, " batch"]:
        v = self.potentials(u, x)
        content = weighted_sum(drops(v, self.resistors) ** 2, self.conductances / 2)
        if self.diodes:
            across = drops(v, self.diodes)
            content = content + jnp.sum(
                diode_content(across, self.saturation_current, self.thermal_voltage), axis=1
            )
        return content if self.currents is None else content - weighted_sum(u, self.currents)

    def velocity(self, u: Potentials, current: Potentials) -> Potentials:
        if self.capacitance.ndim == 2:
            return matmul(current - u, jnp.linalg.inv(self.capacitance).T)
        return (current - u) / per_branch(self.capacitance, u)

    def slowest(self) -> Float[Array, ""]:
        # Of the circuit around zero volts, where a diode is a conductance of Is / Vt.
        branches = [(self.resistors, self.conductances)]
        if self.diodes:
            there = self.saturation_current / self.thermal_voltage
            branches.append((self.diodes, jnp.broadcast_to(there, (len(self.diodes),))))
        stiffness = sum(_laplacian(pairs, values, self.nodes) for pairs, values in branches)
        if self.capacitance.ndim == 2:
            root = jnp.linalg.inv(jnp.linalg.cholesky(self.capacitance))
        else:
            root = jnp.diag(jnp.broadcast_to(self.capacitance**-0.5, (self.nodes,)))
        return 1 / jnp.linalg.eigvalsh(root @ stiffness @ root.T)[0]

    def cost(self, s: Potentials, y: Targets) -> Inexact[Array, " batch"]:
        return self.readout(self._read(s), y)

    def output(self, s: Potentials) -> Scores:
        return self.readout.output(self._read(s))

    def _read(self, s: Potentials) -> Inexact[Array, "batch outputs"]:
        if self.outputs is None:
            return s
        with_ground = jnp.concatenate([s, jnp.zeros_like(s[:, :1])], axis=1)
        return drops(with_ground, _as_pairs(self.outputs))

    def dissipation(self, v: Float[Array, "batch nodes"], x: ArrayLike) -> Dissipation:
        """The power of every branch, `(batch, branches)`, at free potentials `v`: in sum what the
        sources deliver, where the circuit has settled.
        """
        everywhere = self.potentials(v, jnp.asarray(x, dtype=v.dtype))
        linear = drops(everywhere, self.resistors) ** 2 * self.conductances[None]
        across = drops(everywhere, self.diodes)
        current = diode_current(across, self.saturation_current, self.thermal_voltage)
        return Dissipation(linear, across * current)

    def check_input(self, x: Array) -> None:
        super().check_input(x)
        if x.shape[1:] != (self.inputs,):
            raise ValueError(
                f"x has shape {x.shape}, but the circuit has {self.inputs} inputs: give "
                f"(batch, {self.inputs}) voltages"
            )

    def trainable(self) -> PyTree[bool]:
        frozen = jax.tree.map(lambda _: False, self)
        learned = jax.tree.map(
            eqx.is_inexact_array, (self.conductances, self.currents, self.readout)
        )
        return eqx.tree_at(
            lambda tree: (tree.conductances, tree.currents, tree.readout),
            frozen,
            learned,
            is_leaf=lambda part: part is None,
        )


def drops(v: Inexact[Array, "batch all"], branches: Branches) -> Drops:
    """The voltage across each branch, from its first node to its second."""
    ends = np.asarray(branches, dtype=int).reshape(-1, 2)
    return v[:, ends[:, 0]] - v[:, ends[:, 1]]


def diode_content(across: Drops, saturation: Numbers, thermal: Numbers) -> Drops:
    """The co-content of diodes at voltages `across` them: the integral of their current."""
    size, scale = per_branch(saturation, across), per_branch(thermal, across)
    return size * (scale * jnp.expm1(across / scale) - across)


def diode_current(across: Drops, saturation: Numbers, thermal: Numbers) -> Drops:
    """The current of diodes by Shockley's equation."""
    size, scale = per_branch(saturation, across), per_branch(thermal, across)
    return size * jnp.expm1(across / scale)


def weighted_sum(
    values: Inexact[Array, "batch numbers"], factors: Float[Array, " numbers"]
) -> Inexact[Array, " batch"]:
    """The sum over each sample's values times real factors."""
    return matmul(values, factors[:, None])[:, 0]


def per_branch(value: Numbers, like: Inexact[Array, "batch numbers"]) -> Inexact[Array, "..."]:
    """One number for all, or one for each, to be broadcast over a batch."""
    value = jnp.asarray(value, dtype=jnp.finfo(like.dtype).dtype)
    return along_samples(complex_like(value, like), like)


def _laplacian(
    branches: Branches, values: Float[Array, " branches"], nodes: int
) -> Float[Array, "nodes nodes"]:
    """The matrix of nodal analysis: currents into branches from potentials of free nodes."""
    incidence = np.zeros((len(branches), nodes))
    for row, ends in enumerate(branches):
        for node, sign in zip(ends, (1, -1), strict=True):
            if 0 <= node < nodes:
                incidence[row, node] = sign
    matrix = jnp.asarray(incidence, dtype=values.dtype)
    return matrix.T @ (values[:, None] * matrix)


def _as_pairs(outputs: Sequence[int | tuple[int, int]]) -> Branches:
    """Outputs as pairs: a node by itself is one against ground."""
    return tuple((each, GROUND) if isinstance(each, int) else each for each in outputs)


def _require_shape(name: str, value: Any, shape: tuple[int, ...], asked: str) -> None:
    if value is not None and np.shape(value) != shape:
        raise ValueError(f"{name} has shape {np.shape(value)}, not {shape}: give {asked}")


def _check_branches(name: str, branches: Any, nodes: int) -> None:
    """Raise `ValueError` for what is no tuple of pairs of different nodes that are there."""
    if not isinstance(branches, tuple):
        raise ValueError(f"{name} is {shown(branches)}: give pairs of nodes, such as [(0, 1)]")
    for place, ends in enumerate(branches):
        pair = isinstance(ends, tuple) and len(ends) == 2
        if not pair or any(type(node) is not int for node in ends):
            raise ValueError(
                f"{name}[{place}] is {shown(ends)}: give two nodes, integers, such as (0, 1)"
            )
        if ends[0] == ends[1] or not all(GROUND <= node < nodes for node in ends):
            raise ValueError(
                f"{name}[{place}] is {ends}: its nodes must be two of 0 ... {nodes - 1} and "
                f"osciprop.networks.GROUND ({GROUND})"
            )


def _check_connected(branches: Branches, nodes: int) -> None:
    """Raise `ValueError` unless branches lead from every free node to one at a given potential."""
    held: set[int] = {node for ends in branches for node in ends if not 0 <= node < nodes}
    size = -1
    while size < len(held):
        size = len(held)
        held |= {node for ends in branches if held & set(ends) for node in ends}
    floating = sorted(set(range(nodes)) - held)
    if floating:
        raise ValueError(
            f"free node {floating[0]} is connected to no input, source or ground, so that its "
            f"potential is not determined ({len(floating)} such nodes): add a resistor"
        )
