"""The moving picture of the landing page: orbits of neurons, and their spectrum.

    python docs/images/orbit.py     # writes docs/images/orbit.gif; a minute

A small network rests; then a teaching signal is switched on, and turns.
"""

import tempfile
from pathlib import Path

import diffrax
import jax
import numpy as np
from PIL import Image, ImageSequence

import osciprop
from osciprop.plotting import animate_orbit

PATH = Path(__file__).with_name("orbit.gif")
AMPLITUDE, PERIOD, TURNS = 0.8, 20.0, 3
STEPS, EVERY = 120, 3
"""Stored times in a turn, and from one picture to the next."""

POPULATION, SHOWN = 1, 3
COLORS = 48


def response() -> tuple[osciprop.Trajectory, np.ndarray]:
    """The trajectory, and the neurons that move most."""
    data = osciprop.datasets.digits()
    x, y = data.x_train[:1], data.y_train[:1]
    network = osciprop.hopfield_mlp(
        [64, 16, 16, 10], key=jax.random.PRNGKey(1), activation=osciprop.Tanh(), scale=0.9
    )
    free = osciprop.relax(network, x)
    trajectory = osciprop.integrate(
        network,
        x,
        y,
        teaching=osciprop.Oscillation(AMPLITUDE, PERIOD),
        times=PERIOD * np.linspace(0, TURNS, TURNS * STEPS + 1),
        initial=free.u,
        integrator=osciprop.Integrator(diffrax.Tsit5()),
    )
    moved = np.asarray(trajectory.s[POPULATION][:, 0] - free.s[POPULATION][0])
    most = np.argsort(-np.abs(moved[-STEPS:]).max(axis=0))[:SHOWN]
    return trajectory, most


def with_one_palette(path: Path) -> list[Image.Image]:
    """The pictures of a GIF with the colours of its last one, which makes it a third as large."""
    with Image.open(path) as moving:
        pictures = [picture.convert("RGB") for picture in ImageSequence.Iterator(moving)]
    palette = pictures[-1].quantize(COLORS, dither=Image.Dither.NONE)
    return [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]


def main() -> None:
    """Draw all pictures, and write them with one palette."""
    trajectory, neurons = response()
    moving = animate_orbit(
        trajectory,
        turn=STEPS,
        teaching=osciprop.Oscillation(AMPLITUDE, PERIOD),
        population=POPULATION,
        units=[int(neuron) for neuron in neurons],
        labels=[f"neuron {neuron}" for neuron in neurons],
        every=EVERY,
    )
    with tempfile.TemporaryDirectory() as folder, osciprop.plotting.style():
        drawn = Path(folder) / "drawn.gif"
        moving.save(drawn, writer="pillow")
        pictures = with_one_palette(drawn)
    pictures[0].save(
        PATH, save_all=True, append_images=pictures[1:], duration=60, loop=0, optimize=True
    )
    print(f"{PATH}: {PATH.stat().st_size / 1e6:.2f} MB, {len(pictures)} pictures")


if __name__ == "__main__":
    main()
