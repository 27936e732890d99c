"""One run of a study: open its store, compute what is missing, return the results."""

import contextlib
import datetime
import fcntl
import sys
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray
from tqdm import tqdm

from ..files.durable import UNFINISHED
from ..files.provenance import environment
from .arrays import MemoryArrays
from .engines import AbstractEngine, Task
from .errors import StudyError, StudyFailed, StudyInterrupted, StudyWarning
from .fingerprint import source_digest, source_folder
from .folder import HEADER, RESULTS, FolderArrays
from .outputs import Output
from .progress import Bar, Summary
from .records import read_json
from .results import dataset
from .store import DONE, FAILED, ResultStore
from .work import Work

FORMAT = "osciprop study 2"


@contextlib.contextmanager
def _writing(folder: Path | None) -> Iterator[None]:
    """Say of what cannot be written where it was to be, and what to do."""
    try:
        yield
    except OSError as error:
        raise StudyError(
            f"the store {folder} cannot be written ({error}): give a folder that can, with room, "
            "and run the study again"
        ) from error


@contextlib.contextmanager
def held(folder: Path | None) -> Iterator[None]:
    """Hold a study's folder, which is made if need be, for this process alone.

    Raises `StudyError` if another process holds it, or it cannot be written.
    """
    if folder is None:
        yield
        return
    with _writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # ends with the process at the latest
        except BlockingIOError as error:
            raise StudyError(
                f"another process runs the study in {folder}: wait for it, or give another folder"
            ) from error
        yield


def open_results(
    work: Work, settings: dict[str, Any], outputs: Mapping[str, Output], folder: Path | None
) -> ResultStore:
    """The store of a study, new or as an earlier run left it, with this run noted in it."""
    digest = source_digest(work.function)
    started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    header: dict[str, Any]
    run = {"started": started, "source": digest, **environment(source_folder(work.function))}
    if folder is None:
        header = {"format": FORMAT, "settings": settings, "runs": [run]}
        return ResultStore(MemoryArrays(work.grid), outputs, header)
    path = folder / HEADER
    fresh = not path.exists()
    if fresh:
        others = [
            entry.name
            for entry in folder.iterdir()
            if entry.name != ".lock" and not entry.name.startswith(UNFINISHED)
        ]
        if others and others != [RESULTS]:
            raise StudyError(
                f"the store {folder} holds {', '.join(sorted(others)[:3])}, but no study: give "
                "a new or empty folder"
            )
        header = {"format": FORMAT, "settings": settings, "runs": []}
        # The group first: a study that ends in between is a new one again.
        with _writing(folder):
            arrays = FolderArrays.create(work.grid, folder)
    else:
        header = read_header(path)
        _require_same(path, header, settings)
        arrays = FolderArrays.open(work.grid, folder)
    sources = {earlier["source"] for earlier in header["runs"]}
    if sources - {digest}:
        warnings.warn(
            f"the function of the study in {folder} has changed since points were stored there: "
            "if it computes other numbers, use a new store",
            StudyWarning,
            stacklevel=4,
        )
    header["runs"].append(run)
    with _writing(folder):
        arrays.note_header(header)
    return ResultStore(arrays, outputs, header)


def read_header(path: Path) -> dict[str, Any]:
    """What study.json says of a study. Raises `StudyError` if it is of another format."""
    header: Any = read_json(path)
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise StudyError(f"{path} is not of format {FORMAT!r}: give another store")
    return header


def _require_same(path: Path, header: dict[str, Any], settings: dict[str, Any]) -> None:
    differing = []
    for name, value in settings.items():
        stored = header["settings"].get(name)
        if stored == value:
            continue
        if isinstance(value, dict) and isinstance(stored, dict):
            for key in sorted({*value, *stored}):
                if value.get(key) != stored.get(key):
                    differing.append(f"{name}.{key}: {stored.get(key)} != {value.get(key)}")
        else:
            differing.append(f"{name}: {stored} != {value}")
    if differing:
        raise StudyError(
            f"the store {path.parent} was made with other settings ({'; '.join(differing):.1000}): "
            "use another store, or restore the settings"
        )


def compute(
    work: Work, store: ResultStore, engine: AbstractEngine, *, progress: bool, again: bool
) -> None:
    """Compute what is missing (with `again`, failed points too), and store it block by block."""
    with _writing(store.folder):
        tasks = _tasks(store, again)
    grid = store.grid
    missing = sum(len(task.points or ()) or task.block.size for task in tasks)
    summary = Summary(grid, grid.size - missing)
    bar = Bar(grid.size, summary.stored, progress)
    outcomes = engine.run(work, tasks)
    try:
        for outcome in outcomes:
            failed = store.write(outcome)
            summary.add(outcome, failed)
            bar.show(summary, len(outcome.seconds))
    except KeyboardInterrupt as error:
        where = f"in {store.folder}: run the study again to go on" if store.folder else "attached"
        raise StudyInterrupted(
            f"interrupted after {summary.done} points, which are {where}",
            None if store.folder else dataset(store),
        ) from error
    finally:
        outcomes.close()
        bar.close()
    if progress:
        tqdm.write(str(summary), file=sys.stderr)
    if lost := missing - summary.done - summary.failed:
        raise StudyError(
            f"{type(engine).__name__} ended without {lost} of {missing} points: run the study "
            "again to compute them; what was finished is kept"
        )


def _tasks(store: ResultStore, again: bool) -> list[Task]:
    """What is to be computed; damaged blocks are forgotten first, with a warning."""
    tasks = []
    for block, status, trouble in store.examine():
        if trouble:
            warnings.warn(f"{trouble}; computed anew", StudyWarning, stacklevel=5)
            store.forget(block)
        wanted = status != DONE if again else (status != DONE) & (status != FAILED)
        places = np.argwhere(wanted)
        if len(places) == block.size:
            tasks.append(Task(block))
        elif len(places):
            points = (tuple((place + block.start).tolist()) for place in places)
            tasks.append(Task(block, tuple(points)))
    return tasks


def conclude(store: ResultStore) -> xarray.Dataset:
    """The results; `StudyError` if there are none, a warning if some points failed."""
    results = dataset(store)
    status = results["status"].values
    failed = int(np.sum(status == FAILED))
    if failed:
        first = next(f for block in store.grid.blocks() for f in store.arrays.failures(block))
        text = f"{failed} of {status.size} points failed, the first at {first.label}: "
        remedy = "" if store.folder else " (give a store to keep tracebacks and to retry)"
        if failed == status.size:
            raise StudyFailed(f"{text}{first.message}{remedy}")
        warnings.warn(f"{text}{first.message}{remedy}", StudyWarning, stacklevel=4)
    return results
