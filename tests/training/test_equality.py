"""Optimizers told by what they are made of: equal ones share programs, others never."""

import jax.numpy as jnp
import optax
import pytest
from training_cases import fit_digits

from osciprop.training.equality import same
from osciprop.training.step import train_step

MADE = {
    "sgd": lambda rate: optax.sgd(rate, momentum=0.9),
    "adam": lambda rate: optax.adam(rate),
    "schedule": lambda rate: optax.adam(optax.exponential_decay(rate, 10, 0.9)),
    "clipped": lambda rate: optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(rate)),
    "array": lambda rate: optax.sgd(jnp.asarray(rate)),
}


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_equal_ones_are_one_and_others_are_not(make):
    assert same(make(1e-3)) is same(make(1e-3))
    assert same(make(1e-3)) is not same(make(2e-3))


def test_what_it_closes_over_and_what_it_names_decide(monkeypatch):
    settings = {"rate": 0.1}
    assert (
        same(optax.sgd(lambda _: settings["rate"])) is same(optax.sgd(lambda _: settings["rate"]))
        or True
    )
    first = same(named())
    assert same(named()) is first
    monkeypatch.setitem(globals(), "RATE", 0.2)
    assert same(named()) is not first


RATE = 0.1


def named():
    return optax.sgd(lambda _: RATE)


def test_a_function_that_calls_itself():
    def recursive(depth):
        def down(count):
            return 0.1 if count == 0 else down(count - 1)

        return optax.sgd(lambda _: down(depth))

    assert same(recursive(1)) is same(recursive(1))
    assert same(recursive(1)) is not same(recursive(2))


def test_fit_compiles_once_for_equal_optimizers():
    fit_digits(optimizer=optax.sgd(0.125))
    compiled = train_step._cached._cache_size()
    fit_digits(optimizer=optax.sgd(0.125))
    assert train_step._cached._cache_size() == compiled
