"""A part of results, by values written as text."""

import numpy as np
import pytest

from osciprop.studies import Output, Study, linspace, select

pytestmark = pytest.mark.filterwarnings("ignore::osciprop.studies.StudyWarning")


def measure(amplitude, method):
    if amplitude > 0.6 and method == "b":
        raise ValueError("too much")
    return {"cosine": amplitude, "trace": np.full(3, amplitude)}


def make(function=measure, **options) -> Study:
    axes = {"amplitude": linspace(0.1, 0.9, 3, unit="V"), "method": ["a", "b"]}
    outputs = {"trace": Output("mV", ("time",))}
    return Study(function, axes, outputs=outputs, **options)


def test_select_by_values_as_they_are_written(tmp_path):
    results = make().run(tmp_path / "store", progress=False)
    part = select(results, {"amplitude": "0.1", "method": "b"})
    assert float(part["cosine"]) == 0.1
    assert set(part.dims) == {"time"}
    thirds = Study(lambda x: {"y": x}, {"x": linspace(0.0, 1.0, 4)}).run(progress=False)
    assert float(select(thirds, {"x": "0.333333"})["y"]) == pytest.approx(1 / 3)
    for wanted, message in (
        ({"amplitud": "0.1"}, "'amplitud' is no axis of the study: did you mean 'amplitude'"),
        ({"amplitude": "0.2"}, "'amplitude' has no value 0.2: choose one of 0.1, 0.5, 0.9"),
        ({"amplitude": "low"}, "no value low: choose"),
        ({"method": "c"}, "'method' has no value c: choose one of a, b"),
    ):
        with pytest.raises(ValueError, match=message):
            select(results, wanted)


def test_of_two_close_values_each_can_be_chosen():
    results = Study(lambda a: {"b": a}, {"a": [1.0, 1.000001]}).run(progress=False)
    assert select(results, {"a": "1.000001"})["b"].item() == 1.000001
    assert select(results, {"a": "1"})["b"].item() == 1.0
