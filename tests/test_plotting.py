"""Plots: what they draw, what they refuse, and that they leave Matplotlib's settings alone."""

import itertools
from collections.abc import Callable

import jax.numpy as jnp
import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from mistake_cases import PLAIN_ONLY
from PIL import Image

import osciprop
from osciprop import plotting
from osciprop.plotting import styling

TIMES = np.linspace(0.0, 2.0, 65)
BETA = 0.4 * np.exp(2j * np.pi * TIMES)
# Two units that turn with the teaching signal, with second harmonics.
ORBITS = np.stack([BETA + 0.2 * BETA**2, 1 - 0.5j * BETA], axis=1)
EPOCHS: dict[str, list[float]] = {
    "epoch": [1, 2, 3],
    "train": [5.0, 2.0, 1.0],
    "test": [6.0, 4.0, float("nan")],
}

PLOTS: dict[str, Callable[..., Axes]] = {
    "orbit": lambda **kw: plotting.plot_orbit(ORBITS, teaching=BETA, **kw),
    "spectrum": lambda **kw: plotting.plot_spectrum(
        np.arange(4), {"a": [1.0, 1e-2, 0.0, 1e-5]}, teaching_frequency=1.0, **kw
    ),
    "time course": lambda **kw: plotting.plot_time_course(TIMES, ORBITS, period=1.0, **kw),
    "cosine": lambda **kw: plotting.plot_cosine_curves(
        [0.1, 0.2], {"a": [1e-4, 0.0]}, bands={"a": ([1e-5, 0.0], [1e-3, 1e-2])}, xlabel="x", **kw
    ),
    "learning": lambda **kw: plotting.plot_learning_curves(
        {"run": EPOCHS}, metrics=["train", "test"], **kw
    ),
}


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def labels(ax: Axes) -> list[str]:
    legend = ax.get_legend()
    assert legend is not None
    return [text.get_text() for text in legend.get_texts()]


def line(ax: Axes, label: str) -> np.ndarray:
    """The drawn points of a curve, shape (points, 2)."""
    (found,) = [curve for curve in ax.lines if curve.get_label() == label]
    return np.asarray(found.get_xydata())


@pytest.mark.parametrize("name", PLOTS)
def test_axes_in_and_out_without_global_changes(name: str):
    before, figures = matplotlib.rcParams.copy(), len(plt.get_fignums())
    ax = PLOTS[name]()
    assert len(plt.get_fignums()) == figures + 1
    assert PLOTS[name](ax=ax) is ax
    other = plt.figure().add_subplot()
    assert PLOTS[name](ax=other) is other
    assert len(plt.get_fignums()) == figures + 2
    # Given axes are drawn in the style's colours as well.
    assert other.lines[-1].get_color() == ax.lines[len(other.lines) - 1].get_color()
    assert matplotlib.rcParams == before
    ax.figure.canvas.draw()


@pytest.mark.parametrize("name", PLOTS)
def test_axes_are_labelled_with_units(name: str):
    ax = PLOTS[name]()
    assert ax.get_xlabel() and ax.get_ylabel()
    if name in ("orbit", "spectrum", "time course"):
        assert "(" in ax.get_xlabel() and "(dimensionless)" in ax.get_ylabel()


@pytest.mark.parametrize("name", PLOTS)
def test_nothing_overlaps_the_legend_or_leaves_the_figure(name: str):
    ax = PLOTS[name]()
    ax.figure.canvas.draw()
    frame, legend = ax.figure.bbox, ax.get_legend()
    assert legend is not None
    for box in (legend.get_window_extent(), ax.xaxis.label.get_window_extent()):
        assert box.x0 >= frame.x0 and box.y0 >= frame.y0 - 1
        assert box.x1 <= frame.x1 + 1 and box.y1 <= frame.y1 + 1


# The style


def linear_rgb(color: str) -> np.ndarray:
    values = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIE L*a*b* of linear sRGB (D65)."""
    to_xyz = np.array(
        [
            [0.4124564, 0.3575761, 0.1804375],
            [0.2126729, 0.7151522, 0.0721750],
            [0.0193339, 0.1191920, 0.9503041],
        ]
    )
    ratio = to_xyz @ rgb / np.array([0.95047, 1.0, 1.08883])
    f = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


# Machado, Oliveira and Fernandes (2009), severity 1.
SIGHT = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}


def style_colors() -> list[str]:
    with plotting.style():
        return [f"#{c.lstrip('#')}" for c in plt.rcParams["axes.prop_cycle"].by_key()["color"]]


def test_colours_survive_grey_print():
    lightness = sorted(lab(linear_rgb(color))[0] for color in style_colors())
    assert len(lightness) == len(styling.MARKERS) == 7
    assert np.min(np.diff(lightness)) > 8


@pytest.mark.parametrize("sight", SIGHT)
def test_colours_can_be_told_apart(sight: str):
    seen = [lab(np.clip(SIGHT[sight] @ linear_rgb(color), 0, 1)) for color in style_colors()]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 30


def test_style_ends_with_its_block():
    before = matplotlib.rcParams.copy()

    def interrupted():
        with plotting.style():
            assert matplotlib.rcParams != before
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    assert matplotlib.rcParams == before


# What is drawn


def test_orbit_marks_teaching_phases_and_time():
    ax = plotting.plot_orbit(ORBITS, teaching=BETA * np.exp(0.5j * np.pi), labels=["a", "b"])
    np.testing.assert_array_equal(line(ax, "a") @ [1, 1j], ORBITS[:, 0])
    assert labels(ax) == ["a", "b", "teaching phase 0", "quarter turns"]
    # The phase is 0 three quarters into the turn.
    stars = [curve for curve in ax.lines if curve.get_marker() == "*"]
    for unit, star in enumerate(stars):
        x, y = star.get_xydata()[0]
        assert x + 1j * y == pytest.approx(ORBITS[24, unit])
    arrows = [text for text in ax.texts if text.arrow_patch is not None]
    assert len(arrows) == 4
    start, end = (complex(*np.ravel(place)) for place in (arrows[0].xyann, arrows[0].xy))
    assert end - start == pytest.approx(ORBITS[9, 0] - ORBITS[8, 0])


def test_orbit_without_teaching_marks_the_start():
    ax = plotting.plot_orbit(ORBITS, units=[1])
    assert labels(ax) == ["unit 1", "start"]
    (star,) = [curve for curve in ax.lines if curve.get_marker() == "*"]
    assert complex(*star.get_xydata()[0]) == pytest.approx(ORBITS[0, 1])


def test_an_orbit_that_stands_still_can_be_drawn():
    ax = plotting.plot_orbit(np.ones((9, 1), dtype=complex))
    ax.figure.canvas.draw()


def test_at_most_as_many_units_as_colours_by_default():
    many = np.ones((4, 30)) * np.arange(30)
    ax = plotting.plot_time_course(np.arange(4.0), many)
    assert labels(ax) == [f"unit {index}" for index in range(7)]
    chosen = plotting.plot_time_course(np.arange(4.0), many, units=range(9))
    assert len(chosen.lines) == 9


def test_spectrum_marks_the_teaching_frequency_and_sorts():
    frequencies = np.fft.fftfreq(8, 0.5)
    sizes = np.abs(np.fft.fft(np.exp(2j * np.pi * 0.25 * np.arange(8) * 0.5))) / 8
    ax = plotting.plot_spectrum(
        frequencies, {"s": sizes}, teaching_frequency=0.25, frequency_unit="Hz", floor=1e-6
    )
    points = line(ax, "s")
    assert np.all(np.diff(points[:, 0]) > 0)
    peak = points[np.argmax(points[:, 1])]
    np.testing.assert_allclose(peak, [0.25, 1.0])
    assert np.min(points[:, 1]) == pytest.approx(1e-6)
    assert line(ax, "teaching signal")[0, 0] == 0.25
    assert ax.get_yscale() == "log" and ax.get_xlabel() == "frequency (Hz)"


def test_time_course_shows_both_parts():
    ax = plotting.plot_time_course(TIMES, ORBITS, period=0.5, time_unit="ms", labels=["a", "b"])
    np.testing.assert_array_equal(line(ax, "a")[:, 1], ORBITS[:, 0].real)
    dashed = [curve for curve in ax.lines if curve.get_linestyle() == "--"]
    np.testing.assert_array_equal(dashed[0].get_ydata(), ORBITS[:, 0].imag)
    turns = [curve.get_xdata()[0] for curve in ax.lines if curve.get_color() == styling.PALE]
    np.testing.assert_allclose(turns, [0, 0.5, 1, 1.5, 2])
    assert labels(ax) == ["a", "b", "real part", "imaginary part", "teaching phase 0"]
    assert ax.get_xlabel() == "time (ms)"


def test_real_time_course_has_one_line_per_unit():
    ax = plotting.plot_time_course(TIMES, ORBITS.real)
    assert len(ax.lines) == 2 and labels(ax) == ["unit 0", "unit 1"]


# Trajectories and orbits


def recorded(signal: np.ndarray) -> osciprop.Trajectory:
    """A trajectory of two samples and one population: the second sample's is `signal`."""
    s = jnp.stack([np.zeros_like(signal), signal], axis=1)
    yes, none = jnp.asarray(True), jnp.asarray(0)
    return osciprop.Trajectory(jnp.asarray(TIMES), (s,), (s,), None, yes, none, none)


def settled(signal: np.ndarray) -> osciprop.equilibria.Orbit:
    s, flag = jnp.stack([np.zeros_like(signal), signal], axis=1), jnp.ones(2, dtype=bool)
    times, betas, zero = jnp.asarray(TIMES[:32]), jnp.asarray(BETA[:32]), jnp.zeros(())
    none = jnp.asarray(0)
    return osciprop.equilibria.Orbit(
        times, betas, (s,), (s,), jnp.zeros(2), flag, ~flag, jnp.ones(2, dtype=int), none, zero
    )


def test_a_trajectory_is_drawn_as_its_array():
    signal = osciprop.Oscillation(0.4, 1.0)
    pairs: list[tuple[Axes, Axes]] = [
        (
            plotting.plot_orbit(recorded(ORBITS), sample=1, teaching=signal),
            plotting.plot_orbit(ORBITS, teaching=BETA),
        ),
        (
            plotting.plot_time_course(recorded(ORBITS), population=0, sample=1),
            plotting.plot_time_course(TIMES, ORBITS),
        ),
    ]
    for found, wanted in pairs:
        for ours, theirs in zip(found.lines, wanted.lines, strict=True):
            np.testing.assert_allclose(ours.get_xydata(), theirs.get_xydata(), atol=1e-7)


@pytest.mark.parametrize("given", [recorded(ORBITS), settled(ORBITS[:32])], ids=type)
def test_the_spectrum_is_that_of_a_turn(given):
    ax = plotting.plot_spectrum(given, sample=1, period=1.0, labels=["a", "b"])
    first, second = line(ax, "a"), line(ax, "b")
    np.testing.assert_allclose(first[first[:, 0] == 1, 1], 0.4, rtol=1e-12)
    np.testing.assert_allclose(first[first[:, 0] == 2, 1], 0.2 * 0.4**2, rtol=1e-12)
    np.testing.assert_allclose(second[second[:, 0] == 0, 1], 1.0, rtol=1e-12)
    assert line(ax, "teaching signal")[0, 0] == 1.0


def test_an_orbit_closes_and_knows_its_teaching_signal():
    ax = plotting.plot_orbit(settled(ORBITS[:32]), sample=1)
    drawn = line(ax, "unit 0") @ [1, 1j]
    assert drawn.size == 33 and drawn[0] == drawn[-1]
    assert "teaching phase 0" in labels(ax)


@pytest.mark.parametrize(
    ("given", "turn", "pictures"),
    [(settled(ORBITS[:32]), None, 32), (recorded(ORBITS), 32, 65), (ORBITS, None, 65)],
    ids=["orbit", "trajectory", "array"],
)
def test_an_animation_moves_and_measures(given, turn, pictures, tmp_path):
    sample = {} if given is ORBITS else {"sample": 1}
    rest = None if given is ORBITS else np.array([0.0, 1.0])
    moving = plotting.animate_orbit(given, turn=turn, rest=rest, every=16, **sample)
    moving.save(tmp_path / "orbit.gif", writer="pillow", dpi=40)
    with Image.open(tmp_path / "orbit.gif") as drawn:
        assert drawn.n_frames == len(range(0, pictures, 16))
    plane, *spectrum = moving._fig.axes
    heads = [curve for curve in plane.lines if curve.get_label() == "unit 1"]
    where = complex(*heads[0].get_xydata()[0])
    last = range(0, pictures, 16)[-1]
    at_rest = ORBITS[0, 1] if rest is None else 1
    assert where == pytest.approx(ORBITS[last, 1] - at_rest)
    if spectrum:
        top = spectrum[0].lines[0].get_xydata()
        found = dict(zip(np.round(top[:, 0]), top[:, 1], strict=True))
        assert found[1] == pytest.approx(0.4) and found[2] == pytest.approx(0.2 * 0.4**2)


def test_cosines_are_drawn_by_their_nines():
    ax = plotting.plot_cosine_curves(
        [1.0, 10.0, 100.0], {"a": [1e-1, 1e-5, 0.0]}, xlabel="x", log_x=True, floor=1e-8
    )
    np.testing.assert_allclose(line(ax, "a")[:, 1], [1, 5, 8])
    assert ax.get_xscale() == "log" and ax.get_xlabel() == "x"


def test_ticks_are_labelled_with_cosines():
    ax = plotting.plot_cosine_curves([1, 2], {"a": [1.0, 1e-5]}, xlabel="x")
    ax.figure.canvas.draw()
    ticks = dict(zip(ax.get_yticks(), (t.get_text() for t in ax.get_yticklabels()), strict=True))
    expected = {0: "0", 1: "0.9", 2: "0.99", 3: "0.999", 4: "$1-10^{-4}$", 5: "$1-10^{-5}$"}
    assert expected.items() <= ticks.items()


@pytest.mark.parametrize("distances", [[3e-3, 4e-3], [1.5, 0.9], [1e-4, 1e-4]])
def test_there_is_always_a_tick_to_read(distances: list[float]):
    ax = plotting.plot_cosine_curves([1, 2], {"a": distances}, xlabel="x")
    ax.figure.canvas.draw()
    low, high = ax.get_ylim()
    assert any(low <= y <= high and y == round(y) and y >= 0 for y in ax.get_yticks())


def test_linear_cosines_and_bands():
    ax = plotting.plot_cosine_curves(
        [1, 2], {"a": [0.25, 0.5]}, bands={"a": ([0.2, 0.4], [0.3, 0.6])}, xlabel="x", log_y=False
    )
    np.testing.assert_allclose(line(ax, "a")[:, 1], [0.75, 0.5])
    (band,) = ax.collections
    heights = band.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (pytest.approx(0.4), pytest.approx(0.8))


def test_learning_curves_tell_runs_and_metrics_apart():
    ax = plotting.plot_learning_curves(
        {"x": EPOCHS, "y": EPOCHS}, metrics=["train", "test"], ylabel="error (%)", log_y=True
    )
    assert labels(ax) == ["x", "y", "train", "test"]
    colors = [curve.get_color() for curve in ax.lines]
    dashes = [curve.get_linestyle() for curve in ax.lines]
    assert colors[0] == colors[1] != colors[2] == colors[3]
    assert dashes[0] == dashes[2] != dashes[1] == dashes[3]
    np.testing.assert_array_equal(ax.lines[1].get_ydata(), EPOCHS["test"])
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_yscale()) == ("epoch", "error (%)", "log")


def test_learning_curves_over_steps():
    history = {"step": [0, 50], "loss": [1.0, 0.5]}
    ax = plotting.plot_learning_curves({"x": history}, metrics=["loss"], x="step")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("step", "loss")


# What is refused


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: plotting.plot_orbit(ORBITS, units=[2]), r"units holds \[2\]"),
        (lambda: plotting.plot_orbit(ORBITS, units=[-1]), r"units holds \[-1\]"),
        (lambda: plotting.plot_orbit(ORBITS, labels=["a"]), "labels has 1"),
        (lambda: plotting.plot_orbit(np.full((3, 2), np.nan)), "NaN"),
        (lambda: plotting.plot_orbit(ORBITS[:0]), "filled"),
        (lambda: plotting.plot_spectrum([1.0], {}), "empty"),
        (lambda: plotting.plot_spectrum([1.0], {"a": [1.0, 2.0]}), "length 2"),
        (lambda: plotting.plot_spectrum([1.0, 2.0], {"a": [-1.0, 2.0]}), "negative"),
        (lambda: plotting.plot_spectrum([1.0, 2.0], {"a": [0.0, 0.0]}), "all 0"),
        (lambda: plotting.plot_time_course([0.0, 1.0, 2.0], ORBITS), "length 3"),
        (lambda: plotting.plot_time_course(-TIMES, ORBITS), "increase"),
        (lambda: plotting.plot_time_course(TIMES, ORBITS, period=0.0), "period"),
        (lambda: plotting.plot_time_course(TIMES), "activity is None"),
        (lambda: plotting.plot_orbit(recorded(ORBITS), population=1), "population is 1"),
        (lambda: plotting.plot_orbit(recorded(ORBITS), sample=2), "sample is 2"),
        (lambda: plotting.plot_orbit(ORBITS, teaching=osciprop.Oscillation(1, 1)), "function of"),
        pytest.param(
            lambda: plotting.plot_orbit(ORBITS, teaching=BETA[:3]), "length 3", marks=PLAIN_ONLY
        ),
        (lambda: plotting.plot_spectrum(recorded(ORBITS)), "period is None"),
        (lambda: plotting.plot_spectrum(recorded(ORBITS), period=0.71), "equal steps"),
        (lambda: plotting.plot_spectrum(recorded(ORBITS), period=5.0), "equal steps"),
        (lambda: plotting.animate_orbit(ORBITS, every=0), "every is 0"),
        (lambda: plotting.plot_cosine_curves([1.0], {}, xlabel="x"), "empty"),
        (lambda: plotting.plot_cosine_curves([1.0], {"a": [0.1, 0.2]}, xlabel="x"), "length 2"),
        (lambda: plotting.plot_cosine_curves([1.0], {"a": [-0.9]}, xlabel="x"), "distances"),
        (lambda: plotting.plot_cosine_curves([0.0], {"a": [0.1]}, xlabel="x", log_x=True), "log_x"),
        (
            lambda: plotting.plot_cosine_curves(
                [1.0], {"a": [0.1]}, bands={"b": ([0.1], [0.2])}, xlabel="x"
            ),
            "bands holds",
        ),
        (lambda: plotting.plot_learning_curves({}, metrics=["train"]), "empty"),
        (lambda: plotting.plot_learning_curves({"x": EPOCHS}, metrics=["loss"]), "no 'loss'"),
        (
            lambda: plotting.plot_learning_curves(
                {"x": {**EPOCHS, "train": [1.0]}}, metrics=["train"]
            ),
            "1 entries",
        ),
        (
            lambda: plotting.plot_learning_curves({"x": EPOCHS}, metrics="train"),
            r"metrics is 'train': give a list of names, \['train'\]",
        ),
        (
            lambda: plotting.plot_learning_curves({"x": osciprop.History()}, metrics=["train"]),  # type: ignore[dict-item]
            r"runs\['x'\] is a History: give lists by name",
        ),
    ],
)
def test_unfit_data_are_refused(draw: Callable[[], Axes], message: str):
    with pytest.raises(ValueError, match=message):
        draw()
    assert not plt.get_fignums()
