"""Phase oscillators: networks of Kuramoto type, XY models, and oscillator Ising machines."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact, PyTree

from ...settings import Numbers, entries, parameter, weights
from ..complexity import complex_like, matmul
from ..costs import AbstractCost, Targets
from ..flows import AbstractGradientFlow, check_units, read
from ..metrics import AbstractMetric
from ..network import Scores
from ..trees import sample_peaks
from .couplings import (
    check_couplings,
    check_features,
    check_fits,
    check_shape,
    parameter_like,
    symmetric,
)
from .phases import PhaseClasses

Phases = Inexact[Array, "batch units"]
Fields = tuple[Float[Array, "batch units"], Float[Array, "batch units"]]


class KuramotoNetwork(AbstractGradientFlow):
    """Phase oscillators with symmetric couplings: Kuramoto, XY, oscillator Ising machine.

    `dtheta_i/dt = omega_i - sum_j J_ij sin(theta_i - theta_j) - h_i sin(theta_i - psi_i)
    - sum_j K_ji sin(theta_i - x_j) - S_i sin(2 theta_i)`, the flow down
    `E = -sum_{i<j} J_ij cos(theta_i - theta_j) - sum h_i cos(theta_i - psi_i)
    - sum K_ji cos(theta_i - x_j) - omega theta - 1/2 sum S_i cos(2 theta_i)`. Inputs are phases, in
    radians, of clamped oscillators. Time is in units of one over the couplings. Phases are not
    wrapped. Of several equilibria the network settles in the one in whose basin `start` lies.

    Where neither fields nor inputs nor a second harmonic tell one common phase from another,
    `reference` is the oscillator that all phases are told against: its own is 0, and frequencies
    count from their mean, at which all turn together.

    Args:
        couplings: J, in units of one over time, `(units, units)`, read above the diagonal, so that
            the gradient by a number is that of the pair; below it is zero or symmetric.
        inputs: K, from clamped oscillators, `(features, units)`; None for a network whose input
            plays no part.
        frequencies: Natural frequencies omega, in radians per unit of time, `(units,)`; None for
            equal ones.
        fields: h, how strongly each oscillator is held at a phase of its own, `(units,)`; None for
            none.
        field_phases: psi, these phases, in radians, `(units,)`; None for zeros.
        second_harmonic: S, one number or one per unit; above 0 it draws phases to 0 and pi, the two
            states of an Ising spin. None for none.
        start: Where phases begin, in radians, one number or one per unit. The default lies midway
            between the two states of a spin.
        outputs: The oscillators that the cost reads, by index; None for all of them.
        readout: The cost of these phases.
        reference: The oscillator that is told against, by index; None where something else fixes
            the common phase.

    Raises:
        ValueError: a shape does not fit, couplings are not symmetric, an index is none of an
            oscillator, or nothing, or more than one thing, fixes the common phase.
        ConvergenceError: by what relaxes, where frequencies differ too much for an equilibrium.

    Source: Kuramoto 1975; for learning, Wang, Wanjura and Marquardt 2024 (arXiv 2402.08579) and,
        for Ising machines, arXiv 2505.02103.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> oscillators = osciprop.networks.KuramotoNetwork(
        ...     np.triu(rng.normal(size=(5, 5)), 1), rng.normal(size=(4, 5)), outputs=(2, 3, 4)
        ... )
        >>> bool(osciprop.relax(oscillators, x).converged.all())
        True
    """

    couplings: Numbers = eqx.field(converter=weights)
    inputs: Numbers | None = eqx.field(default=None, converter=weights)
    frequencies: Numbers | None = eqx.field(default=None, converter=weights, kw_only=True)
    fields: Numbers | None = eqx.field(default=None, converter=weights, kw_only=True)
    field_phases: Numbers | None = eqx.field(default=None, converter=weights, kw_only=True)
    second_harmonic: Numbers | None = eqx.field(default=None, converter=weights, kw_only=True)
    start: Numbers = eqx.field(default=math.pi / 2, converter=parameter, kw_only=True)
    outputs: tuple[int, ...] | None = eqx.field(
        default=None, static=True, converter=entries, kw_only=True
    )
    readout: AbstractCost = eqx.field(default=PhaseClasses(), kw_only=True)
    reference: int | None = eqx.field(default=None, static=True, kw_only=True)

    def __check_init__(self) -> None:
        check_couplings("couplings", self.couplings)
        units = self.couplings.shape[0]
        if self.inputs is not None and self.inputs.shape[1:] != (units,):
            raise ValueError(
                f"inputs has shape {self.inputs.shape}: give one row per clamped oscillator, "
                f"(features, {units})"
            )
        check_shape("frequencies", self.frequencies, (units,))
        check_shape("fields", self.fields, (units,))
        check_shape("field_phases", self.field_phases, (units,))
        check_fits("second_harmonic", self.second_harmonic, (units,))
        check_fits("start", self.start, (units,))
        check_units("outputs", self.outputs, units)
        if self.field_phases is not None and self.fields is None:
            raise ValueError("field_phases are given, but no fields: give their strengths, fields")
        fixing = ("inputs", "fields", "second_harmonic")
        given = [name for name in fixing if getattr(self, name) is not None]
        if self.reference is None and not given:
            raise ValueError(
                "nothing fixes the common phase of all oscillators, so no equilibrium is one: give "
                "inputs, fields or second_harmonic, or reference=0 to tell phases against one"
            )
        if self.reference is not None:
            check_units("reference", (self.reference,), units)
            if given:
                raise ValueError(
                    f"reference is {self.reference}, but {' and '.join(given)} fix the common "
                    "phase: leave reference out"
                )

    def check_input(self, x: Array) -> None:
        check_features(x, self.inputs)

    def rest(self, x: Float[Array, "batch ..."]) -> Phases:
        units = self.couplings.shape[0]
        start = jnp.broadcast_to(self.start, (x.shape[0], units)).astype(self.couplings.dtype)
        return self._told(start)

    def drive(self, x: Float[Array, "batch ..."]) -> Fields:
        """The field on each oscillator, as its components along phase 0 and along pi/2."""
        shape = (x.shape[0], self.couplings.shape[0])
        along = across = jnp.zeros(shape, dtype=self.couplings.dtype)
        if self.inputs is not None:
            phases = x.astype(along.dtype)
            along = along + jnp.cos(phases) @ self.inputs
            across = across + jnp.sin(phases) @ self.inputs
        if self.fields is not None:
            psi = jnp.zeros_like(self.fields) if self.field_phases is None else self.field_phases
            along = along + parameter_like(self.fields * jnp.cos(psi), along)
            across = across + parameter_like(self.fields * jnp.sin(psi), across)
        return along, across

    def energy(self, u: Phases, drive: Fields) -> Inexact[Array, " batch"]:
        theta = self._told(u)
        cosine, sine = jnp.cos(theta), jnp.sin(theta)
        along, across = complex_like(drive, u)
        coupling = symmetric(self.couplings)
        half = jnp.asarray(0.5, dtype=u.dtype)
        # cos(a - b) = cos a cos b + sin a sin b: two matrix products.
        pairs = cosine * matmul(cosine, coupling) + sine * matmul(sine, coupling)
        terms = -half * pairs - along * cosine - across * sine
        if self.frequencies is not None:
            terms = terms - self._frequencies(u) * theta
        if self.second_harmonic is not None:
            terms = terms - half * parameter_like(self.second_harmonic, u) * jnp.cos(2 * theta)
        if self.reference is not None:  # its own place in the state rests at 0
            terms = terms.at[:, self.reference].add(half * u[:, self.reference] ** 2)
        return jnp.sum(terms, axis=-1)

    def current(self, s: Phases, drive: Fields) -> Phases:
        """`s - dE/ds` in two products with the couplings, where differentiation takes four."""
        theta = self._told(s)
        cosine, sine = jnp.cos(theta), jnp.sin(theta)
        along, across = complex_like(drive, s)
        coupling = symmetric(self.couplings)
        force = cosine * (across + matmul(sine, coupling))
        force = force - sine * (along + matmul(cosine, coupling))
        if self.frequencies is not None:
            force = force + self._frequencies(s)
        if self.second_harmonic is not None:
            force = force - parameter_like(self.second_harmonic, s) * jnp.sin(2 * theta)
        return self._told(theta + force)

    def _told(self, theta: Phases) -> Phases:
        """Phases as they are told: that of the reference is 0."""
        return theta if self.reference is None else theta.at[:, self.reference].set(0)

    def _frequencies(self, like: Phases) -> Inexact[Array, "1 units"]:
        assert self.frequencies is not None
        # Without fields all turn at the mean frequency; in its frame they may rest.
        common = 0 if self.reference is None else jnp.mean(self.frequencies)
        return parameter_like(self.frequencies - common, like)

    def change(self, before: Phases, after: Phases) -> Float[Array, " batch"]:
        # A drifting phase grows without end: not relative to its size, and the more in doubt the
        # larger it is.
        rounding = float(jnp.finfo(after.dtype).eps)
        return sample_peaks(after - before) + rounding * sample_peaks(after)

    def cost(self, s: Phases, y: Targets) -> Inexact[Array, " batch"]:
        return self.readout(read(self._told(s), self.outputs), y)

    def output(self, s: Phases) -> Scores:
        return self.readout.output(read(self._told(s), self.outputs))

    def metric(self, y: np.ndarray, outputs: int) -> AbstractMetric:
        return self.readout.metric(y, outputs)

    def trainable(self) -> PyTree[bool]:
        """All but where phases start; `constrain` by `Fixed` what is to stay."""
        learned = jax.tree.map(eqx.is_inexact_array, self)
        return eqx.tree_at(lambda tree: tree.start, learned, False)
