"""What the program tells beside its results."""

import sys


def say(text: str) -> None:
    """Print one line on the standard error stream."""
    print(f"osciprop: {' '.join(text.split())}", file=sys.stderr)
