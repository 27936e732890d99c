"""Training on several devices, simulated in a process of its own (`several_devices.py`)."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import osciprop

HERE = Path(__file__).parents[1]
# In double precision; gradients differ in the order of a mean over 20 samples only.
SAME = 1e-12


def simulated(part: str) -> dict[str, Any]:
    """What a process with four simulated devices found."""
    process = subprocess.run(
        [sys.executable, "-m", "tests.several_devices", part],
        cwd=HERE.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def several() -> dict[str, Any]:
    return simulated("training")


@pytest.mark.slow
def test_four_devices_train_like_one(several):
    assert several["difference"] < SAME


@pytest.mark.slow
def test_a_trained_network_is_an_ordinary_one(several):
    assert several["trained on"] == 1


@pytest.mark.slow
def test_a_resumed_run_equals_an_uninterrupted_one(several):
    assert several["resumed"] == 0
    assert several["resumed on one"] < SAME


@pytest.mark.slow
def test_every_device_computes_its_own_samples(several):
    """Free and nudged (3 of 4 points are simulated) states alike; weights are everywhere."""
    assert several["shards"] == {
        "outputs": [20, 5],
        "free": [20, 5],
        "nudged": [60, 15],
        "error_signal": [20, 5],
        "weight": [64, 64],
    }


@pytest.mark.slow
def test_memory_of_a_device_shrinks_with_its_part(several):
    parameters, temporaries, batch = several["memory of one"]
    assert several["memory of four"][0] == parameters
    assert several["memory of four"][1] < temporaries / 2
    assert several["memory of four"][2] == batch / 4


@pytest.mark.slow
def test_devices_that_do_not_fit_are_refused(several):
    assert "devices is 5, but JAX has 4" in several["too many"]
    assert "batch_size is 18" in several["unequal"] and "such as 20" in several["unequal"]
    with pytest.raises(ValueError, match="devices must be an integer of at least 1"):
        osciprop.DataParallel(0)


@pytest.mark.slow
def test_one_host_connects_to_itself_once(several):
    assert several["connected"] == 4
    assert several["connected twice"].startswith("RuntimeError: the hosts could not be connected")


@pytest.mark.slow
def test_every_kind_of_method_is_the_same_on_four_devices():
    """Real and complex states, dyads, backpropagation, oscillation, noise of the same key."""
    differences = simulated("methods")
    assert len(differences) == 8
    for name, (difference, samples_of_a_device) in differences.items():
        assert difference < SAME, name
        assert samples_of_a_device == 5, name
