"""The API reference: a page for each folder of the package, made of its exports' docstrings.

A public name without a docstring, an argument that is not told, or no example, is a problem, and
fails the build.
"""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

from places import ROOT

PACKAGE = ROOT / "osciprop"
FOLDERS = (
    "networks",
    "dynamics",
    "equilibria",
    "gradients",
    "analysis",
    "training",
    "online",
    "datasets",
    "studies",
    "plotting",
    "files",
    "errors",
)
"""The pages, in the order in which the architecture's table has them."""

VALUES = {
    "CIFAR10": "Where CIFAR-10 is downloaded from, and what its bytes must be.",
    "CIFAR100": "Where CIFAR-100 is downloaded from, and what its bytes must be.",
    "CIFAR_STATISTICS": "Means and standard deviations of CIFAR's colour channels, as hep2022 has "
    "them.",
    "FASHION_MNIST": "Where Fashion-MNIST is downloaded from, and what its bytes must be.",
    "IMAGENET_STATISTICS": "Means and standard deviations of ImageNet's colour channels.",
    "INPUT": "The source of a synapse that comes from the network's input instead of a population.",
    "MNIST": "Where MNIST is downloaded from, and what its bytes must be.",
    "Scores": "The type of what a network answers, `(batch, outputs)`.",
    "State": "The type of potentials or activities: a pytree of arrays, batch first.",
    "States": "The type of several states at once: arrays with more leading axes than a state has.",
    "Targets": "The type of targets: labels `(batch,)`, or rows of numbers `(batch, outputs)`.",
}
"""What constants and types are that say nothing themselves."""


@dataclass(frozen=True)
class Export:
    """A public name: of which folder, and of which file in it."""

    name: str
    folder: str
    file: str

    @property
    def path(self) -> str:
        """The name by which a user finds it: in the package itself, or else in its folder."""
        return f"osciprop.{self.name}" if self.name in everyday() else self.in_folder

    @property
    def in_folder(self) -> str:
        return f"osciprop.{self.folder}.{self.name}"

    @property
    def value(self) -> Any:
        return getattr(importlib.import_module(f"osciprop.{self.folder}"), self.name)

    @property
    def is_constant(self) -> bool:
        """Whether it is a value, or the name of a type, and no class or function of its own."""
        own = getattr(self.value, "__module__", "").startswith("osciprop.")
        return not (own and (inspect.isclass(self.value) or inspect.isfunction(self.value)))

    @property
    def told(self) -> str:
        """Its docstring."""
        if not self.is_constant:
            return inspect.getdoc(self.value) or ""
        return VALUES.get(self.name, "") or _after_assignment(self)

    @property
    def summary(self) -> str:
        """The first sentence of its docstring, in one line."""
        first = " ".join(self.told.split("\n\n")[0].split())
        return re.split(r"(?<=[\w`)\]])(?<!Fig)(?<!Eq)\. (?=[A-Z`])", first)[0].rstrip(":")


def _after_assignment(export: Export) -> str:
    path = PACKAGE / export.folder / f"{export.file}.py"
    body = ast.parse(path.read_text(encoding="utf-8")).body
    for here, there in pairwise(body):
        names = [node.id for node in ast.walk(here) if isinstance(node, ast.Name)]
        is_assignment = isinstance(here, ast.Assign | ast.AnnAssign)
        if is_assignment and export.name in names and isinstance(there, ast.Expr):
            return inspect.cleandoc(ast.literal_eval(there.value))
    return ""


@cache
def everyday() -> dict[str, str]:
    """The names in `osciprop` itself, each with its folder, as the stub lists them."""
    return {name: folder for name, folder in _imports("__init__.pyi") if folder}


@cache
def exports(folder: str) -> tuple[Export, ...]:
    """What a folder exports; of files and errors, what the package itself does."""
    if folder in ("files", "errors"):
        found = [name for name, where in everyday().items() if where == folder]
        return tuple(Export(name, folder, folder) for name in sorted(found))
    found = _imports(f"{folder}/__init__.py")
    return tuple(Export(name, folder, file.replace(".", "/")) for name, file in found if file)


def _imports(file: str) -> list[tuple[str, str]]:
    """Every `from .file import name as name`."""
    tree = ast.parse((PACKAGE / file).read_text(encoding="utf-8"))
    statements = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    return [
        (alias.asname, node.module or "")
        for node in statements
        for alias in node.names
        if alias.asname
    ]


@cache
def by_text() -> dict[str, str]:
    """Public names by what texts call them: the whole name; a class's, or an everyday one, alone.

    A bare name that two folders export stands for neither.
    """
    found: dict[str, str] = {}
    twice: set[str] = set()
    for folder in FOLDERS:
        for export in exports(folder):
            found[export.path] = found[export.in_folder] = export.path
            found[f"{folder}.{export.name}"] = export.path
            if export.name[0].isupper() or export.name in everyday():
                twice |= {export.name} & set(found)
                found[export.name] = export.path
    return {text: path for text, path in found.items() if text not in twice}


def problems() -> Iterator[str]:
    """Every public name that is not told in full: tests/test_examples.py runs the examples."""
    for folder in FOLDERS:
        for export in exports(folder):
            if not export.told:
                yield f"{export.path} has no docstring"
            elif not export.is_constant:
                yield from _untold(export)


def _untold(export: Export) -> Iterator[str]:
    listed = re.findall(r"^    (\*{0,2}\w+): ", export.told, flags=re.MULTILINE)
    missing = set(_arguments(export.value)) - {entry.lstrip("*") for entry in listed}
    if missing:
        yield f"{export.path} does not tell its arguments {', '.join(sorted(missing))}"
    if ">>> " not in export.told:
        yield f"{export.path} has no example"


def _arguments(value: Any) -> list[str]:
    """The arguments of a function or of a class that is made by calling it."""
    if inspect.isclass(value) and (inspect.isabstract(value) or issubclass(value, Exception)):
        return []
    return [name for name in inspect.signature(value).parameters if name != "self"]


def pages() -> dict[str, str]:
    """All pages by their place in the site."""
    return {
        "reference/index.md": _index(),
        **{f"reference/{folder}.md": _page(folder) for folder in FOLDERS},
    }


def _index() -> str:
    rows = []
    for folder in FOLDERS:
        names = [export for export in exports(folder) if export.name in everyday()]
        rows += [f"\n## {folder}\n\n| name | what it is |\n|---|---|"] if names else []
        rows += [_row(export) for export in names]
    others = "\n".join(
        f"- [`osciprop.{folder}`]({folder}.md): {_docstring(folder).splitlines()[0]}"
        for folder in FOLDERS
        if folder not in ("files", "errors")
    )
    return (
        "# Everyday names\n\nWhat a user writes every day stands in `osciprop` itself; all else in "
        f"its folders:\n\n{others}\n\nEvery example below and there runs in the tests "
        "(`tests/test_examples.py`), which give them common modules, a small network and ten "
        "samples: [what examples take for granted](#what-examples-take-for-granted).\n"
        + "\n".join(rows)
        + f"\n\n## What examples take for granted\n\n```python\n{_surroundings()}```\n"
    )


def _surroundings() -> str:
    """The lines in which the tests make what examples may name."""
    text = (ROOT / "tests" / "test_examples.py").read_text(encoding="utf-8")
    function = next(
        node
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef) and node.name == "surroundings"
    )
    *steps, last = function.body[1:]
    assert isinstance(last, ast.Return) and isinstance(last.value, ast.Dict)
    own = [
        f"{ast.literal_eval(key)} = {ast.unparse(value)}"
        for key, value in zip(last.value.keys, last.value.values, strict=True)
        if key is not None and not isinstance(value, ast.Name)
    ]
    modules = (
        "import diffrax\nimport equinox as eqx\nimport jax\nimport jax.numpy as jnp\n"
        "import numpy as np\nimport optax\n\nimport osciprop\n\n"
    )
    return modules + "\n".join([*map(ast.unparse, steps), *own]) + "\n"


def _docstring(folder: str) -> str:
    path = PACKAGE / folder / "__init__.py"
    path = path if path.exists() else PACKAGE / f"{folder}.py"
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""


def _row(export: Export) -> str:
    summary = export.summary.replace("|", "\\|")
    return f"| [`{export.path.removeprefix('osciprop.')}`][{export.path}] | {summary} |"


TITLES = {"files": "Saving", "errors": "Errors and warnings"}


def _page(folder: str) -> str:
    told = _docstring(folder)
    listed = dict(re.findall(r"^    (\w+)/?  +(\S.*)$", told, flags=re.MULTILINE))
    groups: dict[str, list[Export]] = {name: [] for name in listed}
    for export in exports(folder):
        groups.setdefault(export.file.split("/")[0], []).append(export)
    groups = {name: group for name, group in groups.items() if group}
    title = TITLES.get(folder, f"osciprop.{folder}")
    parts = [f"# {title}\n\n{told.splitlines()[0]}\n"]
    if len(groups) > 1:
        rows = [_row(export) for group in groups.values() for export in group]
        parts.append("\n".join(["| name | what it is |", "|---|---|", *rows]))
    for name, group in groups.items():
        if len(groups) > 1:
            parts.append(f"## {name}\n\n{_sentence(listed.get(name, ''))}")
        parts += [_entry(export) for export in group]
    return "\n\n".join(parts) + "\n"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _entry(export: Export) -> str:
    if export.is_constant:
        anchors = f"{{#{export.path}}}"
        return f"### `{export.path}` {anchors}\n\n{export.told}"
    return f"::: {export.path}"
