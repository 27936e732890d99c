"""How noise moves a network about its free equilibrium, in theory: stationary and demodulated.

Linearised at the free equilibrium, `tau du = (H(s) - u) dt + noise` is an Ornstein-Uhlenbeck
process `dz = A z dt + K dW`, `z` being the potentials and what coloured noise carries. Everything
follows from `A P + P A^T + K K^T = 0` for the stationary covariance `P` and
`E[z(t + d) z(t)^T] = e^{A d} P` (Gardiner, Handbook of Stochastic Methods, 4.4.6 and 4.5.6).

Dense matrices of double precision on the host: for networks up to about a thousand units. SciPy's
linear algebra is imported where it is used, since it takes long.
"""

import math
from collections.abc import Iterator

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, ArrayLike, Complex, Float, Int

from ..dynamics.dynamics import make_dynamics
from ..dynamics.noise import AbstractNoise, AbstractPlane, AbstractSharing
from ..dynamics.stochastic import NoisyDynamics
from ..equilibria.own import OwnRelaxation
from ..equilibria.relaxation import AbstractRelaxation
from ..equilibria.relaxing import relax
from ..errors import check_at_least, check_instance, check_positive
from ..networks.network import AbstractNetwork, State
from ..networks.preparation import prepare
from ..settings import Module

# A Lyapunov equation of this many variables takes minutes; time grows with the third power.
LARGEST_SYSTEM = 2000

Square = Float[np.ndarray, "activities activities"]


class ErrorSignalNoise(Module):
    """Second moments of the complex noise `d` of an error signal.

    Units are ordered as leaves of the state; samples with common noise follow one another.

    Args:
        covariance: `E[d d^H]`, in squared units of activity over those of the teaching signal.
        pseudo_covariance: `E[d d^T]`, likewise.
    """

    covariance: Complex[np.ndarray, "activities activities"]
    pseudo_covariance: Complex[np.ndarray, "activities activities"]

    @property
    def real(self) -> Square:
        """Covariance of `Re d`, which is what a gradient sees."""
        return (self.covariance + self.pseudo_covariance).real / 2

    @property
    def imaginary(self) -> Square:
        """Covariance of `Im d`, which the quadrature of the lock-in sees."""
        return (self.covariance - self.pseudo_covariance).real / 2

    @property
    def joint(self) -> Float[np.ndarray, "twice twice"]:
        """Covariance of `(Re d, Im d)`, the real parts of all units first."""
        mixed = (self.pseudo_covariance - self.covariance).imag / 2
        return np.block([[self.real, mixed], [mixed.T, self.imaginary]])


class Fluctuations(Module):
    """The noise of a network about its free equilibrium, to first order in the noise.

    The system has all potentials and then all that coloured noise carries, sample by sample.

    Args:
        samples: The places in the batch that share their noise: one, unless it is shared.
        drift: `A` of `dz = A z dt + K dW` (1 / time).
        stationary: The stationary covariance `P`. For noise in the complex plane it is `E[z z^H]`.
        to_potential: Leads from the system to `u`.
        to_activity: Leads from the system to `s`.
        turn: `E[z z^T]` is `turn` times `P`: 1 for real noise, 0 for circular,
            `exp(2 i angle)` along a direction.

    Source: Gardiner 2009, sections 4.4.6 and 4.5.6.

    Example:
        >>> noise = osciprop.WhiteNoise(0.1)
        >>> found = osciprop.analysis.linear_fluctuations(network, x[:1], noise)[0]
        >>> found.activity().shape, found.demodulated(amplitude=0.1, period=20.0).real.shape
        ((11, 11), (11, 11))
    """

    samples: Int[np.ndarray, " samples"]
    drift: Float[np.ndarray, "system system"]
    stationary: Float[np.ndarray, "system system"]
    to_potential: Float[np.ndarray, "potentials system"]
    to_activity: Float[np.ndarray, "activities system"]
    turn: complex

    def potential(self) -> Float[np.ndarray, "potentials potentials"]:
        """Stationary `E[u u^H]`, u taken from its equilibrium; for real noise the covariance."""
        return self.to_potential @ self.stationary @ self.to_potential.T

    def activity(self) -> Square:
        """Stationary `E[s s^H]`, s taken from its equilibrium; for real noise the covariance."""
        return self.to_activity @ self.stationary @ self.to_activity.T

    def demodulated(
        self,
        amplitude: float,
        period: float,
        periods: int = 1,
        *,
        samples: int | None = None,
        harmonic: int = 1,
        potentials: bool = False,
    ) -> ErrorSignalNoise:
        """Noise of `(1 / (T r)) int s e^{-i omega t} dt` over `T = periods * period`, exactly.

        `samples` readings per period instead of the integral are what `OscillatoryEP` sums up:
        further apart than the network's memory, they let more noise in. `harmonic=0` is the mean;
        with `potentials`, u takes the place of s.

        Raises `ValueError` for a period or an amplitude that is not positive.
        """
        check_positive("amplitude", amplitude, "give the radius of the teaching signal")
        check_positive("period", period, "give the time of one turn of the teaching signal")
        check_at_least("periods", periods, 1, "the lock-in needs a whole period")
        check_at_least("harmonic", harmonic, 0, "1 is the error signal, 0 the mean")
        # Readings see harmonic + samples too, and at half of them both directions alike.
        least = 2 * harmonic + 1
        if samples is None:
            lags, mirrored = _integrated_lags(self.drift, period, periods, harmonic)
        else:
            check_at_least("samples", samples, least, "fewer cannot tell the harmonics apart")
            lags, mirrored = _sampled_lags(self.drift, period, periods, samples, harmonic)
        unit = (periods * period * amplitude) ** 2
        covariance = lags @ self.stationary
        pseudo = self.turn * mirrored @ self.stationary
        project = self.to_potential if potentials else self.to_activity
        return ErrorSignalNoise(
            covariance=project @ (covariance + covariance.conj().T) @ project.T / unit,
            pseudo_covariance=project @ (pseudo + pseudo.T) @ project.T / unit,
        )


# Both return `M` and `M'` of `E[int int^H] = M P + P M^H` and `E[int int^T] = M' P + P M'^T`: the
# double integral, or sum, of `e^{A |t - t'|} e^{-i omega (t -+ t')}` over t > t'.
Lags = tuple[
    Complex[np.ndarray, "system system"],
    Complex[np.ndarray, "system system"],
]


def _integrated_lags(
    drift: Float[np.ndarray, "system system"], period: float, periods: int, harmonic: int
) -> Lags:
    import scipy.linalg

    omega, duration = 2 * math.pi * harmonic / period, period * periods
    turned = drift - 1j * omega * np.eye(len(drift))
    # Over whole turns e^{B T} is e^{A T}.
    gone = scipy.linalg.expm(drift * duration) - np.eye(len(drift))
    once = np.linalg.solve(turned, gone.astype(complex))
    lags = np.linalg.solve(turned, once - duration * np.eye(len(drift)))
    return lags, lags if harmonic == 0 else once.imag / omega + 0j


def _sampled_lags(
    drift: Float[np.ndarray, "system system"],
    period: float,
    periods: int,
    samples: int,
    harmonic: int,
) -> Lags:
    import scipy.linalg

    spacing, count, unit = period / samples, periods * samples, np.eye(len(drift))
    angle = 2 * math.pi * harmonic / samples
    step = scipy.linalg.expm(drift * spacing) * np.exp(-1j * angle)
    last = scipy.linalg.expm(drift * spacing * count)
    # sum_{m < N} E^m and sum_{m < N} (N - m) E^m from m = 1 on: geometric sums.
    once = np.linalg.solve(unit - step, step - last)
    lags = np.linalg.solve(unit - step, (count - 1) * step - step @ once)
    lags = spacing**2 * (lags + count / 2 * unit)
    if harmonic == 0:
        return lags, lags
    return lags, spacing**2 * np.exp(-1j * angle) / math.sin(angle) * once.imag


def linear_fluctuations(
    network: AbstractNetwork,
    x: ArrayLike,
    noise: AbstractNoise,
    *,
    relaxation: AbstractRelaxation = OwnRelaxation(),
) -> tuple[Fluctuations, ...]:
    """The stationary noise of a free network, for each sample, or group of samples, on its own.

    Dense matrices of double precision on the host: for networks up to about a thousand units.

    Args:
        network: Any network.
        x: Inputs `(batch, features)`.
        noise: White or coloured; samples that share it are one group.
        relaxation: How the free equilibria are found.

    Returns:
        One for each group of samples.

    Raises:
        ValueError: more than about a thousand units (all samples together if they share their
            noise), or a network that is unstable.
        ConvergenceError: without equilibrium, or, where the relaxation asks, with one that the
            ODE leaves.

    Example:
        >>> noise = osciprop.WhiteNoise(0.1)
        >>> each = osciprop.analysis.linear_fluctuations(network, x[:2], noise)
        >>> len(each), bool(np.all(np.diag(each[0].potential()) > 0))
        (2, True)
    """
    check_instance("noise", noise, AbstractNoise)
    check_instance("relaxation", relaxation, AbstractRelaxation)
    inputs, _ = prepare(network, x, None)
    return tuple(
        each_fluctuations(network, inputs, noise, equilibrium(network, inputs, relaxation))
    )


def equilibrium(
    network: AbstractNetwork, x: Float[Array, "batch ..."], relaxation: AbstractRelaxation
) -> State:
    """Potentials of the free equilibrium."""
    return relax(network, x, relaxation=relaxation).u


def each_fluctuations(
    network: AbstractNetwork, x: Float[Array, "batch ..."], noise: AbstractNoise, u: State
) -> Iterator[Fluctuations]:
    """`linear_fluctuations` about known equilibria `u`, one after the other: less memory."""
    import scipy.linalg

    angle = turn(noise.plane)
    for samples in groups(noise.sharing, x.shape[0]):
        own = jax.tree.map(lambda leaf: leaf[:1], u)
        check_size(samples.size, ravel_pytree((own, noise.kick(own)[1]))[0].size)
        each = [
            _linearise(
                network,
                x[place : place + 1],
                noise,
                jax.tree.map(lambda leaf, at=place: leaf[at : at + 1], u),
            )
            for place in samples
        ]
        parts = [[np.asarray(one[k], dtype=float) for one in each] for k in range(4)]
        drift, to_potential, to_activity = (scipy.linalg.block_diag(*part) for part in parts[:3])
        # Samples of one group see the same increments: their kicks stand below one another.
        kick = np.concatenate(parts[3])
        slowest = np.max(np.linalg.eigvals(drift).real)
        if not slowest < 0:
            raise ValueError(
                f"network is unstable at the free equilibrium of samples {samples}: a perturbation "
                f"grows at the rate {slowest:.3g}, so that there is no stationary noise. Use "
                "weaker synapses, or another equilibrium"
            )
        stationary = scipy.linalg.solve_continuous_lyapunov(drift, -kick @ kick.T)
        yield Fluctuations(samples, drift, stationary, to_potential, to_activity, angle)


def check_size(samples: int, variables: int) -> None:
    """Raise `ValueError` for more variables than dense matrices are good for."""
    if samples * variables > LARGEST_SYSTEM:
        raise ValueError(
            f"network has {variables} variables per sample, times {samples} samples with common "
            f"noise: the dense linear algebra is for up to {LARGEST_SYSTEM} in all (coloured noise "
            "counts each unit twice). Use fewer samples, PerSample() noise, or simulate"
        )


@eqx.filter_jit
def _linearise(
    network: AbstractNetwork, x: Float[Array, "batch ..."], noise: AbstractNoise, u: State
) -> tuple[Array, Array, Array, Array]:
    """Drift, what leads to potential and to activity, and kick of one sample, as matrices."""
    system = NoisyDynamics(make_dynamics(network, x), noise)
    still = jax.tree.map(jnp.zeros_like, u)
    point, unravel = ravel_pytree((u, noise.kick(still)[1]))
    steps, unravel_steps = ravel_pytree(still)

    def motion(vector: Array) -> Array:
        return ravel_pytree(system.velocity(jnp.zeros((), vector.dtype), unravel(vector)))[0]

    def activity(vector: Array) -> Array:
        return ravel_pytree(network.activity(unravel(vector)[0]))[0]

    def potential(vector: Array) -> Array:
        return ravel_pytree(unravel(vector)[0])[0]

    # As `stochastic.current_kick`, but before the noise is placed in the complex plane.
    def kick(vector: Array) -> Array:
        current, own = noise.kick(unravel_steps(vector))
        _, moved = jax.jvp(lambda inflow: network.velocity(still, inflow), (still,), (current,))
        return ravel_pytree((moved, own))[0]

    drift, to_potential, to_activity = (
        jax.jacfwd(function)(point) for function in (motion, potential, activity)
    )
    return drift, to_potential, to_activity, jax.jacfwd(kick)(steps)


def groups(sharing: AbstractSharing, batch: int) -> list[Int[np.ndarray, " samples"]]:
    """The places of a batch that see the same noise, group by group."""
    # Asked with a draw: equal numbers are one noise. Right for a user's own ways to share, too.
    drawn = sharing.over_batch(lambda key: jax.random.normal(key, (4,)), jax.random.key(0), batch)
    _, group = np.unique(np.asarray(drawn), axis=0, return_inverse=True)
    order = dict.fromkeys(group.ravel().tolist())
    return [np.flatnonzero(group.ravel() == number) for number in order]


def turn(plane: AbstractPlane) -> complex:
    """`E[z z^T] / E[z z^H]` of noise in that plane: the sum of its squared directions."""
    parts = jnp.eye(plane.components)[:, :, None]
    directions = plane.place(parts, jnp.zeros((1, 1), dtype=complex))
    return complex(np.sum(np.asarray(directions) ** 2))
