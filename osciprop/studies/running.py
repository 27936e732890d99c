"""One run of a study: open its store, compute what is missing, return the results."""

import contextlib
import datetime
import json
import sys
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray
from tqdm import tqdm

from ..files.durable import UNFINISHED
from ..files.locks import acquired
from ..files.provenance import environment
from .arrays import MemoryArrays
from .engines import AbstractEngine, Task
from .errors import StudyError, StudyFailed, StudyInterrupted, StudyWarning
from .fingerprint import holdings, source_digest, source_folder
from .folder import FolderArrays
from .grid import Block
from .layout import CONTENTS, HEADER, LOCK, RESULTS, WIDENING, holds_results
from .outputs import Output
from .progress import Bar, Summary
from .records import read_json
from .results import dataset
from .store import DONE, FAILED, MISSING, ResultStore
from .work import Work

FORMAT = "osciprop study 3"

EMPTY = ("[] #", "{} #", "set() #")
"""How descriptions of empty containers begin."""


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
        # To append nothing: the file may be a link to another one, which stays as it is.
        lock = (folder / LOCK).open("a")
    with lock:
        try:
            alone = acquired(lock)
        except OSError as error:
            raise StudyError(
                f"the study in {folder} cannot be held for this process alone ({error}): give a "
                "folder on a file system that has locks"
            ) from error
        if not alone:
            raise StudyError(
                f"another process runs the study in {folder}: wait for it, or give another folder"
            )
        yield


def open_results(
    work: Work, settings: dict[str, Any], outputs: Mapping[str, Output], folder: Path | None
) -> ResultStore:
    """The store of a study, new or as an earlier run left it, with this run noted in it."""
    digest = source_digest(work.function)
    started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    header: dict[str, Any]
    run = {
        "started": started,
        "source": digest,
        "held": holdings(work.function),
        **environment(source_folder(work.function)),
    }
    if folder is None:
        header = {"format": FORMAT, "settings": settings, "runs": [run]}
        return ResultStore(MemoryArrays(work.grid), outputs, header)
    path = folder / HEADER
    fresh = not path.exists()
    if fresh:
        _require_new(folder)
        header = {"format": FORMAT, "settings": settings, "runs": []}
        # The group first: a study that ends in between is a new one again.
        with _writing(folder):
            arrays = FolderArrays.create(work.grid, folder)
    else:
        header = read_json(path, FORMAT)
        _require_same(path, header, settings)
        arrays = FolderArrays.open(work.grid, folder)
    if changes := _changes(header["runs"], run):
        warnings.warn(
            f"{changes} of the study in {folder} has changed since points were stored there: "
            "if it computes other numbers, use a new store",
            StudyWarning,
            stacklevel=4,
        )
    header["runs"].append(run)
    with _writing(folder):
        arrays.note_header(header)
    return ResultStore(arrays, outputs, header)


def _changes(earlier: list[dict[str, Any]], run: dict[str, Any]) -> str:
    """What of a function is not what it was in an earlier run, "" if nothing is."""
    held = {
        name: text
        for before in earlier
        for name, text in before.get("held", {}).items()
        # What was empty then, the function has filled: a memory, a list of what it was called with.
        if not text.startswith(EMPTY) and run["held"].get(name, text) != text
    }
    if any(before["source"] != run["source"] for before in earlier):
        return "the function"
    return f"what the function reads, {', '.join(held)}," if held else ""


def _require_new(folder: Path) -> None:
    """Raise `StudyError` if a folder without study.json holds more than a beginning of a study."""
    own = {LOCK, RESULTS, CONTENTS, WIDENING}
    others = sorted(
        entry.name
        for entry in folder.iterdir()
        if entry.name not in own and not entry.name.startswith(UNFINISHED)
    )
    if holds_results(folder):
        raise StudyError(
            f"{folder / HEADER} is missing, and {folder / RESULTS} holds results: restore it from "
            "a copy, or remove the study's folder and run it anew"
        )
    if others:
        raise StudyError(
            f"the store {folder} holds {', '.join(others[:3])}, but no study: give a new or empty "
            "folder"
        )


def _require_same(path: Path, header: dict[str, Any], settings: dict[str, Any]) -> None:
    differing = []
    for name, value in settings.items():
        stored = header["settings"].get(name)
        if _same(stored, value):
            continue
        if isinstance(value, dict) and isinstance(stored, dict):
            for key in sorted({*value, *stored}):
                if not _same(stored.get(key), value.get(key)):
                    differing.append(f"{name}.{key}: {stored.get(key)} != {value.get(key)}")
            if name == "axes" and list(value) != list(stored) and set(value) == set(stored):
                differing.append(f"order of {name}: {', '.join(stored)} != {', '.join(value)}")
        else:
            differing.append(f"{name}: {stored} != {value}")
    if differing:
        raise StudyError(
            f"the store {path.parent} was made with other settings ({'; '.join(differing):.1000}): "
            "use another store, or restore the settings"
        )


def _same(stored: Any, value: Any) -> bool:
    """Whether a setting is the stored one, in its type too: as JSON, where 1 is not 1.0."""
    return json.dumps(stored) == json.dumps(value)


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
        if lost := missing - summary.done - summary.failed:
            raise StudyError(
                f"{type(engine).__name__} ended without {lost} of {missing} points: run the study "
                "again to compute them"
            )
    except KeyboardInterrupt as error:
        where = f"in {store.folder}: run the study again to go on" if store.folder else "attached"
        raise StudyInterrupted(
            f"interrupted after {summary.done} points, which are {where}",
            None if store.folder else dataset(store),
        ) from error
    except StudyError as error:
        if not store.folder:
            error.results = dataset(store)
        kept = store.folder or "the attribute `results` of this error"
        error.add_note(f"What was finished is in {kept}.")
        raise
    finally:
        outcomes.close()
        bar.close()
    if progress:
        tqdm.write(str(summary), file=sys.stderr)


def _tasks(store: ResultStore, again: bool) -> list[Task]:
    """What is to be computed; damaged blocks are forgotten first, with a warning."""
    found = store.examine()
    for block, trouble in found.troubles:
        _warn_of(trouble)
        store.forget(block)
    tasks: list[Task] = []
    if np.all(found.status == DONE):
        return tasks
    for block in store.grid.blocks():
        status = found.status[block.region]
        wanted = status == MISSING
        if np.any(status == FAILED) and (again or _unexplained(store, block, status)):
            wanted |= status == FAILED
        if np.all(wanted):
            tasks.append(Task(block))
        elif np.any(wanted):
            points = (tuple((place + block.start).tolist()) for place in np.argwhere(wanted))
            tasks.append(Task(block, tuple(points)))
    return tasks


def _unexplained(store: ResultStore, block: Block, status: np.ndarray) -> bool:
    """Whether it is lost why points failed: then they are computed again, with a warning."""
    try:
        store.failures(block, status)
    except StudyError as error:
        _warn_of(str(error).rsplit(": ", 1)[0])
        return True
    return False


def _warn_of(trouble: str) -> None:
    warnings.warn(f"{trouble}: computed anew", StudyWarning, stacklevel=6)


def conclude(store: ResultStore) -> xarray.Dataset:
    """The results; `StudyError` if there are none, a warning if some points failed."""
    results = dataset(store)
    status = results["status"].values
    failed = int(np.sum(status == FAILED))
    if failed:
        first = next(
            failure
            for block in store.grid.blocks()
            if np.any(status[block.region] == FAILED)
            for failure in store.failures(block, status[block.region])
        )
        text = f"{failed} of {status.size} points failed, the first at {first.label}: "
        remedy = "" if store.folder else " (give a store to keep tracebacks and to retry)"
        if failed == status.size:
            raise StudyFailed(f"{text}{first.message}{remedy}")
        warnings.warn(f"{text}{first.message}{remedy}", StudyWarning, stacklevel=4)
    return results
