"""Networks of a user's own: what breaks the contract is named, what keeps it is not disturbed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import Field, LinearNetwork, linear_network
from mistake_cases import PLAIN_ONLY

import osciprop
from osciprop.networks import contract
from osciprop.networks.contract import network_key
from osciprop.networks.preparation import prepare, prepare_pair

X = np.random.default_rng(1).normal(size=(3, 3))
Y = np.random.default_rng(2).normal(size=(3, 4))
GOOD = linear_network()


def broken(name, function, base=LinearNetwork):
    """`LinearNetwork` with another method."""
    kind = type("Broken", (base,), {name: function})
    return kind(GOOD.coupling, GOOD.inputs)


def double(u):
    return jnp.concatenate([u, u], axis=-1)


class Own(osciprop.AbstractNetwork):
    """Its current is not the derivative of its phi."""

    def rest(self, x):
        return jnp.zeros_like(x)

    def activity(self, u):
        return u

    def phi(self, s, x):
        return jnp.sum(s * x - s**2 / 4, axis=-1)

    def current(self, s, drive):
        return drive - 0.4 * s

    def cost(self, s, y):
        return jnp.sum((s - y) ** 2, axis=-1)

    def output(self, s):
        return s


MISTAKES = [
    ("rest", lambda self, x: jnp.zeros((4, 4)), ["Broken.rest(x)", "3 samples", "x.shape[0]"]),
    ("rest", lambda self, x: jnp.zeros((len(x), 4), int), ["rest(x)", "real floating-point"]),
    ("rest", lambda self, x: jnp.zeros((len(x), 4), complex), ["rest(x)", "c128[3,4]", "real"]),
    ("rest", lambda self, x: [[0.0] * 4] * 3, ["rest(x)", "floating-point arrays"]),
    ("rest", lambda self, x: {"a": x, "b": x.astype("float32")}, ["rest(x)", "one type for all"]),
    ("rest", lambda self, x: x @ jnp.ones((7, 7)), ["Broken.rest(x) raises TypeError", "f64[3,3]"]),
    ("activity", lambda self, u: (u,), ["activity(u)", "(f64[3,4],)", "same structure"]),
    ("activity", lambda self, u: u.sum(axis=-1), ["activity(u)", "f64[3]", "f64[3,4] is needed"]),
    ("activity", lambda self, u: u.astype("float32"), ["activity(u)", "f32[3,4]", "types"]),
    ("activity", lambda self, u: np.tanh(np.asarray(u)), ["raises TracerArray", "jax.jit"]),
    (
        "activity",
        lambda self, u: u - u.mean(axis=0),
        ["activity(u)", "mixes the samples", "axis=-1"],
    ),
    ("drive", lambda self, x: (x, jnp.ones(4)), ["drive(x)", "f64[4]", "leading axis"]),
    ("current", lambda self, s, d: double(s), ["current(s, drive)", "f64[3,8]", "f64[3,4] is ne"]),
    ("current", lambda self, s, d: s * s.mean(), ["current(s, drive)", "mixes the samples"]),
    ("velocity", lambda self, u, c: c - 2 * u, ["velocity(u, current)", "a rate times"]),
    ("velocity", lambda self, u, c: (c - u)[0], ["velocity(u, current)", "f64[4]", "f64[3,4] is"]),
    ("output", lambda self, s: s[:, 0], ["output(s)", "f64[3]", "values[:, None]"]),
    ("phi", lambda self, s, x: jnp.sum(s**2), ["phi(s, x)", "f64[]", "jnp.sum(..., axis=-1)"]),
    ("slowest", lambda self: jnp.ones(4), ["slowest()", "f64[4]", "jnp.max"]),
    ("slowest", lambda self: jnp.asarray(0.0), ["slowest()", "0.0", "above 0"]),
    ("cost", lambda self, s, y: jnp.mean((s - y) ** 2), ["cost(s, y)", "f64[]", "axis=-1"]),
    ("cost", lambda self, s, y: (s - y) ** 2, ["cost(s, y)", "f64[3,4]", "axis=-1"]),
    ("cost", lambda self, s, y: (s - y)[:, :1] ** 2, ["cost(s, y)", "f64[3,1]", "(batch,)"]),
    ("cost", lambda self, s, y: (s @ y)[:, 0], ["Broken.cost(s, y) raises TypeError", "f64[3,4]"]),
    ("cost", lambda self, s, y: s.sum(-1) > 0, ["cost(s, y)", "bool[3]", "real floating"]),
    (
        "cost",
        lambda self, s, y: jnp.sum(s**2, axis=-1) * jnp.mean(y),
        ["cost(s, y)", "mixes the samples"],
    ),
]


@pytest.mark.parametrize(("name", "function", "words"), MISTAKES)
def test_what_breaks_the_contract_is_named(name, function, words):
    with pytest.raises(osciprop.ContractError) as caught:
        osciprop.estimate_gradient(broken(name, function), X, Y, osciprop.Implicit())
    missing = [word for word in words if word not in str(caught.value)]
    assert not missing, f"{missing} not in: {caught.value}"


def test_a_current_that_is_not_the_derivative_of_phi():
    with pytest.raises(osciprop.ContractError, match=r"Own.current\(s, drive\).*of Own.phi"):
        prepare(Own(), X, None)


def test_what_keeps_the_contract_passes():
    time_constant = jnp.asarray([1.0, 2.0, 3.0, 4.0])
    own = Field(0.1 * jnp.eye(4), jnp.zeros(4), time_constant)
    for samples in (1, 2, 5):
        x = np.ones((samples, 4))
        prepare_pair(own, x, x)
        prepare_pair(GOOD, X[:1].repeat(samples, axis=0), Y[:1].repeat(samples, axis=0))


def test_networks_that_hold_arrays_of_their_batch_pass():
    class Held(LinearNetwork):
        offsets: jax.Array

        def activity(self, u):
            return u + self.offsets

    prepare_pair(Held(GOOD.coupling, GOOD.inputs, jnp.ones((3, 4))), X, Y)


@PLAIN_ONLY
def test_the_networks_own_parts_are_checked():
    class Mean(osciprop.networks.AbstractCost):
        def output(self, activity):
            return activity

        def __call__(self, activity, target):
            return jnp.mean((activity - target) ** 2)

    own = osciprop.perceptron([3, 5, 4], key=jax.random.key(0), cost=Mean())
    with pytest.raises(osciprop.ContractError, match=r"Network.cost\(s, y\) gives f64\[\] for 3"):
        osciprop.estimate_gradient(own, X, Y, osciprop.Implicit())
    assert network_key(own) is not None
    assert network_key(osciprop.hopfield_mlp([3, 5, 4], key=jax.random.key(0))) is None


def test_inside_jit_shapes_are_checked():
    def loss(network, x):
        prepared, targets = prepare_pair(network, x, Y)
        return jnp.sum(network.cost(network.current(prepared[:, :1] + targets, prepared), targets))

    scalar = broken("cost", lambda self, s, y: jnp.mean((s - y) ** 2))
    with pytest.raises(osciprop.ContractError, match="axis=-1"):
        jax.jit(lambda x: loss(scalar, x))(X)
    mixing = broken("current", lambda self, s, d: 0.1 * s * s.mean())
    assert jnp.isfinite(jax.jit(lambda x: loss(mixing, x))(X))


def test_once_for_each_class_structure_and_shape(monkeypatch):
    looked = []
    shapes = contract._check_shapes
    monkeypatch.setattr(contract, "_check_shapes", lambda *a: (looked.append(a), shapes(*a)))
    own = broken("slowest", lambda self: jnp.asarray(1.0))
    for factor in (1.0, 2.0, 3.0):
        scaled = jax.tree.map(lambda leaf, by=factor: by * leaf, own)
        prepare_pair(scaled, factor * X, Y)
    assert len(looked) == 2  # of the batch, and of two samples


def test_left_out_by_a_variable(monkeypatch):
    monkeypatch.setenv("OSCIPROP_CHECK_NETWORKS", "0")
    mixing = broken("activity", lambda self, u: u - u.mean(axis=0))
    prepare_pair(mixing, X, Y)


README = """
import jax.numpy as jnp, numpy as np, osciprop
class Pairs(osciprop.AbstractEnergyNetwork):
    coupling: jnp.ndarray
    def rest(self, x): return jnp.zeros_like(x)
    def activity(self, u): return jnp.tanh(u)
    def phi(self, s, x):
        inputs = osciprop.networks.complex_like(x, s)
        return jnp.sum(s * (osciprop.networks.matmul(s, self.coupling) + inputs), axis=-1)
    def cost(self, s, y): return jnp.mean((s - osciprop.networks.complex_like(y, s)) ** 2)
    def output(self, s): return s
"""


def test_the_recipe_with_a_mean_over_all_is_refused():
    scope = {}
    exec(README, scope)
    own = scope["Pairs"](0.1 * jnp.ones((3, 3)))
    for method in (osciprop.HolomorphicEP(0.1), osciprop.CentredEP(), osciprop.Implicit()):
        with pytest.raises(osciprop.ContractError, match="axis=-1"):
            osciprop.estimate_gradient(own, X, X, method)
