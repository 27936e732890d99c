"""Missing libraries are named, with what is to be installed; none is a single system's own."""

import builtins
import importlib
import subprocess
import sys

import pytest
from study_functions import ENVIRONMENT

from osciprop.studies import extras

WITHOUT = """
import sys
sys.modules[{missing!r}] = None
try:
    import {module}
except ImportError as error:
    print(type(error).__name__, error.name, error)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("missing", "module", "extra"),
    [
        *((name, "osciprop.studies", "studies") for name in (*extras.IMPORTED, *extras.LATER)),
        ("distributed", "osciprop.studies.dask", "cluster"),
    ],
)
def test_a_missing_library_is_named_with_its_extra(missing, module, extra):
    program = WITHOUT.format(missing=missing, module=module)
    ended = subprocess.run(
        [sys.executable, "-c", program], env=ENVIRONMENT, capture_output=True, text=True
    )
    assert ended.stdout == (
        f"ModuleNotFoundError {missing} osciprop.studies needs {missing}, which is not installed: "
        f'pip install "osciprop[{extra}]"\n'
    ), ended.stderr


@pytest.mark.parametrize("missing", extras.IMPORTED)
def test_what_is_imported_is_looked_for(monkeypatch, missing):
    original = builtins.__import__

    def without(name, *rest):
        if name.partition(".")[0] == missing:
            raise ImportError(f"No module named {name!r}", name=name)
        return original(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ModuleNotFoundError, match=rf'needs {missing}, .*"osciprop\[studies\]"'):
        importlib.reload(extras)


def test_no_module_of_posix_is_imported_by_the_package():
    import ast
    from pathlib import Path

    import osciprop

    posix = {"fcntl", "grp", "pwd", "resource", "termios", "posix", "pty", "syslog"}
    for path in Path(osciprop.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names = {(node.module or "").partition(".")[0]}
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                called = f"{node.value.id}.{node.attr}"
                assert called not in {"os.fork", "os.kill", "os.getuid", "signal.SIGKILL"}, path
                continue
            else:
                continue
            assert not names & posix, path
