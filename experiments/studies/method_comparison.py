"""Every gradient method on networks that are less and less symmetric, in more and more noise.

    python -m experiments.studies.method_comparison --processes 2

Varied: the `method`, the `angle` between forward and feedback weights (0 symmetric, 90
independent), the `noise`, and the `seed` of weights, data and noise. The network is `feedback_mlp`
of 8-16-16-4, not trained, in double precision. All methods nudge with the same amplitude, 0.2.

Measured: `distance`, 1 - cosine with `Implicit`. It is NaN where a method does not exist (`exists`
is false), and where it did not settle (`settled` is false). There are two reasons not to exist.
Methods that contrast an energy learn one weight for both directions: at angle 0 they run on the
same network with tied weights, and are compared with its own gradient; they refuse every other
angle. Recurrent backpropagation and BPTT compute with a network rather than run it: they meet no
noise.

The noise is the same for all: `WhiteNoise` of this intensity on the input current of every neuron
(of both compartments, where there are two), independent for each sample, at every moment. All have
the same time in it, 400 time constants, and read the activity once per time constant: in as many
phases as the method needs, each after 20 time constants of waiting, or always on, in four periods
of which the first is not read. Free equilibria that a method in phases starts from, or corrects
about, are without noise. At noise 0 the methods are osciprop's own as they are, which solve for
their phases.

One sees: without noise, methods differ by their bias. That of a one-sided nudge is 1e-2, of a
centred one 1e-4, of always-on oscillation up to 3e-5 (lag), of the vector field off angle 0 more
than 1e-2; holomorphic and asymmetric EP stay below 1e-12, the latter at every angle, dyadic EP at
rounding. In noise the methods are nearly alike: the distance grows with the square of the noise, by
2e-4 to 5e-4 at 0.01, whatever the angle, and hides every smaller bias. Only two biases tell in all
noises: the one-sided nudge's and the vector field's.

704 points; 220 seconds of one core, most of it compilation (so no axis is vectorised: numbers
change without compiling again).
"""

import warnings
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray
from jaxtyping import Array, Float, PRNGKeyArray
from matplotlib.figure import Figure

import osciprop
from osciprop.dynamics.dynamics import Dynamics
from osciprop.dynamics.teaching import roots_of_unity
from osciprop.gradients.contour import relax_free
from osciprop.gradients.estimate import at_equilibrium
from osciprop.gradients.noisy import NoisyDiagnostics, NoisyPhases
from osciprop.networks.costs import Targets
from osciprop.networks.network import State
from osciprop.studies import Axis, Study, plot_heat_map, seeds
from paper_figures import layers

jax.config.update("jax_enable_x64", True)

SIZES = (8, 16, 16, 4, 4)
AMPLITUDE, POINTS = 0.2, 8
TIME, WAITING, EVERY = 400.0, 20.0, 1.0
"""How long a method may watch the noisy network, how much of each phase passes before its first
reading, and the time between readings."""

PERIODS = 4
"""Of an always-on method in that time; it listens to all but the first."""


class PhasesInNoise(osciprop.gradients.AbstractGradientMethod):
    """Vector field or asymmetric EP as `NoisyHolomorphicEP` does holomorphic EP: all of the circle,
    phase after phase, read under noise."""

    method: osciprop.VectorFieldEP | osciprop.AsymmetricEP
    phases: NoisyPhases

    def check(self, network: osciprop.AbstractNetwork) -> None:
        self.method.check(network)

    def estimate(
        self,
        network: osciprop.AbstractNetwork,
        x: Float[Array, "batch ..."],
        y: Targets,
        initial: State | None,
        key: PRNGKeyArray | None = None,
    ) -> osciprop.Estimate:
        dynamics, free = relax_free(network, x, self.method.relaxation, initial)
        amplitude, points = self.method.amplitude, self.method.points
        betas = amplitude.astype(complex) * roots_of_unity(points)
        durations = jnp.full(points, self.phases.duration)
        nudged = self.method.nudged(dynamics, free)
        s, completed, steps = self.phases.run(nudged, free.u, y, betas, durations, key)
        rule = osciprop.ErrorSignals()
        gradient, _ = rule.gradient(network, x, y, s, jnp.repeat(betas, self.phases.reads))
        diagnostics = NoisyDiagnostics(free, completed, steps, amplitude)
        return at_equilibrium(network, y, free, gradient, diagnostics, None)


class DyadsInNoise(osciprop.gradients.AbstractGradientMethod):
    """Dyadic EP with noise on both compartments of every neuron: one phase."""

    method: osciprop.DyadicEP
    phases: NoisyPhases

    def check(self, network: osciprop.AbstractNetwork) -> None:
        self.method.check(network)

    def estimate(
        self,
        network: osciprop.AbstractNetwork,
        x: Float[Array, "batch ..."],
        y: Targets,
        initial: State | None,
        key: PRNGKeyArray | None = None,
    ) -> osciprop.Estimate:
        dynamics, free = relax_free(network, x, self.method.relaxation, initial)
        dyad, beta = osciprop.dynamics.Dyad(network), self.method.amplitude
        both = Dynamics(dyad, dynamics.drive, None, osciprop.Constant())
        s, completed, steps = self.phases.run(
            both, dyad.around(free.u), y, beta[None], self.phases.duration[None], key
        )
        mean, difference = jax.tree.map(lambda leaf: jnp.mean(leaf, axis=0), s)
        error = jax.tree.map(lambda leaf: leaf / beta, difference)
        gradient = osciprop.gradients.local_gradient(network, x, y, mean, error)
        diagnostics = NoisyDiagnostics(free, completed, steps, beta)
        return at_equilibrium(network, y, free, gradient, diagnostics, error)


class Contender(eqx.Module):
    """A method without noise, and in it; None where it computes rather than runs the network."""

    quiet: osciprop.gradients.AbstractGradientMethod
    noisy: osciprop.gradients.AbstractGradientMethod | None = None


def contenders() -> dict[str, Contender]:
    """All methods by name; the noise of each is of intensity 1, to be replaced."""
    noise = osciprop.WhiteNoise(1.0)
    step = osciprop.euler_maruyama(0.5)

    def phased(count: int) -> dict[str, Any]:
        duration = TIME / count
        reads = int((duration - WAITING) / EVERY)
        return {"duration": duration, "reads": reads, "spacing": EVERY, "integrator": step}

    def phases(count: int) -> NoisyPhases:
        return NoisyPhases(noise, **phased(count))

    def rotating(
        rule: osciprop.gradients.AbstractLearningRule, noisy: bool
    ) -> osciprop.OscillatoryEP:
        period = TIME / PERIODS
        return osciprop.OscillatoryEP(
            AMPLITUDE,
            period,
            periods=PERIODS - 1,
            samples=int(period / EVERY),
            rule=rule,
            integrator=step if noisy else None,
            noise=noise if noisy else None,
        )

    products, errors = osciprop.gradients.ActivityProducts(), osciprop.ErrorSignals()
    field = osciprop.VectorFieldEP(AMPLITUDE, POINTS)
    asymmetric = osciprop.AsymmetricEP(AMPLITUDE, POINTS)
    dyadic = osciprop.DyadicEP(AMPLITUDE)
    return {
        "classic EP": Contender(
            osciprop.ClassicEP(AMPLITUDE),
            osciprop.gradients.NoisyClassicEP(AMPLITUDE, noise, **phased(2)),
        ),
        "centred EP": Contender(
            osciprop.CentredEP(AMPLITUDE),
            osciprop.gradients.NoisyHolomorphicEP(AMPLITUDE, 2, noise, **phased(2)),
        ),
        "holomorphic EP": Contender(
            osciprop.HolomorphicEP(AMPLITUDE, POINTS),
            osciprop.gradients.NoisyHolomorphicEP(AMPLITUDE, POINTS, noise, **phased(POINTS)),
        ),
        "always-on EP": Contender(rotating(products, False), rotating(products, True)),
        "vector field": Contender(field, PhasesInNoise(field, phases(POINTS))),
        "always-on field": Contender(rotating(errors, False), rotating(errors, True)),
        "asymmetric EP": Contender(asymmetric, PhasesInNoise(asymmetric, phases(POINTS))),
        "always-on AEP": Contender(
            osciprop.OscillatoryAEP(rotating(errors, False)),
            osciprop.OscillatoryAEP(rotating(errors, True)),
        ),
        "dyadic EP": Contender(dyadic, DyadsInNoise(dyadic, phases(1))),
        "recurrent backprop": Contender(osciprop.RecurrentBackprop()),
        "BPTT": Contender(osciprop.BPTT(100)),
    }


def of_intensity(
    method: osciprop.gradients.AbstractGradientMethod, noise: float
) -> osciprop.gradients.AbstractGradientMethod:
    """The method with its noise replaced."""

    def is_noise(node: object) -> bool:
        return isinstance(node, osciprop.WhiteNoise)

    return jax.tree.map(
        lambda node: osciprop.WhiteNoise(noise) if is_noise(node) else node,
        method,
        is_leaf=is_noise,
    )


def tied(network: osciprop.Network) -> osciprop.Network:
    """The same dynamics with one weight for both directions, where they are equal."""
    synapses = [
        synapse
        if synapse.source == osciprop.INPUT
        else osciprop.Reciprocal(layers.dense(synapse).weight, synapse.source, synapse.target)
        for synapse in network.synapses
        if synapse.source < synapse.target
    ]
    return osciprop.Network(network.populations, tuple(synapses), network.readout)


def method_comparison(
    method: Contender, angle: float, noise: float, seed: int, samples: int, scale: float
) -> dict[str, float | bool]:
    """How far the gradient of one method points off."""
    missing = {"distance": np.nan, "exists": False, "settled": False}
    chosen = method.quiet if noise == 0 else method.noisy
    if chosen is None:
        return missing
    weights, inputs, labels, noises = jax.random.split(jax.random.key(seed), 4)
    network = osciprop.feedback_mlp(SIZES, key=weights, angle=angle, scale=scale)
    try:
        chosen.check(network)
    except osciprop.ReciprocityError:
        if angle != 0:
            return missing
        network = tied(network)
    x = jax.random.normal(inputs, (samples, SIZES[0]))
    y = jax.random.randint(labels, (samples,), 0, SIZES[-1])
    with warnings.catch_warnings():
        # How inaccurate a gradient is, is what is measured here.
        warnings.simplefilter("ignore", osciprop.GradientAccuracyWarning)
        exact = osciprop.estimate_gradient(network, x, y, osciprop.Implicit())
        found = osciprop.estimate_gradient(
            network, x, y, of_intensity(chosen, noise), key=noises, throw=False
        )
    distance = float(osciprop.cosine_distance(found.gradient, exact.gradient))
    settled = bool(found.converged)
    return {"distance": distance if settled else np.nan, "exists": True, "settled": settled}


study = Study(
    method_comparison,
    {
        "method": contenders(),
        "angle": Axis([0.0, 30.0, 60.0, 90.0], "degrees"),
        "noise": Axis([0.0, 0.01, 0.03, 0.1], "potential sqrt(tau)"),
        "seed": seeds(4),
    },
    constants={"samples": 8, "scale": 0.6},
    points_per_block=16,
)


def plot(results: xarray.Dataset) -> Figure:
    """Methods by angle, a panel for each noise; what is smaller than 1e-6 counts as that."""
    distance = results["distance"].clip(1e-6)
    distance.attrs["long_name"] = "cosine distance"
    # The unit of noise makes titles too long.
    noise = results["noise"].drop_attrs()
    panels = plot_heat_map(
        results.assign(distance=distance).assign_coords(noise=noise),
        x="angle",
        y="method",
        value="distance",
        facet="noise",
        log_color=True,
    )
    figure = panels[0].figure
    assert isinstance(figure, Figure)
    return figure


if __name__ == "__main__":
    from experiments.studies.running import main

    main("method_comparison")
