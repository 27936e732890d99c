"""One of two processes that train together, two simulated devices each: prints JSON.

Arguments: the coordinator's address, which of the two hosts this is, and a folder for checkpoints.
"""

import json
import os
import sys
from pathlib import Path

os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=2"
)

import jax
import numpy as np
import optax

import osciprop

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_disable_most_optimizations", True)


def train(devices: osciprop.training.AbstractPlacement, checkpoint: Path | None = None):
    network = osciprop.hopfield_mlp([64, 12, 10], key=jax.random.PRNGKey(0))
    return osciprop.fit(
        network,
        osciprop.datasets.digits().subset(train=60, test=20),
        osciprop.ClassicEP(0.1),
        optax.adam(3e-3),
        epochs=1,
        batch_size=20,
        placement=devices,
        checkpoint=checkpoint,
        progress=False,
    )


if __name__ == "__main__":
    coordinator, index, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    osciprop.training.connect_hosts(coordinator, 2, index)
    together, history = train(osciprop.DataParallel(), folder / "run.checkpoint")
    alone, expected = train(osciprop.training.OneDevice())
    pairs = zip(jax.tree.leaves(together), jax.tree.leaves(alone), strict=True)
    result = {
        "devices": len(jax.devices()),
        "weights": max(float(np.max(np.abs(np.asarray(a) - np.asarray(b)))) for a, b in pairs),
        "losses": float(np.max(np.abs(np.subtract(history.steps["loss"], expected.steps["loss"])))),
        "files": [path.name for path in folder.iterdir()],
    }
    # In a line of its own: the collectives of CPUs talk too.
    print("\n" + json.dumps(result), flush=True)
