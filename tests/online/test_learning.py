"""Learning while oscillating: exactness, exact resume, flat memory, and what is refused."""

import math
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import diffrax
import equinox as eqx
import jax
import numpy as np
import optax
import pytest
from helpers import relative_error, small_network

import osciprop
from osciprop.datasets import Dataset
from osciprop.gradients.local import local_gradient
from osciprop.online.simulation import begin, present

def leaves(run: osciprop.online.LearningRun) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(eqx.filter(run.state, eqx.is_array))]


def assert_identical(a: osciprop.online.LearningRun, b: osciprop.online.LearningRun) -> None:
    for left, right in zip(leaves(a), leaves(b), strict=True):
        np.testing.assert_array_equal(left, right)


CASES = {
    "periodic": simulation(),
    "adam, coloured": simulation(
        osciprop.PeriodicPlasticity(optax.adam(1e-2), every=2),
        noise=osciprop.ColouredNoise(0.02, 3.0),
        measurement=osciprop.MeasurementNoise(0.01),
    ),
    "continuous": simulation(osciprop.ContinuousPlasticity(400.0)),
}


@pytest.mark.parametrize(
    "name", [pytest.param("periodic", marks=pytest.mark.slow), "adam, coloured", "continuous"]
)
def test_pieces_are_bit_identical_to_the_whole(name):
    whole = learn(CASES[name], 5)
    first = learn(CASES[name], 2)
    second = learn(CASES[name], 5, start=first.state)
    assert_identical(whole, second)
    np.testing.assert_array_equal(np.concatenate([first.loss, second.loss]), whole.loss)
    changed = relative_error(whole.network, small_network())
    assert 0 < changed and math.isfinite(changed)


def test_resumes_from_a_checkpoint_with_its_recording(tmp_path: Path):
    probe = osciprop.Probe(observe, samples=8, start=1, every=2)
    whole = learn(simulation(), 6, probe=probe)
    path = tmp_path / "run.checkpoint"
    learn(simulation(), 3, probe=probe, checkpoint=path)
    resumed = learn(simulation(), 6, probe=probe, checkpoint=path)
    assert_identical(whole, resumed)
    np.testing.assert_array_equal(resumed.loss, whole.loss)
    np.testing.assert_array_equal(resumed.recording.times, whole.recording.times)
    for name, values in whole.recording.values.items():
        np.testing.assert_array_equal(resumed.recording.values[name], values)


KILLED = """
    import jax, sys
    sys.path.insert(0, {here!r})
    jax.config.update("jax_enable_x64", True)
    import test_online_learning as tests
    tests.learn(tests.simulation(), 100_000, checkpoint={path!r}, checkpoint_every=4)
"""


@pytest.mark.slow
def test_resumes_after_the_process_was_killed(tmp_path: Path):
    path = tmp_path / "run.checkpoint"
    script = textwrap.dedent(KILLED).format(here=str(Path(__file__).parents[1]), path=str(path))
    process = subprocess.Popen([sys.executable, "-c", script], cwd=Path(__file__).parents[2])
    try:
        while not path.exists():
            assert process.poll() is None, "the simulation ended by itself"
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    reached = osciprop.files.checkpoint.read_header(path)["rows"][-1][0] + 1
    resumed = learn(simulation(), reached + 3, checkpoint=path)
    assert_identical(resumed, learn(simulation(), reached + 3))


def test_divergence_stops_and_keeps_the_last_finite_state(tmp_path: Path):
    path = tmp_path / "run.checkpoint"
    wild = simulation(osciprop.PeriodicPlasticity(optax.sgd(float("inf"))))
    with pytest.raises(osciprop.NonFiniteLossError, match="not finite after presentation"):
        learn(wild, 5, checkpoint=path)
    assert osciprop.files.checkpoint.read_header(path)["rows"] == []


@pytest.mark.slow
def test_memory_is_flat():
    """10,000 periods of the digits network need no more memory than 100 (within 5 %)."""
    script = textwrap.dedent("""
        import resource, sys
        import optax, osciprop
        from osciprop.demo import build
        settings = osciprop.Simulation(
            osciprop.Oscillation(0.05, 10.0),
            osciprop.PeriodicPlasticity(optax.sgd(0.01)),
            presentation=10,
            integrator=osciprop.euler_maruyama(0.5),
        )
        osciprop.simulate_learning(
            build(0), osciprop.datasets.digits(), settings,
            presentations=int(sys.argv[1]) // 10, progress=False,
        )
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    """)
    peaks = [
        int(
            subprocess.run(
                [sys.executable, "-c", script, str(periods)],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
        )
        for periods in (100, 10_000)
    ]
    assert peaks[1] < 1.05 * peaks[0]


def test_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="not longer than the teaching period"):
        simulation(osciprop.ContinuousPlasticity(10.0))
    with pytest.raises(ValueError, match="presentation must be an integer"):
        simulation(presentation=0)
    with pytest.raises(ValueError, match="every must be an integer"):
        osciprop.PeriodicPlasticity(SGD, every=0)
    with pytest.raises(ValueError, match="whole number of steps"):
        simulation(integrator=osciprop.euler_maruyama(0.3))
    with pytest.raises(ValueError, match="key is None"):
        learn(simulation(), 1, key=None)
    with pytest.raises(osciprop.HolomorphyError):
        osciprop.simulate_learning(
            small_network(activation=osciprop.ReLU()),
            dataset(),
            simulation(),
            presentations=1,
            key=KEY,
        )
    path = tmp_path / "run.checkpoint"
    start = learn(simulation(), 1, checkpoint=path).state
    with pytest.raises(ValueError, match="start holds 2 copies of the network and batch_size=3"):
        learn(simulation(), 2, start=start, batch_size=3)
    with pytest.raises(ValueError, match="start is the state of another network or simulation"):
        learn(simulation(osciprop.PeriodicPlasticity(optax.adam(0.1))), 2, start=start)
    before = path.read_bytes()
    other = osciprop.hopfield_mlp([5, 4, 3], key=jax.random.key(0))
    with pytest.raises(osciprop.CheckpointError, match="network"):
        osciprop.simulate_learning(
            other,
            dataset(),
            simulation(),
            presentations=2,
            batch_size=2,
            key=KEY,
            checkpoint=path,
            progress=False,
        )
    with pytest.raises(osciprop.CheckpointError, match="simulation"):
        learn(simulation(noise=osciprop.WhiteNoise(0.5)), 2, checkpoint=path)
    with pytest.raises(osciprop.CheckpointError, match="key"):
        learn(simulation(), 2, key=jax.random.key(6), checkpoint=path)
    assert path.read_bytes() == before
