"""A claim: one published number, ours beside it, and the criterion that decides."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Value = float | Sequence[float] | str


@dataclass(frozen=True)
class Claim:
    """One row of the report.

    `published` and `ours` are a number, a few numbers, or words; `criterion` says in words what
    `passed` tests. A claim that fails should carry the `reason`; a passing one may carry a remark.
    """

    figure: str
    text: str
    published: Value
    ours: Value
    criterion: str
    passed: bool
    reason: str = ""


def close(
    figure: str, text: str, published: Value, ours: Value, tolerance: float, reason: str = ""
) -> Claim:
    """Every number within an absolute `tolerance` of the published one."""
    worst = float(np.max(np.abs(np.asarray(ours) - np.asarray(published))))
    criterion = f"within {tolerance:.2g} (off by at most {worst:.2g})"
    return Claim(figure, text, published, ours, criterion, worst <= tolerance, reason)


def matches(figure: str, text: str, gap: float, tolerance: float, reason: str = "") -> Claim:
    """Many numbers at once: the largest difference, `gap`, from the published ones is small."""
    ours = f"largest difference {gap:.2g}"
    return Claim(
        figure, text, "the same", ours, f"within {tolerance:.2g}", gap <= tolerance, reason
    )


def relatively_close(
    figure: str, text: str, published: float, ours: float, tolerance: float, reason: str = ""
) -> Claim:
    """A number within a relative `tolerance` of the published one."""
    error = abs(ours / published - 1)
    criterion = f"within {100 * tolerance:.2g} % (off by {100 * error:.2g} %)"
    return Claim(figure, text, published, ours, criterion, error <= tolerance, reason)


def below(
    figure: str, text: str, published: Value, ours: float, limit: float, reason: str = ""
) -> Claim:
    """Our number is at most a `limit`."""
    return Claim(figure, text, published, ours, f"at most {limit:.5g}", ours <= limit, reason)


def above(
    figure: str, text: str, published: Value, ours: float, limit: float, reason: str = ""
) -> Claim:
    """Our number is at least a `limit`."""
    return Claim(figure, text, published, ours, f"at least {limit:.5g}", ours >= limit, reason)
