"""The toy network of hep2022 against its published numbers (papers' Fig. 2 and its data)."""

from pathlib import Path

import jax
import numpy as np
import pytest
from helpers import relative_error

import osciprop

PUBLISHED = Path(__file__).parents[1] / "data" / "hep2022_toy.npz"

# Relative error of the N-point gradient, by amplitude: computed independently for this network.
# Below 1e-12 round-off decides, and only "at or below" can be asked.
RELATIVE_ERRORS = {
    0.05: {2: 1.2e-3, 4: 3.9e-6, 10: 8e-13},
    0.1: {2: 4.9e-3, 4: 6.2e-5, 10: 1.4e-10},
    0.2: {2: 1.9e-2, 4: 9.9e-4, 10: 1.5e-7, 16: 1.1e-10},
    0.3: {2: 4.1e-2, 4: 5.1e-3, 10: 8.4e-6, 16: 7.2e-8},
    0.4: {2: 7.1e-2, 4: 1.6e-2, 10: 1.5e-4, 16: 7.2e-6, 30: 2.4e-9},
    0.5: {2: 1.1e-1, 4: 4.1e-2, 10: 1.4e-3, 16: 2.6e-4, 30: 2.0e-6},
    0.55: {2: 1.2e-1, 4: 6.1e-2, 10: 3.9e-3, 30: 3.4e-5, 60: 7e-8},
}
TIGHT = osciprop.AndersonIteration(tolerance=1e-14)


def test_free_equilibrium_equals_the_published(toy):
    network, x, _ = toy
    solution = osciprop.relax(network, x)
    with np.load(PUBLISHED) as file:
        np.testing.assert_allclose(solution.s[0][0], file["free_s1"], atol=1e-6)
        np.testing.assert_allclose(solution.s[1][0], file["free_s2"], atol=1e-6)


@pytest.mark.slow
def test_true_gradient_equals_the_published(toy):
    gradient = osciprop.estimate_gradient(*toy, osciprop.Implicit()).gradient
    with np.load(PUBLISHED) as file:
        for ours, name in [
            (gradient.synapses[0].weight, "grad_w1"),
            (gradient.synapses[1].weight, "grad_w2"),
            (gradient.readout.weight, "grad_w3"),
            (gradient.populations[0].bias, "grad_b1"),
            (gradient.populations[1].bias, "grad_b2"),
            (gradient.readout.bias, "grad_b3"),
        ]:
            np.testing.assert_allclose(ours, file[name], atol=1e-6, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "amplitude"), [("1e-2", 1e-2), ("1e-1", 1e-1)])
def test_contour_states_equal_the_published(toy, name, amplitude):
    network, x, y = toy
    betas = amplitude * np.exp(2j * np.pi * np.arange(24) / 24)
    tile = lambda a: np.repeat(np.asarray(a), 24, axis=0)  # noqa: E731
    solution = osciprop.relax(network, tile(x), tile(y), beta=betas)
    with np.load(PUBLISHED) as file:
        for ours, layer in zip(solution.s, ("s1", "s2"), strict=True):
            np.testing.assert_allclose(ours, file[f"contour_beta{name}_{layer}"], atol=1e-5)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::osciprop.GradientAccuracyWarning")
@pytest.mark.parametrize(
    "numbers", [{10}, pytest.param({2, 4, 6, 8, 16, 24, 30, 60}, marks=pytest.mark.slow)]
)
def test_truncation_error_equals_the_table(toy, numbers):
    reference = osciprop.estimate_gradient(
        *toy, osciprop.Implicit(TIGHT, tolerance=1e-14), throw=False
    )
    for amplitude, row in RELATIVE_ERRORS.items():
        for points in numbers & row.keys():
            expected = row[points]
            method = osciprop.HolomorphicEP(amplitude, points, TIGHT)
            estimate = osciprop.estimate_gradient(*toy, method, throw=False)
            error = relative_error(estimate.gradient, reference.gradient)
            assert error <= 2 * expected + 1e-12, (amplitude, points, error)
            assert error >= expected / 2 or expected < 1e-12, (amplitude, points, error)


@pytest.mark.slow
@pytest.mark.parametrize(
    "relaxation",
    [
        pytest.param(osciprop.Flow(), marks=pytest.mark.slow),
        osciprop.Newton(),
        osciprop.AndersonIteration(),
    ],
    ids=lambda relaxation: type(relaxation).__name__,
)
def test_exact_where_synchronous_iteration_fails(toy, relaxation):
    reference = osciprop.estimate_gradient(*toy, osciprop.Implicit()).gradient
    estimate = osciprop.estimate_gradient(*toy, osciprop.HolomorphicEP(0.6, 60, relaxation))
    assert relative_error(estimate.gradient, reference) < 1e-4


@pytest.mark.slow
def test_gradient_methods_agree_under_float32(toy):
    single = jax.tree.map(lambda leaf: leaf.astype(np.float32), toy[0])
    reference = osciprop.estimate_gradient(*toy, osciprop.Implicit()).gradient
    for method in (
        osciprop.Implicit(),
        osciprop.RecurrentBackprop(),
        osciprop.BPTT(200),
        osciprop.HolomorphicEP(0.3, 16),
        osciprop.OscillatoryEP(0.3, 400.0),
    ):
        estimate = osciprop.estimate_gradient(single, toy[1], toy[2], method)
        assert all(leaf.dtype == np.float32 for leaf in jax.tree.leaves(estimate.gradient))
        assert relative_error(estimate.gradient, reference) < 1e-3, type(method).__name__
