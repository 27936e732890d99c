"""Networks without symmetric synapses, against closed forms, finite differences and backprop."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import batch, flat, relative_error, small_network, three_blocks
from jaxtyping import Array

import osciprop

# Plain steps: they compile faster than the default.
TIGHT = osciprop.SynchronousIteration(tolerance=1e-13, max_steps=3000)
EXACT = osciprop.Implicit(TIGHT, tolerance=1e-12)


class LinearField(osciprop.AbstractNetwork):
    """`F = J s + p` with the learned input p, and a cost that also depends on p directly."""

    p: Array

    def rest(self, x):
        return jnp.zeros((x.shape[0], 2), dtype=x.dtype)

    def activity(self, u):
        return u

    def current(self, s, drive):
        jacobian = jnp.asarray([[-2.0, 1.0], [0.0, -1.0]])
        return (
            osciprop.networks.matmul(s, jacobian.T) + osciprop.networks.complex_like(self.p, s) + s
        )

    def cost(self, s, y):
        explicit = osciprop.networks.complex_like(0.1 * jnp.sum(self.p**2), s)
        return 0.5 * jnp.sum((s - osciprop.networks.complex_like(y, s)) ** 2, axis=-1) + explicit

    def output(self, s):
        return s


# Undamped iterations of this field do not converge: its Jacobian has an eigenvalue of -2.
DAMPED = osciprop.SynchronousIteration(damping=0.5, tolerance=1e-13)
FIELD = LinearField(jnp.asarray([0.3, -0.2]))
FIELD_DATA = np.zeros((1, 1)), np.asarray([[-0.4, 0.7]])


def field_gradient() -> np.ndarray:
    """`dL/dp = 0.2 p - J^-T (s0 - y)` at `s0 = -J^-1 p`."""
    jacobian, p = np.asarray([[-2.0, 1.0], [0.0, -1.0]]), np.asarray([0.3, -0.2])
    s = -np.linalg.solve(jacobian, p)
    return 0.2 * p - np.linalg.solve(jacobian.T, s - FIELD_DATA[1][0])


@pytest.mark.parametrize(
    ("method", "tolerance"),
    [
        pytest.param(osciprop.AsymmetricEP(1e-5, 1, DAMPED), 2e-5, marks=pytest.mark.slow),
        pytest.param(osciprop.AsymmetricEP(1e-3, 2, DAMPED), 2e-5, marks=pytest.mark.slow),
        (osciprop.AsymmetricEP(0.1, 16, DAMPED), 1e-9),
        (osciprop.DyadicEP(1.0, DAMPED), 1e-9),
        (osciprop.Implicit(DAMPED), 1e-9),
    ],
)
def test_linear_field_in_closed_form(method, tolerance):
    gradient = osciprop.estimate_gradient(FIELD, *FIELD_DATA, method).gradient
    np.testing.assert_allclose(gradient.p, field_gradient(), atol=tolerance, rtol=0)


@pytest.mark.slow
def test_vector_field_is_biased_on_the_linear_field():
    """By exactly `J^-1` in place of `J^-T`."""
    gradient = osciprop.estimate_gradient(
        FIELD, *FIELD_DATA, osciprop.gradients.LinearResponse(DAMPED)
    ).gradient
    jacobian, p = np.asarray([[-2.0, 1.0], [0.0, -1.0]]), np.asarray([0.3, -0.2])
    s = -np.linalg.solve(jacobian, p)
    expected = 0.2 * p - np.linalg.solve(jacobian, s - FIELD_DATA[1][0])
    np.testing.assert_allclose(gradient.p, expected, atol=1e-9)
    assert np.linalg.norm(expected - field_gradient()) > 0.1


@pytest.fixture(scope="module")
def asymmetric():
    network = three_blocks(seed=3, gain=0.5)
    rng = np.random.default_rng(5)
    case = network, rng.normal(size=(3, 4)), 0.5 * rng.normal(size=(3, 4))
    return case, osciprop.estimate_gradient(*case, EXACT)


def test_implicit_equals_finite_differences(asymmetric):
    (network, x, y), reference = asymmetric
    weight = network.synapses[2].weight

    def loss(step: float) -> float:
        moved = osciprop.Directed(weight.at[1, 2].add(step), 0, 1)
        synapses = (*network.synapses[:2], moved, *network.synapses[3:])
        changed = osciprop.Network(network.populations, synapses, network.readout)
        s = osciprop.relax(changed, x, relaxation=TIGHT).s
        return float(jnp.mean(changed.cost(s, jnp.asarray(y))))

    assert (network.synapses[2].source, network.synapses[2].target) == (0, 1)
    numeric = (loss(1e-5) - loss(-1e-5)) / 2e-5
    assert float(reference.gradient.synapses[2].weight[1, 2]) == pytest.approx(numeric, rel=1e-6)


def test_holomorphic_aep_and_dyads_are_exact(asymmetric):
    case, reference = asymmetric
    for method in (osciprop.AsymmetricEP(0.1, 16, TIGHT), osciprop.DyadicEP(1.0, TIGHT)):
        estimate = osciprop.estimate_gradient(*case, method)
        assert relative_error(estimate.gradient, reference.gradient) < 1e-8
        assert relative_error(estimate.error_signal, reference.error_signal) < 1e-8
        np.testing.assert_allclose(estimate.loss, reference.loss, rtol=1e-12)


def test_vector_field_keeps_the_bias_of_asymmetry(asymmetric):
    """With any number of points: it converges to the response, not to the adjoint."""
    case, reference = asymmetric
    limit = osciprop.estimate_gradient(
        *case, osciprop.gradients.LinearResponse(TIGHT, 1e-12)
    ).gradient
    contour = osciprop.estimate_gradient(*case, osciprop.VectorFieldEP(0.1, 16, TIGHT)).gradient
    assert relative_error(contour, limit) < 1e-8
    assert relative_error(limit, reference.gradient) > 0.1


@pytest.mark.parametrize(
    ("points", "order"),
    [(4, 4), (1, 1), (2, 2)],
)
@pytest.mark.slow
def test_bias_order_of_the_nudge(asymmetric, points, order):
    case, reference = asymmetric
    amplitudes = np.asarray([0.01, 0.02])
    errors = [
        relative_error(
            osciprop.estimate_gradient(*case, osciprop.AsymmetricEP(size, points, TIGHT)).gradient,
            reference.gradient,
        )
        for size in amplitudes
    ]
    assert np.diff(np.log(errors)) / np.log(2) == pytest.approx(order, abs=0.15)


@pytest.mark.slow
def test_equals_holomorphic_ep_where_there_is_an_energy():
    network = small_network()
    x, y = batch(5, 3, 4)
    reference = osciprop.estimate_gradient(network, x, y, osciprop.HolomorphicEP(0.2, 8, TIGHT))
    for method in (osciprop.AsymmetricEP(0.2, 8, TIGHT), osciprop.VectorFieldEP(0.2, 8, TIGHT)):
        estimate = osciprop.estimate_gradient(network, x, y, method)
        # The rules differ beyond the first harmonic only, in what the contour leaves out.
        assert relative_error(estimate.gradient, reference.gradient) < 1e-5
        assert relative_error(estimate.error_signal, reference.error_signal) < 1e-10


@pytest.mark.slow
def test_feedforward_network_learns_by_backpropagation():
    """And the vector field does not reach its hidden populations at all."""
    network = osciprop.feedforward_mlp([5, 6, 7, 3, 3], key=jax.random.PRNGKey(0), scale=1.0)
    x, y = batch(5, 3, 8)

    def loss(parameters: osciprop.Network) -> Array:
        drive = parameters.drive(jnp.asarray(x))
        s: list[Array] = []
        for place, population in enumerate(parameters.populations):
            inflow = drive[place]
            if place:
                synapse = parameters.synapses[place]
                assert isinstance(synapse, osciprop.Directed)
                inflow = inflow + s[-1] @ synapse.weight
            s.append(population.neuron.activation(inflow))
        return jnp.mean(parameters.cost(tuple(s), jnp.asarray(y)))

    backprop = jax.grad(loss)(network)
    for method in (
        EXACT,
        osciprop.AsymmetricEP(1e-4, 2, TIGHT),
        osciprop.AsymmetricEP(0.1, 16, TIGHT),
        osciprop.DyadicEP(1.0, TIGHT),
    ):
        gradient = osciprop.estimate_gradient(network, x, y, method).gradient
        assert relative_error(gradient.synapses, backprop.synapses) < 1e-6
        assert relative_error(gradient.readout, backprop.readout) < 1e-6
    biased = osciprop.estimate_gradient(network, x, y, osciprop.VectorFieldEP(0.1, 2, TIGHT))
    assert not flat(biased.gradient.synapses[:2]).any()
    assert flat(biased.gradient.synapses[2]).any()


@pytest.mark.slow
def test_dyads_are_linear_in_the_amplitude(asymmetric):
    case, _ = asymmetric
    one, three = (
        osciprop.estimate_gradient(*case, osciprop.DyadicEP(size, TIGHT)).gradient
        for size in (1.0, 3.0)
    )
    assert relative_error(three, one) < 1e-10


@pytest.mark.slow
def test_both_are_dynamics_of_their_own(asymmetric):
    """Integrated in time, both end in the equilibria that the methods solve for."""
    (network, x, y), reference = asymmetric
    times = [0.0, 100.0]
    controller = osciprop.Integrator(stepsize_controller=osciprop.dynamics.adaptive(1e-9, 1e-11))
    moved = osciprop.integrate(
        osciprop.dynamics.Dyad(network),
        x,
        y,
        osciprop.Constant(2.0),
        times=times,
        integrator=controller,
    )
    difference = jax.tree.map(lambda leaf: leaf[-1] / 2.0, moved.s[1])
    assert relative_error(difference, reference.error_signal) < 1e-6
    free = reference.equilibrium
    corrected = osciprop.dynamics.Corrected(network, free.s)
    nudged = osciprop.integrate(
        corrected, x, y, osciprop.Constant(1e-4), times=times, integrator=controller
    )
    response = jax.tree.map(lambda a, b: (a[-1] - b) / 1e-4, nudged.s, free.s)
    assert relative_error(response, reference.error_signal) < 1e-3
    # The correction changes nothing where nothing is nudged.
    still = osciprop.relax(corrected, x, relaxation=TIGHT)
    assert relative_error(still.s, free.s) < 1e-10


@pytest.mark.slow
def test_neurons_that_differ_in_time_constant_change_nothing():
    network = osciprop.feedback_mlp(
        [5, 6, 7, 3, 3], key=jax.random.PRNGKey(1), time_constant=[1.0, 2.0, 0.5], scale=1.0
    )
    x, y = batch(5, 3, 2)
    reference = osciprop.estimate_gradient(network, x, y, EXACT).gradient
    flow = osciprop.Flow(tolerance=1e-9)
    for method in (osciprop.AsymmetricEP(0.1, 8, flow), osciprop.DyadicEP(1.0, flow)):
        gradient = osciprop.estimate_gradient(network, x, y, method).gradient
        assert relative_error(gradient, reference) < 1e-5


def test_contrasting_methods_are_refused_and_can_be_forced(asymmetric):
    case, reference = asymmetric
    for method in (
        osciprop.ClassicEP(),
        osciprop.CentredEP(),
        osciprop.HolomorphicEP(),
        osciprop.OscillatoryEP(),
    ):
        with pytest.raises(osciprop.ReciprocityError, match="AsymmetricEP, DyadicEP"):
            osciprop.estimate_gradient(*case, method)
    network, x, y = case
    with pytest.warns(osciprop.GradientAccuracyWarning, match="relative error at about 0.9"):
        estimate = osciprop.estimate_gradient(
            osciprop.AssumedReciprocal(network), x, y, osciprop.CentredEP(1e-3, TIGHT)
        )
    forced = estimate.gradient.network
    assert jax.tree.structure(forced) == jax.tree.structure(reference.gradient)
    assert relative_error(forced, reference.gradient) > 0.1


@pytest.mark.slow
def test_on_a_reciprocal_network_to_assume_it_changes_nothing():
    reciprocal, data = small_network(), batch(5, 3, 2)
    own = osciprop.estimate_gradient(reciprocal, *data, osciprop.CentredEP(0.1, TIGHT)).gradient
    wrapped = osciprop.estimate_gradient(
        osciprop.AssumedReciprocal(reciprocal), *data, osciprop.CentredEP(0.1, TIGHT)
    ).gradient.network
    assert relative_error(wrapped, own) < 1e-12


def test_bad_settings_and_networks_are_named():
    with pytest.raises(ValueError, match="points must be an integer of at least 1, got 0"):
        osciprop.AsymmetricEP(0.1, 0)
    with pytest.raises(ValueError, match="amplitude must be"):
        osciprop.VectorFieldEP(-0.1)
    with pytest.raises(ValueError, match="amplitude must be"):
        osciprop.DyadicEP(0.0)
    network = osciprop.feedback_mlp(
        [5, 6, 7, 3, 3], key=jax.random.PRNGKey(0), activation=osciprop.HardSigmoid()
    )
    x, y = batch(5, 3, 2)
    with pytest.raises(osciprop.HolomorphyError):
        osciprop.estimate_gradient(network, x, y, osciprop.AsymmetricEP(0.1, 4))
    for method in (osciprop.AsymmetricEP(0.1, 2), osciprop.VectorFieldEP(), osciprop.DyadicEP()):
        method.check(network)


@pytest.mark.slow
def test_real_nudges_need_no_holomorphic_network():
    network = osciprop.feedback_mlp(
        [5, 6, 7, 3, 3], key=jax.random.PRNGKey(0), activation=osciprop.HardSigmoid()
    )
    x, y = batch(5, 3, 2)
    reference = osciprop.estimate_gradient(network, x, y, EXACT).gradient
    for method in (osciprop.AsymmetricEP(1e-5, 2, TIGHT), osciprop.DyadicEP(1.0, TIGHT)):
        gradient = osciprop.estimate_gradient(network, x, y, method).gradient
        assert relative_error(gradient, reference) < 1e-5


def test_unconverged_dyads_are_never_returned(asymmetric):
    case, _ = asymmetric
    method = osciprop.DyadicEP(1.0, osciprop.AndersonIteration(tolerance=1e-12, max_steps=2))
    with pytest.raises(osciprop.ConvergenceError, match="dyads did not converge"):
        osciprop.estimate_gradient(*case, method)
    assert not osciprop.estimate_gradient(*case, method, throw=False).converged


@pytest.mark.slow
def test_error_falls_with_the_points_by_the_radius_of_the_corrected_network():
    """`(r / R)^N`, with R of the corrected dynamics, measured apart from any gradient."""
    rng = np.random.default_rng(5)
    network, x, y = three_blocks(seed=3, gain=0.5), rng.normal(size=(1, 4)), rng.normal(size=(1, 4))
    reference = osciprop.estimate_gradient(network, x, y, EXACT)
    corrected = osciprop.dynamics.Corrected(network, reference.equilibrium.s)
    radius = osciprop.analysis.radius_of_convergence(corrected, x, y, relaxation=TIGHT)
    amplitude, points = 0.5 * radius, np.asarray([6, 8, 10, 12, 14])
    errors = [
        relative_error(
            osciprop.estimate_gradient(
                network, x, y, osciprop.AsymmetricEP(amplitude, int(count), TIGHT)
            ).gradient,
            reference.gradient,
        )
        for count in points
    ]
    # Near a fold the coefficients fall as `k^(-3/2) (r / R)^k`; the error is that of order N + 1.
    slope = np.polyfit(points, np.log(errors) + 1.5 * np.log(points + 1), 1)[0]
    assert np.exp(-slope) == pytest.approx(2.0, rel=0.1)
