"""What values are made of: equal in any process where they do the same, and only there."""

import json
import os
import re
import subprocess
import sys
import types
from pathlib import Path

import described_values
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from described_values import MAKE

from osciprop.files.composition import composition, is_installed
from osciprop.files.fingerprint import describe, describe_constants

HERE = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def described() -> dict[str, str]:
    return {name: describe(make()) for name, make in MAKE.items()}


@pytest.mark.slow
def test_another_process_describes_the_same(described):
    # Of other hashes, so that sets have another order.
    environment = {**os.environ, "PYTHONHASHSEED": "3"}
    environment["PYTHONPATH"] = os.pathsep.join([str(HERE.parent), str(HERE)])
    # Imported, as here: its functions belong to the same module.
    code = (
        "import jax, json; jax.config.update('jax_enable_x64', True); import described_values as d;"
        "from osciprop.files.fingerprint import describe, describe_constants;"
        "print(json.dumps([{n: describe(m()) for n, m in d.MAKE.items()},"
        "describe_constants(d.network())]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    values, constants = json.loads(done.stdout)
    assert values == described
    assert constants == describe_constants(described_values.network())


def test_the_same_made_anew_is_described_alike(described):
    assert {name: describe(make()) for name, make in MAKE.items()} == described


def test_what_differs_is_described_apart(described):
    assert len(set(described.values())) == len(MAKE)


def test_no_address_counts(described):
    text = " ".join([*described.values(), *(composition(make()) for make in MAKE.values())])
    assert not re.search(r"0x[0-9a-f]{6,}", text)


def functions(text: str) -> types.ModuleType:
    """A module of the user's with some text."""
    module = types.ModuleType("__main__")
    exec(compile(text, "script.py", "exec"), module.__dict__)
    return module


BEFORE = '''
import settings
RATE = 0.1
FACTORS = [1, 2]
class Scale: pass
def inner(x):
    return RATE * x
def outer(x, *, power=2):
    """What it does."""
    return inner(x) ** power + FACTORS[0] + sum(RATE for _ in range(3)) + settings.LIMIT
'''


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("RATE = 0.1", "RATE = 0.2", False),
        ("FACTORS = [1, 2]", "FACTORS = [1, 3]", False),
        ("power=2", "power=3", False),
        ("RATE * x", "RATE + x", False),
        ("** power", "** (power + 1)", False),
        ("range(3)", "range(4)", False),
        ("What it does.", "What it did.", True),
        ("RATE = 0.1", "# A comment.\n\nRATE = 0.1", True),
        ("class Scale: pass", "class Scale: unused = 1", True),
        ("class Scale: pass", "OTHER = 3", True),
    ],
)
def test_functions_count_by_all_they_reach(monkeypatch, old, new, same):
    settings = types.ModuleType("settings")
    settings.__dict__.update(LIMIT=1, __file__="settings.py")
    monkeypatch.setitem(sys.modules, "settings", settings)
    is_installed.cache_clear()
    before = describe(functions(BEFORE).outer)
    assert (describe(functions(BEFORE.replace(old, new)).outer) == before) is same
    assert describe(functions(BEFORE).outer) == before
    settings.__dict__["LIMIT"] = 2
    assert describe(functions(BEFORE).outer) != before


@pytest.mark.parametrize("jit", ["jax.jit", "equinox.filter_jit", "functools.cache"])
def test_what_compiles_a_function_does_not_count_its_lines(jit):
    text = f"import equinox, functools, jax\n@{jit}\ndef outer(x):\n    return 2 * x\n"
    before = describe(functions(text).outer)
    assert describe(functions(f"# A comment.\n\n{text}").outer) == before
    assert describe(functions(text.replace("2 *", "3 *")).outer) != before


def test_what_comes_with_packages_is_known():
    names = ["jax.numpy", "optax._src.base", "functools", "builtins", "numpy.random.mtrand"]
    assert all(map(is_installed, names))
    assert not is_installed("__main__") and not is_installed("described_values")


def test_nan_of_all_kinds_are_one():
    odd = np.frombuffer(np.asarray([0x7FF8000000000001], np.uint64).tobytes(), np.float64)
    assert np.isnan(odd).all()
    assert describe(odd) == describe(np.asarray([np.nan])) == describe(jnp.asarray([np.nan]))
    half = jnp.asarray([np.nan, 1], jnp.bfloat16)
    assert describe(half) == describe(-half * -1)


def test_the_order_of_bytes_in_memory_does_not_count():
    array = np.arange(12.0).reshape(3, 4)
    assert describe(array) == describe(np.asfortranarray(array)) == describe(array[::-1][::-1])


def test_traced_values_are_told_by_type():
    seen = []
    jax.jit(lambda value: seen.append(describe(value)))(jnp.arange(3.0))
    assert seen[0].startswith("traced float64[3]")


def test_depth_without_end_comes_to_one():
    class Deeper:
        def __reduce__(self):
            return Deeper, (Deeper(),)

    assert "Deeper" in describe(Deeper())
