"""Names of dimensions: given ones, or made ones."""

import pytest

from osciprop.studies import Output


def test_made_names_differ_by_value_and_place():
    assert Output("V").names("trace", 2) == ("trace_axis0", "trace_axis1")
    assert Output().names("loss", 0) == ()


def test_given_names_fit_or_are_refused():
    output = Output(dimensions=("time", "unit"))
    assert output.names("trace", 2) == ("time", "unit")
    with pytest.raises(ValueError, match=r"outputs\['trace'\].dimensions .* array of 1 dimensions"):
        output.names("trace", 1)


@pytest.mark.parametrize(
    ("dimensions", "message"),
    [
        ("time", "dimensions is 'time': give a tuple of identifiers"),
        (("a b",), r"dimensions is \('a b',\): give a tuple of identifiers"),
        ((1,), r"dimensions is \(1,\)"),
        (("x", "x"), "dimensions names 'x' twice: give each a name of its own"),
    ],
)
def test_names_that_cannot_be(dimensions, message):
    with pytest.raises(ValueError, match=message):
        Output(dimensions=dimensions)
