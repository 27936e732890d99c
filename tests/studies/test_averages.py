"""Means and their confidence, in closed form; `test_plots` has what cannot be drawn."""

import numpy as np
import pytest
import xarray

from osciprop.studies.averages import Scale, average

VALUES = np.array([[1.0, 3.0, np.nan], [2.0, 4.0, 9.0]])
RESULTS = xarray.Dataset(
    {"y": (("x", "seed"), VALUES, {"units": "V"})}, {"x": [2.0, 1.0], "seed": [0, 1, 2]}
)
# Student's t with 1 and 2 degrees of freedom, at 97.5 %.
STUDENT = np.array([12.706205, 4.302653])


def test_mean_and_interval_of_what_is_there():
    found = average(RESULTS, "y", {"x": "x", "hue": None}, "seed", logarithmic=False)
    assert found.scales["x"].values.tolist() == [1.0, 2.0] and found.scales["hue"] is None
    np.testing.assert_allclose(found.mean, [[5.0], [2.0]])
    width = STUDENT * np.array([np.sqrt(2) / np.sqrt(2), np.sqrt(13) / np.sqrt(3)])
    np.testing.assert_allclose(found.high - found.mean, width[::-1, None], rtol=1e-6)
    np.testing.assert_allclose(found.mean - found.low, width[::-1, None], rtol=1e-6)


def test_geometric_means():
    found = average(RESULTS, "y", {"x": "x"}, "seed", logarithmic=True)
    np.testing.assert_allclose(found.mean, [72 ** (1 / 3), np.sqrt(3)])
    np.testing.assert_allclose(found.high / found.mean, found.mean / found.low)


def test_without_a_band_values_stand_as_they_are():
    found = average(RESULTS.isel(seed=[1]), "y", {"x": "x"}, "seed", logarithmic=False)
    np.testing.assert_array_equal(found.mean, [4.0, 3.0])
    assert np.isnan(found.low).all() and np.isnan(found.high).all()


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([0.1, 0.25], ["0.1", "0.25"]),
        ([0.1234, 0.1235], ["0.1234", "0.1235"]),
        ([1500.0, 2.0], ["1500", "2"]),
        ([1, 20], ["1", "20"]),
        (["a", "b"], ["a", "b"]),
    ],
)
def test_texts_are_as_short_as_they_differ(values, texts):
    scale = Scale("x", "V", np.asarray(values))
    assert scale.texts == texts
    assert scale.titles == [f"x = {text} V" for text in texts]
