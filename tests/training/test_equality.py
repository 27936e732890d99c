"""Values told by what they are made of, optimizers above all."""

import functools

import jax.numpy as jnp
import optax
import pytest

from osciprop.training.equality import contents

MADE = {
    "sgd": lambda rate: optax.sgd(rate, momentum=0.9),
    "adam": lambda rate: optax.adam(rate),
    "schedule": lambda rate: optax.adam(optax.exponential_decay(rate, 10, 0.9)),
    "clipped": lambda rate: optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(rate)),
    "array": lambda rate: optax.sgd(jnp.asarray(rate)),
}


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_equal_ones_are_one_and_others_are_not(make):
    assert contents(make(1e-3)) == contents(make(1e-3))
    assert contents(make(1e-3)) != contents(make(2e-3))


def test_what_it_closes_over_and_what_it_names_decide(monkeypatch):
    first = contents(named())
    assert contents(named()) == first
    monkeypatch.setitem(globals(), "RATE", 0.2)
    assert contents(named()) != first


def test_what_has_changed_is_no_longer_equal(monkeypatch):
    settings = {"rate": 0.1}
    before, by_name = contents(closing_over(settings)), contents(global_schedule)
    assert contents(global_schedule) == by_name
    settings["rate"] = 0.2
    monkeypatch.setitem(globals(), "RATE", 0.2)
    assert contents(closing_over(settings)) != before
    assert contents(global_schedule) != by_name


def test_what_can_change_equals_itself_only():
    settings = {"rate": 0.1}
    one, other = contents(closing_over(settings)), contents(closing_over(dict(settings)))
    assert one == contents(closing_over(settings)) != other


def test_arguments_given_beforehand_count():
    given = [contents(functools.partial(named, rate)) for rate in (0.1, 0.1, 0.2)]
    assert given[0] == given[1] != given[2]


RATE = 0.1


def named():
    return optax.sgd(lambda _: RATE)


def global_schedule(step):
    return RATE


def closing_over(settings):
    return lambda: settings["rate"]


def test_a_function_that_calls_itself():
    def recursive(depth):
        def down(count):
            return 0.1 if count == 0 else down(count - 1)

        return optax.sgd(lambda _: down(depth))

    assert contents(recursive(1)) == contents(recursive(1)) != contents(recursive(2))
