"""`osciprop study`: parameter studies, from a file to a table or a picture."""

import abc
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from .command import AbstractCommand, Store, StudyFile
from .messages import say
from .study_plots import Map, Plot, beside

if TYPE_CHECKING:
    import xarray

    from .. import studies

SOME_FAILED = 3
"""Exit status of a study that finished with failed points."""

ENGINE = tyro.conf.create_mutex_group(required=False, title="where points are computed")


@dataclasses.dataclass(frozen=True)
class _Computing(AbstractCommand):
    file: StudyFile
    """The study: a TOML file, or a Python file that defines a Study called study."""
    store: Path | None = None
    """Folder of the results. By default beside FILE, called like it without its ending."""
    processes: Annotated[int | None, ENGINE] = None
    """Compute in so many processes of this machine, instead of in this one."""
    dask: Annotated[str | None, ENGINE] = None
    """Compute on a Dask cluster: the address of its scheduler, such as tcp://host:8786."""
    quiet: bool = False
    """Show no progress."""

    @property
    def resumes(self) -> bool:
        return True

    @abc.abstractmethod
    def _compute(
        self, study: "studies.Study", store: Path, engine: "studies.AbstractEngine"
    ) -> "xarray.Dataset": ...

    def execute(self) -> int:
        from ..studies import StudyFailed, load_study
        from ..studies.store import FAILED

        study = load_study(self.file)
        store = self.store or self.file.with_suffix("")
        try:
            results = self._compute(study, store, self._engine())
        except StudyFailed as error:
            say(f"error: {error}")
            return SOME_FAILED
        print(f"results in {store}")
        return SOME_FAILED if (results["status"] == FAILED).any() else 0

    def _engine(self) -> "studies.AbstractEngine":
        from ..studies import InProcess, Processes

        if self.processes is not None:
            return Processes(self.processes)
        if self.dask is not None:
            from ..studies.dask import Dask

            return Dask(self.dask)
        return InProcess()


@dataclasses.dataclass(frozen=True)
class Run(_Computing):
    """Compute what is missing of a study, and store it point by point.

    It may be interrupted at any time, and goes on where it ended when it is run again. Points that
    fail are recorded, and not computed again; see retry.
    """

    def _compute(
        self, study: "studies.Study", store: Path, engine: "studies.AbstractEngine"
    ) -> "xarray.Dataset":
        return study.run(store, engine=engine, progress=not self.quiet)


@dataclasses.dataclass(frozen=True)
class Retry(_Computing):
    """Compute the failed points of a study again, and what is missing."""

    def _compute(
        self, study: "studies.Study", store: Path, engine: "studies.AbstractEngine"
    ) -> "xarray.Dataset":
        return study.retry(store, engine=engine, progress=not self.quiet)


@dataclasses.dataclass(frozen=True)
class Status(AbstractCommand):
    """Show how far a study has come, and what failed. It may be running."""

    store: Store
    """Folder of the results."""

    def execute(self) -> int:
        from ..studies import study_status

        print(study_status(self.store))
        return 0


@dataclasses.dataclass(frozen=True)
class Export(AbstractCommand):
    """Write the results of a study to one file."""

    store: Store
    """Folder of the results."""
    to: Literal["csv", "netcdf"]
    """Format: a table with one row per point, or netCDF with all arrays."""
    output: Path | None = None
    """The file to write. By default beside STORE, called like it."""

    def execute(self) -> int:
        from ..studies import export_csv, export_netcdf, load_results

        write, ending = (export_csv, ".csv") if self.to == "csv" else (export_netcdf, ".nc")
        output = self.output or beside(self.store, ending)
        write(load_results(self.store), output)
        print(output)
        return 0


@dataclasses.dataclass(frozen=True)
class Study(AbstractCommand):
    """Compute, inspect and plot parameter studies."""

    command: (
        Annotated[Run, tyro.conf.subcommand("run")]
        | Annotated[Status, tyro.conf.subcommand("status")]
        | Annotated[Retry, tyro.conf.subcommand("retry")]
        | Annotated[Export, tyro.conf.subcommand("export")]
        | Annotated[Plot, tyro.conf.subcommand("plot")]
        | Annotated[Map, tyro.conf.subcommand("map")]
    )

    @property
    def resumes(self) -> bool:
        return self.command.resumes

    def execute(self) -> int:
        return self.command.execute()
