"""Plots of results: the numbers that are drawn, the labels, and what is refused."""

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import scipy.stats
import xarray
from matplotlib.axes import Axes
from matplotlib.collections import FillBetweenPolyCollection, LineCollection
from matplotlib.colors import LogNorm
from matplotlib.container import ErrorbarContainer

from osciprop.studies import Study, plot_heat_map, plot_lines, seeds

NAN = float("nan")
AMPLITUDES = [0.01, 0.1, 1.0]
METHODS = ["centred", "classic"]


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


@pytest.fixture
def results() -> xarray.Dataset:
    """Errors of two methods at three amplitudes (mV), three depths and four seeds."""
    random = np.random.default_rng(1)
    errors = random.uniform(0.5, 2.0, (3, 2, 3, 4))
    axes = ("amplitude", "method", "depth", "seed")
    return xarray.Dataset(
        {
            "error": (axes, errors, {"units": "1/s"}),
            "response": (axes, errors + 1j),
            "seconds": (axes, errors, {"units": "s", "long_name": "wall time"}),
        },
        {
            "amplitude": ("amplitude", AMPLITUDES, {"units": "mV"}),
            "method": METHODS,
            "depth": [1, 2, 4],
            "seed": range(4),
        },
    )


@pytest.fixture
def shallow(results) -> xarray.Dataset:
    return results.sel(depth=1)


def line(ax: Axes, place: int = 0) -> np.ndarray:
    return np.asarray(ax.lines[place].get_xydata(), dtype=float)


def band(ax: Axes) -> np.ndarray:
    """The corners of the first band, shape (corners, 2)."""
    (area,) = [c for c in ax.collections if isinstance(c, FillBetweenPolyCollection)][:1]
    return np.concatenate([path.vertices for path in area.get_paths()])


def edges(ax: Axes, x: float) -> list[float]:
    """Lower and upper edge of the band at `x`."""
    corners = band(ax)
    heights = corners[np.isclose(corners[:, 0], x), 1]
    return [heights.min(), heights.max()]


def legend(ax: Axes) -> list[str]:
    (found,) = ax.figure.legends
    return [text.get_text() for text in found.get_texts()]


def ticks(axis) -> list[str]:
    return [label.get_text() for label in axis.get_ticklabels()]


# Lines


def test_lines_are_means_with_bands_of_95_percent(shallow):
    (ax,) = plot_lines(shallow, x="amplitude", y="error", hue="method")
    errors = shallow["error"].values
    for place in range(2):
        np.testing.assert_array_equal(line(ax, place)[:, 0], AMPLITUDES)
        np.testing.assert_allclose(line(ax, place)[:, 1], errors[:, place].mean(axis=1))
    for index, amplitude in enumerate(AMPLITUDES):
        interval = scipy.stats.t.interval(
            0.95, 3, errors[index, 0].mean(), scipy.stats.sem(errors[index, 0])
        )
        np.testing.assert_allclose(edges(ax, amplitude), interval, rtol=1e-10)
    assert legend(ax) == ["method = centred", "method = classic", "95 % confidence"]
    assert ax.get_xlabel() == "amplitude (mV)"
    assert ax.get_ylabel() == "error (1/s),\nmean over seed"


def test_nan_is_left_out_and_leaves_a_gap_where_nothing_is_left(shallow):
    values = shallow["error"].sel({"method": "classic"}).copy()
    values[0, 1] = NAN
    values[1] = NAN
    values[2, 1:] = NAN
    (ax,) = plot_lines(xarray.Dataset({"error": values}), x="amplitude", y="error")
    left = values.values[0, [0, 2, 3]]
    np.testing.assert_allclose(line(ax)[:, 1], [left.mean(), NAN, values.values[2, 0]])
    # The first point has an interval, of three values, and nothing beside it to make an area with.
    (bars,) = [c for c in ax.containers if isinstance(c, ErrorbarContainer)]
    (stroke,) = bars[2][0].get_segments()
    interval = scipy.stats.t.interval(0.95, 2, left.mean(), scipy.stats.sem(left))
    np.testing.assert_allclose(stroke[:, 1], interval)


def test_an_infinite_value_is_a_gap_without_a_warning(shallow):
    shallow["error"][1, 0, 2] = np.inf
    (ax,) = plot_lines(shallow, x="amplitude", y="error", hue="method")
    assert line(ax)[1, 1] == np.inf and np.all(np.isfinite(line(ax, 1)))
    ax.figure.canvas.draw()


@pytest.mark.parametrize("count", [0, 1])
def test_without_repetitions_there_is_just_the_line(shallow, count):
    once = shallow.isel(seed=[0]) if count else shallow.sel(seed=2)
    (ax,) = plot_lines(once.sel({"method": "classic"}), x="amplitude", y="error")
    np.testing.assert_array_equal(line(ax)[:, 1], shallow["error"].values[:, 1, 0 if count else 2])
    assert not ax.collections and not ax.figure.legends
    assert ax.get_ylabel() == "error (1/s)"


def test_seeds_may_be_lines_and_any_axis_a_band(shallow):
    (ax,) = plot_lines(shallow, x="amplitude", y="error", hue="seed", band="method")
    np.testing.assert_allclose(line(ax, 3)[:, 1], shallow["error"].values[:, :, 3].mean(axis=1))
    assert legend(ax)[:4] == [f"seed = {seed}" for seed in range(4)]
    (ax,) = plot_lines(shallow.isel({"method": 0}), x="seed", y="error", hue="amplitude")
    assert legend(ax) == ["amplitude = 0.01 mV", "amplitude = 0.1 mV", "amplitude = 1 mV"]


def test_numbers_are_sorted_and_words_stand_as_given(results):
    mixed = results.isel(depth=[2, 0, 1], method=[1, 0], seed=0)
    (ax,) = plot_lines(mixed.sel(amplitude=0.1), x="depth", y="error", hue="method")
    expected = results["error"].values[1, 1, :, 0]
    np.testing.assert_array_equal(line(ax), np.transpose([[1, 2, 4], expected]))
    assert legend(ax) == ["method = classic", "method = centred"]
    ax.figure.canvas.draw()
    assert all(tick == round(tick) for tick in ax.get_xticks())


def test_words_along_x_have_marks_with_error_bars(shallow):
    (ax,) = plot_lines(shallow, x="method", y="error", hue="amplitude")
    assert ticks(ax.xaxis) == METHODS
    mean, values = shallow["error"].mean("seed"), shallow["error"].values
    marks = [entry for entry in ax.lines if entry.get_marker() in "os^"]
    for place, entry in enumerate(marks):
        assert entry.get_linestyle() == "None"
        np.testing.assert_allclose(entry.get_ydata(), mean.values[place])
        np.testing.assert_allclose(entry.get_xdata(), [0, 1], atol=0.3)
    strokes = ax.containers[0][2][0].get_segments()
    half = scipy.stats.sem(values[0], axis=1) * scipy.stats.t.ppf(0.975, 3)
    np.testing.assert_allclose([np.ptp(stroke[:, 1]) / 2 for stroke in strokes], half)


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([0.01, 0.1, 1.0], "log"),
        ([100.0, 1.0, 10.0], "log"),
        ([1, 2, 5, 10, 20, 50], "log"),
        ([0.1, 0.2, 0.4, 0.8], "linear"),  # less than 1.5 decades
        ([0.01, 0.34, 0.67, 1.0], "linear"),
        ([0.0, 0.01, 0.1, 1.0], "linear"),
        ([-1.0, 1.0, 100.0], "linear"),
        ([0.5], "linear"),
    ],
)
def test_x_is_logarithmic_at_equal_ratios(values, scale):
    results = xarray.Dataset({"v": ("x", np.ones(len(values)))}, {"x": values})
    (ax,) = plot_lines(results, x="x", y="v")
    assert ax.get_xscale() == scale
    (other,) = plot_lines(results, x="x", y="v", log_x=False)
    assert other.get_xscale() == "linear"


def test_log_scales_on_request(results):
    (ax,) = plot_lines(
        results.sel(amplitude=1.0), x="depth", y="error", hue="method", log_x=True, log_y=True
    )
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")


def test_a_band_on_a_logarithmic_scale_is_one_of_logarithms(shallow):
    """So it is as wide upwards as downwards, and never reaches zero."""
    shallow["error"] = shallow["error"] ** 8
    (ax,) = plot_lines(shallow, x="amplitude", y="error", hue="method", log_y=True)
    logs = np.log(shallow["error"].values)
    np.testing.assert_allclose(line(ax, 1)[:, 1], np.exp(logs[:, 1].mean(axis=1)))
    for index, amplitude in enumerate(AMPLITUDES):
        mean, error = logs[index, 0].mean(), scipy.stats.sem(logs[index, 0])
        interval = np.exp(scipy.stats.t.interval(0.95, 3, mean, error))
        np.testing.assert_allclose(edges(ax, amplitude), interval, rtol=1e-10)
    assert ax.get_ylabel() == "error (1/s),\ngeometric mean over seed"


def test_panels_share_axes_and_are_titled(results):
    panels = plot_lines(results, x="amplitude", y="error", hue="method", facet="depth")
    assert [ax.get_title() for ax in panels] == ["depth = 1", "depth = 2", "depth = 4"]
    assert len({ax.get_ylim() for ax in panels}) == len({ax.get_xlim() for ax in panels}) == 1
    for index, ax in enumerate(panels):
        expected = results["error"].values[:, 1, index].mean(axis=1)
        np.testing.assert_allclose(line(ax, 1)[:, 1], expected)
    assert [bool(ax.get_ylabel()) for ax in panels] == [True, False, False]
    assert len(legend(panels[0])) == 3


def test_panels_fill_rows_of_three_at_most(results):
    wide = results.isel({"method": 0, "depth": 0, "seed": 0}).isel(amplitude=[0] * 5)
    wide = wide.rename(amplitude="a").assign_coords(a=np.arange(5.0))
    wide = xarray.concat([wide, wide], xarray.DataArray([1, 2], dims="x", name="x"))
    panels = plot_lines(wide, x="x", y="error", facet="a")
    panels[0].figure.canvas.draw()
    rows = sorted({round(ax.get_position().y0, 3) for ax in panels}, reverse=True)
    assert [sum(round(ax.get_position().y0, 3) == row for ax in panels) for row in rows] == [3, 2]
    # Also the third panel, below which there is none, says what is along x.
    assert [bool(ax.get_xlabel()) for ax in panels] == [False, False, True, True, True]
    assert ticks(panels[2].xaxis)


def test_many_lines_differ_without_colour():
    many = xarray.Dataset({"v": (("x", "h"), np.ones((2, 20)))}, {"x": [0, 1], "h": range(20)})
    (ax,) = plot_lines(many, x="x", y="v", hue="h")
    looks = {(entry.get_marker(), entry.get_linestyle(), entry.get_color()) for entry in ax.lines}
    assert len(looks) == len(ax.lines) == 20


def test_long_name_and_truth_values(shallow):
    (ax,) = plot_lines(shallow, x="amplitude", y="seconds", hue="method")
    assert ax.get_ylabel().startswith("wall time (s)")
    good = shallow.assign(good=shallow["error"] > 1).sel({"method": "classic"})
    (ax,) = plot_lines(good, x="amplitude", y="good")
    np.testing.assert_allclose(line(ax)[:, 1], good["good"].values.mean(axis=1))


def test_values_in_labels_are_as_short_as_they_differ():
    values = [1500.0, 1 / 3, 1 / 3 + 1e-5]
    results = xarray.Dataset({"v": (("h", "x"), np.ones((3, 2)))}, {"x": [0, 1], "h": values})
    (ax,) = plot_lines(results, x="x", y="v", hue="h")
    assert legend(ax) == ["h = 0.33333", "h = 0.33334", "h = 1500"]


def test_a_dimension_of_an_array_can_be_shown():
    courses = np.arange(8.0).reshape(2, 4)
    results = xarray.Dataset({"course": (("a", "time"), courses)}, {"a": [1, 2]})
    (ax,) = plot_lines(results, x="time", y="course", hue="a")
    np.testing.assert_array_equal(line(ax, 1), np.transpose([np.arange(4), courses[1]]))


def test_results_of_a_study_can_be_plotted_as_they_are():
    def scaled(gain: float, seed: int) -> dict[str, float]:
        return {"height": gain * (seed + 1)}

    results = Study(scaled, {"gain": [1.0, 3.0], "seed": seeds(2)}).run(progress=False)
    (ax,) = plot_lines(results, x="gain", y="height")
    np.testing.assert_allclose(line(ax)[:, 1], [1.5, 4.5])
    # Student's t at one degree of freedom is a Cauchy distribution.
    half = 0.5 * np.tan(0.475 * np.pi)
    np.testing.assert_allclose(edges(ax, 3.0), [4.5 - 3 * half, 4.5 + 3 * half])


# Heat maps


def test_heat_map_shows_means_in_place(shallow):
    (ax,) = plot_heat_map(shallow, x="amplitude", y="method", value="error")
    mesh = ax.collections[0]
    np.testing.assert_allclose(mesh.get_array(), shallow["error"].values.mean(axis=2).T)
    assert (ticks(ax.xaxis), ticks(ax.yaxis)) == (["0.01", "0.1", "1"], METHODS)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("amplitude (mV)", "method")
    assert mesh.colorbar.ax.get_ylabel() == "error (1/s),\nmean over seed"
    # Cell (row, column) lies around its place: the second mean of the first row, at (1, 0).
    np.testing.assert_array_equal(mesh.get_coordinates()[0, 1], [0.5, -0.5])


def test_missing_cells_are_crossed_out(shallow):
    shallow["error"][2, 0] = NAN
    shallow["error"][0, 1, 1] = NAN
    (ax,) = plot_heat_map(shallow, x="amplitude", y="method", value="error")
    mask = np.ma.getmaskarray(ax.collections[0].get_array())
    np.testing.assert_array_equal(mask, [[False, False, True], [False, False, False]])
    (crosses,) = [c for c in ax.collections if isinstance(c, LineCollection)]
    np.testing.assert_array_equal(
        crosses.get_segments(), [[[1.8, -0.2], [2.2, 0.2]], [[1.8, 0.2], [2.2, -0.2]]]
    )
    assert "crosses: no value" in ax.collections[0].colorbar.ax.get_ylabel()
    red, green, blue, _ = ax.get_facecolor()
    assert red == green == blue > 0.8


def test_heat_maps_share_one_scale(results):
    panels = plot_heat_map(
        results, x="amplitude", y="depth", value="error", facet="method", log_color=True
    )
    means = scipy.stats.gmean(results["error"].values, axis=3)
    for index, ax in enumerate(panels):
        mesh = ax.collections[0]
        np.testing.assert_allclose(mesh.get_array(), means[:, index].T)
        assert isinstance(mesh.norm, LogNorm)
        np.testing.assert_allclose([mesh.norm.vmin, mesh.norm.vmax], [means.min(), means.max()])
    assert len(panels[0].figure.axes) == 3
    panels[0].figure.canvas.draw()


@pytest.mark.parametrize(
    ("limits", "extend"),
    [
        ((0.1, 10.0), "neither"),
        ((1.0, 10.0), "min"),
        ((0.1, 1.0), "max"),
        ((0.9, 1.1), "both"),
    ],
)
def test_colours_within_limits(results, limits, extend):
    panels = plot_heat_map(
        results, x="amplitude", y="depth", value="error", facet="method", limits=limits
    )
    for ax in panels:
        mesh = ax.collections[0]
        assert (mesh.norm.vmin, mesh.norm.vmax) == limits
        np.testing.assert_array_equal(mesh.colorbar is None, ax is not panels[-1])
    assert panels[-1].collections[0].colorbar.extend == extend


@pytest.mark.parametrize(
    ("limits", "log_color", "message"),
    [
        ((1.0, 1.0), False, r"limits is \(1.0, 1.0\): give two numbers in ascending order$"),
        ((0.0, 1.0), True, "ascending order, and above 0 with log_color"),
        ((float("nan"), 1.0), False, "limits is"),
    ],
)
def test_limits_that_are_none(shallow, limits, log_color, message):
    with pytest.raises(ValueError, match=message):
        plot_heat_map(
            shallow,
            x="amplitude",
            y="method",
            value="error",
            log_color=log_color,
            limits=limits,
        )


def test_two_colours_lead_from_a_center(shallow):
    around = shallow.assign(error=shallow["error"] - shallow["error"].mean() - 1.0)
    (ax,) = plot_heat_map(around, x="amplitude", y="method", value="error", center=0.0)
    mesh = ax.collections[0]
    means = around["error"].values.mean(axis=2)
    assert means.min() < 0
    assert mesh.norm.vmax == -mesh.norm.vmin == abs(means).max()
    red, green, blue, _ = mesh.cmap(mesh.norm(0.0))
    assert min(red, green, blue) > 0.9
    below, above = mesh.cmap(mesh.norm([mesh.norm.vmin, mesh.norm.vmax]))
    assert below[0] < below[2] and above[0] > above[2]


@pytest.mark.parametrize(
    ("center", "more", "message"),
    [
        (2.0, {"limits": (0.0, 1.0)}, "center is 2.0: give a number within"),
        (NAN, {}, "center is nan"),
        (1.0, {"log_color": True}, "show a logarithm"),
    ],
)
def test_centers_that_are_none(shallow, center, more, message):
    with pytest.raises(ValueError, match=message):
        plot_heat_map(shallow, x="amplitude", y="method", value="error", center=center, **more)


def test_long_titles_have_several_rows(shallow):
    longer = shallow.assign_coords({"method": ["a b " * 20, "c"]})
    panels = plot_lines(longer, x="amplitude", y="error", facet="method")
    assert max(map(len, panels[0].get_title().splitlines())) <= 32


@pytest.mark.parametrize("log_color", [False, True])
def test_heat_map_of_one_value(log_color):
    results = xarray.Dataset({"v": (("x", "y"), np.full((2, 1), 3.0))}, {"x": [1, 2], "y": ["a"]})
    (ax,) = plot_heat_map(results, x="x", y="y", value="v", log_color=log_color)
    ax.figure.canvas.draw()


def test_every_word_is_a_tick():
    names = [f"method {place}" for place in range(14)]
    data = {"v": (("method", "x"), np.ones((14, 2)))}
    results = xarray.Dataset(data, {"method": names, "x": [1.0, 2.0]})
    (ax,) = plot_heat_map(results, x="x", y="method", value="v")
    assert [label.get_text() for label in ax.get_yticklabels()] == names


def test_many_ticks_are_thinned():
    results = xarray.Dataset({"v": (("x", "y"), np.ones((35, 2)))}, {"x": range(35), "y": [0, 1]})
    (ax,) = plot_heat_map(results, x="x", y="y", value="v")
    assert ticks(ax.xaxis) == [str(value) for value in range(0, 35, 4)]
    np.testing.assert_array_equal(ax.get_xticks(), range(0, 35, 4))


# Both

PLOTS = {
    "lines": lambda results, **kw: plot_lines(
        results, **{"x": "amplitude", "y": "error", "hue": "method", **kw}
    ),
    "heat map": lambda results, **kw: plot_heat_map(
        results,
        **{"x": "amplitude", "y": "method", "value": kw.pop("y", "error"), **kw},
    ),
}


@pytest.mark.parametrize("name", PLOTS)
def test_axes_in_and_out_without_global_changes(name, shallow):
    before = matplotlib.rcParams.copy()
    (new,) = PLOTS[name](shallow)
    given = plt.figure().add_subplot()
    assert PLOTS[name](shallow, ax=given) == [given]
    assert len(plt.get_fignums()) == 2
    assert matplotlib.rcParams == before
    if name == "lines":
        assert given.lines[1].get_color() == new.lines[1].get_color()
        assert len(given.get_legend().get_texts()) == 3


@pytest.mark.parametrize("name", PLOTS)
def test_the_results_stay_as_they_are(name, shallow):
    before = shallow.copy(deep=True)
    PLOTS[name](shallow)
    assert shallow.identical(before)


@pytest.mark.parametrize("name", PLOTS)
@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"y": "eror"}, "no variable 'eror', only error, response, seconds"),
        ({"y": "response"}, r"'response' is complex: .*results.assign\(size=abs\("),
        ({"x": "amplitdue"}, "x is 'amplitdue', but the axes of 'error' are amplitude, method"),
        ({"facet": "width"}, "facet is 'width', but the axes"),
        ({"band": "run"}, "band is 'run', but the axes"),
        ({"x": "method"}, "both 'method'"),
        ({"band": "method"}, "band are both 'method'"),
        ({"band": None}, r"'seed' of 'error' has 4 values .*results.sel\({'seed': 0}\)"),
        ({}, r"'depth' of 'error' has 3 values .* results.sel\({'depth': 1}\)"),
        ({"facet": "depth", "ax": True}, "ax takes one panel, but facet makes 3"),
    ],
)
def test_what_cannot_be_drawn_is_named(name, settings, message, results):
    if settings.get("ax"):
        settings = {**settings, "ax": plt.figure().add_subplot()}
    if "band" in settings:
        results = results.sel(depth=1)
    with pytest.raises(ValueError, match=message):
        PLOTS[name](results, **settings)


@pytest.mark.parametrize("name", PLOTS)
def test_nothing_to_draw(name, shallow):
    with pytest.raises(ValueError, match="'error' has no finite value"):
        PLOTS[name](shallow.assign(error=shallow["error"] * NAN))


@pytest.mark.parametrize(("name", "option"), [("lines", "log_y"), ("heat map", "log_color")])
def test_logarithms_of_nothing(name, option, shallow):
    with pytest.raises(ValueError, match="needs values above 0, and 'error' has .*lowest is 0"):
        PLOTS[name](shallow.assign(error=shallow["error"] * 0), **{option: True})


@pytest.mark.parametrize("x", ["method", "zero"])
def test_no_logarithm_along_x(x, shallow):
    shallow = shallow.rename(amplitude="zero").assign_coords(zero=[0.0, 1.0, 2.0])
    others = {"zero": "method", "method": "zero"}
    with pytest.raises(ValueError, match=f"log_x=True .* '{x}' is none"):
        plot_lines(shallow, x=x, y="error", hue=others[x], log_x=True)
