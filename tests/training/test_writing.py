"""Noise and finite steps of updates, as transformations of Optax."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import osciprop
from osciprop.training import update_steps, write_noise
from osciprop.training.optimizers import as_optimizer

KEY = jax.random.key(0)


def test_noise_has_its_size_and_differs_from_update_to_update():
    noise = write_noise(0.1, KEY)
    updates = {"a": jnp.ones((100, 50)), "b": jnp.ones((100, 50))}
    state = noise.init(updates)
    first, state = noise.update(updates, state)
    second, _ = noise.update(updates, state)
    missed = [np.asarray(each) - 1 for tree in (first, second) for each in tree.values()]
    for each in missed:
        np.testing.assert_allclose([each.mean(), each.std()], [0, 0.1], atol=6e-3)
    correlations = np.corrcoef(np.stack([each.ravel() for each in missed])) - np.eye(4)
    assert np.abs(correlations).max() < 0.06
    again, _ = noise.update(updates, noise.init(updates))
    assert (again["a"] == first["a"]).all()


def test_steps_are_multiples():
    steps = update_steps(0.25)
    made, _ = steps.update([jnp.asarray([0.1, 0.3, -0.9])], steps.init(None))
    assert made[0].tolist() == [0.0, 0.25, -1.0]


def test_equal_ones_are_one_program():
    one, same = (as_optimizer(write_noise(0.1, jax.random.key(3))) for _ in range(2))
    assert one.transformation is same.transformation
    other = as_optimizer(write_noise(0.1, jax.random.key(4)))
    assert other.transformation is not one.transformation


@pytest.mark.slow
def test_training_writes_with_noise_and_in_steps():
    network = osciprop.hopfield_mlp([4, 6, 3], key=KEY)
    rng = np.random.default_rng(0)
    data = rng.normal(size=(10, 4)), rng.integers(0, 3, 10)
    chain = optax.chain(optax.sgd(0.1), write_noise(0.01, KEY), update_steps(1 / 128))
    method = osciprop.Implicit(relaxation=osciprop.SequentialIteration())
    trained, _ = osciprop.fit(network, data, method, chain, epochs=1, batch_size=10, progress=False)
    before, after = (np.asarray(net.synapses[0].weight) for net in (network, trained))
    change = (after - before) * 128
    np.testing.assert_allclose(change, np.round(change), atol=1e-9)
    assert np.abs(change).max() >= 1


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: write_noise(-0.1, KEY), ValueError),
        (lambda: write_noise(0.1, jnp.zeros(3)), TypeError),
        (lambda: update_steps(0.0), ValueError),
    ],
)
def test_mistakes_are_told(make, error):
    with pytest.raises(error):
        make()
