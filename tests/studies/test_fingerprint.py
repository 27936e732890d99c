"""Settings as JSON: equal for equal numbers, different for different ones, without addresses."""

import json

import jax
import numpy as np
import pytest
from study_functions import products

import osciprop
from osciprop.studies import Axis
from osciprop.studies.fingerprint import (
    configuration,
    describe,
    describe_axes,
    function_name,
    source_digest,
    source_folder,
)


@pytest.mark.parametrize("value", [None, True, 3, 0.25, "word"])
def test_plain_values_stand_as_they_are(value):
    assert describe(value) is value


def test_arrays_count_with_their_values_and_types():
    texts = {
        describe(array)
        for array in (np.zeros(2), np.ones(2), np.zeros(3), np.zeros(2, np.float32), np.zeros(2))
    }
    assert len(texts) == 4
    assert describe(jax.random.key(0)) != describe(jax.random.key(1))


def test_modules_count_with_their_fields():
    method = osciprop.HolomorphicEP
    assert describe(method(0.1, 4)) == describe(method(0.1, 4))
    different = {describe(m) for m in (method(0.1, 4), method(0.2, 4), method(0.1, 6))}
    assert len(different) == 3
    assert "HolomorphicEP" in describe(method(0.1, 4))


def test_other_objects_count_without_their_address():
    assert describe([object()]) == describe([object()])


def test_axes():
    axes = {"a": Axis([1, 2], unit="V"), "m": Axis({"one": np.ones(1), "two": 2})}
    made = describe_axes(axes)
    assert made["a"] == {"values": [1, 2], "objects": None, "unit": "V", "vectorised": None}
    assert made["m"]["values"] == ["one", "two"]
    assert made["m"]["objects"] == [describe(np.ones(1)), 2]
    assert json.loads(json.dumps(made)) == made


def test_functions_by_name_text_and_folder():
    assert function_name(products) == "study_functions:products"
    assert len(source_digest(products)) == 16 and source_digest(len) is None
    assert (source_folder(products) / "study_functions.py").exists()
    assert source_folder(len) is None


def test_the_settings_that_change_numbers_are_those_of_the_process():
    assert configuration()["jax_enable_x64"] is True
    with jax.enable_x64(False):
        assert configuration()["jax_enable_x64"] is False
