"""Locks that end with the process, however it ends."""

import subprocess
import sys
from pathlib import Path

from osciprop.files import locks
from osciprop.files.locks import acquired

# Of the package, this file alone: the rest takes seconds to import.
FOLDER = str(Path(locks.__file__).parent)
HOLD = """
import sys, time
sys.path.insert(0, sys.argv[2])
from locks import acquired
file = open(sys.argv[1], "wb")
print(acquired(file), flush=True)
time.sleep(60)
"""


def test_one_holds_it_until_the_file_is_closed(tmp_path):
    with (tmp_path / "lock").open("wb") as one, (tmp_path / "lock").open("r+b") as other:
        assert acquired(one) and not acquired(other)
        one.close()
        assert acquired(other)


def test_a_killed_process_holds_nothing(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "lock"), FOLDER],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "True\n"
        with (tmp_path / "lock").open("r+b") as file:
            assert not acquired(file)
            process.kill()
            process.wait()
            assert acquired(file)
