"""What differs between settings, in words."""

import math

import jax
import optax

import osciprop
from osciprop.files.contrasts import contrasts
from osciprop.files.fingerprint import describe, describe_constants

KEY = jax.random.key(0)


def test_each_setting_that_differs_is_named_with_both_values():
    stored = {"seed": 0, "key": [0, 1], "data": "digits", "rate": math.nan, "same": None}
    given = {"seed": 1, "key": (0, 2), "data": "mnist", "rate": math.nan, "same": None}
    assert contrasts(stored, given) == [
        "seed: 0 != 1",
        "key: [0, 1] != (0, 2)",
        "data: digits != mnist",
    ]
    assert contrasts({"key": [0, 1]}, {"key": (0, 1)}) == []
    assert contrasts({"one": 1}, {"one": True}) == ["one: 1 != True"]


def test_what_is_on_one_side_only():
    assert contrasts({"a": 1}, {"b": 2}) == [
        "b: not in the file, 2 given",
        "a: 1 in the file, not given",
    ]


def test_long_values_are_shown_where_they_differ():
    stored = {"optimizer": describe(optax.adam(1e-3)), "method": describe(osciprop.ClassicEP(0.1))}
    given = {"optimizer": describe(optax.adam(1e-2)), "method": describe(osciprop.ClassicEP(0.2))}
    optimizer, method = contrasts(stored, given)
    assert "step_size=-0.001" in optimizer and "step_size=-0.01" in optimizer
    assert "0.1" in method and "0.2" in method and "#" not in optimizer + method
    assert max(map(len, (optimizer, method))) < 250


def test_what_cannot_be_shown_has_its_digest():
    def one(step):
        return step

    def two(step):
        return 2 * step

    two.__qualname__ = one.__qualname__
    (line,) = contrasts({"schedule": describe(one)}, {"schedule": describe(two)})
    assert line.count("one()") == 2 and line.count("#") == 2


def test_networks_are_compared_place_by_place():
    slow = osciprop.hopfield_mlp([4, 5, 3], key=KEY, activation=osciprop.Tanh())
    fast = osciprop.hopfield_mlp([4, 5, 3], key=KEY)
    stored, given = describe_constants(slow), describe_constants(fast)
    (line,) = contrasts({"network": stored}, {"network": given})
    assert "network.populations[0].neuron.activation: " in line
    assert "Tanh" in line and "ShiftedSigmoid" in line and "slope" not in line
    deep = describe_constants(osciprop.hopfield_mlp([4] * 9, key=KEY))
    (line,) = contrasts({"network": stored}, {"network": deep})
    assert line.count("; ") <= 5


def test_a_schedule_is_the_same_before_and_after_it_is_called():
    """Optax makes a float of `decay_steps` inside the schedule, at the first call."""
    schedule = optax.cosine_decay_schedule(1e-3, 6000)
    before = describe(optax.sgd(schedule))
    schedule(3)
    assert describe(optax.sgd(schedule)) == before
    assert describe(optax.sgd(optax.cosine_decay_schedule(1e-3, 6001))) != before
