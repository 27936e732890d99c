"""The site: every page is in it, its guides' code runs, and nothing is loaded from elsewhere."""

import ast
import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import jax
import pytest

from benchmarks import choosing

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
CONFIGURATION = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
IN_NAVIGATION = re.findall(r"^ +- .+?: (\S+\.md)$", CONFIGURATION, flags=re.MULTILINE)
GUIDES = [
    "citing",
    "convolution",
    "did_not_converge",
    "first_steps",
    "index",
    "installation",
    "kept_safe",
    "logging",
    "noise",
    "own_data",
    "own_networks",
    "settled",
    "sharp_bits",
    "theory",
    "units_of_time",
]
"""Pages whose blocks run here, one after the other; those of others have tests of their own."""
FAST = {"citing", "installation", "kept_safe"}


def loaded(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of docs/making, which mkdocs imports by itself."""
    monkeypatch.syspath_prepend(str(DOCS / "making"))
    spec = importlib.util.spec_from_file_location(name, DOCS / "making" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module


def page(name: str) -> str:
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


def test_every_page_is_in_the_navigation(monkeypatch):
    places, reference = loaded("places", monkeypatch), loaded("reference", monkeypatch)
    sources = [
        *(f"docs/{path.relative_to(DOCS)}" for path in DOCS.rglob("*.md")),
        *places.OTHERS,
        *(f"notebooks/{path.name}" for path in places.notebooks()),
    ]
    made = ["reference/index.md", *(f"reference/{folder}.md" for folder in reference.FOLDERS)]
    assert sorted(IN_NAVIGATION) == sorted([*map(places.place, sources), *made])


@pytest.fixture
def settings_of_jax_stay():
    """A page tells where JAX keeps its programs: not those of the tests that follow."""
    names = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")
    before = {name: getattr(jax.config, name) for name in names}
    yield
    for name, value in before.items():
        jax.config.update(name, value)


@pytest.mark.usefixtures("settings_of_jax_stay")
@pytest.mark.parametrize(
    "name",
    [name if name in FAST else pytest.param(name, marks=pytest.mark.page) for name in GUIDES],
)
@pytest.mark.filterwarnings("ignore::osciprop.GradientAccuracyWarning")  # which they are about
def test_the_blocks_run_one_after_the_other(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    blocks = re.findall(r"^```python\n(.*?)^```", page(name), flags=re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        exec(block, names)


def messages() -> Iterator[list[str]]:
    """The fixed words of what says that something did not converge, or is to be doubted."""
    for path in sorted((ROOT / "osciprop").rglob("*.py")):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_telling = isinstance(function, ast.FunctionDef) and (
                function.name == "failure" or function.name.endswith("concerns")
            )
            if is_telling:
                yield from spoken(function)


def spoken(function: ast.AST) -> Iterator[list[str]]:
    """The fixed words of each message that a function makes, up to its remedy."""
    for node in ast.walk(function):
        if isinstance(node, ast.JoinedStr):
            parts = [part.value for part in node.values if isinstance(part, ast.Constant)]
            words = [re.split(r"Remedies|\bUse\b|: use\b", str(part))[0] for part in parts]
            if max(map(len, words), default=0) > 20:
                yield [part.strip(" ():;,.") for part in words]


def test_every_message_is_told():
    told = " ".join(page("did_not_converge").split())
    missing = [words for words in messages() if not any(quoted(part, told) for part in words)]
    assert not missing, f"docs/did_not_converge.md has no row of these: {missing}"


def quoted(words: str, told: str) -> bool:
    """Whether some four words in a row of a message, or all three, are on the page."""
    parts = words.split()
    width = min(max(len(parts), 3), 4)
    spans = [" ".join(parts[start : start + width]) for start in range(len(parts) - width + 1)]
    return any(span in told for span in spans)


def test_the_table_is_what_was_measured():
    content = json.loads(choosing.NUMBERS.read_text(encoding="utf-8"))
    for name, table in choosing.tables(content).items():
        assert table in page("choosing"), f"python -m benchmarks.choosing --redraw, for {name}"


def test_links_lead_to_where_files_are_in_the_site(monkeypatch):
    places = loaded("places", monkeypatch)
    told = "[a](../README.md) [b](time.md#chaos) ![c](../paper_figures/time/echoes.png) `[d](x.md)`"
    assert places.relinked(told, "docs/signals.md") == (
        "[a](overview.md) [b](time.md#chaos) ![c](paper_figures/time/echoes.png) `[d](x.md)`"
    )
    assert places.relinked("[e](docs/time.md)", "README.md") == "[e](time.md)"
    assert places.relinked("[f](../docs/time.md)", "experiments/README.md") == "[f](../time.md)"
    assert places.relinked("[g](notebooks/time.ipynb)", "README.md") == "[g](notebooks/time.md)"
    assert places.relinked("[h](no_such.md)", "README.md") == "[h](no_such.md)"
    assert list(places.linked(told, "docs/signals.md"))[2] == "paper_figures/time/echoes.png"


def test_what_is_loaded_from_elsewhere_is_found(tmp_path, monkeypatch):
    offline = loaded("offline", monkeypatch)
    (tmp_path / "whole.html").write_text(
        '<a href="https://example.org">elsewhere</a><script src="a.js"></script><img src="b.png">'
    )
    assert list(offline.loaded_from_elsewhere(tmp_path)) == []
    (tmp_path / "page.html").write_text(
        '<script src="https://example.org/a.js"></script><link href="//example.org/b.css">'
        '<p style="background: url(https://example.org/c.png)"></p><pre class="mermaid"></pre>'
    )
    (tmp_path / "style.css").write_text("@import 'https://example.org/d.css';")
    found = list(offline.loaded_from_elsewhere(tmp_path))
    assert [each.split(": ")[0] for each in found] == [*["page.html"] * 4, "style.css"]


def test_every_public_name_is_told(monkeypatch):
    loaded("places", monkeypatch)
    reference = loaded("reference", monkeypatch)
    assert list(reference.problems()) == []
    pages = reference.pages()
    for folder in reference.FOLDERS:
        for export in reference.exports(folder):
            assert export.path in pages[f"reference/{folder}.md"]


@pytest.mark.slow
def test_the_site_is_made_without_a_warning(tmp_path):
    if importlib.util.find_spec("mkdocs") is None:
        pytest.skip("mkdocs is not installed: `make docs` installs it")
    made = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    assert (tmp_path / "index.html").exists()
