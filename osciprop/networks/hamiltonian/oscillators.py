"""Networks of nonlinear oscillators: masses on springs that stiffen, coupled and driven."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Inexact, PRNGKeyArray

from ...errors import check_at_least, check_key, check_not_negative, check_positive
from ...settings import Number, number
from ..complexity import complex_like, matmul
from ..costs import AbstractCost, SquaredError, Targets
from ..draws import normal, split, uniform
from ..metrics import AbstractMetric
from ..network import Scores
from ..substrates.couplings import check_couplings, check_shape, parameter_like, symmetric
from .motions import AbstractMotion, Leapfrog, as_motion
from .system import AbstractHamiltonian, Phase


class OscillatorNetwork(AbstractHamiltonian):
    """Oscillators with `T = sum p^2 / (2 m)` and

        V = sum k q^2 / 2 + c q^4 / 4 + sum over pairs of K_ij (q_i - q_j)^2 / 2 - q . (x B)

    Couplings, stiffnesses, input weights, the start and the costs' own weights learn. Masses, the
    cubic term, friction and the grid of time are what the network is made of: that they stay
    positive keeps it bounded, whatever the others become. To let one learn, override `trainable`.

    Args:
        pairs: Couplings `K`, `(units, units)`, read above the diagonal.
        stiffness: `k`, `(units,)`.
        cubic: `c`, `(units,)`; above 0 springs stiffen and keep the network bounded.
        mass: `m`, `(units,)`, above 0.
        input_weight: `B`, `(features, units)`.
        begin_q: Positions at the start, `(units,)`.
        begin_p: Momenta at the start, `(units,)`.
        motion: The grid of time, and how it is crossed.
        outputs: Units that are read, in this order.
        running: Cost of the units that are read, per unit of time; None for none.
        final: Their cost at the end; None for none.
        damping: Friction: the rate at which momenta are lost, per unit of time.

    Raises:
        ValueError: shapes do not fit each other, a mass or the damping is out of its range, or
            there is no cost.

    Source: docs/time.md.

    Example:
        >>> from osciprop.networks import Leapfrog, OscillatorNetwork
        >>> two = OscillatorNetwork(
        ...     pairs=jnp.asarray([[0.0, 0.6], [0.0, 0.0]]), stiffness=jnp.asarray([1.0, 1.5]),
        ...     cubic=jnp.full(2, 0.4), mass=jnp.ones(2), input_weight=jnp.asarray([[0.8, 0.0]]),
        ...     begin_q=jnp.asarray([0.3, -0.2]), begin_p=jnp.asarray([0.1, 0.4]),
        ...     motion=Leapfrog(6.0, 60), outputs=(1,), running=osciprop.SquaredError(),
        ... )
        >>> osciprop.networks.passage(two, np.ones((1, 6, 1)), np.zeros((1, 1))).cost.shape
        (1,)
    """

    pairs: Float[Array, "units units"]
    stiffness: Float[Array, " units"]
    cubic: Float[Array, " units"]
    mass: Float[Array, " units"]
    input_weight: Float[Array, "features units"]
    begin_q: Float[Array, " units"]
    begin_p: Float[Array, " units"]
    motion: AbstractMotion = eqx.field(converter=as_motion)
    outputs: tuple[int, ...] = eqx.field(static=True)
    running: AbstractCost | None = None
    final: AbstractCost | None = None
    damping: Number = eqx.field(default=0.0, converter=number)

    def __check_init__(self) -> None:
        check_couplings("pairs", self.pairs)
        units = (self.pairs.shape[0],)
        for name in ("stiffness", "cubic", "mass", "begin_q", "begin_p"):
            check_shape(name, getattr(self, name), units)
        check_shape("input_weight", self.input_weight, self.input_weight.shape[:1] + units)
        check_positive("mass", self.mass, "a unit without mass does not move by Hamilton's laws")
        check_not_negative("damping", self.damping, "0 keeps the energy")
        if not self.outputs or not set(self.outputs) <= set(range(units[0])):
            raise ValueError(
                f"outputs={self.outputs}: name units of the {units[0]} there are, from 0"
            )
        if self.running is None and self.final is None:
            raise ValueError("running and final are None: give a cost on the way, or at the end")

    def start(self, x: Float[Array, "batch features"]) -> Phase:
        shape = (x.shape[0], self.begin_q.size)
        return Phase(
            jnp.broadcast_to(self.begin_q[None], shape), jnp.broadcast_to(self.begin_p[None], shape)
        )

    def kinetic(self, p: Inexact[Array, "batch units"]) -> Inexact[Array, " batch"]:
        return jnp.sum(p**2 / parameter_like(2 * self.mass, p), axis=-1)

    def potential(
        self, q: Inexact[Array, "batch units"], x: Float[Array, "batch features"]
    ) -> Inexact[Array, " batch"]:
        coupling = symmetric(self.pairs)
        spring = parameter_like(self.stiffness + jnp.sum(coupling, axis=0), q) / 2
        stiffening = parameter_like(self.cubic, q) / 4
        own = spring * q**2 + stiffening * q**4
        pull = matmul(q, coupling) / 2 + complex_like(x @ self.input_weight, q)
        return jnp.sum(own - q * pull, axis=-1)

    def output(self, q: Inexact[Array, "batch units"]) -> Scores:
        return self._answering().output(self._read(q))

    def costs_on_the_way(self) -> bool:
        return self.running is not None

    def running_cost(
        self, q: Inexact[Array, "batch units"], y: Targets
    ) -> Inexact[Array, " batch"]:
        return self._cost(self.running, q, y)

    def final_cost(self, q: Inexact[Array, "batch units"], y: Targets) -> Inexact[Array, " batch"]:
        return self._cost(self.final, q, y)

    def friction(self) -> Float[Array, ""]:
        return jnp.asarray(self.damping, dtype=float)

    def metric(self, y: np.ndarray, outputs: int) -> AbstractMetric:
        return self._answering().metric(y, outputs)

    def trainable(self) -> "OscillatorNetwork":
        learned = super().trainable()
        return eqx.tree_at(
            lambda network: (network.mass, network.cubic, network.damping), learned, (False,) * 3
        )

    def check_input(self, x: Array) -> None:
        super().check_input(x)
        features = self.input_weight.shape[0]
        if x.ndim != 2 or x.shape[1] != features:
            raise ValueError(
                f"x has shape {x.shape} at each time, but input_weight takes {features} features: "
                f"give (batch, times, {features})"
            )

    def _answering(self) -> AbstractCost:
        """The cost that says what the network answers: that at the end, where there is one."""
        cost = self.final or self.running
        assert cost is not None
        return cost

    def _read(self, q: Inexact[Array, "batch units"]) -> Inexact[Array, "batch outputs"]:
        return q[:, np.asarray(self.outputs)]

    def _cost(
        self, cost: AbstractCost | None, q: Inexact[Array, "batch units"], y: Targets
    ) -> Inexact[Array, " batch"]:
        return jnp.zeros_like(q[:, 0]) if cost is None else cost(self._read(q), y)


def oscillator_network(
    inputs: int,
    units: int,
    outputs: int,
    *,
    duration: ArrayLike,
    steps: int,
    key: PRNGKeyArray,
    frequencies: tuple[float, float] = (0.5, 2.0),
    cubic: float = 0.1,
    coupling: float = 0.1,
    running: AbstractCost | None = None,
    final: AbstractCost | None = None,
    damping: ArrayLike = 0.0,
) -> OscillatorNetwork:
    """Oscillators of unit mass, coupled all to all at random, at rest at the start.

    Args:
        inputs: Number of inputs.
        units: Number of oscillators.
        outputs: Number of oscillators that are read, the last ones.
        duration: Length of a trajectory, in units of time.
        steps: Number of leapfrog steps that cross it.
        key: Source of frequencies, couplings and input weights.
        frequencies: Lowest and highest of the oscillators alone, drawn so that each octave holds
            as many, in radians per unit of time.
        cubic: How much springs stiffen.
        coupling: Mean coupling of an oscillator to all others together; of one pair it is
            `coupling / units`, each drawn between 0 and twice that.
        running: Cost of the outputs on the way, per unit of time; None for none.
        final: Their cost at the end; None for the squared error, unless there is a running cost.
        damping: Friction, per unit of time.

    Returns:
        The network.

    Raises:
        ValueError: a number is out of its range.

    Example:
        >>> net = osciprop.networks.oscillator_network(3, 5, 2, duration=4.0, steps=20, key=key)
        >>> net.outputs
        (3, 4)
    """
    check_key("key", key)
    for name, value in (("inputs", inputs), ("units", units), ("outputs", outputs)):
        check_at_least(name, value, 1, "give a number of oscillators or features")
    if outputs > units:
        raise ValueError(f"outputs={outputs}, but there are {units} units: read fewer")
    low, high = frequencies
    check_positive("frequencies", np.asarray(frequencies), "give (lowest, highest)")
    if low > high:
        raise ValueError(f"frequencies={frequencies}: give the lowest first")
    rates, links, weights = split(key, 3)
    spread = uniform(rates, (units,), 0.0, 1.0)
    pairs = 2 * coupling / units * uniform(links, (units, units), 0.0, 1.0)
    return OscillatorNetwork(
        pairs=jnp.triu(pairs, 1),
        stiffness=low**2 * (high / low) ** (2 * spread),
        cubic=jnp.full(units, cubic, dtype=float),
        mass=jnp.ones(units, dtype=float),
        input_weight=inputs**-0.5 * normal(weights, (inputs, units)),
        begin_q=jnp.zeros(units, dtype=float),
        begin_p=jnp.zeros(units, dtype=float),
        motion=Leapfrog(duration, steps),
        outputs=tuple(range(units - outputs, units)),
        running=running,
        final=SquaredError() if final is None and running is None else final,
        damping=damping,
    )
