"""Oscillators with a phase and an amplitude: Stuart-Landau, at and off resonance."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact, PyTree

from ...settings import Numbers, entries, parameter, weights
from ..complexity import complex_like, matmul
from ..costs import AbstractCost, SquaredError, Targets
from ..extensions import AbstractExtension
from ..flows import AbstractGradientFlow, check_units, read
from ..metrics import AbstractMetric
from ..network import Scores
from ..trees import as_rows
from .couplings import (
    check_couplings,
    check_features,
    check_fits,
    check_shape,
    paired_start,
    parameter_like,
    symmetric,
)

Units = Inexact[Array, "batch units"]
Quadratures = tuple[Units, Units]


class StuartLandauNetwork(AbstractGradientFlow):
    """Oscillators near the onset of oscillation, all in resonance with their drive.

    `dz_i/dt = (mu_i - |z_i|^2) z_i + sum_j K_ij z_j + f_i` with `z = x + i y`, in the frame that
    turns with the drive: the flow down `E = sum(-mu |z|^2 / 2 + |z|^4 / 4) - 1/2 sum_ij K_ij
    (x_i x_j + y_i y_j) - sum f . z`. The state is the pair of quadratures x and y, each of which
    becomes complex by itself under a complex teaching signal: `|z|^2` is `x^2 + y^2`. Time is in
    units of one over the growth rates. `DetunedStuartLandauNetwork` has frequencies of its own.

    Args:
        growth: mu, how fast an oscillation of each unit grows by itself, below 0 how fast it
            decays, `(units,)`.
        couplings: K, real, `(units, units)`, read above the diagonal, so that the gradient by a
            number is that of the pair; below it is zero or symmetric.
        forces: f, the constant drive, `(2, units)`: that of x and that of y; None for none.
        inputs: What drive the inputs send, `(2, features, units)`, likewise; None for none.
        start: Where x and y begin, one number or `(2, units)`.
        outputs: The numbers that the cost reads, by index: 0 to units - 1 are all x, then come all
            y; None for all of them.
        readout: The cost of these numbers.

    Raises:
        ValueError: a shape does not fit, couplings are not symmetric, an index is none of a number,
            or no drive fixes the common phase.

    Source: the normal form of a Hopf bifurcation, Kuramoto 1984; for learning, arXiv 2504.11884.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> oscillators = osciprop.networks.StuartLandauNetwork(
        ...     np.ones(3), 0.1 * np.ones((3, 3)), inputs=rng.normal(size=(2, 4, 3)), outputs=(0, 1)
        ... )
        >>> oscillators.output(oscillators.rest(jnp.asarray(x))).shape
        (10, 2)
    """

    growth: Numbers = eqx.field(converter=weights)
    couplings: Numbers = eqx.field(converter=weights)
    forces: Numbers | None = eqx.field(default=None, converter=weights, kw_only=True)
    inputs: Numbers | None = eqx.field(default=None, converter=weights, kw_only=True)
    start: Numbers = eqx.field(default=0.5, converter=parameter, kw_only=True)
    outputs: tuple[int, ...] | None = eqx.field(
        default=None, static=True, converter=entries, kw_only=True
    )
    readout: AbstractCost = eqx.field(default=SquaredError(), kw_only=True)

    def __check_init__(self) -> None:
        units = self.growth.size
        check_shape("growth", self.growth, (units,))
        check_couplings("couplings", self.couplings, units)
        check_shape("forces", self.forces, (2, units))
        if self.inputs is not None and (
            self.inputs.ndim != 3 or self.inputs.shape[::2] != (2, units)
        ):
            raise ValueError(
                f"inputs has shape {self.inputs.shape}: give (2, features, {units}), what each "
                "feature sends to x and what it sends to y"
            )
        check_fits("start", self.start, (2, units))
        check_units("outputs", self.outputs, 2 * units)
        if self.forces is None and self.inputs is None:
            raise ValueError(
                "nothing fixes the common phase of all oscillators, so no equilibrium is one: give "
                "forces or inputs"
            )

    def check_input(self, x: Array) -> None:
        check_features(x, self.inputs, axis=1)

    def rest(self, x: Float[Array, "batch ..."]) -> Quadratures:
        return paired_start(self.start, x.shape[0], self.growth)

    def drive(self, x: Float[Array, "batch ..."]) -> Quadratures:
        shape = (x.shape[0], self.growth.size)
        both = [jnp.zeros(shape, dtype=self.growth.dtype)] * 2
        if self.forces is not None:
            both = [part + force[None] for part, force in zip(both, self.forces, strict=True)]
        if self.inputs is not None:
            features = x.astype(self.growth.dtype)
            both = [part + features @ sent for part, sent in zip(both, self.inputs, strict=True)]
        return both[0], both[1]

    def energy(self, u: Quadratures, drive: Quadratures) -> Inexact[Array, " batch"]:
        x, y = u
        coupling = symmetric(self.couplings)
        half = jnp.asarray(0.5, dtype=x.dtype)
        square = x**2 + y**2  # never |z|^2 of complex x and y: it would not be holomorphic
        terms = half * square * (half * square - parameter_like(self.growth, x))
        for part, force in zip(u, complex_like(drive, u), strict=True):
            terms = terms - part * (half * matmul(part, coupling) + force)
        return jnp.sum(terms, axis=-1)

    def cost(self, s: Quadratures, y: Targets) -> Inexact[Array, " batch"]:
        return self.readout(read(as_rows(s), self.outputs), y)

    def output(self, s: Quadratures) -> Scores:
        return self.readout.output(read(as_rows(s), self.outputs))

    def metric(self, y: np.ndarray, outputs: int) -> AbstractMetric:
        return self.readout.metric(y, outputs)

    def trainable(self) -> PyTree[bool]:
        """All but where the oscillators start; `constrain` by `Fixed` what is to stay."""
        learned = jax.tree.map(eqx.is_inexact_array, self)
        return eqx.tree_at(lambda tree: tree.start, learned, False)


class DetunedStuartLandauNetwork(AbstractExtension):
    """Stuart-Landau oscillators whose frequencies differ from that of their drive.

    `dz_i/dt` has the further term `i Delta_i z_i`: a rotation, so that the Jacobian has an
    antisymmetric block, and there is no energy to contrast. `AsymmetricEP` and `DyadicEP` apply.

    Args:
        network: The oscillators in resonance.
        detunings: Delta, their frequencies less that of the drive, in radians per unit of time,
            `(units,)`; learned as all the network's own.

    Raises:
        ValueError: `detunings` does not fit.
        TypeError: `network` is another network.

    Source: the normal form of a Hopf bifurcation, Kuramoto 1984.

    Example:
        >>> resonant = osciprop.networks.StuartLandauNetwork(
        ...     np.ones(2), np.zeros((2, 2)), forces=np.ones((2, 2))
        ... )
        >>> detuned = osciprop.networks.DetunedStuartLandauNetwork(resonant, [0.1, -0.1])
        >>> bool(osciprop.relax(detuned, x).converged.all())
        True
    """

    network: StuartLandauNetwork
    detunings: Numbers = eqx.field(converter=weights)

    def __check_init__(self) -> None:
        check_shape("detunings", self.detunings, self.network.growth.shape)

    def current(self, s: Quadratures, drive: Quadratures) -> Quadratures:
        inflow_x, inflow_y = self.network.current(s, drive)
        x, y = s
        detuning = parameter_like(self.detunings, x)
        return inflow_x - detuning * y, inflow_y + detuning * x

    def energy_obstacle(self) -> str:
        return (
            "detuned oscillators turn against each other, which is an antisymmetric part of the "
            "Jacobian; those in resonance, osciprop.networks.StuartLandauNetwork, have one"
        )

    def metric(self, y: np.ndarray, outputs: int) -> AbstractMetric:
        return self.network.metric(y, outputs)

    def trainable(self) -> PyTree[bool]:
        learned = super().trainable()
        return eqx.tree_at(lambda tree: tree.detunings, learned, True)
