"""Holomorphic AEP beside its neighbours: gradient error by asymmetry and by amplitude.

Not of a paper. Random recurrent networks of 12 neurons, weights `cos(phi) S + sin(phi) K` with a
symmetric S and an antisymmetric K: the vector field (VF), the vector field after homeostasis has
acted on the weights, AEP, holomorphic AEP, and the two always-on forms. (a) By asymmetry `phi`, (b)
by amplitude, (c) the always-on forms on networks of all kinds, by the criterion of the running
mean: the smallest real part of an eigenvalue of `J^-T J`.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import osciprop
from osciprop.studies import Study

from .. import layers, style
from ..claim import Claim, above, below
from ..figure import Data, Settings
from ..precision import in_double_precision

NAME = "beyond/holomorphic_aep"
TITLE = "Exact gradients of asymmetric networks at finite amplitude"
SOURCE = "Ours; the methods are those of homeostasis2024 and nonconservative2026 and their union."

INPUTS, UNITS, CLASSES, SAMPLES = 4, 12, 3, 4
GAIN = 1.5
"""Eigenvalues of the weights up to about 1.5; the slope of the activation is at most 1."""

AMPLITUDE, POINTS, PERIOD, SLOW_PERIOD, MEAN_PERIODS = 0.1, 16, 100.0, 400.0, 60
MEAN_TIME = 200.0
HOMEOSTASIS_STEPS, HOMEOSTASIS_RATE, PROBES = 100, 0.01, 20
TOLERANCE = 1e-12
MIXED = 45.0
"""Degrees: as much antisymmetric as symmetric, the asymmetry of panel (b)."""

CLEAR, SUCCESS = 0.2, 0.999
SETTLES = -0.25
"""Networks count whose slowest mode decays faster than this, per time constant."""

BAND = (10, 90)

LABELS = {
    "vf": "VF",
    "homeostasis": "VF after homeostasis",
    "aep": "AEP, centred",
    "holomorphic": f"holomorphic AEP, N = {POINTS}",
    "companion": "always on, companion",
}


@dataclass(frozen=True)
class SettingsBeyond:
    """`draws` networks for each of the `angles`, degrees, and `amplitudes`; `networks` for (c)."""

    draws: int
    angles: tuple[float, ...]
    amplitudes: tuple[float, ...]
    networks: int
    gain: float = GAIN
    sizes: tuple[int, ...] = (INPUTS, UNITS, CLASSES)
    samples: int = SAMPLES
    always_on: str = (
        f"period {SLOW_PERIOD:g} after two to settle, Euler steps of 0.25; running mean: period "
        f"{PERIOD:g} after {MEAN_PERIODS - 1}, memory {MEAN_TIME:g}"
    )
    homeostasis: str = (
        f"{HOMEOSTASIS_STEPS} gradient steps of {HOMEOSTASIS_RATE:g} on 2|A|^2, {PROBES} probes"
    )
    relaxation: str = f"SynchronousIteration, damping 0.3, tolerance {TOLERANCE:g}"
    precision: str = "float64"
    seed: int = 0


FULL = SettingsBeyond(
    24, (0.0, 15.0, 30.0, 45.0, 60.0, 75.0, 90.0), (0.01, 0.03, 0.1, 0.2, 0.4), 100
)
FAST = SettingsBeyond(6, (0.0, 45.0), (0.03, 0.1), 0)


def settings(fast: bool) -> Settings:
    return asdict(FAST if fast else FULL)


# Damped: undamped iterations of one population oscillate where its flow settles.
RELAXATION = osciprop.SynchronousIteration(damping=0.3, tolerance=TOLERANCE, max_steps=3000)
EXACT = osciprop.Implicit(RELAXATION, tolerance=1e-11)
STEPS = osciprop.Integrator(diffrax.Euler(), diffrax.ConstantStepSize(), dt0=0.25)


def _recurrent(network: osciprop.Network) -> Array:
    """The weights between the units."""
    return layers.weights(network)[1]


def _drawn(
    key: Array, angle: Float[Array, ""], gain: Float[Array, ""]
) -> tuple[osciprop.Network, Array, Array]:
    """A network whose weights are `angle` from symmetric, a batch, and labels."""
    own, asymmetric, inputs, labels = jax.random.split(key, 4)
    sizes = [INPUTS, UNITS, CLASSES]
    even, odd = (
        osciprop.recurrent_network(
            sizes, key=asymmetric, symmetric=share, antisymmetric=1 - share, scale=1.0
        )
        for share in (1.0, 0.0)
    )
    weight = gain * (
        jnp.cos(angle) * layers.weights(even)[1] + jnp.sin(angle) * layers.weights(odd)[1]
    )
    network = eqx.tree_at(_recurrent, even, weight)
    bias = 0.3 * jax.random.normal(own, (UNITS,), dtype=float)
    network = eqx.tree_at(lambda tree: tree.populations[0].bias, network, bias)
    x = jax.random.normal(inputs, (SAMPLES, INPUTS), dtype=float)
    return network, x, jax.random.randint(labels, (SAMPLES,), 0, CLASSES)


def _distance(found: osciprop.Estimate, exact: osciprop.Estimate) -> tuple[Array, Array]:
    """Relative error and cosine of the weights' gradient; NaN where a solve failed."""
    a, b = (
        jnp.concatenate([weight.ravel() for weight in layers.weights(estimate.gradient)])
        for estimate in (found, exact)
    )
    solved = found.converged & exact.converged
    cosine = jnp.sum(a * b) / (jnp.linalg.norm(a) * jnp.linalg.norm(b))
    error = jnp.linalg.norm(a - b) / jnp.linalg.norm(b)
    return jnp.where(solved, error, jnp.nan), jnp.where(solved, cosine, jnp.nan)


def _after_homeostasis(network: osciprop.Network, x: Array, key: Array) -> osciprop.Network:
    """The network whose weights have descended the penalty, at free equilibria of its own."""
    penalty = osciprop.gradients.HomeostaticPenalty(probes=PROBES, per_unit=False)

    def step(weight: Array, key: Array) -> tuple[Array, None]:
        now = eqx.tree_at(_recurrent, network, weight)
        s = osciprop.relax(now, x, relaxation=RELAXATION, throw=False).s
        slope = eqx.filter_grad(lambda tree: penalty(tree, s, x, key=key))(now)
        return weight - HOMEOSTASIS_RATE * _recurrent(slope), None

    keys = jax.random.split(key, HOMEOSTASIS_STEPS)
    weight, _ = jax.lax.scan(step, _recurrent(network), keys)
    return eqx.tree_at(_recurrent, network, weight)


def _oscillation(size: float | Array, period: float, settle: int) -> osciprop.OscillatoryEP:
    return osciprop.OscillatoryEP(
        size, period, settle_periods=settle, rule=osciprop.ErrorSignals(), integrator=STEPS
    )


METHODS: dict[str, Callable[[Array], osciprop.gradients.AbstractGradientMethod]] = {
    "vf": lambda size: osciprop.VectorFieldEP(size, 2, RELAXATION),
    "homeostasis": lambda size: osciprop.VectorFieldEP(size, 2, RELAXATION),
    "aep": lambda size: osciprop.AsymmetricEP(size, 2, RELAXATION),
    "holomorphic": lambda size: osciprop.AsymmetricEP(size, POINTS, RELAXATION),
    "companion": lambda size: osciprop.OscillatoryAEP(_oscillation(size, SLOW_PERIOD, 2)),
}


@eqx.filter_jit
def _errors(name: str, angle: Array, size: Array, keys: Array) -> Array:
    """The relative error of every draw."""

    def one(key: Array) -> Array:
        network, x, y = _drawn(key, angle, jnp.asarray(GAIN))
        if name == "homeostasis":
            network = _after_homeostasis(network, x, jax.random.fold_in(key, 1))
        found = METHODS[name](size).estimate(network, x, y, None)
        return _distance(found, EXACT.estimate(network, x, y, None))[0]

    return jax.vmap(one)(keys)


def errors_at(angle: float, amplitude: float, name: str, keys: Array) -> dict[str, Array]:
    """The relative error of every draw, `angle` in degrees."""
    return {"errors": _errors(name, jnp.asarray(np.radians(angle)), jnp.asarray(amplitude), keys)}


@in_double_precision
def compute(fast: bool) -> Data:
    chosen = FAST if fast else FULL
    keys = jax.random.split(jax.random.PRNGKey(chosen.seed), chosen.draws)
    data: dict[str, Any] = {
        "angles": np.asarray(chosen.angles),
        "amplitudes": np.asarray(chosen.amplitudes),
    }
    for name in LABELS:
        if fast and name in ("homeostasis", "companion"):
            continue
        for axis, axes in {
            "angle": {"angle": chosen.angles, "amplitude": [AMPLITUDE]},
            "amplitude": {"angle": [MIXED], "amplitude": chosen.amplitudes},
        }.items():
            study = Study(errors_at, axes, constants={"name": name, "keys": keys})
            found = study.run(progress=False)["errors"]
            data[f"{name}_by_{axis}"] = found.transpose(axis, ...).squeeze().values
    return {**data, **_always_on(chosen.networks)} if chosen.networks else data


def _always_on(count: int) -> dict[str, np.ndarray]:
    """Cosines of both always-on forms, and the criterion, on stable networks of all kinds."""
    keys = jax.random.split(jax.random.PRNGKey(7), count)
    angles = jnp.linspace(0.0, np.pi / 2, count)
    gains = jnp.linspace(1.0, 4.0, 7)[jnp.arange(count) % 7]
    mean = osciprop.OscillatoryAEP(
        _oscillation(AMPLITUDE / 2, PERIOD, MEAN_PERIODS - 1), osciprop.gradients.OwnMean(MEAN_TIME)
    )
    companion = osciprop.OscillatoryAEP(_oscillation(AMPLITUDE / 2, SLOW_PERIOD, 2))

    @eqx.filter_jit
    def cosines(method: osciprop.OscillatoryAEP) -> Array:
        def one(key: Array, angle: Array, gain: Array) -> Array:
            network, x, y = _drawn(key, angle, gain)
            exact = EXACT.estimate(network, x[:1], y[:1], None)
            # From the equilibrium whose gradient is asked for: some networks have several.
            found = method.estimate(network, x[:1], y[:1], exact.equilibrium.u)
            return _distance(found, exact)[1]

        return jax.vmap(one)(keys, angles, gains)

    criteria = np.full(count, np.nan)
    for place, (key, angle, gain) in enumerate(zip(keys, angles, gains, strict=True)):
        network, x, _ = _drawn(key, angle, gain)
        try:
            stability = osciprop.equilibria.running_mean_stability(
                network, x[:1], relaxation=RELAXATION
            )
        except osciprop.ConvergenceError:
            continue
        if stability.motion.real.max() < SETTLES:
            criteria[place] = stability.slowest[0]
    of_mean, of_companion = np.asarray(cosines(mean)), np.asarray(cosines(companion))
    kept = np.isfinite(criteria) & np.isfinite(of_mean) & np.isfinite(of_companion)
    return {
        "criterion": criteria[kept],
        "mean_cosine": of_mean[kept],
        "companion_cosine": of_companion[kept],
    }


def claims(data: Data) -> list[Claim]:
    middle = int(np.argmin(np.abs(data["angles"] - MIXED)))
    worst = {
        name: float(np.nanmedian(data[f"{name}_by_angle"], axis=1)[middle])
        for name in LABELS
        if f"{name}_by_angle" in data
    }
    where = f"median relative error at {MIXED:g} degrees, amplitude {AMPLITUDE:g}"
    found = [
        above(NAME, f"VF: {where}", "biased by asymmetry", _short(worst["vf"]), 0.1),
        below(NAME, f"AEP, centred: {where}", "biased by amplitude", _short(worst["aep"]), 0.1),
        below(NAME, f"holomorphic AEP: {where}", "exact", _short(worst["holomorphic"]), 1e-7),
    ]
    symmetric = float(np.nanmedian(data["vf_by_angle"][0]))
    found.append(
        below(
            NAME,
            f"VF: median relative error at {data['angles'][0]:g} degrees",
            "biased by amplitude",
            _short(symmetric),
            0.1,
        )
    )
    if "criterion" in data:
        found += [
            below(
                NAME, f"VF after homeostasis: {where}", "less", _short(worst["homeostasis"]), 0.1
            ),
            below(
                NAME, f"always on, companion: {where}", "the lag", _short(worst["companion"]), 0.01
            ),
            *_criterion_claims(data),
        ]
    return found


def _short(value: float) -> float:
    return float(f"{value:.3g}")


def _criterion_claims(data: Data) -> list[Claim]:
    criterion, success = data["criterion"], data["mean_cosine"] > SUCCESS
    clear = np.abs(criterion) > CLEAR
    right = int(np.sum((success == (criterion > 0))[clear]))
    return [
        Claim(
            NAME,
            f"running mean: networks whose success (cosine above {SUCCESS:g}) the criterion "
            f"predicts, where it is not within {CLEAR:g} of zero",
            float(clear.sum()),
            float(right),
            "all",
            right == int(clear.sum()),
        ),
        above(
            NAME,
            f"companion: least cosine of {len(criterion)} networks",
            "1",
            round(float(np.nanmin(data["companion_cosine"])), 6),
            SUCCESS,
        ),
    ]


LOOKS = dict(
    zip(
        LABELS,
        (style.BLACK, style.PURPLE, style.RED, style.BLUE, style.ORANGE),
        strict=True,
    )
)


def _curves(axes: Axes, along: np.ndarray, data: Data, suffix: str) -> None:
    for name, label in LABELS.items():
        if f"{name}_{suffix}" not in data:
            continue
        values = np.maximum(data[f"{name}_{suffix}"], 1e-15)
        low, middle, high = np.nanpercentile(values, (BAND[0], 50, BAND[1]), axis=1)
        axes.semilogy(along, middle, **LOOKS[name].both(), label=label)
        axes.fill_between(along, low, high, color=LOOKS[name].color, alpha=0.12, linewidth=0)


@style.styled
def plot(data: Data) -> Figure:
    three = "criterion" in data
    figure = style.new_figure(10.2 if three else 7.0, 3.5)
    panels = figure.subplots(1, 3 if three else 2)
    _curves(panels[0], data["angles"], data, "by_angle")
    panels[0].set_xlabel("asymmetry of the weights, degrees")
    panels[0].set_ylabel("relative error of the gradient")
    style.panel_label(panels[0], "a", f"amplitude {AMPLITUDE:g}")
    panels[0].legend(loc="center")
    _curves(panels[1], data["amplitudes"], data, "by_amplitude")
    panels[1].set_xscale("log")
    panels[1].set_xlabel(r"amplitude $|\beta|$")
    style.panel_label(panels[1], "b", f"asymmetry {MIXED:g} degrees")
    if three:
        axes = panels[2]
        for name, label, look in (
            ("mean", "own mean", style.RED),
            ("companion", "companion", style.ORANGE),
        ):
            gap = np.clip(1 - data[f"{name}_cosine"], 1e-8, 2)
            axes.semilogy(data["criterion"], gap, **look.points(), label=label)
        axes.axvline(0, **style.BLACK.line(), linewidth=0.8)
        axes.set_xlabel(r"smallest real part of an eigenvalue of $J^{-T}J$")
        axes.set_ylabel("1 - cosine with the exact gradient")
        axes.legend(loc="center left", handletextpad=0.1, fontsize=7)
        style.panel_label(axes, "c", "always on")
    return figure
