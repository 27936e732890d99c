"""Whether anything is lost, or changed in silence: killed processes, full disks, flipped bits.

    python -m experiments.kept_safe

`fit`, `simulate_learning`, `Study.run`, `Study.retry` and two commands are killed at random moments
and go on until they are through; files are written to disks that have room for all but one byte, or
less; single bits of checkpoints, networks and stores are flipped. After each, what comes out is the
same to the last bit as what nothing happened to, or an error says what is wrong. What comes out
goes to `experiments/results/kept_safe.json`; forty minutes on a core.
"""

import contextlib
import functools
import json
import os
import random
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import osciprop
from experiments.runs import options, parsed, write
from experiments.safety import tasks
from osciprop.files import CheckpointError
from osciprop.studies import StudyError

FILE = "kept_safe.json"
KILLS = {
    "fit": 45,
    "simulate_learning": 45,
    "Study.run": 35,
    "Study.retry": 35,
    "osciprop train": 20,
    "osciprop study run": 20,
}
IN_A_ROW = 12
"""Kills of one run, before it goes on to its end."""
FULL, FLIPPED = 60, 500
Outcomes = dict[str, int]
ALIKE, TOLD, SILENT, LOST = "the same bits", "an error says so", "other bits, no error", "lost"


def written(folder: Path) -> float:
    """Changes whenever a file below a folder does; files and folders may vanish meanwhile."""
    total = 0.0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.stat(os.path.join(place, name)).st_mtime
    return total


def killed(name: str, folder: Path, random: random.Random) -> bool:
    """Whether a program was killed before its end: most at some moment while it writes."""
    before, start = written(folder), time.monotonic()
    with tasks.program(name, folder) as running:
        if random.random() < 0.1:  # while it imports, compiles, or reads what is there
            time.sleep(random.uniform(0.0, 8.0))
        else:
            while running.poll() is None and written(folder) == before:
                time.sleep(0.002)
                if time.monotonic() - start > 300.0:
                    raise TimeoutError(f"{name} writes nothing")
            time.sleep(random.expovariate(1 / 0.15))
        running.kill()
        running.communicate()
        return running.returncode < 0


def finished(name: str, folder: Path) -> str:
    """The digest of a run that goes on to its end, or what it says instead."""
    with tasks.program(name, folder) as running:
        output, errors = running.communicate()
    if running.returncode:
        return errors.decode()[-2000:]
    return output.decode().split()[-1]


def kills(name: str, count: int, seed: int) -> Outcomes:
    """Kill a run at so many moments, and compare what it comes to at last."""
    found = {"kills": 0, "runs": 0, ALIKE: 0, SILENT: 0, LOST: 0}
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as temporary:
        folders = iter(Path(temporary) / str(number) for number in range(10**6))
        whole = next(folders)
        whole.mkdir()
        wanted = finished(name, whole)
        while found["kills"] < count:
            folder = next(folders)
            folder.mkdir()
            for _ in range(min(IN_A_ROW, count - found["kills"])):
                found["kills"] += killed(name, folder, chance)
            outcome = finished(name, folder)
            found["runs"] += 1
            found[ALIKE if outcome == wanted else LOST if len(outcome) > 40 else SILENT] += 1
            if outcome != wanted:
                print(f"{name}: {outcome}")
    return found


SHORT: dict[str, Callable[[Path], str]] = {
    "fit": lambda folder: tasks.fit(folder, 3),
    "simulate_learning": lambda folder: tasks.simulate(folder, 60),
    "Study.run": lambda folder: tasks.study_run(folder, 30),
    "Study.retry": lambda folder: tasks.study_retry(folder, 30),
}
"""Short ones, in this process."""
REMEDIES = ("raise the limit", "free space", "room")


@contextlib.contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file may become larger: a disk that is full to the byte."""
    import resource
    import signal

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def largest_below(folder: Path) -> int:
    """Bytes of the largest file."""
    return max(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def full_disks(name: str, count: int, seed: int) -> Outcomes:
    """Run on a disk that is full: from one byte short of what the largest file needs downwards."""
    run, chance = SHORT[name], random.Random(seed)
    found = {"disks": 0, "written, the same bits": 0, TOLD: 0, SILENT: 0, LOST: 0}
    with tempfile.TemporaryDirectory() as temporary:
        whole = Path(temporary) / "whole"
        whole.mkdir()
        wanted = run(whole)
        largest = largest_below(whole)
        for number in range(count):
            missing = number + 1 if number < count // 3 else chance.randrange(1, largest)
            folder = Path(temporary) / str(number)
            folder.mkdir()
            found["disks"] += 1
            told = outcome = ""
            try:
                with largest_file(largest - missing):
                    outcome = run(folder)
            except (OSError, StudyError) as error:
                told = str(error)
            if any(remedy in told for remedy in REMEDIES):
                found[TOLD] += 1
            elif outcome == wanted:
                found["written, the same bits"] += 1
            else:
                found[SILENT] += 1
                print(f"{name}, {missing} bytes short: {told or 'other bits'}")
            if run(folder) != wanted:
                found[LOST] += 1
    return found


def flipped(path: Path, chance: random.Random) -> None:
    """One bit of a file below a folder: of any of them, or of one as likely as it is large."""
    files = sorted(file for file in path.rglob("*") if file.is_file())
    chosen = chance.choices(files, [file.stat().st_size for file in files])[0]
    if chance.random() < 0.5:  # small ones as often as large ones
        chosen = chance.choice([file for file in files if file.stat().st_size])
    content = bytearray(chosen.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    chosen.write_bytes(content)


def saved(folder: Path) -> str:
    """A network that is saved where none is, and loaded."""
    path = folder / "network.osciprop"
    if not path.exists():
        osciprop.save(path, tasks.network())
    return tasks.digest(osciprop.load(path, like=tasks.network()))


def read(folder: Path) -> str:
    """Where there is a store, read it alone."""
    store = folder / "store"
    return tasks.results(store) if store.exists() else SHORT["Study.run"](folder)


READ: dict[str, Callable[[Path], str]] = {
    "fit": SHORT["fit"],
    "simulate_learning": SHORT["simulate_learning"],
    "save and load": saved,
    "Study.run": SHORT["Study.run"],
    "load_results": read,
}


def flips(name: str, count: int, seed: int) -> Outcomes:
    """Flip a bit of what a run left, and go on from it."""
    run, chance = READ[name], random.Random(seed)
    found = {"bits": 0, ALIKE: 0, TOLD: 0, SILENT: 0}
    with tempfile.TemporaryDirectory() as temporary:
        whole = Path(temporary) / "whole"
        whole.mkdir()
        wanted = run(whole)
        for number in range(count):
            kept = Path(temporary) / "kept"  # a study knows the folder it is in: `whole`
            shutil.copytree(whole, kept)
            flipped(whole, chance)
            found["bits"] += 1
            try:
                outcome = ALIKE if run(whole) == wanted else SILENT
            except (CheckpointError, StudyError) as error:
                outcome = TOLD if str(whole) in str(error) else SILENT
            found[outcome] += 1
            if outcome == SILENT:
                print(f"{name}, flip {number}: other bits, or an error that names nothing")
            shutil.rmtree(whole)
            kept.rename(whole)
    return found


def shared(count: int, among: int) -> list[int]:
    return [count // among + (number < count % among) for number in range(among)]


def main(argv: Sequence[str] | None = None) -> None:
    arguments = parsed(options(__doc__), argv)
    warnings.filterwarnings("ignore", message=".* points failed")
    path = arguments.output / FILE
    found = json.loads(path.read_text()) if path.exists() else {}
    parts: dict[str, Callable[[], Outcomes]] = {}
    killings, full, bits = (
        (KILLS, FULL, FLIPPED) if not arguments.tiny else ({"Study.run": 1}, 4, 5)
    )
    for seed, (name, count) in enumerate(killings.items()):
        parts[f"killed: {name}"] = functools.partial(kills, name, count, seed)
    for name, count in zip(SHORT, shared(full, len(SHORT)), strict=True):
        parts[f"disk full: {name}"] = functools.partial(full_disks, name, count, 0)
    for name, count in zip(READ, shared(bits, len(READ)), strict=True):
        parts[f"bit flipped: {name}"] = functools.partial(flips, name, count, 0)
    for part, run in parts.items():
        if part not in found:
            start = time.perf_counter()
            found[part] = {**run(), "seconds": round(time.perf_counter() - start)}
            write(path, found)
        print(part, *(f"{value} {key}" for key, value in found[part].items()), sep=", ")


if __name__ == "__main__":
    main()
