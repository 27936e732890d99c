"""The public codes that `peers.py` measures: how each is imported and asked for a gradient.

Nothing of theirs stands here. An adapter takes the folder of a checkout and the problem, and says
of each method what to call, loosest settings first: those that the code's own experiments vary.
Every call gives the gradient of the weight matrices, `(inputs, outputs)`, from the input up. What
only their readers of data import is stood in for, where it is not installed.
"""

import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

AMPLITUDES = (0.2, 0.05, 0.01, 0.002)
"""Of nudges, ours and theirs: where there are kinks, the first is too large."""

Gradient = Callable[[], Sequence[Any]]


@dataclass(frozen=True)
class Problem:
    """What every code is given: weights `(inputs, outputs)` from the input up, and a batch."""

    weights: list[jax.Array]
    x: jax.Array
    labels: jax.Array

    @property
    def sizes(self) -> list[int]:
        return [weight.shape[0] for weight in self.weights] + [self.weights[-1].shape[1]]

    @property
    def targets(self) -> jax.Array:
        """One row per sample, 1 at its class."""
        return jax.nn.one_hot(self.labels, self.sizes[-1], dtype=self.x.dtype)


STEPS = ((5, 3), (10, 5), (20, 10), (50, 20))
"""Of relaxations, free and nudged."""
SOFTMAX = "Hopfield, softmax readout"
UNITS = "Hopfield, outputs are units"
LAYERS = "feedforward, ReLU"
PREDICTIVE = "predictive coding, tanh"


@dataclass(frozen=True)
class Method:
    """A method of a code on one of the networks above, with its settings, loosest first."""

    code: str
    name: str
    network: str
    attempts: dict[str, Gradient]


def imported(folder: Path | None, names: Sequence[str], idle: Sequence[str] = ()) -> list[Any]:
    """Modules of a checkout; without a folder, of what is installed.

    Their names, often `models` or `utils`, are not kept. Of `idle` nothing is used, so what is
    missing of it is stood in for.
    """
    if folder is None:
        return [importlib.import_module(name) for name in names]
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}")
    place, before = str(folder.resolve()), set(sys.modules)
    absent = [name for name in idle if importlib.util.find_spec(name) is None]
    passing = {name.partition(".")[0] for name in names} | set(absent)
    sys.modules.update(dict.fromkeys(absent, MagicMock()))
    sys.path.insert(0, place)
    importlib.invalidate_caches()
    try:
        return [importlib.import_module(name) for name in names]
    finally:
        sys.path.remove(place)
        for name in set(sys.modules) - before:
            if name.partition(".")[0] in passing:
                del sys.modules[name]


def holomorphic_eqprop(folder: Path | None, problem: Problem) -> list[Method]:
    """Free steps, then steps at each point of the circle from there, as its `train_step` does."""
    mlp, functions = imported(
        folder, ["models.mlp", "utils.functions"], ("tensorflow", "tensorflow_datasets")
    )
    names = [f"xphi/~/fc_{layer + 1}" for layer in range(len(problem.weights))]
    sizes = {name: {"fc": size} for name, size in zip(names, problem.sizes[1:], strict=True)}
    model = mlp.xp_mlp(sizes, functions.my_sigmoid(-4, 2), problem.sizes[-1], 0)
    parameters = {
        name: {"w": weight, "b": jnp.zeros(weight.shape[1], weight.dtype)}
        for name, weight in zip(names, problem.weights, strict=True)
    }
    key, targets = jax.random.PRNGKey(0), problem.targets

    def attempt(free: int, nudged: int, points: int) -> Gradient:
        @jax.jit
        def gradient(parameters: Any, x: jax.Array, targets: jax.Array) -> list[jax.Array]:
            state = model.batched_init_neurons(x)
            state, _ = model.batched_fwd(parameters, x, state, free, 0.0, targets)
            found, _ = model.batched_ep_gradN(
                parameters, x, state, nudged, points, AMPLITUDES[0], targets, key
            )
            return [found[name]["w"] for name in names]

        return lambda: gradient(parameters, problem.x, targets)

    return [
        Method(
            "holomorphic_eqprop",
            f"hEP, N = {points}",
            SOFTMAX,
            {
                f"{free} free steps, {nudged} nudged, amplitude {AMPLITUDES[0]}": attempt(
                    free, nudged, points
                )
                for free, nudged in STEPS
            },
        )
        for points in (2, 10)
    ]


def energy_based_learning(folder: Path | None, problem: Problem) -> list[Method]:
    """Asynchronous sweeps from rest, then centred equilibrium propagation from there."""
    torch = importlib.import_module("torch")
    network_of, networks, costs, minimizers, training = imported(
        folder,
        [
            "model.function.network",
            "model.hopfield.network",
            "model.function.cost",
            "model.hopfield.minimizer",
            "training.sgd",
        ],
    )
    shapes = [(size,) for size in problem.sizes]
    energy = networks.DeepHopfieldEnergy(shapes, [1.0] * len(problem.weights))
    energy.set_device("cpu")
    count = len(problem.weights)
    for parameter, weight in zip(energy.params()[-count:], problem.weights, strict=True):
        parameter.state = torch.from_dlpack(np.array(weight))
    x = torch.from_dlpack(np.array(problem.x))
    labels = torch.from_dlpack(np.array(problem.labels)).long()
    network = network_of.Network(energy)
    cost = costs.SquaredError(energy.layers()[-1])
    nudged_energy = training.AugmentedFunction(energy, cost)

    def attempt(free: int, nudged: int, amplitude: float) -> Gradient:
        relax = minimizers.FixedPointMinimizer(energy, network.free_layers(), free)
        push = minimizers.FixedPointMinimizer(nudged_energy, network.free_layers(), nudged)
        estimator = training.EquilibriumProp(
            energy.params(), energy.layers(), nudged_energy, cost, push, "centered", amplitude
        )

        def gradient() -> list[np.ndarray]:
            network.set_input(x, reset=True)
            relax.compute_equilibrium()
            cost.set_target(labels)
            found = estimator.compute_gradient()
            return [np.from_dlpack(matrix) for matrix in found[-count:]]

        return gradient

    attempts = {
        f"{free} free sweeps, {nudged} nudged, amplitude {amplitude}": attempt(
            free, nudged, amplitude
        )
        for free, nudged in STEPS
        for amplitude in AMPLITUDES
    }
    return [Method("energy-based-learning", "centred EP", UNITS, attempts)]


def jpc(folder: Path | None, problem: Problem) -> list[Method]:
    """Inference as an ODE from the forward pass, then the gradient of the energy."""
    (package,) = imported(folder, ["jpc"])
    layers: list[Any] = []
    for weight in problem.weights:
        inputs, outputs = weight.shape
        linear = eqx.nn.Linear(inputs, outputs, use_bias=False, key=jax.random.PRNGKey(0))
        linear = eqx.tree_at(lambda layer: layer.weight, linear, weight.T)
        last = weight is problem.weights[-1]
        layers.append(linear if last else eqx.nn.Sequential([linear, eqx.nn.Lambda(jnp.tanh)]))

    def attempt(duration: int) -> Gradient:
        @eqx.filter_jit
        def gradient(layers: list[Any], x: jax.Array, targets: jax.Array) -> list[jax.Array]:
            start = package.init_activities_with_ffwd(layers, x)
            settled = package.solve_inference(
                (layers, None), start, targets, input=x, max_t1=duration
            )
            settled = jax.tree.map(lambda path: path[-1], settled)
            found = package.compute_pc_param_grads((layers, None), settled, targets, x=x)
            return [matrix.T for matrix in jax.tree.leaves(found) if matrix.ndim == 2]

        targets = problem.targets
        return lambda: gradient(layers, problem.x, targets)

    durations = (20, 100, 400, 1600)
    attempts = {f"inference until {duration}": attempt(duration) for duration in durations}
    return [Method("jpc", "predictive coding", PREDICTIVE, attempts)]


def dualprop(folder: Path | None, problem: Problem) -> list[Method]:
    """Inference of dyads from the forward pass, then the gradient of the contrast."""
    linen = importlib.import_module("flax.linen")
    if folder is None:
        raise ModuleNotFoundError("dualprop is not an installed package")
    (models,) = imported(folder / "src", ["models"])
    key, targets = jax.random.PRNGKey(0), problem.targets

    def loss(logits: jax.Array, targets: jax.Array) -> jax.Array:
        return -jnp.sum(targets * jax.nn.log_softmax(logits))

    def attempt(alpha: float, order: str, passes: int, amplitude: float) -> Gradient:
        model = models.cnn_dualprop_Lagr_ff(
            loss,
            linen.Conv,
            linen.Dense,
            linen.relu,
            problem.sizes[-1],
            amplitude,
            alpha,
            jnp.float32,
            jnp.float32,
            kernels=[],
            strides=[],
            mp=[],
            features=[],
            dense_features=problem.sizes[1:],
            inference_sequence=order,
            inference_passes_nudged=passes,
        )
        drawn = model.init(key, problem.x)["params"]
        names = sorted(drawn)
        parameters = {
            name: {**drawn[name], "kernel": weight}
            for name, weight in zip(names, problem.weights, strict=True)
        }

        @jax.jit
        def gradient(parameters: Any, x: jax.Array, targets: jax.Array) -> list[jax.Array]:
            dyads = model.apply(
                {"params": parameters}, x, targets, key, method="infer_states_train"
            )
            found = jax.grad(
                lambda parameters: model.apply({"params": parameters}, *dyads, method="get_J")
            )(parameters)
            return [found[name]["kernel"] for name in names]

        return lambda: gradient(parameters, problem.x, targets)

    once = {
        f"one backward sweep, amplitude {amplitude}": attempt(0.0, "bwK", 1, amplitude)
        for amplitude in AMPLITUDES
    }
    up_and_down = {
        f"fwbwK, K = {passes}, amplitude {amplitude}": attempt(0.5, "fwbwK", passes, amplitude)
        for passes in (1, 2, 4, 15)
        for amplitude in AMPLITUDES
    }
    return [
        Method("dualprop", "DP^T, alpha = 0", LAYERS, once),
        Method("dualprop", "DP^T, alpha = 0.5", LAYERS, up_and_down),
    ]


@dataclass(frozen=True)
class Peer:
    """A code: its adapter, how to get it, and what it needs beside JAX."""

    adapter: Callable[[Path | None, Problem], list[Method]]
    address: str
    needs: str
    installed: bool = False
    """Whether it is looked for among installed packages, where no folder is given."""

    def remedy(self, name: str) -> str:
        """How to have it measured."""
        fetched = f"git clone {self.address}, pip install {self.needs}, --{name} FOLDER"
        return f"pip install {name}, or {fetched}" if self.installed else fetched


PEERS = {
    "holomorphic-eqprop": Peer(
        holomorphic_eqprop, "https://github.com/Laborieux-Axel/holomorphic_eqprop", "dm-haiku"
    ),
    "energy-based-learning": Peer(
        energy_based_learning,
        "https://github.com/rain-neuromorphics/energy-based-learning",
        "torch",
    ),
    "jpc": Peer(jpc, "https://github.com/thebuckleylab/jpc", "-e FOLDER", installed=True),
    "dualprop": Peer(dualprop, "https://github.com/Rasmuskh/dualprop_icml_2024", "flax"),
}
