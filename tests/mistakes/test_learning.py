"""Mistakes where something is to be learned: data, training, simulations, files."""

import jax
import jax.numpy as jnp
import optax
import pytest
from mistake_cases import PLAIN_ONLY, answered, row, surroundings, table

import osciprop

pytestmark = PLAIN_ONLY


@pytest.fixture(scope="module")
def names():
    return surroundings(
        optax=optax,
        adam=optax.adam(1e-3),
        method=osciprop.Implicit(osciprop.AndersonIteration()),
        data=osciprop.datasets.digits().subset(train=20, test=10),
        settings=simulation(),
        noisy=simulation(noise=osciprop.WhiteNoise(0.1)),
        fading=simulation(transition=osciprop.online.Fade(0.5)),
        moving=osciprop.networks.FunctionOfTime(lambda time: jnp.cos(time) * jnp.ones((10, 4))),
        rows=osciprop.networks.FunctionOfTime(lambda time: jnp.ones((10, 3)) / 3),
        history=osciprop.History(),
    )


def simulation(**more):
    return osciprop.Simulation(
        osciprop.Oscillation(0.05, 10.0),
        osciprop.PeriodicPlasticity(optax.sgd(0.1)),
        presentation=1,
        integrator=osciprop.euler_maruyama(0.5),
        **more,
    )


FIT = "osciprop.fit(network, (x, y), method, adam, batch_size=5, progress=False, "


@table(
    row(FIT + "epochs=0)", ValueError, "epochs must be", "got 0", "at least one epoch"),
    row(FIT + "epochs=1.5)", ValueError, "epochs must be", "got 1.5"),
    row(FIT + "epochs='1')", ValueError, "epochs must be", "got '1'"),
    row(FIT + "epochs=True)", ValueError, "epochs must be", "got True"),
    row(FIT + "epochs=None)", ValueError, "epochs must be", "got None"),
    row(FIT + "epochs=np.nan)", ValueError, "epochs must be", "got nan"),
    row(FIT + "epochs=1, seed=-1)", ValueError, "seed=-1", "seed=0"),
    row(FIT + "epochs=1, seed='a')", ValueError, "seed='a'", "seed=0"),
    row(FIT + "epochs=1, key=3)", TypeError, "key is 3", "jax.random.key(0)"),
    row(FIT + "epochs=1, key=jax.random.split(key))", TypeError, "key has shape (2,)", "keys[0]"),
    row(FIT + "epochs=1, monitor=3)", TypeError, "monitor is 3", "network, x, y, estimate"),
    row(FIT + "epochs=1, monitor_every=0)", ValueError, "monitor_every", "got 0"),
    row(FIT + "epochs=1, checkpoint=3)", TypeError, "checkpoint is 3", "pathlib.Path"),
    row(FIT + "epochs=1, checkpoint='.')", OSError, ". cannot be written", "a file, not of a"),
    row(FIT + "epochs=1, checkpoint_every=0)", ValueError, "checkpoint_every", "got 0"),
    row(FIT + "epochs=1, relaxation='newton')", TypeError, "relaxation is 'newton'", "Settling()"),
    row(FIT + "epochs=1, preprocessing=3)", TypeError, "preprocessing is 3"),
    row(
        "osciprop.fit(network, (moving, rows), method, adam, epochs=1)",
        ValueError,
        "data is a FunctionOfTime",
        "arrays (x, y)",
    ),
    row(FIT + "epochs=1, placement=2)", TypeError, "placement is 2", "DataParallel()"),
)
def test_settings_of_training(call, error, words, names):
    answered(call, error, words, names)


@table(
    row("osciprop.Training(network, (x, y), adam, method, batch_size=5)", TypeError, "method is G"),
    row(
        "osciprop.Training(network, (x, y), osciprop.Implicit, adam, batch_size=5)",
        TypeError,
        "method is the class Implicit",
        "give osciprop.Implicit()",
    ),
    row(
        "osciprop.Training(network, (x, y), 'Implicit', adam, batch_size=5)",
        TypeError,
        "method is 'Implicit'",
        "such as osciprop.",
    ),
    row("osciprop.Training(network, (x, y), method, optax.adam)", TypeError, "optax.adam(1e-3)"),
    row("osciprop.Training(network, (x, y), method, 1e-3)", TypeError, "optimizer is 0.001"),
    row("osciprop.Training(network, (x, y), method, None)", TypeError, "optimizer is None"),
    row("osciprop.Training(network, (x, y), method, adam)", ValueError, "batch_size=20", "10 sam"),
    row("osciprop.Training(network, (x, y), method, adam, batch_size=0)", ValueError, "got 0"),
    row("osciprop.Training(network, (x, y), method, adam, batch_size=2.5)", ValueError, "got 2.5"),
    row("osciprop.Training((x, y), network, method, adam)", ValueError, "data is a Network"),
    row("osciprop.Training(network, x, method, adam)", ValueError, "data is a ndarray", "(x, y)"),
    row("osciprop.Training(network, (x,), method, adam)", ValueError, "data is a tuple of ndarray"),
    row("osciprop.Training(network, (x, y, y), method, adam)", ValueError, "data is a tuple of nd"),
    row("osciprop.Training(network, dict(x=x, y=y), method, adam)", ValueError, "data is a dict"),
    row("osciprop.Training(network, 'digits', method, adam)", ValueError, "data is a str"),
    row("osciprop.Training(network, None, method, adam)", ValueError, "data is a NoneType"),
    row("osciprop.Training(network, [], method, adam)", ValueError, "list without any batch"),
    row("osciprop.Training(network, iter([]), method, adam)", ValueError, "without any batch"),
    row("osciprop.Training(network, [3], method, adam)", ValueError, "batch 0 is a int", "pair"),
    row("osciprop.Training(network, [(x,)], method, adam)", ValueError, "batch 0 has 1 parts"),
    row("osciprop.Training(network, [dict(x=x)], method, adam)", ValueError, "batch 0 is a dict"),
    row("osciprop.Training(network, (x, y[:5]), method, adam)", ValueError, "10 samples", "5 targ"),
    row("osciprop.Training(network, (x[:0], y[:0]), method, adam)", ValueError, "at least one sam"),
    row("osciprop.Training(network, (x[:, :3], y), method, adam, batch_size=5)", ValueError, "4)"),
    row("osciprop.Training(network, (x, y + 7), method, adam, batch_size=5)", ValueError, "7 to 9"),
    row("osciprop.Training(network, (x, y - 1), method, adam, batch_size=5)", ValueError, "-1 to"),
    row("osciprop.Training(network, (x, y / 2), method, adam, batch_size=5)", ValueError, "(5, 3)"),
    row("osciprop.Training(network, (x * np.nan, y), method, adam)", ValueError, "x is nan"),
    row("osciprop.Training(network, (x.astype(str), y), method, adam)", ValueError, "x holds <U"),
    row("osciprop.Training(network, (x, y.astype(str)), method, adam)", ValueError, "y holds <U"),
    row("osciprop.Training(network, data, method, adam, batch_size=5)", ValueError, "(5, 64)"),
    row(
        "osciprop.Training(network, ((x, y), (x[:, :2], y)), method, adam, batch_size=5)",
        ValueError,
        "of the test samples x has shape (1, 2)",
    ),
    row(
        "osciprop.Training(network, ((x, y), (x, y + 1)), method, adam, batch_size=5)",
        ValueError,
        "of the test samples y holds labels from 1 to 3",
    ),
    row("osciprop.Training(network, ((x, y), (x,)), method, adam)", ValueError, "tuple of ndarray"),
)
def test_what_is_trained(call, error, words, names):
    answered(call, error, words, names)


@table(
    row("osciprop.evaluate(network, x)", ValueError, "data is a ndarray", "(x, y)"),
    row("osciprop.evaluate(network, x, y[:3])", ValueError, "y_test has 3 targets"),
    row("osciprop.evaluate(network, x[:, :2], y)", ValueError, "(10, 2)", "(batch, 4)"),
    row("osciprop.evaluate(network, x, y, batch_size=0)", ValueError, "batch_size", "got 0"),
    row("osciprop.evaluate(network, x, y, relaxation='newton')", TypeError, "relaxation is 'newt"),
    row("osciprop.evaluate(network, x, y + 5)", ValueError, "5 to 7", "0 ... 2"),
    row("osciprop.evaluate(network, x, 'a')", ValueError, "y_test holds", "words"),
    row("osciprop.evaluate(network, x[:0], y[:0])", ValueError, "at least one sample"),
    row("osciprop.evaluate(x, network, y)", ValueError, "x_test is a Network"),
    row("history.write_csv('out.csv', 'nothing')", ValueError, "part='nothing'", "steps"),
    row("history.write_csv(3)", TypeError, "path is 3"),
    row("osciprop.save(3, network)", TypeError, "path is 3", "pathlib.Path"),
    row("osciprop.save('.', network)", OSError, ". cannot be written"),
    row("osciprop.load(3, network)", TypeError, "path is 3"),
    row("osciprop.load('.', network)", osciprop.CheckpointError, "is a folder"),
    row("osciprop.load('no.osciprop', network)", osciprop.CheckpointError, "no such file"),
    row("osciprop.training.write_noise(-1.0, key)", ValueError, "stddev", "-1.0"),
    row("osciprop.training.write_noise('1', key)", ValueError, "stddev", "'1'"),
    row("osciprop.training.write_noise(0.1, 3)", TypeError, "key is 3"),
    row("osciprop.DataParallel(0)", ValueError, "devices must be", "got 0"),
    row("osciprop.DataParallel('two')", ValueError, "devices must be", "got 'two'"),
)
def test_what_is_asked_of_a_trained_network(call, error, words, names, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answered(call, error, words, names)


LEARN = "osciprop.simulate_learning(network, (x, y), settings, progress=False, "


@table(
    row(LEARN + "presentations=0)", ValueError, "presentations must be", "got 0"),
    row(LEARN + "presentations='5')", ValueError, "presentations must be", "got '5'"),
    row(LEARN + "presentations=2.5)", ValueError, "presentations must be", "got 2.5"),
    row(LEARN + "presentations=2, batch_size=0)", ValueError, "batch_size", "got 0"),
    row(LEARN + "presentations=2, batch_size=99)", ValueError, "batch_size=99", "10 samples"),
    row(LEARN + "presentations=2, probe=3)", TypeError, "probe is 3", "osciprop.Probe(...)"),
    row(LEARN + "presentations=2, start=3)", TypeError, "start is 3", "SimulationState"),
    row(LEARN + "presentations=2, checkpoint=3)", TypeError, "checkpoint is 3"),
    row(LEARN + "presentations=2, checkpoint_every=0)", ValueError, "checkpoint_every", "got 0"),
    row(LEARN + "presentations=2, key=3)", TypeError, "key is 3"),
    row(LEARN + "presentations=2, seed=-1)", ValueError, "seed=-1"),
    row("osciprop.online.Learning(network, (x, y), noisy)", ValueError, "key is None", "noise"),
    row("osciprop.online.Learning(network, (x, y), method)", TypeError, "simulation is Implicit"),
    row("osciprop.online.Learning(network, settings, (x, y))", TypeError, "simulation is (array"),
    row("osciprop.online.Learning(network, (x[:, :2], y), settings)", ValueError, "(1, 2)"),
    row(
        "osciprop.simulate_learning(network, (moving, rows), settings, presentations=1)",
        ValueError,
        "batch_size=1",
        "10 rows",
    ),
    row(
        "osciprop.simulate_learning(network, (moving, rows), fading, presentations=1)",
        ValueError,
        "transition is Fade",
        "Jump()",
    ),
    row("osciprop.online.Fade('1')", ValueError, "periods", "'1'"),
    row("osciprop.online.Fade(-1)", ValueError, "periods", "-1"),
    row("osciprop.Probe(3)", TypeError, "observe is 3", "(network, u, s, mean, error)"),
    row("osciprop.PeriodicPlasticity(1e-3)", TypeError, "optimizer is 0.001", "optax.adam"),
    row("osciprop.PeriodicPlasticity(optax.adam)", TypeError, "optimizer is <function adam"),
    row("osciprop.PeriodicPlasticity('adam')", TypeError, "optimizer is 'adam'"),
)
def test_simulations(call, error, words, names):
    answered(call, error, words, names)


@table(
    row("osciprop.datasets.digits().subset(train=0)", ValueError, "train=0", "1438"),
    row("osciprop.datasets.digits().subset(train=10**6)", ValueError, "train=1000000", "1438"),
    row("osciprop.datasets.digits().subset(train='10')", ValueError, "train='10'"),
    row("osciprop.datasets.Dataset('own', x, y[:5], x, y)", ValueError, "y_train has 5 targets"),
    row("osciprop.datasets.Dataset('own', x, y, x[:, :2], y)", ValueError, "(4,)", "(2,)"),
    row("osciprop.datasets.Dataset('own', x, y - 1, x, y)", ValueError, "-1 to 1", "renumber"),
    row("osciprop.datasets.Dataset('own', x, y, x, y, 2)", ValueError, "0 to 2", "num_classes"),
    row(
        "osciprop.datasets.Dataset('own', x, y, x, y, image_shape=(3, 3))",
        ValueError,
        "image_shape=(3, 3)",
        "reshape",
    ),
    row("osciprop.datasets.Stream(3)", ValueError, "data is a int", "iterable of batches"),
    row("osciprop.datasets.Stream(x)", ValueError, "data is a ndarray of shape (10, 4)"),
)
def test_data(call, error, words, names):
    answered(call, error, words, names)


def test_arrays_that_can_be_told_are_taken(names):
    """Numbers as objects, lists of rows, batches as lists, keys of the old kind."""
    x, y = names["x"], names["y"]
    for data in (
        (x.astype(object), y),
        (x.tolist(), y.tolist()),
        [[x, y]],
        ([[x, y]], [[x, y]]),
    ):
        osciprop.Training(
            names["network"],
            data,
            names["method"],
            names["adam"],
            batch_size=5,
            key=jax.random.PRNGKey(0),
        )
