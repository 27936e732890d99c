"""What functions are made of."""

import math

from osciprop.files.functions import by_name, parts

RATE = 0.1


def make(factor):
    def made(x, offset=1, *, power=2):
        return [factor * math.sqrt(RATE) * value**power + offset for value in (x, unknown)]  # noqa: F821

    return made


def test_parts():
    made = parts(make(3))
    assert made.defaults == (1,) and made.keywords == (("power", 2),)
    assert made.held == (("factor", 3),)
    assert dict(made.used) == {"math": math, "RATE": RATE}
    assert {"sqrt", "unknown"} <= set(made.names)


def test_names_of_inner_functions_count():
    def outer():
        return lambda: RATE

    assert dict(parts(outer).used) == {"RATE": RATE}


def test_a_function_that_is_not_complete():
    def recursive():
        return later()

    assert parts(recursive).held == (("later", None),)

    def later():
        return recursive()

    assert parts(recursive).held == (("later", later),)


def test_functions_of_a_module_are_known_by_their_name():
    assert by_name(make) and not by_name(make(1)) and not by_name(lambda: None)
