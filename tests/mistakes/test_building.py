"""Mistakes in building networks: sizes, keys, activations, weights and what joins what."""

import numpy as np
import pytest
from mistake_cases import PLAIN_ONLY, answered, row, surroundings, table

import osciprop

pytestmark = PLAIN_ONLY

MLP = "osciprop.hopfield_mlp([4, 6, 5, 3], key=key, "
BUILDERS = ("hopfield_mlp", "hopfield_regressor", "feedback_mlp", "loop_mlp", "feedforward_mlp")
DENSE = [f"osciprop.{name}" for name in (*BUILDERS, "perceptron")]
IMAGES = [
    "osciprop.hopfield_cnn",
    "osciprop.networks.feedback_cnn",
    "osciprop.networks.convolutional_perceptron",
]
SMALL = "[osciprop.networks.Maps(2)], key=key, image_shape=(6, 6, 1)"


@pytest.fixture(scope="module")
def names():
    neuron = osciprop.LeakyIntegrator()
    return surroundings(
        neuron=neuron,
        three=osciprop.Population(neuron, np.zeros(3)),
        four=osciprop.Population(neuron, np.zeros(4)),
        into=osciprop.Directed(np.ones((2, 3)), osciprop.INPUT, 0),
        squares=osciprop.SquaredError(),
    )


@table(
    row(MLP + "activation='tanh')", TypeError, "activation is 'tanh'", "osciprop.Tanh()"),
    row(MLP + "activation=osciprop.Tanh)", TypeError, "activation is the class Tanh", "Tanh()"),
    row(MLP + "activation=jnp.tanh)", TypeError, "activation is", "tanh", "of your own"),
    row(MLP + "activation=[osciprop.Tanh(), 'tanh'])", TypeError, "activation[1] is 'tanh'"),
    row(MLP + "activation=None)", TypeError, "activation is None", "osciprop.Tanh()"),
    row(MLP + "activation=[osciprop.Tanh()] * 3)", ValueError, "activation has 3", "2 populations"),
    row(MLP + "scale=-1.0)", ValueError, "scale must be", "-1.0", "not negative"),
    row(MLP + "scale=np.nan)", ValueError, "scale must be a finite", "nan"),
    row(MLP + "scale='0.5')", ValueError, "scale must be", "'0.5'"),
    row(MLP + "scale=[0.5, -0.5, 1.0])", ValueError, "scale[1]", "-0.5"),
    row(MLP + "scale=1j)", ValueError, "scale must be", "1j"),
    row(MLP + "scale=True)", ValueError, "scale must be", "True"),
    row(MLP + "time_constant=0.0)", ValueError, "time_constant must be", "above 0", "0.0"),
    row(MLP + "time_constant=np.array([1.0, 2.0, 3.0]))", ValueError, "time_constant has 3", "2 p"),
    row(MLP + "time_constant=(1.0, -2.0))", ValueError, "time_constant[1]", "-2.0"),
    row(MLP + "time_constant='slow')", ValueError, "time_constant must be", "'slow'"),
    row(MLP + "bias='0')", ValueError, "bias must be a finite number", "'0'"),
    row(MLP + "bias=np.inf)", ValueError, "bias must be a finite number", "inf"),
    row("osciprop.hopfield_mlp(5, key=key)", TypeError, "sizes is 5", "[64, 32, 10]"),
    row("osciprop.hopfield_mlp('463', key=key)", TypeError, "sizes is '463'", "list"),
    row("osciprop.hopfield_mlp([], key=key)", ValueError, "sizes is []", "hidden population"),
    row("osciprop.hopfield_mlp([4, -6, 3], key=key)", ValueError, "sizes[1]", "-6"),
    row("osciprop.hopfield_mlp([4, 6.0, 3], key=key)", ValueError, "sizes[1]", "6.0", "integer"),
    row("osciprop.hopfield_mlp([4, '6', 3], key=key)", ValueError, "sizes[1]", "'6'"),
    row("osciprop.recurrent_network([4, 6], key=key)", ValueError, "sizes is [4, 6]", "classes"),
    row("osciprop.recurrent_network([4, 6, 3], key=key, symmetric=-1.0)", ValueError, "symmetric"),
    row("osciprop.recurrent_network([4, 6, 3], key='k')", TypeError, "key is 'k'"),
    row("osciprop.feedback_mlp([4, 6, 3], key=key, angle='wide')", ValueError, "angle", "'wide'"),
    row("osciprop.perceptron([4, 6, 3], key=key, cost='mse')", TypeError, "cost is 'mse'", "Squar"),
    row("osciprop.perceptron([4, 6, 3], key=key, cost=osciprop.CrossEntropy)", TypeError, "class"),
    row(f"osciprop.hopfield_cnn({SMALL}, activation='tanh')", TypeError, "activation is 'tanh'"),
    row(f"osciprop.hopfield_cnn({SMALL}, classes=0)", ValueError, "classes", "0"),
    row(f"osciprop.hopfield_cnn({SMALL}, scale=-1.0)", ValueError, "scale", "-1.0"),
    row(
        "osciprop.hopfield_cnn(osciprop.networks.Maps(2), key=key)", TypeError, "layers is", "list"
    ),
    row("osciprop.hopfield_cnn([16, 32], key=key)", TypeError, "layers[0] is 16", "Maps(...)"),
    row("osciprop.hopfield_cnn([], key=key)", ValueError, "layers is empty"),
    row(
        "osciprop.hopfield_cnn([osciprop.networks.Maps(2)], key=key, image_shape=(6, 6))",
        ValueError,
        "image_shape is (6, 6)",
        "channels",
    ),
    row("osciprop.networks.Maps(2, pooling='max')", TypeError, "pooling is 'max'", "MaxPooling("),
    row("osciprop.networks.Maps(2.0)", ValueError, "channels", "2.0"),
    row("osciprop.networks.Maps(2, padding=-1)", ValueError, "padding", "-1"),
    row("osciprop.networks.vgg4('wide')", ValueError, "width", "'wide'"),
    row(f"osciprop.networks.feedback_cnn({SMALL}, angle=None)", ValueError, "angle", "None"),
    row(f"osciprop.networks.convolutional_perceptron({SMALL}, hidden=5)", TypeError, "hidden is 5"),
    row(
        f"osciprop.networks.convolutional_perceptron({SMALL}, hidden=[5.0])",
        ValueError,
        "hidden[0]",
        "5.0",
    ),
)
def test_builders(call, error, words, names):
    answered(call, error, words, names)


@pytest.mark.parametrize("bad", ["0", "None", "np.arange(3)", "jax.random.split(key)", "'key'"])
@pytest.mark.parametrize("builder", [*DENSE, *IMAGES])
def test_every_builder_asks_for_a_key(builder, bad, names):
    what = "[osciprop.networks.Maps(2)]" if builder in IMAGES else "[4, 6, 5, 4, 3]"
    answered(f"{builder}({what}, key={bad})", TypeError, ("key", "jax.random.key(0)"), names)


@table(
    row("osciprop.LeakyIntegrator('tanh')", TypeError, "activation is 'tanh'", "osciprop.Tanh()"),
    row("osciprop.LeakyIntegrator(osciprop.Tanh)", TypeError, "the class Tanh", "osciprop.Tanh()"),
    row("osciprop.LeakyIntegrator(time_constant=-1.0)", ValueError, "time_constant", "-1.0"),
    row("osciprop.LeakyIntegrator(time_constant='1')", ValueError, "time_constant", "'1'"),
    row("osciprop.LeakyIntegrator(time_constant=1j)", ValueError, "time_constant", "1j"),
    row(
        "osciprop.Population(osciprop.Tanh(), np.zeros(3))", TypeError, "neuron is Tanh()", "Leaky"
    ),
    row(
        "osciprop.Population('lif', np.zeros(3))", TypeError, "neuron is 'lif'", "LeakyIntegrator()"
    ),
    row("osciprop.Population(neuron, 3)", ValueError, "bias has shape ()", "jnp.zeros(7)"),
    row("osciprop.Population(neuron, np.zeros((2, 3)))", ValueError, "bias has shape (2, 3)"),
    row("osciprop.Population(neuron, np.zeros(0))", ValueError, "bias has shape (0,)"),
    row("osciprop.Population(neuron, 'zeros')", TypeError, "bias must be", "'zeros'"),
    row("osciprop.Population(neuron, 1j * np.ones(3))", TypeError, "bias must be", "real"),
    row("osciprop.networks.FeatureMaps(neuron, np.zeros(3), 0, 4)", ValueError, "height", "0"),
    row("osciprop.networks.FeatureMaps(neuron, np.zeros(3), 4, 2.5)", ValueError, "width", "2.5"),
    row("osciprop.ShiftedSigmoid(slope='steep')", ValueError, "slope must be a number", "'steep'"),
    row("osciprop.HolomorphicTanh(np.nan)", ValueError, "sharpness must be a number", "nan"),
    row("osciprop.Directed(1j * np.ones((2, 3)), 0, 1)", TypeError, "weight must be", "real"),
    row("osciprop.Directed([['a']], 0, 1)", TypeError, "weight must be"),
    row("osciprop.Directed(np.ones(3), 0, 1)", ValueError, "weight has shape (3,)", "units of the"),
    row("osciprop.Reciprocal(None, 0, 1)", TypeError, "weight must be", "None"),
    row("osciprop.Reciprocal(np.ones((2, 3)), 0.0, 1)", ValueError, "source must be an int", "0.0"),
    row("osciprop.networks.Convolution(np.ones((3, 3)))", ValueError, "kernel has shape (3, 3)"),
    row("osciprop.networks.Convolution(1j * np.ones((3, 3, 1, 1)))", TypeError, "kernel", "real"),
    row(
        "osciprop.networks.Convolution(np.ones((3, 3, 1, 1)), pooling='max')",
        TypeError,
        "pooling is 'max'",
    ),
    row("osciprop.networks.SoftmaxPooling('hot')", ValueError, "temperature", "'hot'"),
    row("osciprop.networks.MaxPooling(0)", ValueError, "size", "0"),
    row("osciprop.networks.DirectedProjection('conv', 0, 1)", TypeError, "transform is 'conv'"),
)
def test_parts(call, error, words, names):
    answered(call, error, words, names)


def join(populations: str, synapses: str, readout: str = "squares") -> str:
    return f"osciprop.Network(({populations}), ({synapses}), {readout})"


@table(
    row(
        join("three, four,", "into, osciprop.Reciprocal(np.ones((4, 3)), 0, 1),"),
        ValueError,
        "synapses[1] starts from population 0 of shape (3,)",
        "weight of shape (4, 3)",
        "(units of the source, units of the target)",
    ),
    row(
        join("three, four,", "into, osciprop.Directed(np.ones((3, 5)), 0, 1),"),
        ValueError,
        "synapses[1]",
        "population 1 of shape (4,)",
        "(5,)",
        "4 units",
    ),
    row(join("four,", "into,"), ValueError, "synapses[0]", "the input", "(3,)", "4 units"),
    row(join("three,", "into,", "'mse'"), TypeError, "readout is 'mse'", "SquaredError()"),
    row(
        join("three,", "into,", "osciprop.SoftmaxCrossEntropy(np.ones((4, 2)))"),
        ValueError,
        "readout has a weight of shape (4, 2)",
        "population 0, the last, has 3 units",
        "(3, classes)",
    ),
    row(
        join("three,", "into,", "osciprop.SoftmaxCrossEntropy(np.ones((3, 2)), np.zeros(3))"),
        ValueError,
        "bias of shape (3,)",
    ),
    row(join("'three',", "into,"), TypeError, "populations[0] is 'three'", "Population(...)"),
    row(join("three,", "np.ones((2, 3)),"), TypeError, "synapses[0] is", "Directed(...)"),
    row("osciprop.Network(three, (into,), squares)", TypeError, "populations is Population(...)"),
    row("osciprop.Network((), (into,), squares)", ValueError, "populations is empty"),
    row(join("three,", ""), ValueError, "no synapse comes from INPUT"),
    row(
        join(
            "osciprop.Population(osciprop.LeakyIntegrator(time_constant=np.ones(2)), np.zeros(3)),",
            "into,",
        ),
        ValueError,
        "time_constant has shape (2,)",
        "one per neuron",
    ),
    row(
        join("osciprop.Population(neuron, np.zeros(3, dtype=np.float32)),", "into,"),
        ValueError,
        "float32, float64",
        "cast them to one",
    ),
)
def test_networks(call, error, words, names):
    answered(call, error, words, names)


def test_integers_and_lists_are_weights_too():
    network = osciprop.Network(
        [osciprop.Population(osciprop.LeakyIntegrator(), [0, 1, 0])],
        [osciprop.Directed([[1, 2, 3], [4, 5, 6]], osciprop.INPUT, 0)],
        osciprop.SquaredError(),
    )
    assert network.synapses[0].weight.dtype == network.populations[0].bias.dtype == float
    assert osciprop.relax(network, np.ones((1, 2))).u[0].tolist() == [[5.0, 8.0, 9.0]]
