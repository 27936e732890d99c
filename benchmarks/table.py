"""The table of benchmarks/README.md, from a run stored by pytest-benchmark.

python -m pytest benchmarks --benchmark-only --benchmark-json=run.json
python benchmarks/table.py run.json
"""

import json
import sys
from pathlib import Path
from typing import Any


def table(run: dict[str, Any]) -> str:
    """Median times, and their ratio to the backpropagation step of the same run."""
    # Other files have a backpropagation step of their own, and other columns.
    rows = [entry for entry in run["benchmarks"] if "test_gradients.py" in entry["fullname"]]
    unit = next(row["stats"]["median"] for row in rows if row["name"] == "test_backprop_step")
    lines = [
        "| gradient | network | ms | backprop steps | cosine | first call, s |",
        "|---|---|---|---|---|---|",
        f"| backpropagation step | feedforward | {1e3 * unit:.2f} | 1 | | |",
    ]
    for entry in rows:
        if entry["params"] is None:
            continue
        median, extra = entry["stats"]["median"], entry["extra_info"]
        lines.append(
            f"| {entry['params']['name']} | {entry['params']['case']} | {1e3 * median:.1f} | "
            f"{median / unit:.1f} | {extra['cosine']:.5f} | {extra['first call, s']:.1f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    print(table(json.loads(Path(sys.argv[1]).read_text())))
