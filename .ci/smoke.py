"""Whether an installed osciprop works: every name, a gradient, training, a file, a plot."""

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import jax
import matplotlib

matplotlib.use("Agg")

import optax

import osciprop

installed = Path(osciprop.__file__).parent
assert "site-packages" in installed.parts, f"osciprop was imported from {installed}"
for name in dir(osciprop):
    value = getattr(osciprop, name)
    for inner in dir(value) if type(value).__name__ == "module" else ():
        getattr(value, inner)

data = osciprop.datasets.digits().subset(train=40, test=20)
network = osciprop.hopfield_mlp([64, 8, 10], key=jax.random.key(0), activation=osciprop.Tanh())
x, y = data.x_train, data.y_train
exact = osciprop.estimate_gradient(network, x, y, osciprop.Implicit())
found = osciprop.estimate_gradient(network, x, y, osciprop.HolomorphicEP(0.1, 4))
error = osciprop.relative_error(found.gradient, exact.gradient)
assert error < 1e-3, error
trained, history = osciprop.fit(
    network, data, osciprop.Implicit(), optax.adam(1e-3), epochs=1, progress=False
)
osciprop.save("trained.osciprop", trained)
osciprop.load("trained.osciprop", like=network)
orbit = osciprop.equilibria.settled_orbit(network, x, y, osciprop.Oscillation(0.1, 50.0))
osciprop.plotting.plot_orbit(orbit).figure.savefig("orbit.png")
assert "hep2022" in osciprop.bibtex(osciprop.HolomorphicEP())
version = importlib.metadata.version("osciprop")
said = subprocess.run(
    [Path(sys.executable).with_name("osciprop"), "--version"],
    capture_output=True,
    text=True,
    check=True,
)
assert version in said.stdout, said.stdout
print(f"osciprop {version}, jax {jax.__version__}, relative error {error:.1e}, all names")
