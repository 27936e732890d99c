"""Try what is to be released as its users get it: outside of the checkout, on several Pythons.

    python .ci/distributions.py dist python3.11 python3.12 python3.13

For each Python the wheel is installed into two new environments, with the newest packages and with
the oldest that are allowed, and `smoke.py` beside this file runs there. The sdist holds every file
of the repository; its tests of the package's own files run from where it was unpacked.
"""

import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EXTRAS = "studies,commands"
TESTS = ("tests/test_names.py", "tests/test_architecture.py", "tests/test_plotting.py")


def run(*command: object, cwd: Path) -> str:
    """A program's output; it may not fail."""
    done = subprocess.run(list(map(str, command)), cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def environment(python: str, folder: Path) -> Path:
    """A new environment's interpreter."""
    run(python, "-m", "venv", folder, cwd=folder.parent)
    return folder / "bin" / "python"


def try_wheel(wheel: Path, python: str, constraints: Path | None) -> str:
    """Install the wheel into an environment of its own, and run the smoke test there."""
    with tempfile.TemporaryDirectory() as name:
        there = environment(python, Path(name) / "environment")
        limits = ["-c", constraints] if constraints else []
        pip = (there, "-m", "pip", "--disable-pip-version-check", "--quiet")
        run(*pip, "install", f"{wheel}[{EXTRAS}]", *limits, cwd=Path(name))
        return run(there, "-P", ROOT / ".ci" / "smoke.py", cwd=Path(name)).strip()


def try_sdist(sdist: Path) -> str:
    """Compare the sdist with the repository, and run tests from it in this environment."""
    tracked = run("git", "ls-files", cwd=ROOT).splitlines()
    with tempfile.TemporaryDirectory() as name, tarfile.open(sdist) as archive:
        archive.extractall(name, filter="data")
        (there,) = Path(name).iterdir()
        missing = [file for file in tracked if not (there / file).exists()]
        if missing:
            sys.exit(f"{sdist.name} lacks {missing}")
        tested = run(sys.executable, "-m", "pytest", "-q", *TESTS, cwd=there)
    return f"{len(tracked)} files, {tested.strip().splitlines()[-1]}"


def main() -> None:
    """Try the sdist once, and the wheel with every Python, newest and oldest packages."""
    folder, pythons = Path(sys.argv[1]).resolve(), sys.argv[2:]
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    print(f"{sdist.name}: {try_sdist(sdist)}", flush=True)
    for python in pythons:
        # What is oldest on 3.11 has no wheels for later Pythons.
        oldest = [ROOT / "oldest.txt"] if python == "python3.11" else []
        for constraints in (None, *oldest):
            what = "oldest" if constraints else "newest"
            print(f"{wheel.name}, {python}, {what} packages: ", end="", flush=True)
            print(try_wheel(wheel, python, constraints), flush=True)


if __name__ == "__main__":
    main()
