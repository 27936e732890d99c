"""The order of imports that docs/architecture.md and the folders' docstrings show is the code's."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "osciprop"
PAGE = ROOT / "docs" / "architecture.md"
MOST_ENTRIES, MOST_LINES = 20, 450


def order_on(page: str) -> list[str]:
    """The names of the page's table, top to bottom."""
    return re.findall(r"^\| `(\w+)` \|", page, flags=re.MULTILINE)


def order_in(docstring: str) -> list[str]:
    """The names that a folder's docstring lists, top to bottom; folders end with a slash there."""
    return re.findall(r"^    (\w+)/?  +\S", docstring, flags=re.MULTILINE)


def entries(folder: Path) -> dict[str, Path]:
    """Files and folders of Python, by the name that one imports."""
    found = {path.stem: path for path in folder.glob("*.py") if path.stem != "__init__"}
    return found | {path.parent.name: path.parent for path in folder.glob("*/__init__.py")}


def imported(path: Path, package: Path) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Line and place, within the package, of each import of the package itself.

    Imports inside functions and conditions count too.
    """
    inside = (package.name, *path.relative_to(package).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            targets = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = list(inside[: len(inside) - node.level + 1]) if node.level else []
            start = [*base, *(node.module.split(".") if node.module else [])]
            # `from . import teaching` names a module, `from .teaching import Contour` does not.
            targets = [
                [*start, alias.name] if is_module([*start, alias.name], package) else start
                for alias in node.names
            ]
        else:
            continue
        for target in targets:
            if target[0] == package.name:
                yield node.lineno, tuple(target[1:])


def is_module(name: Sequence[str], package: Path) -> bool:
    path = package.parent.joinpath(*name)
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def violations(package: Path, page: str) -> list[str]:
    """Each import against the order, and each file or line that has no counterpart."""
    orders: dict[Path, list[str]] = {package: order_on(page)}
    found: list[str] = []
    _check_folder(package, package, orders, found)
    return found


def _check_folder(
    folder: Path, package: Path, orders: dict[Path, list[str]], found: list[str]
) -> None:
    if folder != package:
        tree = ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))
        orders[folder] = order_in(ast.get_docstring(tree, clean=False) or "")
    name = "/".join(folder.relative_to(package).parts) or "the page"
    there = entries(folder)
    found += [
        f"{row} is listed in {name} but not there" for row in orders[folder] if row not in there
    ]
    for entry, path in sorted(there.items()):
        if entry not in orders[folder]:
            found.append(f"{entry} is missing in {name}: give it a line below all it imports")
        elif path.is_dir():
            _check_folder(path, package, orders, found)
        else:
            found += _disorder(path, package, orders)


def _disorder(path: Path, package: Path, orders: Mapping[Path, list[str]]) -> Iterator[str]:
    """The imports of a file that lead up: compared in the innermost folder that holds both."""
    own = path.relative_to(package).with_suffix("").parts
    for line, target in imported(path, package):
        where = f"{'/'.join(own)}, line {line}: imports "
        common = 0
        while common < min(len(own), len(target)) and own[common] == target[common]:
            common += 1
        if common == len(target):  # the whole package, a folder around the file, or itself
            yield where + ("/".join(target) or "the whole package")
            continue
        order = orders.get(package.joinpath(*own[:common]), [])
        if target[common] not in order:
            yield where + f"{'/'.join(target)}, which is not listed"
        elif order.index(target[common]) >= order.index(own[common]):
            yield where + f"{'/'.join(target)}, which stands below it"


def test_imports_follow_the_order_on_the_page():
    assert violations(PACKAGE, PAGE.read_text(encoding="utf-8")) == []


def test_the_house_is_small_enough_to_remember():
    rooms = [path for path in PACKAGE.iterdir() if path.name != "__pycache__"]
    assert len(rooms) <= MOST_ENTRIES
    lengths = {path: len(path.read_text().splitlines()) for path in PACKAGE.rglob("*.py")}
    assert {path: lines for path, lines in lengths.items() if lines > MOST_LINES} == {}


def test_files_are_told_in_one_line_each():
    for init in PACKAGE.glob("*/__init__.py"):
        page = PAGE.read_text(encoding="utf-8")
        assert f"| `{init.parent.name}` |" in page


PAGE_OF_THREE = "| `errors` | a |\n| `networks` | b |\n| `gradients` | c |\n"
GRADIENTS = '"""Gradients.\n\n    contrast  one\n    estimate  two\n    around/   three\n"""\n'


@pytest.fixture
def package(tmp_path) -> Path:
    """A package whose files are in order: errors, networks, gradients (contrast, estimate)."""
    files = {
        "__init__.py": "from .networks import a\nfrom . import gradients\n",
        "errors.py": "import os\n",
        "networks.py": "from .errors import a\n",
        "gradients/__init__.py": GRADIENTS + "from .estimate import a\n",
        "gradients/contrast.py": "from ..networks import a\nfrom .. import errors\n",
        "gradients/estimate.py": "from .contrast import a\nfrom toolkit.networks import b\n",
        "gradients/around/__init__.py": '"""Around.\n\n    lag  one\n"""\n',
        "gradients/around/lag.py": "from ..estimate import a\nfrom ...errors import a\n",
    }
    for name, content in files.items():
        path = tmp_path / "toolkit" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return tmp_path / "toolkit"


def test_an_ordered_package_passes(package):
    assert violations(package, PAGE_OF_THREE) == []


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("errors.py", "from .networks import a", "errors, line 1: imports networks, which stands"),
        ("errors.py", "from . import networks", "errors, line 1: imports networks, which stands"),
        ("errors.py", "import toolkit.networks", "errors, line 1: imports networks, which stands"),
        ("networks.py", "def f():\n    from .gradients import a", "networks, line 2: imports grad"),
        ("gradients/contrast.py", "from .estimate import a", "imports gradients/estimate, which"),
        ("gradients/contrast.py", "from . import a", "contrast, line 1: imports gradients"),
        ("gradients/contrast.py", "from .around.lag import a", "around/lag, which stands below"),
        ("networks.py", "from .gradients.around.lag import a", "lag, which stands below"),
        ("networks.py", "from . import a", "networks, line 1: imports the whole package"),
        ("networks.py", "from toolkit import a", "networks, line 1: imports the whole package"),
        ("news.py", "", "news is missing in the page"),
        ("gradients/news.py", "", "news is missing in gradients"),
    ],
)
def test_a_disorder_is_found(package, file, content, message):
    (package / file).write_text(content, encoding="utf-8")
    (found,) = violations(package, PAGE_OF_THREE)
    assert message in found


def test_a_line_without_a_file_is_found(package):
    found = violations(package, PAGE_OF_THREE + "| `plans` | d |\n")
    assert found == ["plans is listed in the page but not there"]
    init = package / "gradients" / "__init__.py"
    init.write_text(GRADIENTS.replace("three", "three\n    plans     four"), encoding="utf-8")
    assert violations(package, PAGE_OF_THREE) == ["plans is listed in gradients but not there"]
