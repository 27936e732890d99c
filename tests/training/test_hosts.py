"""Several hosts: two processes that train together, and calls that cannot connect any.

That one host connects to itself is seen in `test_parallel`.
"""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import osciprop

ROOT = Path(__file__).parents[2]
SAME = 1e-12


def test_hosts_need_all_of_their_addresses():
    with pytest.raises(ValueError, match="index not given"):
        osciprop.training.connect_hosts("localhost:1234", 2)
    with pytest.raises(ValueError, match="index is 2 of 2 hosts"):
        osciprop.training.connect_hosts("localhost:1234", 2, 2)
    # These tests use JAX already.
    with pytest.raises(RuntimeError, match="before anything that uses JAX"):
        osciprop.training.connect_hosts("localhost:1234", 1, 0)


@pytest.mark.slow
def test_two_hosts_train_like_one(tmp_path):
    with socket.socket() as free:
        free.bind(("localhost", 0))
        coordinator = f"localhost:{free.getsockname()[1]}"
    command = [sys.executable, "-m", "tests.two_hosts", coordinator]
    hosts = [
        subprocess.Popen([*command, index, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE)
        for index in ("0", "1")
    ]
    try:
        outputs = [host.communicate(timeout=240)[0] for host in hosts]
    finally:
        for host in hosts:
            host.kill()
    for output in outputs:
        result = json.loads(output.splitlines()[-1])
        assert result["devices"] == 4 and result["files"] == ["run.checkpoint"]
        assert result["weights"] < SAME and result["losses"] < SAME
