"""What `python -m experiments.studies.NAME` does: run a study, keep its results, draw them."""

import argparse
import importlib
from pathlib import Path

from osciprop.studies import InProcess, Processes, export_netcdf

HERE = Path(__file__).parent


def main(name: str) -> None:
    """Run the study of a module of this package into its store, or go on with it there."""
    parser = argparse.ArgumentParser(prog=f"python -m experiments.studies.{name}")
    parser.add_argument("--processes", type=int, default=1, help="worker processes")
    processes = parser.parse_args().processes
    # By its own name and not as __main__: the store holds the function's name, workers import it.
    module = importlib.import_module(f"experiments.studies.{name}")
    engine = InProcess() if processes == 1 else Processes(processes)
    results = module.study.run(HERE / "stores" / name, engine=engine)
    export_netcdf(results, HERE / f"{name}.nc")
    module.plot(results).savefig(HERE / f"{name}.png", dpi=120)
