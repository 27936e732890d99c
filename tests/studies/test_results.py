"""The results as an xarray Dataset: every point, with units and where it comes from."""

import json

import jax
import numpy as np
from study_functions import products, run

import osciprop
from osciprop.studies import (
    Output,
    linspace,
)

AXES = {"amplitude": [0.5, 1.0, 2.0], "points": [1, 2, 4, 8]}


def test_results_are_those_of_the_function_at_every_point():
    results = run(products, AXES, constants={"seed": 3})
    assert results["product"].dims == ("amplitude", "points")
    for amplitude in AXES["amplitude"]:
        for points in AXES["points"]:
            here = results.sel(amplitude=amplitude, points=points)
            expected = products(amplitude, points, 3)
            assert here["product"] == expected["product"]
            assert here["phase"] == expected["phase"]
            assert bool(here["large"]) == expected["large"]
            np.testing.assert_array_equal(here["powers"], expected["powers"])
    assert results["phase"].dtype == complex
    assert results["large"].dtype == bool
    assert results["count"].dtype == np.int64
    assert (results["status"] == 1).all() and (results["seconds"] > 0).all()


def test_units_dimensions_and_provenance_are_attached():
    axes = {"amplitude": linspace(0.1, 1, 2, unit="V"), "points": [2]}
    outputs = {"powers": Output("V", ("order",)), "product": Output("V")}
    results = run(products, axes, outputs=outputs)
    assert results["amplitude"].attrs["units"] == "V"
    assert results["powers"].dims == ("amplitude", "points", "order")
    assert results["powers"].attrs["units"] == results["product"].attrs["units"] == "V"
    (made,) = json.loads(results.attrs["runs"])
    assert made["osciprop"] == osciprop.__version__ and made["jax"] == jax.__version__
    assert "cpu" in made["device"] and {"git_commit", "python", "started"} <= set(made)
    assert json.loads(results.attrs["settings"])["axes"]["points"]["values"] == [2]
