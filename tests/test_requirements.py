"""The oldest versions that are tested are the lower bounds that are declared."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_oldest_versions_are_the_lower_bounds():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    tested = [extras[name] for name in ("studies", "cluster", "commands", "test")]
    bounds = [one for names in (project["dependencies"], *tested) for one in names if ">=" in one]
    pinned = [line for line in (ROOT / "oldest.txt").read_text().splitlines() if "==" in line]
    assert sorted(pinned) == sorted(bound.replace(">=", "==") for bound in bounds)
