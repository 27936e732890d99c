"""The moving picture of the landing page: orbits of neurons, and their spectrum.

    python docs/images/orbit.py     # writes docs/images/orbit.gif; a minute

A small network rests; then a teaching signal is switched on, and turns. Every frame shows the
activity of three neurons up to then, less their activity at rest, and the Fourier coefficients of
the turn before it.
"""

import io
from pathlib import Path

import diffrax
import jax
import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Complex, Float
from PIL import Image

import osciprop
from osciprop.plotting.styling import MARKERS

PATH = Path(__file__).with_name("orbit.gif")
AMPLITUDE, PERIOD, TURNS = 0.8, 20.0, 3
FRAMES, STEPS = 40, 120
"""Frames and stored times per turn."""

MILLISECONDS = 60
HARMONICS = range(-3, 6)
SHOWN = 3


def response() -> tuple[Float[np.ndarray, " times"], Complex[np.ndarray, "times neurons"]]:
    """Times in turns, and how far the neurons that move most are from rest."""
    data = osciprop.datasets.digits()
    x, y = data.x_train[:1], data.y_train[:1]
    network = osciprop.hopfield_mlp(
        [64, 16, 16, 10], key=jax.random.PRNGKey(1), activation=osciprop.Tanh(), scale=0.9
    )
    free = osciprop.relax(network, x)
    turns = np.linspace(0, TURNS, TURNS * STEPS + 1)
    trajectory = osciprop.integrate(
        network,
        x,
        y,
        teaching=osciprop.Oscillation(AMPLITUDE, PERIOD),
        times=PERIOD * turns,
        initial=free.u,
        integrator=osciprop.Integrator(diffrax.Tsit5()),
    )
    moved = np.asarray(trajectory.s[1][:, 0] - free.s[1][0])
    most = np.argsort(-np.abs(moved[-STEPS:]).max(axis=0))[:SHOWN]
    return turns, moved[:, most]


def frame(
    number: int,
    turns: Float[np.ndarray, " times"],
    moved: Complex[np.ndarray, "times neurons"],
) -> Image.Image:
    """The picture at the end of so many frames."""
    now = number * STEPS // FRAMES
    colors = plt.rcParams["axes.prop_cycle"].by_key()["color"]
    figure, (left, right) = plt.subplots(1, 2, figsize=(6.8, 3.2), dpi=96, layout="none")
    figure.subplots_adjust(left=0.1, right=0.99, bottom=0.15, top=0.92, wspace=0.28)
    reach = 1.1 * np.abs(moved).max()
    angle = 2 * np.pi * turns[now]
    left.plot([0, reach * np.cos(angle)], [0, reach * np.sin(angle)], "-", color="0.75", lw=1)
    left.plot(reach * np.cos(angle), reach * np.sin(angle), "o", color="0.6", markersize=5)
    so_far, last = moved[: now + 1], moved[max(now - STEPS, 0) : now + 1]
    for index in range(moved.shape[1]):
        color, marker = colors[index], MARKERS[index]
        for part, alpha in ((so_far, 0.25), (last, 1.0)):
            way = part[:, index]
            left.plot(way.real, way.imag, "-", color=color, alpha=alpha)
        here = moved[now, index]
        left.plot(here.real, here.imag, marker, color=color, markersize=6)
    left.set(xlim=(-1.15 * reach, 1.15 * reach), ylim=(-1.15 * reach, 1.15 * reach), aspect="equal")
    left.set(xlabel="Re activity, from rest", ylabel="Im activity, from rest")
    left.set_title(f"turn {turns[now]:.1f} of the teaching signal")
    if now >= STEPS:
        turn = slice(now - STEPS + 1, now + 1)
        phases = np.exp(-2j * np.pi * np.outer(list(HARMONICS), turns[turn]))
        sizes = np.abs(phases @ moved[turn]) / STEPS
        for index in range(moved.shape[1]):
            places = np.asarray(list(HARMONICS)) + 0.2 * (index - 1)
            right.vlines(places, 1e-6, sizes[:, index], color=colors[index], lw=2)
            right.plot(places, sizes[:, index], MARKERS[index], color=colors[index], markersize=4)
    right.set(yscale="log", ylim=(1e-6, 3 * reach), xlim=(-3.6, 5.6), xticks=list(HARMONICS))
    right.set(xlabel="multiple of the teaching frequency", ylabel="amplitude over the last turn")
    right.set_title("spectrum")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=96, bbox_inches="standard")
    plt.close(figure)
    return Image.open(buffer).convert("RGB")


def main() -> None:
    """Draw all frames, and write them with one palette."""
    turns, moved = response()
    with osciprop.plotting.style():
        pictures = [frame(number, turns, moved) for number in range(TURNS * FRAMES + 1)]
    palette = pictures[-1].quantize(48, dither=Image.Dither.NONE)
    small = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    small[0].save(
        PATH, save_all=True, append_images=small[1:], duration=MILLISECONDS, loop=0, optimize=True
    )
    print(f"{PATH}: {PATH.stat().st_size / 1e6:.2f} MB, {len(small)} frames")


if __name__ == "__main__":
    main()
