"""The list of slow tests names tests that there are."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NAMES = (ROOT / "tests" / "slow.txt").read_text(encoding="utf-8").splitlines()


def test_every_name_is_a_test():
    unknown = []
    for name in NAMES:
        file, function = re.fullmatch(r"(.*?\.py)::(?:\w+::)?(\w+)(?:\[.*\])?", name).groups()
        path = ROOT / file
        if not path.exists() or f"def {function}(" not in path.read_text(encoding="utf-8"):
            unknown.append(name)
    assert unknown == []


def test_it_is_sorted_and_each_name_is_told_once():
    assert sorted(set(NAMES)) == NAMES
