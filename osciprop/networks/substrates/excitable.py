"""Excitable cells: FitzHugh-Nagumo, as a skew-gradient system."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact, PyTree

from ...errors import check_positive
from ...settings import Numbers, entries, parameter, weights
from ..complexity import complex_like
from ..costs import AbstractCost, SquaredError, Targets
from ..flows import AbstractGradientFlow, check_units, read
from ..metrics import AbstractMetric
from ..network import Scores
from ..trees import as_rows
from .couplings import (
    check_couplings,
    check_features,
    check_fits,
    check_shape,
    differences,
    paired_start,
    parameter_like,
)

Units = Inexact[Array, "batch units"]
Cells = tuple[Units, Units]
TIME_REMEDY = "give a time constant, in units of time"


class FitzHughNagumoNetwork(AbstractGradientFlow):
    """Excitable cells with diffusive couplings.

    `tau_u du_i/dt = u_i - u_i^3 / 3 - w_i + I_i - sum_j D_ij (u_i - u_j)`,
    `tau_w dw_i/dt = u_i + a - b w_i - sum_j G_ij (w_i - w_j)`. The state is the pair of potentials
    u and recovery variables w. No energy falls along the flow, which may spiral and oscillate, but
    it is the flow of one whose metric has two signs, `(tau_u, -tau_w) ds/dt = -dE/ds`, with `E =
    sum(-u^2 / 2 + u^4 / 12 + u w - I u + a w - b w^2 / 2) + 1/2 sum_{i<j} D_ij (u_i - u_j)^2
    - 1/2 sum_{i<j} G_ij (w_i - w_j)^2`. Equilibria are its saddles, and every method for networks
    with an energy is exact at those that the flow settles in.

    Args:
        currents: I, the constant input current of each cell, `(units,)`.
        diffusion: D, `(units, units)`, read above the diagonal, so that the gradient by a number is
            that of the pair; below it is zero or symmetric. None for no coupling.
        recovery_diffusion: G, likewise.
        inputs: What current the inputs send, `(features, units)`; None for none.
        offset: a, one number or one per unit.
        decay: b, one number or one per unit.
        time_constant: tau_u, in units of time, above 0.
        recovery_time: tau_w, in units of time, above 0.
        start: Where u and w begin, `(2, units)`, or `(2, 1)` for all units alike. The default is
            near the rest of a cell without current.
        outputs: The numbers that the cost reads, by index: 0 to units - 1 are all u, then come all
            w; None for all of them.
        readout: The cost of these numbers.

    Raises:
        ValueError: a shape does not fit, couplings are not symmetric, an index is none of a number,
            or a time constant is not positive.
        ConvergenceError: by what relaxes, where cells fire again and again.

    Source: FitzHugh 1961, Nagumo et al. 1962; for skew-gradient systems, arXiv 2605.21568.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> cells = osciprop.networks.FitzHughNagumoNetwork(
        ...     np.zeros(3), 0.2 * np.ones((3, 3)), inputs=0.1 * rng.normal(size=(4, 3)),
        ...     outputs=(1, 2),
        ... )
        >>> bool(osciprop.relax(cells, x).converged.all())
        True
    """

    currents: Numbers = eqx.field(converter=weights)
    diffusion: Numbers | None = eqx.field(default=None, converter=weights)
    recovery_diffusion: Numbers | None = eqx.field(default=None, converter=weights, kw_only=True)
    inputs: Numbers | None = eqx.field(default=None, converter=weights, kw_only=True)
    offset: Numbers = eqx.field(default=0.7, converter=parameter, kw_only=True)
    decay: Numbers = eqx.field(default=0.8, converter=parameter, kw_only=True)
    time_constant: Numbers = eqx.field(default=1.0, converter=parameter, kw_only=True)
    recovery_time: Numbers = eqx.field(default=12.5, converter=parameter, kw_only=True)
    start: Numbers = eqx.field(default=((-1.2,), (-0.6,)), converter=parameter, kw_only=True)
    outputs: tuple[int, ...] | None = eqx.field(
        default=None, static=True, converter=entries, kw_only=True
    )
    readout: AbstractCost = eqx.field(default=SquaredError(), kw_only=True)

    def __check_init__(self) -> None:
        units = self.currents.size
        check_shape("currents", self.currents, (units,))
        for name in ("diffusion", "recovery_diffusion"):
            pairs = getattr(self, name)
            if pairs is not None:
                check_couplings(name, pairs, units)
        if self.inputs is not None and self.inputs.shape[1:] != (units,):
            raise ValueError(
                f"inputs has shape {self.inputs.shape}: give one row per feature, "
                f"(features, {units})"
            )
        for name in ("offset", "decay"):
            check_fits(name, getattr(self, name), (units,))
        for name in ("time_constant", "recovery_time"):
            check_positive(name, getattr(self, name), TIME_REMEDY)
            check_fits(name, getattr(self, name), (units,))
        check_fits("start", self.start, (2, units))
        check_units("outputs", self.outputs, 2 * units)

    def check_input(self, x: Array) -> None:
        check_features(x, self.inputs)

    def rest(self, x: Float[Array, "batch ..."]) -> Cells:
        return paired_start(self.start, x.shape[0], self.currents)

    def drive(self, x: Float[Array, "batch ..."]) -> Units:
        currents = jnp.broadcast_to(self.currents, (x.shape[0], self.currents.size))
        if self.inputs is None:
            return currents
        return currents + x.astype(currents.dtype) @ self.inputs

    def energy(self, u: Cells, drive: Units) -> Inexact[Array, " batch"]:
        potential, recovery = u
        current = complex_like(drive, u)
        half, twelfth = (jnp.asarray(part, dtype=potential.dtype) for part in (0.5, 1 / 12))
        offset, decay = (parameter_like(part, potential) for part in (self.offset, self.decay))
        terms = potential**2 * (twelfth * potential**2 - half)
        terms = terms + potential * (recovery - current)
        terms = terms + recovery * (offset - half * decay * recovery)
        total = jnp.sum(terms, axis=-1)
        if self.diffusion is not None:
            total = total + differences(potential, self.diffusion)
        if self.recovery_diffusion is not None:
            total = total - differences(recovery, self.recovery_diffusion)
        return total

    def velocity(self, u: Cells, current: Cells) -> Cells:
        times = (self.time_constant, -self.recovery_time)
        fast, slow = (1 / parameter_like(time, u[0]) for time in times)
        return fast * (current[0] - u[0]), slow * (current[1] - u[1])

    def slowest(self) -> Float[Array, ""]:
        return jnp.maximum(jnp.max(self.time_constant), jnp.max(self.recovery_time))

    def cost(self, s: Cells, y: Targets) -> Inexact[Array, " batch"]:
        return self.readout(read(as_rows(s), self.outputs), y)

    def output(self, s: Cells) -> Scores:
        return self.readout.output(read(as_rows(s), self.outputs))

    def metric(self, y: np.ndarray, outputs: int) -> AbstractMetric:
        return self.readout.metric(y, outputs)

    def trainable(self) -> PyTree[bool]:
        """All but time constants, and where cells start; `constrain` by `Fixed` what is to stay."""
        learned = jax.tree.map(eqx.is_inexact_array, self)
        return eqx.tree_at(
            lambda tree: (tree.time_constant, tree.recovery_time, tree.start),
            learned,
            replace=(False, False, False),
        )
