"""What a release is made of agrees with the package: metadata, recipe, workflow, paper."""

import re
import tomllib
from pathlib import Path

import osciprop
from osciprop.files.references import entries

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
RENAMED = {"matplotlib-base": "matplotlib"}
"""Names on conda-forge that are not those of the index of Python packages."""


def text(*parts: str) -> str:
    return ROOT.joinpath(*parts).read_text(encoding="utf-8")


def test_versions_are_one():
    version = osciprop.__version__
    assert f'set version = "{version}"' in text("conda", "meta.yaml")
    assert f"\nversion: {version}\n" in text("CITATION.cff")
    assert f"Version {version}" in entries()["osciprop"]
    assert f"## [{version}]" in text("CHANGELOG.md")


def test_the_recipe_has_the_package_s_requirements():
    run = re.search(r"  run:\n(.*?)\n\n", text("conda", "meta.yaml"), flags=re.DOTALL)
    assert run is not None
    listed = re.findall(r"- (\S+) (>=\S+)", run[1])
    needed = [re.split("(?=>=)", one) for one in PROJECT["dependencies"]]
    needed.append(["python", PROJECT["requires-python"]])
    found = sorted([RENAMED.get(name, name), bound] for name, bound in listed)
    assert found == sorted(needed)


def test_the_workflow_runs_targets_that_there_are():
    targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), flags=re.MULTILINE))
    commands = re.findall(r"- run: make (.*)", text(".github", "workflows", "checks.yml"))
    used = {word for line in commands for word in line.split() if "=" not in word}
    assert used >= {"lint", "test", "notebooks", "docs", "dist", "test-newest", "test-oldest"}
    assert used <= targets


def test_the_pythons_of_the_workflow_are_those_of_the_metadata():
    (matrix,) = re.findall(
        r"  tests:.*?python: \[(.*?)\]", text(".github", "workflows", "checks.yml"), re.DOTALL
    )
    classified = [one.rpartition(" ")[2] for one in PROJECT["classifiers"] if ":: 3." in one]
    assert re.findall(r"3\.\d+", matrix) == classified


def test_the_paper_cites_what_it_lists():
    paper = text("paper", "paper.md").split("---", 2)[2]
    cited = set(re.findall(r"@(\w+)", paper))
    listed = dict(re.findall(r"^(@\w+\{(\w+),\n.*?^\})$", text("paper", "paper.bib"), re.M | re.S))
    works = {key: entry for entry, key in listed.items()}
    assert set(works) == cited
    known = entries()
    assert {key: entry for key, entry in works.items() if key in known} == {
        key: known[key] for key in works if key in known
    }


def test_paper_and_site_count_the_claims_of_the_report():
    counted = re.search(r"^(\d+ of \d+) claims pass", text("paper_figures", "REPORT.md"), re.M)
    assert counted is not None
    assert f"{counted[1]} pass" in text("paper", "paper.md")
    assert f"{counted[1]} claims" in text("docs", "comparison.md")
