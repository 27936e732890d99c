"""What `python -m experiments.studies.NAME` does: run a study, keep its results, draw them."""

import argparse
import importlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from osciprop.studies import Axis, InProcess, Processes, Study, export_netcdf

HERE = Path(__file__).parent


def main(name: str, argv: Sequence[str] | None = None) -> None:
    """Run the study of a module of this package into its store, or go on with it there."""
    parser = argparse.ArgumentParser(prog=f"python -m experiments.studies.{name}")
    parser.add_argument("--processes", type=int, default=1, help="worker processes")
    parser.add_argument("--output", type=Path, default=HERE, metavar="DIR", help="default here")
    parser.add_argument(
        "--tiny", action="store_true", help="one point, which is printed: shows that it runs"
    )
    arguments = parser.parse_args(argv)
    # By its own name and not as __main__: the store holds the function's name, workers import it.
    module = importlib.import_module(f"experiments.studies.{name}")
    if arguments.tiny:
        print(first_point(module.study).run(progress=False))
        return
    processes, output = arguments.processes, arguments.output
    engine = InProcess() if processes == 1 else Processes(processes)
    results = module.study.run(output / "stores" / name, engine=engine)
    export_netcdf(results, output / f"{name}.nc")
    module.plot(results).savefig(output / f"{name}.png", dpi=120)


def first_point(study: Study) -> Study:
    """The study with one value along each axis."""

    def first(axis: Axis) -> Axis:
        values = axis.values
        one = dict([next(iter(values.items()))]) if isinstance(values, Mapping) else values[:1]
        return replace(axis, values=one)

    axes = {name: first(axis) for name, axis in study.axes.items()}
    return Study(study.function, axes, constants=study.constants)
