"""The memory of a training step: what is counted exactly, and how the rest grows."""

from collections.abc import Iterator
from functools import cache

import jax
import numpy as np
import optax
import pytest

import osciprop

METHOD = osciprop.ClassicEP(0.1)
OPTIMIZER = optax.adam(1e-3)


def network() -> osciprop.Network:
    return osciprop.hopfield_mlp([64, 30, 20, 10], key=jax.random.PRNGKey(0))


@cache
def estimate(samples: int) -> osciprop.training.MemoryEstimate:
    x, y = np.zeros((samples, 64)), np.zeros(samples, dtype=np.int32)
    return osciprop.training.memory_estimate(network(), x, y, METHOD, OPTIMIZER)


@pytest.mark.slow
def test_what_is_known_is_counted_exactly():
    memory = estimate(50)
    learned = 64 * 30 + 30 * 20 + 30 + 20 + 20 * 10 + 10
    assert memory.parameters == 8 * (learned + 2)  # and two time constants
    # Two moments of Adam, and its count of updates.
    assert memory.optimizer_state == 2 * 8 * learned + 4
    assert memory.batch == 50 * (64 * 8 + 4)
    assert memory.results > memory.parameters + memory.optimizer_state
    known = memory.parameters + memory.optimizer_state + memory.batch
    assert memory.total == known + memory.temporaries + memory.results
    assert str(memory).startswith("memory of a training step, per device: ")
    assert "parameters 21.73 KiB" in str(memory)


@pytest.mark.slow
def test_it_grows_linearly_with_the_batch():
    few, some, many = (estimate(samples) for samples in (50, 100, 200))
    for name in ("temporaries", "results"):
        first, second, third = (getattr(memory, name) for memory in (few, some, many))
        assert (third - second) / (second - first) == pytest.approx(2, rel=0.05)
    assert few.parameters == many.parameters


@pytest.fixture
def compiled() -> Iterator[list[str]]:
    """The names of all that is compiled during a test."""
    names = []

    def listen(event: str, duration_secs: float, **labels: str | int) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            names.append(str(labels["fun_name"]))

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield names
    jax.monitoring.unregister_event_duration_listener(listen)


@pytest.mark.slow
def test_fit_shows_it_with_the_bar_and_compiles_once(compiled, capfd):
    data = osciprop.datasets.digits().subset(train=22, test=10)
    settings = {"epochs": 1, "batch_size": 11}  # a shape of this test's own
    memory = osciprop.training.memory_estimate(
        network(), data.x_train[:11], data.y_train[:11], METHOD, optax.adam(1e-3)
    )
    osciprop.fit(network(), data, METHOD, optax.adam(1e-3), **settings)
    assert str(memory) in capfd.readouterr().err
    assert compiled.count("jit(train_step)") == 1
    osciprop.fit(network(), data, METHOD, OPTIMIZER, progress=False, **settings)
    assert "memory" not in capfd.readouterr().err


def test_a_batch_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="x has shape"):
        osciprop.training.memory_estimate(
            network(), np.zeros((2, 3)), np.zeros(2, dtype=np.int32), METHOD, OPTIMIZER
        )
