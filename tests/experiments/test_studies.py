"""The physics of the studies, at a few points each; and that each can be run and drawn."""

import json
from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
import pytest
import xarray

from experiments.studies import dual_stability, gradient_error, method_comparison, running
from osciprop.studies import Axis, Study

MODULES = {
    "gradient_error": gradient_error,
    "method_comparison": method_comparison,
    "dual_stability": dual_stability,
}


@pytest.fixture(scope="module")
def error():
    """The gradient's error on one network, by amplitude and frequency, in one compiled call."""
    axes = {
        "points": [4],
        "depth": [1],
        "amplitude": Axis([0.2, 0.4], vectorised=True),
        "frequency": Axis([0.0, 0.005, 0.01], vectorised=True),
        "seed": [0],
    }
    constants = {"samples": 2, "scale": 0.6, "steps": 100}
    study = Study(gradient_error.gradient_error, axes, constants=constants)
    return study.run(progress=False)["error"].squeeze(["points", "depth", "seed"])


@pytest.mark.slow
def test_truncation_falls_with_the_power_of_the_amplitude(error):
    still = error.sel(frequency=0)
    growth = still.sel(amplitude=0.4) / still.sel(amplitude=0.2)
    assert float(growth) == pytest.approx(2**4, rel=0.03)


@pytest.mark.slow
def test_lag_grows_with_the_square_of_the_frequency(error):
    lag = error.sel(amplitude=0.2)
    assert float(lag.sel(frequency=0.01) / lag.sel(frequency=0.005)) == pytest.approx(4, rel=0.05)


def test_stored_truncation_and_lag_are_those_of_the_theory():
    """On all networks: slope N in the amplitude, lag at any amplitude and number of points."""
    with xarray.open_dataset(running.HERE / "gradient_error.nc") as results:
        error = results["error"].load()
    for points in (4, 8):
        still = error.sel(frequency=0, points=points)
        growth = still.isel(amplitude=6) / still.isel(amplitude=4)
        np.testing.assert_allclose(growth, 2.0**points, rtol=0.02)
    lag = error.sel(points=12, frequency=0.01)
    np.testing.assert_allclose(lag / lag.isel(amplitude=0), 1, rtol=0.01)


def compared(name: str, angle: float, noise: float = 0.0) -> dict[str, float | bool]:
    methods = method_comparison.study.axes["method"].values
    assert isinstance(methods, Mapping)
    return method_comparison.method_comparison(methods[name], angle, noise, 0, samples=2, scale=0.6)


@pytest.mark.slow
def test_asymmetric_ep_is_exact_at_any_angle_and_the_vector_field_is_not():
    for angle in (0.0, 60.0):
        assert compared("asymmetric EP", angle)["distance"] < 1e-12
    assert compared("vector field", 0.0)["distance"] < 1e-12
    assert compared("vector field", 60.0)["distance"] > 1e-3


@pytest.mark.slow
def test_what_does_not_exist_is_no_failure():
    assert compared("holomorphic EP", 0.0)["distance"] < 1e-12
    for found in (compared("holomorphic EP", 60.0), compared("BPTT", 0.0, noise=0.01)):
        assert np.isnan(found["distance"]) and not found["exists"] and not found["settled"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["asymmetric EP", "dyadic EP"])
def test_phases_read_in_noise_tend_to_the_method_without(name):
    little, more = (compared(name, 60.0, noise)["distance"] for noise in (1e-4, 1e-2))
    assert little < 1e-6
    assert 1e3 < more / little < 1e5  # the distance is of second order in the noise


# How far a gradient is off is what the study shows.
BIASED = pytest.mark.filterwarnings("ignore::osciprop.GradientAccuracyWarning")


def stability(kind: str, alpha: float, beta: float) -> dict[str, float]:
    return dual_stability.dual_stability(
        kind, jnp.asarray(alpha), jnp.asarray(beta), images=20, rounds=60, tolerance=0.05
    )


@BIASED
@pytest.mark.slow
@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_the_adjoint_form_settles_everywhere(alpha):
    found = stability("adjoint", alpha, 0.9)
    assert found["settled"] and found["cosine"] > 0.9


@BIASED
@pytest.mark.slow
def test_the_original_form_settles_at_the_half():
    assert stability("original", 0.5, 0.9)["settled"]
    lost = stability("original", 0.0, 0.9)
    assert not lost["settled"] and np.isnan(lost["cosine"])


@pytest.mark.parametrize("name", MODULES)
def test_the_committed_result_is_that_of_the_study(name):
    study = MODULES[name].study
    with xarray.open_dataset(running.HERE / f"{name}.nc") as results:
        stored = json.loads(results.attrs["settings"])
        assert (results["status"] == 1).all()
    assert stored["function"] == study.settings["function"]
    assert stored["constants"] == study.settings["constants"]
    for axis, wanted in study.settings["axes"].items():
        assert stored["axes"][axis]["values"] == wanted["values"]
    assert stored["jax"]["jax_enable_x64"]


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.slow) if n == "dual_stability" else n for n in MODULES],
)
def test_a_study_is_run_and_drawn(name, tmp_path, monkeypatch):
    results = xarray.load_dataset(running.HERE / f"{name}.nc")
    monkeypatch.setattr(running, "HERE", tmp_path)
    monkeypatch.setattr(MODULES[name].study, "run", lambda store, engine: results)
    monkeypatch.setattr("sys.argv", [name])
    running.main(name)
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {f"{name}.nc", f"{name}.png"}
