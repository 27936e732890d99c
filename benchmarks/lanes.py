"""How many points of a study should run side by side in a compiled call.

    python -m benchmarks.lanes

The bias of holomorphic EP over amplitude and seed (see benchmarks/studies.py) at 512 points, with 1
to 256 lanes, relative to a Python loop of compiled calls; the second best of five runs each, after
compilation. `osciprop.studies.program.divide` chooses by the bytes of a point; its choice is in
bold.
"""

import jax
import jax.numpy as jnp

from osciprop.studies import Study, logspace, seeds
from osciprop.studies.evaluation import Worker
from osciprop.studies.footprint import footprint
from osciprop.studies.program import divide
from osciprop.studies.work import Work

from .studies import by_loop, case

LANES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


def main() -> None:
    print(f"{jax.devices()[0].device_kind}, jax {jax.__version__}")
    print("| network | samples | per point | " + " | ".join(map(str, LANES)) + " |")
    print("|---|---|---|" + "---|" * len(LANES))
    axes = {
        "amplitude": logspace(0.01, 0.5, 16, vectorised=True),
        "seed": seeds(32, vectorised=True),
    }
    for sizes, samples in CASES:
        measure = case(sizes, samples)
        loop = sorted(by_loop(measure, axes)[1] for _ in range(5))[1]
        each = footprint(measure, jnp.zeros(()), jnp.zeros((), int))
        chosen = divide(256, each, None)[1]
        grid = Study(measure, axes).grid
        blocks = list(grid.blocks())
        ratios = []
        for lanes in LANES:
            worker = Worker(Work(measure, grid, {}, lanes * each))
            worker.program((0, 0))
            runs = [sum(sum(worker.evaluate(b).seconds.values()) for b in blocks) for _ in range(5)]
            ratio = f"{loop / sorted(runs)[1]:.2f}"
            ratios.append(f"**{ratio}**" if lanes == chosen else ratio)
        name = "-".join(map(str, sizes))
        print(f"| {name} | {samples} | {each / 1e6:.2f} MB | " + " | ".join(ratios) + " |")


CASES = [
    ([8, 16, 16, 4], 1),
    ([8, 16, 16, 4], 10),
    ([8, 16, 16, 4], 50),
    ([64, 128, 10], 5),
    ([64, 128, 10], 20),
    ([64, 128, 10], 50),
    ([256, 256, 10], 20),
]

if __name__ == "__main__":
    main()
