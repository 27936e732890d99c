import jax
import jax.numpy as jnp
import numpy as np
import pytest

from osciprop.studies import Axis, linspace, logspace, seeds
from osciprop.studies.axes import as_axis


def test_spaces_hold_both_ends():
    np.testing.assert_allclose(linspace(0, 1, 5).coordinates, [0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(logspace(0.01, 100, 3).coordinates, [0.01, 1, 100])
    assert seeds(3, first=2).arguments == [2, 3, 4]


def test_arguments_are_plain_python():
    kinds = [type(Axis(values).arguments[0]) for values in ([1, 2], [0.5, 1], ["a"], [True])]
    assert kinds == [int, float, str, bool]


def test_a_mapping_gives_objects_by_name():
    axis = Axis({"half": 0.5, "all": object})
    assert axis.coordinates.tolist() == ["half", "all"]
    assert axis.arguments == [0.5, object]
    axis.check("share")


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ([], ValueError, "axis 'noise' is empty"),
        ([1, 2, 1], ValueError, "axis 'noise' holds 1 more than once"),
        (np.array([0.1, 0.1]), ValueError, "axis 'noise' holds 0.1 more than once"),
        ([2**70], ValueError, "holds 1180591620717411303424, beyond 64-bit integers"),
        (["a", 1], ValueError, "axis 'noise' mixes numbers and words"),
        ([1.0, float("nan")], ValueError, "axis 'noise' holds nan: give finite"),
        ([[1], [2]], TypeError, r"axis 'noise' holds \[1\], neither a number nor a word"),
        (0.5, TypeError, "axis 'noise' is 0.5: give a list"),
        ("ab", TypeError, "axis 'noise' is 'ab': give a list"),
        (Axis(["a", "b"], vectorised=True), ValueError, "axis 'noise' cannot be vectorised"),
        (Axis({"a": 1}, vectorised=True), ValueError, "axis 'noise' cannot be vectorised"),
    ],
)
def test_bad_axes_are_named(values, error, message):
    with pytest.raises(error, match=message):
        as_axis(values).check("noise")


def test_integers_that_would_wrap_around_when_traced():
    axis = Axis([2**31, 1], vectorised=True)
    axis.check("seed")
    with jax.enable_x64(False), pytest.raises(ValueError, match="holds 2147483648, beyond 32-bit"):
        axis.check("seed")


def test_an_axis_of_jax_numbers():
    axis = Axis(jnp.asarray([0.5, 1.0]))
    axis.check("noise")
    assert axis.arguments == [0.5, 1.0]


def test_exponents_are_refused():
    with pytest.raises(ValueError, match="start of a logspace is -3: give the values themselves"):
        logspace(-3, 0, 4)
    with pytest.raises(ValueError, match="number must be an integer of at least 1, got 0"):
        linspace(0, 1, 0)
