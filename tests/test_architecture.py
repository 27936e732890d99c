"""The order of imports that docs/architecture.md shows is the order in the code."""

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "osciprop"
PAGE = ROOT / "docs" / "architecture.md"


def order_on(page: str) -> list[str]:
    """The modules of the page's table, top to bottom: `a/b` is the module `osciprop.a.b`."""
    return [
        name.replace("/", ".")
        for name in re.findall(r"^\| `([\w/]+)` \|", page, flags=re.MULTILINE)
    ]


def module_name(path: Path, package: Path) -> str:
    """`gradients/contrast.py` as `gradients.contrast`; a package's `__init__` as the package."""
    parts = path.relative_to(package).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def position(module: str, order: Sequence[str]) -> int | None:
    """Where a module stands: by its own row, its package's row, or the last row of its parts."""
    for row, name in enumerate(order):
        if module == name or module.startswith(f"{name}."):
            return row
    parts = [row for row, name in enumerate(order) if name.startswith(f"{module}.")]
    return max(parts, default=None)


def imported(path: Path, package: Path) -> Iterator[tuple[int, str]]:
    """Line and name, within the package, of each import of the package itself ("" for all of it).

    Imports inside functions and conditions count too.
    """
    inside = (package.name, *path.relative_to(package).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            targets = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = [*inside[: len(inside) - node.level + 1]] if node.level else []
            start = ".".join([*base, *filter(None, [node.module])])
            # `from . import teaching` names a module, `from .teaching import Contour` does not.
            targets = [
                f"{start}.{alias.name}" if is_module(f"{start}.{alias.name}", package) else start
                for alias in node.names
            ]
        else:
            continue
        for target in targets:
            if target == package.name or target.startswith(f"{package.name}."):
                yield node.lineno, target.removeprefix(package.name).removeprefix(".")


def is_module(name: str, package: Path) -> bool:
    path = package.parent.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def violations(package: Path, order: Sequence[str]) -> list[str]:
    """Each import against the order, and each module or row that has no counterpart."""
    found = []
    modules = {module_name(path, package): path for path in sorted(package.rglob("*.py"))}
    for row in order:
        if row not in modules:
            found.append(f"{row} is on the page but not in the code")
    for module, path in modules.items():
        if not module:
            continue  # the package's own __init__ only re-exports
        place = position(module, order)
        if place is None:
            found.append(f"{module} is missing on the page: give it a row after all it imports")
            continue
        for line, target in imported(path, package):
            there = position(target, order) if target else None
            if not target:
                found.append(f"{module}, line {line}: imports the whole package")
            elif there is None:
                found.append(f"{module}, line {line}: imports {target}, which is not on the page")
            elif there > place:
                found.append(f"{module}, line {line}: imports {target}, which stands below it")
    return found


def test_imports_follow_the_order_on_the_page():
    assert violations(PACKAGE, order_on(PAGE.read_text(encoding="utf-8"))) == []


@pytest.fixture
def package(tmp_path) -> Path:
    """A package whose files are in order: errors, networks, gradients (contrast, estimate)."""
    files = {
        "__init__.py": "from .networks import a\nfrom . import gradients\n",
        "errors.py": "import os\n",
        "networks.py": "from .errors import a\n",
        "gradients/__init__.py": "from .estimate import a\n",
        "gradients/contrast.py": "from ..networks import a\nfrom .. import errors\n",
        "gradients/estimate.py": "from .contrast import a\nfrom toolkit.networks import b\n",
    }
    for name, content in files.items():
        path = tmp_path / "toolkit" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return tmp_path / "toolkit"


ORDER = ["errors", "networks", "gradients.contrast", "gradients.estimate"]


def test_an_ordered_package_passes(package):
    assert violations(package, ORDER) == []


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("errors.py", "from .networks import a", "errors, line 1: imports networks, which stands"),
        ("errors.py", "from . import networks", "errors, line 1: imports networks, which stands"),
        ("errors.py", "import toolkit.networks", "errors, line 1: imports networks, which stands"),
        ("networks.py", "def f():\n    from .gradients import a", "networks, line 2: imports grad"),
        ("gradients/contrast.py", "from .estimate import a", "imports gradients.estimate, which"),
        ("gradients/contrast.py", "from . import a", "contrast, line 1: imports gradients, which"),
        ("networks.py", "from . import a", "networks, line 1: imports the whole package"),
        ("networks.py", "from toolkit import a", "networks, line 1: imports the whole package"),
        ("news.py", "", "news is missing on the page"),
    ],
)
def test_a_disorder_is_found(package, file, content, message):
    (package / file).write_text(content, encoding="utf-8")
    (found,) = violations(package, ORDER)
    assert message in found


def test_a_row_without_a_module_is_found(package):
    assert violations(package, [*ORDER, "plans"]) == ["plans is on the page but not in the code"]
