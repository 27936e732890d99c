"""What training does on four simulated devices, as JSON: `training` or `methods`.

JAX counts its devices when it starts, so this is a program of its own, run by test_parallel.py.
"""

import json
import os
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=4"
)

import equinox as eqx
import jax
import numpy as np
import optax

import osciprop
from osciprop.gradients.contour import ContourDiagnostics
from osciprop.networks import ClassAccuracy
from osciprop.training.optimizers import as_optimizer
from osciprop.training.step import begin, train_step

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_disable_most_optimizations", True)


def connected() -> int:
    """The number of devices after a start as one host of one."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    osciprop.training.connect_hosts(f"localhost:{port}", hosts=1, index=0)
    return len(jax.devices())


# The methods below hold arrays, and hosts connect before there are any.
CONNECTED = connected()
DATA = osciprop.datasets.digits().subset(train=80, test=20)
OPTIMIZER = optax.adam(3e-3)
ALONE = osciprop.training.OneDevice()
FOUR = osciprop.DataParallel(4)
BATCH = DATA.x_train[:20], DATA.y_train[:20]
METHOD = osciprop.HolomorphicEP(0.1, 4)


def network() -> osciprop.Network:
    return osciprop.hopfield_mlp(
        [64, 12, 10, 10], key=jax.random.PRNGKey(0), activation=osciprop.Tanh()
    )


def fit(devices: osciprop.training.AbstractPlacement, **options):
    return osciprop.fit(
        network(),
        DATA,
        METHOD,
        OPTIMIZER,
        epochs=1,
        batch_size=20,
        placement=devices,
        progress=False,
        **options,
    )


def difference(a, b) -> float:
    """The largest difference of any number of two runs' networks and losses."""
    pairs = zip(jax.tree.leaves(a[0]), jax.tree.leaves(b[0]), strict=True)
    weights = max(float(np.max(np.abs(np.asarray(p) - np.asarray(q)))) for p, q in pairs)
    losses = np.abs(np.subtract(a[1].steps["loss"], b[1].steps["loss"]))
    return max(weights, float(np.max(losses)))


def interrupted(path: Path) -> None:
    """A run on four devices that stops before its third update."""

    def stop(network, x, y, estimate):
        raise KeyboardInterrupt

    try:
        fit(FOUR, checkpoint=path, checkpoint_every=1, monitor=stop, monitor_every=3)
    except KeyboardInterrupt:
        return
    raise AssertionError("the run was not interrupted")


def shards(devices: osciprop.DataParallel) -> dict[str, list[int]]:
    """The leading sizes, whole and on one device, of a step's arrays that have a batch axis."""
    state = devices.replicate(begin(network(), OPTIMIZER))
    x, y = devices.split(osciprop.networks.preparation.prepare_pair(network(), *BATCH))
    _, estimate, _ = train_step(
        state, x, y, METHOD, as_optimizer(OPTIMIZER), ClassAccuracy(), jax.random.key(0)
    )
    assert isinstance(estimate.diagnostics, ContourDiagnostics)
    assert estimate.error_signal is not None
    arrays = {
        "outputs": estimate.outputs,
        "free": estimate.equilibrium.u[0],
        "nudged": estimate.diagnostics.nudged.u[0],
        "error_signal": estimate.error_signal[0],
        "weight": estimate.gradient.synapses[0].weight,
    }
    return {name: [len(array), len(array.addressable_data(0))] for name, array in arrays.items()}


def message(call) -> str:
    """What an error says."""
    try:
        call()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "no error"


def training() -> dict[str, Any]:
    """Everything about `fit`."""
    result = {"connected": CONNECTED, "connected twice": message(connected)}
    together = fit(FOUR)
    result["difference"] = difference(fit(ALONE), together)
    result["trained on"] = len(together[0].synapses[0].weight.devices())

    with tempfile.TemporaryDirectory() as folder:
        for name, devices in (("resumed", FOUR), ("resumed on one", ALONE)):
            path = Path(folder) / name
            interrupted(path)
            result[name] = difference(fit(devices, checkpoint=path), together)

    result["shards"] = shards(FOUR)
    for name, devices in (("memory of one", ALONE), ("memory of four", FOUR)):
        estimate = osciprop.training.memory_estimate(
            network(), *BATCH, METHOD, OPTIMIZER, placement=devices
        )
        result[name] = [estimate.parameters, estimate.temporaries, estimate.batch]
    result["too many"] = message(lambda: osciprop.DataParallel(5))
    result["unequal"] = message(
        lambda: osciprop.fit(
            network(), DATA, METHOD, OPTIMIZER, epochs=1, batch_size=18, placement=FOUR
        )
    )
    return result


def methods() -> dict[str, list[float]]:
    """The largest difference of a gradient's number on one device and on four, by method."""
    white = osciprop.WhiteNoise(1e-2)
    short = osciprop.euler_maruyama(0.2)
    others = [
        osciprop.ClassicEP(0.1),
        osciprop.Implicit(),
        osciprop.BPTT(60, tolerance=1e-3),
        osciprop.AsymmetricEP(0.1, 4),
        osciprop.DyadicEP(),
        osciprop.DualPropagation(),
        osciprop.OscillatoryEP(0.1, 10.0),
        osciprop.gradients.NoisyHolomorphicEP(0.1, 4, white, duration=4.0, integrator=short),
    ]
    x, y = osciprop.networks.preparation.prepare_pair(network(), *BATCH)
    split_x, split_y = FOUR.split((x, y))
    key = jax.random.key(1)
    differences = {}
    for method in others:
        step = eqx.filter_jit(method.estimate)
        alone = step(network(), x, y, None, key)
        together = step(FOUR.replicate(network()), split_x, split_y, None, key)
        pairs = zip(
            jax.tree.leaves(alone.gradient), jax.tree.leaves(together.gradient), strict=True
        )
        gap = max(float(np.max(np.abs(np.asarray(a) - np.asarray(b)))) for a, b in pairs)
        size = len(together.equilibrium.u[0].addressable_data(0))
        differences[type(method).__name__] = [gap, size]
    return differences


if __name__ == "__main__":
    parts = {"training": training, "methods": methods}
    json.dump(parts[sys.argv[1]](), sys.stdout)
