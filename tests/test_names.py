"""What pages, notebooks, figures, experiments and benchmarks use of osciprop exists.

Names, and the keywords of calls by name: the code that uses them may run in other tests, or for
hours.
"""

import ast
import importlib
import inspect
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

import osciprop

ROOT = Path(__file__).resolve().parents[1]
CHAIN = re.compile(r"\bosciprop((?:\.[A-Za-z_]\w*)+)")
FOLDERS = ("paper_figures", "experiments", "benchmarks", "tests")
CODE = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
FILES = {"json", "py", "md", "mplstyle", "svg", "png"}
"""Ends of file names, such as `osciprop.json`, which are no attributes."""


def cells(path: Path) -> list[str]:
    """The Python of each code cell."""
    content = json.loads(path.read_text(encoding="utf-8"))
    sources = ["".join(cell["source"]) for cell in content["cells"] if cell["cell_type"] == "code"]
    return [re.sub(r"^%.*$", "", source, flags=re.MULTILINE) for source in sources]


def blocks(page: str) -> list[str]:
    """The Python of each fenced block."""
    return re.findall(r"^```python\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)


def chains(tree: ast.AST) -> Iterator[str]:
    """Every `osciprop.a.b` of code, and what it imports from osciprop."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            text = ast.unparse(node)
            if re.fullmatch(r"osciprop(\.\w+)+", text):
                yield text.removeprefix("osciprop")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("osciprop"):
            module = (node.module or "").removeprefix("osciprop")
            yield from (f"{module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name.startswith("osciprop.")]
            yield from (name.removeprefix("osciprop") for name in names)


def resolved(chain: str) -> Any:
    """What `osciprop` + `chain` is, modules imported on the way; `AttributeError` for nothing."""
    found: object = osciprop
    module = "osciprop"
    for part in chain.lstrip(".").split("."):
        if inspect.ismodule(found) and not hasattr(found, part):
            try:
                importlib.import_module(f"{module}.{part}")
            except ModuleNotFoundError as error:
                raise AttributeError(str(error)) from None
        found, module = getattr(found, part), f"{module}.{part}"
    return found


def unknown_names(names: Iterable[str]) -> Iterator[str]:
    for name in sorted(set(names)):
        try:
            resolved(name)
        except AttributeError:
            yield f"osciprop{name}"


def unknown_keywords(tree: ast.AST) -> Iterator[str]:
    """Keywords that what is called by its name does not take."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        if not re.fullmatch(r"osciprop(\.\w+)+", name):
            continue
        try:
            parameters = inspect.signature(resolved(name.removeprefix("osciprop"))).parameters
        except (AttributeError, TypeError, ValueError):  # unknown, or without a signature
            continue
        if not any(one.kind is one.VAR_KEYWORD for one in parameters.values()):
            given = {keyword.arg for keyword in node.keywords if keyword.arg}
            yield from (f"{name}({one}=)" for one in sorted(given - set(parameters)))


def problems(sources: Iterable[str]) -> list[str]:
    found: list[str] = []
    for source in sources:
        tree = ast.parse(source)
        found += [*unknown_names(chains(tree)), *unknown_keywords(tree)]
    return found


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_of_code(path):
    assert problems([path.read_text(encoding="utf-8")]) == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_of_pages(path):
    page = path.read_text(encoding="utf-8")
    names = {name for name in CHAIN.findall(page) if name.rpartition(".")[2] not in FILES}
    assert [*unknown_names(names), *problems(blocks(page))] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_of_notebooks(path):
    assert problems(cells(path)) == []


def test_what_was_renamed_is_found():
    lines = ("osciprop.networks.Directedd(1)", "from osciprop.networks.trees import nrm")
    code = "\n".join([*lines, "osciprop.Newton(a=1)"])
    assert problems([code]) == [
        "osciprop.networks.Directedd",
        "osciprop.networks.trees.nrm",
        "osciprop.Newton(a=)",
    ]
    assert problems(["osciprop.__version__.split('.')\nimport osciprop.studies.store"]) == []
