"""Interrupted runs go on to the same numbers, with the same augmentation, and to no others'."""

import dataclasses
import threading

import numpy as np
import pytest
from helpers import flat
from training_cases import AUGMENTED, PLAIN, assert_same, fit_digits, fit_pictures

import osciprop


@dataclasses.dataclass
class Interruption:
    """A monitor that interrupts training after some updates."""

    after: int
    seen: int = 0

    def __call__(self, network, x, y, estimate):
        self.seen += 1
        if self.seen > self.after:
            raise KeyboardInterrupt
        return {"gradient": float(np.linalg.norm(flat(estimate.gradient)))}


# Within an epoch, at its end, and within the next one.
@pytest.mark.parametrize("after", [1, 4, 7])
def test_resumed_run_equals_uninterrupted(tmp_path, after):
    calm = Interruption(after=1000)
    whole, history = fit_digits(monitor=calm, monitor_every=1)
    path = tmp_path / "run" / "training.checkpoint"
    options = {"checkpoint": path, "checkpoint_every": 2, "monitor_every": 1}
    with pytest.raises(KeyboardInterrupt):
        fit_digits(monitor=Interruption(after=after), **options)
    resumed, again = fit_digits(monitor=calm, **options)
    assert_same(whole, resumed)
    assert again == history
    # Once done, there is nothing left to do.
    _, done = fit_digits(monitor=Interruption(after=0), **options)
    assert done == history
    with pytest.raises(ValueError, match="epochs=1, and the run in .* has 2 already"):
        fit_digits(epochs=1, **options)


@pytest.mark.slow
@pytest.mark.parametrize("after", [pytest.param(2, marks=pytest.mark.slow), 5])
def test_a_resumed_run_sees_the_same_augmentation(tmp_path, after):
    whole, history = fit_pictures()
    path = tmp_path / "training.checkpoint"
    with pytest.raises(KeyboardInterrupt):
        fit_pictures(checkpoint=path, monitor=Interruption(after=after), monitor_every=1)
    assert not [t for t in threading.enumerate() if t.name == "osciprop-prefetch"]
    resumed, again = fit_pictures(checkpoint=path)
    assert_same(whole, resumed)
    assert again.steps == history.steps and again.epochs == history.epochs


def test_checkpoint_of_other_settings_is_refused(tmp_path):
    path = tmp_path / "training.checkpoint"
    fit_digits(epochs=1, checkpoint=path)
    with pytest.raises(osciprop.CheckpointError, match="other settings.*seed: 0 != 1"):
        fit_digits(checkpoint=path, seed=1)
    with pytest.raises(osciprop.CheckpointError, match="method"):
        fit_digits(osciprop.HolomorphicEP(0.2, 4), checkpoint=path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(osciprop.CheckpointError, match="damaged"):
        fit_digits(checkpoint=path)
    path.write_text("something else")
    with pytest.raises(osciprop.CheckpointError, match="not an osciprop checkpoint"):
        fit_digits(checkpoint=path)


def test_a_checkpoint_with_another_preprocessing_is_refused(tmp_path):
    path = tmp_path / "training.checkpoint"
    fit_pictures(epochs=1, checkpoint=path)
    images = AUGMENTED.preprocessing
    others = (
        PLAIN,
        dataclasses.replace(images, statistics=osciprop.training.IMAGENET_STATISTICS),
        dataclasses.replace(images, factor=1.0),
    )
    for other in others:
        flattened = other if other is PLAIN else osciprop.training.Flattened(other)
        with pytest.raises(osciprop.CheckpointError, match="preprocessing"):
            fit_pictures(checkpoint=path, preprocessing=flattened)
