"""Learning while oscillating: exactness, exact resume, flat memory, and what is refused."""

import math
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import equinox as eqx
import jax
import numpy as np
import optax
import pytest
from helpers import relative_error, small_network
from online_cases import KEY, PROBE, SETTINGS, dataset, learn, observe, simulation
from signal_cases import wave

import osciprop


def leaves(run: osciprop.online.LearningRun) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(eqx.filter(run.state, eqx.is_array))]


def assert_identical(a: osciprop.online.LearningRun, b: osciprop.online.LearningRun) -> None:
    for left, right in zip(leaves(a), leaves(b), strict=True):
        np.testing.assert_array_equal(left, right)


CASES = {
    "periodic": SETTINGS,
    "adam, coloured": simulation(
        osciprop.PeriodicPlasticity(optax.adam(1e-2), every=2),
        noise=osciprop.ColouredNoise(0.02, 3.0),
        measurement=osciprop.MeasurementNoise(0.01),
    ),
    "continuous": simulation(osciprop.ContinuousPlasticity(400.0)),
    "fading, continuous": simulation(
        osciprop.ContinuousPlasticity(400.0), transition=osciprop.online.Fade(1.5)
    ),
}
FADING = simulation(transition=osciprop.online.Fade(1.0))


@pytest.mark.parametrize(
    "name", ["periodic", *(pytest.param(n, marks=pytest.mark.slow) for n in list(CASES)[1:])]
)
def test_pieces_are_bit_identical_to_the_whole(name):
    whole = learn(CASES[name], 5)
    first = learn(CASES[name], 2)
    second = learn(CASES[name], 5, start=first.state)
    assert_identical(whole, second)
    np.testing.assert_array_equal(np.concatenate([first.loss, second.loss]), whole.loss)
    changed = relative_error(whole.network, small_network())
    assert 0 < changed and math.isfinite(changed)


@pytest.mark.parametrize(
    "probe",
    [
        PROBE,
        pytest.param(osciprop.Probe(observe, samples=8, start=1, every=2), marks=pytest.mark.slow),
    ],
    ids=["all", "some"],
)
def test_resumes_from_a_checkpoint_with_its_recording(probe, tmp_path: Path):
    whole = learn(SETTINGS, 6, probe=probe)
    path = tmp_path / "run.checkpoint"
    learn(SETTINGS, 3, probe=probe, checkpoint=path)
    resumed = learn(SETTINGS, 6, probe=probe, checkpoint=path)
    assert_identical(whole, resumed)
    np.testing.assert_array_equal(resumed.loss, whole.loss)
    np.testing.assert_array_equal(resumed.recording.times, whole.recording.times)
    for name, values in whole.recording.values.items():
        np.testing.assert_array_equal(resumed.recording.values[name], values)


KILLED = """
    import sys
    sys.path[:0] = {places!r}
    import conftest  # the settings of this process, for the same bits
    from online_cases import SETTINGS, learn
    learn(SETTINGS, 5_000, checkpoint={path!r}, checkpoint_every=4)
"""


@pytest.mark.slow
def test_resumes_after_the_process_was_killed(tmp_path: Path):
    path = tmp_path / "run.checkpoint"
    places = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]
    script = textwrap.dedent(KILLED).format(places=places, path=str(path))
    process = subprocess.Popen([sys.executable, "-c", script])
    try:
        while not path.exists():
            assert process.poll() is None, "the simulation ended by itself"
            time.sleep(0.01)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    reached = osciprop.files.checkpoint.read_header(path)["presentations"]
    resumed = learn(SETTINGS, reached + 3, checkpoint=path)
    assert_identical(resumed, learn(SETTINGS, reached + 3))


@pytest.mark.slow
def test_samples_that_fade_resume_from_a_checkpoint(tmp_path: Path):
    path = tmp_path / "run.checkpoint"
    whole = learn(FADING, 3)
    learn(FADING, 1, checkpoint=path)
    assert_identical(whole, learn(FADING, 3, checkpoint=path))
    jumping = learn(SETTINGS, 3)
    assert jumping.state.before is None
    assert not np.array_equal(whole.loss, jumping.loss)
    assert whole.loss[0] == pytest.approx(jumping.loss[0], rel=1e-9)  # nothing was before it
    with pytest.raises(ValueError, match="start is the state of another network or simulation"):
        learn(FADING, 4, start=jumping.state)


def flowing(presentations: int, **options) -> osciprop.online.LearningRun:
    data = wave(np.ones((2, 5)), 0.01), wave(np.full((2, 3), 0.5j), 0.02, mean=1.0)
    return osciprop.simulate_learning(
        small_network(),
        data,
        simulation(noise=None),
        presentations=presentations,
        batch_size=2,
        progress=False,
        **options,
    )


@pytest.mark.slow
def test_signals_are_learned_without_borders(tmp_path: Path):
    """In pieces too: the time goes on."""
    path = tmp_path / "run.checkpoint"
    whole = flowing(3)
    flowing(1, checkpoint=path)
    resumed = flowing(3, checkpoint=path)
    assert_identical(whole, resumed)
    assert np.isfinite(whole.loss).all() and len(set(whole.loss)) == 3


@pytest.mark.slow
def test_continuous_plasticity_moves_weights_all_the_time():
    run = learn(CASES["continuous"], 2)
    assert len(np.unique(run.recording.values["weight"])) == 32


def test_divergence_stops_and_keeps_the_last_finite_state(tmp_path: Path):
    path = tmp_path / "run.checkpoint"
    wild = simulation(noise=osciprop.WhiteNoise(1.7e308))
    with pytest.raises(osciprop.NonFiniteLossError, match="not finite after presentation"):
        learn(wild, 5, checkpoint=path)
    assert osciprop.files.checkpoint.read_header(path)["presentations"] == 0


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
    with pytest.raises(ValueError, match="key is None"):
        learn(SETTINGS, 1, key=None)
    with pytest.raises(osciprop.HolomorphyError):
        osciprop.simulate_learning(
            small_network(activation=osciprop.ReLU()),
            dataset(),
            SETTINGS,
            presentations=1,
            key=KEY,
        )
    path = tmp_path / "run.checkpoint"
    start = learn(SETTINGS, 1, checkpoint=path).state
    with pytest.raises(ValueError, match="start holds 2 copies of the network and batch_size=3"):
        learn(SETTINGS, 2, start=start, batch_size=3)
    with pytest.raises(ValueError, match="start is the state of another network or simulation"):
        learn(simulation(osciprop.PeriodicPlasticity(optax.adam(0.1))), 2, start=start)
    before = path.read_bytes()
    other = osciprop.hopfield_mlp([5, 4, 3], key=jax.random.key(0))
    with pytest.raises(osciprop.CheckpointError, match="network"):
        osciprop.simulate_learning(
            other,
            dataset(),
            SETTINGS,
            presentations=2,
            batch_size=2,
            key=KEY,
            probe=PROBE,
            checkpoint=path,
            progress=False,
        )
    with pytest.raises(osciprop.CheckpointError, match="simulation"):
        learn(simulation(noise=osciprop.WhiteNoise(0.5)), 2, checkpoint=path)
    with pytest.raises(osciprop.CheckpointError, match="key"):
        learn(SETTINGS, 2, key=jax.random.key(6), checkpoint=path)
    # What was seen of one quantity must not go on as another.
    looking = osciprop.Probe(lambda network, u, s, mean, error: s[0][0, :2], samples=8)
    with pytest.raises(osciprop.CheckpointError, match="probe"):
        learn(SETTINGS, 2, probe=looking, checkpoint=path)
    assert path.read_bytes() == before


@pytest.mark.slow
def test_an_asymmetric_network_learns_online_by_its_companion():
    """One presentation moves weights along the exact gradient; without companion it does not."""
    data = osciprop.datasets.digits()
    network = osciprop.feedback_mlp([64, 24, 20, 10, 10], key=jax.random.PRNGKey(0), scale=1.0)
    simulation = osciprop.Simulation(
        osciprop.Oscillation(0.05, 100.0),
        osciprop.PeriodicPlasticity(optax.sgd(1e-3), every=8),
        lock_in=osciprop.LockInFilter(time_constant=1.0, order=2),
        presentation=8,
        integrator=osciprop.euler_maruyama(0.5),
    )
    (x, y), *_ = osciprop.datasets.Batches(data.x_train, data.y_train, 16, seed=0).epoch(0)
    exact = osciprop.estimate_gradient(network, x, y, osciprop.Implicit()).gradient

    def direction(moving: osciprop.AbstractNetwork) -> tuple:
        run = osciprop.simulate_learning(
            moving,
            data,
            simulation,
            presentations=1,
            batch_size=16,
            key=jax.random.key(0),
            progress=False,
        )
        return jax.tree.map(
            lambda before, after: before - after,
            *(eqx.filter(tree, eqx.is_inexact_array) for tree in (moving, run.network)),
        )

    moved = direction(osciprop.dynamics.FreeCompanion(network)).network
    assert osciprop.cosine(moved.synapses, exact.synapses) > 0.995
    assert osciprop.cosine(direction(network).synapses, exact.synapses) < 0.95
