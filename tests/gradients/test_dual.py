"""Dual propagation against backpropagation: what is exact, what is biased, what diverges."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import relative_error

import osciprop

RNG = np.random.default_rng(7)
X = RNG.uniform(size=(5, 6))
Y = RNG.integers(0, 3, 5)
NETWORK = osciprop.perceptron([6, 9, 8, 3], key=jax.random.PRNGKey(3))
SMOOTH = osciprop.perceptron(
    [6, 9, 8, 3],
    key=jax.random.PRNGKey(3),
    activation=osciprop.Tanh(),
    cost=osciprop.CrossEntropy(),
)
# The same for other numbers.
REPEAT = pytest.mark.slow
# What a finite nudge does to the gradient is the subject, not a surprise.
pytestmark = pytest.mark.filterwarnings("ignore::osciprop.GradientAccuracyWarning")
ONE_SWEEP = osciprop.SequentialIteration(order=osciprop.equilibria.Backward(), max_steps=1)


def backprop(network, x=X, y=Y):
    """By automatic differentiation of a forward pass written by hand."""

    @eqx.filter_jit
    @eqx.filter_grad
    def gradient(parameters):
        s = jnp.asarray(x)
        for population, synapse in zip(parameters.populations, parameters.synapses, strict=True):
            s = population.neuron.activation(s @ synapse.weight + population.bias)
        return jnp.mean(parameters.readout(s, jnp.asarray(y)))

    return gradient(network)


def found(method, network=NETWORK, **keywords):
    return osciprop.estimate_gradient(network, X, Y, method, **keywords).gradient


@pytest.mark.slow
@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("network", [NETWORK, SMOOTH], ids=["relu", "tanh"])
def test_small_nudges_give_backprop(network, alpha):
    exact = backprop(network)
    for method in (osciprop.DualPropagationAdjoint(1e-4, alpha), osciprop.DualPropagation(1e-4)):
        gradient = found(method, network)
        assert float(osciprop.cosine(gradient, exact)) > 0.9999
        assert relative_error(gradient, exact) < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("network", [NETWORK, SMOOTH], ids=["relu", "tanh"])
def test_implicit_differentiation_is_backprop(network):
    assert relative_error(found(osciprop.Implicit(), network), backprop(network)) < 1e-8


@pytest.mark.parametrize("beta", [pytest.param(0.1, marks=REPEAT), 0.5])
def test_both_forms_are_one_at_alpha_one_half(beta):
    a = found(osciprop.DualPropagation(beta, 0.5))
    b = found(osciprop.DualPropagationAdjoint(beta, 0.5))
    assert relative_error(a, b) < 1e-14


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_one_backward_sweep_is_exact_where_a_compartment_is_the_forward_pass(alpha):
    once = osciprop.estimate_gradient(
        NETWORK, X, Y, osciprop.DualPropagationAdjoint(0.5, alpha, ONE_SWEEP)
    )
    np.testing.assert_array_equal(once.diagnostics.unrest, 0.0)
    settled = found(osciprop.DualPropagationAdjoint(0.5, alpha))
    assert relative_error(once.gradient, settled) < 1e-14
    # With both compartments nudged a sweep is not all.
    half = osciprop.DualPropagationAdjoint(0.5, 0.5, ONE_SWEEP)
    estimate = osciprop.estimate_gradient(NETWORK, X, Y, half, throw=False)
    assert float(estimate.diagnostics.unrest.max()) > 1e-6


@pytest.mark.slow
def test_orders_end_at_the_same_gradient():
    exact = found(osciprop.DualPropagationAdjoint(0.3, 0.25))
    for order in (
        osciprop.equilibria.Forward(),
        osciprop.equilibria.Backward(),
        osciprop.equilibria.OddEven(),
    ):
        relaxation = osciprop.SequentialIteration(order=order)
        method = osciprop.DualPropagationAdjoint(0.3, 0.25, relaxation)
        assert relative_error(found(method), exact) < 1e-8


def test_the_original_form_has_the_wrong_size_beside_one_half_and_the_adjoint_form_not():
    exact = backprop(NETWORK)

    def size(method):
        gradient = found(method)
        return float(
            jnp.linalg.norm(gradient.synapses[0].weight) / jnp.linalg.norm(exact.synapses[0].weight)
        )

    assert size(osciprop.DualPropagation(0.1, 0.0)) > 1.1
    assert size(osciprop.DualPropagation(0.1, 1.0)) < 0.9
    for alpha in (0.0, 0.25, 0.5, 0.75, 1.0):
        assert 0.93 < size(osciprop.DualPropagationAdjoint(0.2, alpha)) < 1.07


def test_divergence_is_reported_never_returned():
    """Weights of three times the size and alpha = 0: the original form runs away."""
    network = jax.tree.map(lambda leaf: 2.0 * leaf, NETWORK)
    method = osciprop.DualPropagation(0.9, 0.0)
    with pytest.raises(osciprop.ConvergenceError, match="dyads of population . diverged") as error:
        osciprop.estimate_gradient(network, X, Y, method)
    assert "alpha=0.0, amplitude=0.9" in str(error.value)
    assert "DualPropagationAdjoint" in str(error.value)
    flagged = osciprop.estimate_gradient(network, X, Y, method, throw=False)
    assert not bool(flagged.converged)
    inside = jax.jit(lambda x: osciprop.estimate_gradient(network, x, Y, method).gradient)(X)
    assert all(np.isnan(leaf).all() for leaf in jax.tree.leaves(inside))
    # The adjoint form is stable there.
    assert bool(
        osciprop.estimate_gradient(
            network, X, Y, osciprop.DualPropagationAdjoint(0.9, 0.0)
        ).converged
    )


@pytest.mark.slow
def test_damping_settles_dyads_that_sweeps_leave_in_a_cycle():
    """`alpha = 1` overshoots: the same equilibrium, which the ODE finds too, but not the sweeps."""
    with pytest.raises(osciprop.ConvergenceError, match="did not settle"):
        found(osciprop.DualPropagation(0.2, 1.0))
    damped = found(osciprop.DualPropagation(0.2, 1.0, osciprop.equilibria.LipschitzDamping()))
    flow = found(osciprop.DualPropagation(0.2, 1.0, osciprop.Flow()))
    assert relative_error(damped, flow) < 1e-7


@pytest.mark.parametrize(
    "alpha", [pytest.param(0.0, marks=REPEAT), 0.3, pytest.param(0.5, marks=REPEAT)]
)
@pytest.mark.slow
def test_contour_of_amplitudes_leaves_no_bias_for_any_alpha(alpha):
    """The error falls as (r / R)^N: halving the amplitude gains 2^N."""
    exact = backprop(SMOOTH)

    def error(amplitude, points):
        method = osciprop.gradients.HolomorphicDualPropagation(amplitude, points, alpha)
        return relative_error(found(method, SMOOTH), exact)

    assert error(0.4, 16) < 1e-8
    for points in (4, 6):
        order = np.log2(error(0.4, points) / error(0.2, points))
        assert order > points - 0.5
    # A single real amplitude is biased.
    assert relative_error(found(osciprop.DualPropagationAdjoint(0.4, alpha), SMOOTH), exact) > 1e-3


@pytest.mark.slow
def test_networks_with_a_readout_and_sigmoids_work_as_well():
    network = osciprop.feedforward_mlp([6, 8, 7, 3, 3], key=jax.random.PRNGKey(0), scale=1.0)
    exact = found(osciprop.Implicit(), network)
    holomorphic = found(osciprop.gradients.HolomorphicDualPropagation(0.05, 8, 0.0), network)
    assert relative_error(holomorphic, exact) < 1e-8
    assert relative_error(found(osciprop.DualPropagationAdjoint(1e-3), network), exact) < 1e-5


def test_networks_that_are_not_layered_are_refused():
    for network in (
        osciprop.hopfield_mlp([6, 5, 4, 3], key=jax.random.PRNGKey(0)),
        osciprop.feedback_mlp([6, 5, 4, 3, 3], key=jax.random.PRNGKey(0)),
    ):
        for method in (osciprop.DualPropagation(), osciprop.gradients.HolomorphicDualPropagation()):
            with pytest.raises(ValueError, match="DyadicEP"):
                found(method, network)
    with pytest.raises(osciprop.HolomorphyError):
        found(osciprop.gradients.HolomorphicDualPropagation(), NETWORK)


def test_a_users_recurrent_network_is_found_out_by_its_forward_pass():
    inside = osciprop.recurrent_network([6, 5, 3], key=jax.random.PRNGKey(0))
    with pytest.raises(osciprop.ConvergenceError, match="one forward pass is no equilibrium"):
        found(osciprop.DualPropagationAdjoint(), osciprop.AssumedReciprocal(inside))


@pytest.mark.slow
def test_large_activities_in_single_precision_are_no_reason_to_refuse():
    """Rounding grows with them: pixels of 0 to 255, not scaled."""
    network = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), NETWORK)
    estimate = osciprop.estimate_gradient(
        network, 255 * X.astype(np.float32), Y, osciprop.DualPropagationAdjoint(0.1, 0.0, ONE_SWEEP)
    )
    assert bool(estimate.converged)
    assert relative_error(estimate.gradient, backprop(NETWORK, 255 * X)) < 0.3


def test_arguments_are_checked():
    with pytest.raises(ValueError, match="amplitude must be"):
        osciprop.DualPropagation(0.0)
    with pytest.raises(ValueError, match="tolerance must be"):
        osciprop.DualPropagationAdjoint(0.1, tolerance=-1.0)
    with pytest.raises(ValueError, match="alpha must lie"):
        osciprop.gradients.HolomorphicDualPropagation(0.1, alpha=2.0)
    with pytest.raises(ValueError, match=r"nudge is Proximal\(0.3.*but amplitude is 0.5"):
        found(osciprop.DualPropagationAdjoint(0.5, nudge=osciprop.dynamics.Proximal(0.3)))
    with pytest.raises(ValueError, match="proximal nudge needs"):
        found(osciprop.DualPropagation(1.5, 0.0, nudge=osciprop.dynamics.Proximal(1.5)))
    with pytest.raises(ValueError, match="SquaredError on a linear output"):
        found(osciprop.DualPropagation(0.5, nudge=osciprop.dynamics.Proximal(0.5)), SMOOTH)


def test_one_program_serves_every_alpha_and_beta():
    @jax.jit
    @eqx.debug.assert_max_traces(max_traces=1)
    def gradient(alpha, beta):
        method = osciprop.DualPropagationAdjoint(beta, alpha)
        return osciprop.estimate_gradient(NETWORK, X, Y, method).gradient

    for alpha, beta in ((0.0, 0.1), (0.5, 0.2), (1.0, 0.05)):
        expected = found(osciprop.DualPropagationAdjoint(beta, alpha))
        assert relative_error(gradient(alpha, beta), expected) < 1e-10
