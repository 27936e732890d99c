"""Whether the predicted error of a gradient can be relied on, counted over random estimates.

    python -m experiments.predictions

Layered networks, reciprocal, directed and without feedback, of scales 0.1 to 3, at amplitudes from
1e-4 to 5, in double and in single precision: the error of every method's gradient against the
implicit one beside its prediction. An error is silent if it is above ten times the prediction and
above 1e-2 (1e-1 in single precision), and no warning would be given. What comes out goes to
`experiments/results/predictions.json`; half an hour on a core.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

import osciprop
from experiments.runs import options, parsed, write
from osciprop.gradients import AbstractGradientMethod, HolomorphicDualPropagation, LinearResponse
from osciprop.gradients.accuracy import BRANCH_LIMIT, ERROR_LIMIT
from osciprop.networks.trees import norm
from paper_figures.precision import in_double_precision

FILE = "predictions.json"
DRAWS = 340
SAMPLES = 2
PRECISIONS = {"float64": (jnp.float64, 1e-2), "float32": (jnp.float32, 1e-1)}
FACTOR = 10
"""An error above so many times the prediction was not predicted."""

KNOWN = 1e-6
"""Errors above it are compared with their predictions in float64."""

Make = Callable[[Array, Array], AbstractGradientMethod]
ERRORS = osciprop.ErrorSignals()
# By kind of network: methods from an amplitude, and a number between 0 and 1 for what else they
# have, each beside what it is in its limit.
RECIPROCAL: dict[str, Make] = {
    "ClassicEP": lambda r, share: osciprop.ClassicEP(r),
    "CentredEP": lambda r, share: osciprop.CentredEP(r),
    "HolomorphicEP, 4 points": lambda r, share: osciprop.HolomorphicEP(r, 4),
    "HolomorphicEP, 8 points": lambda r, share: osciprop.HolomorphicEP(r, 8),
    "SettledOscillation": lambda r, share: osciprop.SettledOscillation(r, 20 + 180 * share),
    "OscillatoryEP": lambda r, share: osciprop.OscillatoryEP(r, 20 + 180 * share, samples=8),
    "RecurrentBackprop": lambda r, share: osciprop.RecurrentBackprop(),
    "BPTT, 100 steps": lambda r, share: osciprop.BPTT(100),
}
DIRECTED: dict[str, Make] = {
    "VectorFieldEP, 1 point": lambda r, share: osciprop.VectorFieldEP(r, 1),
    "AsymmetricEP, 6 points": lambda r, share: osciprop.AsymmetricEP(r, 6),
    "DyadicEP": lambda r, share: osciprop.DyadicEP(r),
}
LAYERED: dict[str, Make] = {
    "DualPropagation": lambda r, share: osciprop.DualPropagation(r, share),
    "DualPropagationAdjoint": lambda r, share: osciprop.DualPropagationAdjoint(r, share),
    "HolomorphicDualPropagation": lambda r, share: HolomorphicDualPropagation(r, 4, share),
}
KINDS: dict[str, tuple[Callable[..., osciprop.Network], dict[str, Make]]] = {
    "reciprocal": (osciprop.hopfield_mlp, RECIPROCAL),
    "directed": (osciprop.feedback_mlp, DIRECTED),
    "without feedback": (osciprop.perceptron, LAYERED),
}
STRUCTURES: list[tuple[osciprop.networks.AbstractActivation, list[int]]] = [
    (osciprop.Tanh(), [5, 7, 6, 3]),
    (osciprop.ShiftedSigmoid(), [4, 60, 20, 3]),
    (osciprop.Tanh(), [3, 1, 40, 2]),
]
TINY = {
    "DRAWS": 2,
    "STRUCTURES": STRUCTURES[:1],
    "PRECISIONS": {"float64": PRECISIONS["float64"]},
}


def relative(gradient: Any, reference: Any) -> Array:
    return norm(jax.tree.map(lambda a, b: a - b, gradient, reference)) / norm(reference)


def draw(
    build: Callable[..., osciprop.Network],
    structure: tuple[osciprop.networks.AbstractActivation, list[int]],
    dtype: Any,
    make: Make,
    chance: tuple[Array, Array, Array, Array],
) -> tuple[Array, ...]:
    """One estimate: whether all converged, its error, what was predicted, and how far apart."""
    activation, sizes = structure
    scale, amplitude, share, key = chance
    own, inputs, labels = jax.random.split(key, 3)
    network = build(sizes, key=own, activation=activation)
    network = replace(network, synapses=jax.tree.map(lambda leaf: scale * leaf, network.synapses))
    network = jax.tree.map(lambda leaf: leaf.astype(dtype), network)
    x = jax.random.normal(inputs, (SAMPLES, sizes[0]), dtype=dtype)
    y = jax.random.randint(labels, (SAMPLES,), 0, sizes[-1])
    method = make(amplitude.astype(dtype), share.astype(dtype))
    # In its limit a method without correction has the response for its error signal.
    limit = LinearResponse() if isinstance(method, osciprop.VectorFieldEP) else osciprop.Implicit()
    reference = limit.estimate(network, x, y, None)
    found = method.estimate(network, x, y, None)
    predicted = method.accuracy(network, x, y, found)
    assert predicted is not None
    return (
        found.converged & reference.converged,
        relative(found.gradient, reference.gradient),
        predicted.error,
        jnp.max(predicted.apart),
    )


def counted(found: Sequence[np.ndarray], large: float) -> dict[str, Any]:
    converged, error, predicted, apart = found
    warned = ~(predicted <= ERROR_LIMIT) | ~(apart <= BRANCH_LIMIT)
    wrong = converged & ~(error <= large)
    silent = wrong & ~warned & ~(error <= FACTOR * predicted)
    known = converged & (error > KNOWN) & np.isfinite(predicted)  # not what has not settled
    ratio = predicted[known] / error[known]
    return {
        "estimates": converged.size,
        "converged": int(converged.sum()),
        "errors above the limit": int(wrong.sum()),
        "silent": int(silent.sum()),
        "warned": int((converged & warned).sum()),
        "prediction over error, from 1 to 99 %": np.quantile(ratio, [0.01, 0.5, 0.99]).tolist()
        if ratio.size
        else None,
    }


@in_double_precision
def measured(chosen: Sequence[str], content: dict[str, Any]) -> dict[str, Any]:
    """What was found before, with the methods chosen."""
    for precision, (dtype, large) in PRECISIONS.items():
        for kind, (build, methods) in KINDS.items():
            for place, (name, make) in enumerate(methods.items()):
                if name not in chosen:
                    continue
                parts = []
                for number, structure in enumerate(STRUCTURES):
                    random = np.random.default_rng([number, place])
                    chance = (
                        jnp.asarray(10 ** random.uniform(-1, np.log10(3), DRAWS)),
                        jnp.asarray(10 ** random.uniform(-4, np.log10(5), DRAWS)),
                        jnp.asarray(random.uniform(size=DRAWS)),
                        jax.random.split(jax.random.key(number), DRAWS),
                    )
                    each = partial(draw, build, structure, dtype, make)
                    found = jax.jit(partial(jax.lax.map, each))(chance)
                    parts.append([np.asarray(part) for part in found])
                row = counted([np.concatenate(part) for part in zip(*parts, strict=True)], large)
                content.setdefault(precision, {})[name] = row
                print(precision, kind, name, row, flush=True)
    return content


def main(argv: Sequence[str] | None = None) -> None:
    every = [name for _, methods in KINDS.values() for name in methods]
    parser = options(__doc__)
    parser.add_argument("--methods", nargs="+", choices=every, default=every, metavar="METHOD")
    arguments = parsed(parser, argv)
    if arguments.tiny:
        globals().update(TINY)
    path = arguments.output / FILE
    before = json.loads(path.read_text()) if path.exists() else {}
    versions = {"osciprop": osciprop.__version__, "jax": jax.__version__}
    write(path, {**measured(arguments.methods, before), "versions": versions})


if __name__ == "__main__":
    main()
