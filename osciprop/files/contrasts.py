"""What differs between settings, in words short enough to be read."""

import json
from collections.abc import Mapping
from typing import Any

from .fingerprint import without_digest

WIDTH = 80
"""Characters of a value that are shown."""
NAMED = 5
"""Differences within one setting that are named; of more, their number is."""


def contrasts(stored: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    """The settings of JSON that differ, each as `name: stored != given`.

    Those that are objects themselves are compared name by name, and what is part of something that
    differs is not named beside it.
    """
    found: dict[str, str] = {}
    for name in dict.fromkeys([*given, *stored]):
        if name.startswith(tuple(part for other in found for part in (f"{other}.", f"{other}["))):
            continue
        if name not in given:
            found[name] = f"{name}: {_shown(stored[name])} in the file, not given"
        elif name not in stored:
            found[name] = f"{name}: not in the file, {_shown(given[name])} given"
        elif isinstance(stored[name], Mapping) and isinstance(given[name], Mapping):
            inner = contrasts(stored[name], given[name])
            if inner:
                named = [f"{name}{'' if part[0] in '.[' else '.'}{part}" for part in inner[:NAMED]]
                more = [f"{len(inner) - NAMED} more of {name}"] if len(inner) > NAMED else []
                found[name] = "; ".join([*named, *more])
        elif json.dumps(stored[name], sort_keys=True) != json.dumps(given[name], sort_keys=True):
            found[name] = f"{name}: {' != '.join(apart(stored[name], given[name]))}"
    return list(found.values())


def apart(one: Any, other: Any) -> tuple[str, str]:
    """Two values as text, from shortly before the first place where they differ."""
    whole = str(one), str(other)
    bare = without_digest(whole[0]), without_digest(whole[1])
    if bare[0] == bare[1]:  # in what is too long to be shown, such as code or arrays
        return _ends(whole[0]), _ends(whole[1])
    longest = max(map(len, bare))
    begin = 0 if longest <= WIDTH else max(0, _common(*bare) - WIDTH // 3)
    return _cut(bare[0], begin), _cut(bare[1], begin)


def _common(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


def _shown(value: Any) -> str:
    return _cut(without_digest(str(value)), 0)


def _cut(text: str, begin: int) -> str:
    part = text[begin : begin + WIDTH]
    return f"{'...' if begin else ''}{part}{'...' if begin + WIDTH < len(text) else ''}"


def _ends(text: str) -> str:
    """The beginning of a description, and its digest."""
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 20]}...{text[-18:]}"
