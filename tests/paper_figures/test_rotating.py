"""The always-on network of Fig. 3: published numbers, fits, and the claims' power to fail."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import osciprop
from osciprop.datasets import DatasetError
from paper_figures import layers, published
from paper_figures.figure import PaperFigure
from paper_figures.hep2022 import fig3a, fig3b, rotating
from paper_figures.record import decode_all, load
from paper_figures.runner import HOME, json_path

Stored = Callable[[PaperFigure], dict[str, Any]]


@pytest.fixture
def stored() -> Stored:
    return lambda figure: dict(decode_all(load(json_path(HOME, figure.NAME)).data))


def test_published_curves_agree_with_the_published_text() -> None:
    """Where both exist: nines of the cosine after 1, 5, 10, 20 and 40 periods."""
    text = {50: (0.26, 1.22, 1.74, 2.17, 2.45), 100: (1.08, 2.41, 2.96, 3.44, 3.77)}
    for length, nines in text.items():
        periods, theirs = rotating.published_digits(length)
        kept = np.isin(periods, rotating.PUBLISHED_PERIODS)
        np.testing.assert_allclose(theirs[kept], nines, atol=0.006)
    assert rotating.published_digits(400)[0].tolist() == [1]


def test_published_residuals_are_the_stored_ones() -> None:
    for length in (50, 100, 400):
        stored = published.hep2022()["fig3ab"][f"period_{length}_steps"]
        assert rotating.PUBLISHED_RESIDUAL[length] == pytest.approx(
            stored["mean_log10_residual"], abs=6e-4
        )


def test_exponent_is_that_of_the_frequency() -> None:
    lengths = np.asarray([50, 100, 200, 300, 400])
    assert rotating.exponent(lengths, 3.0 / lengths**2) == pytest.approx(2)


def test_weights_are_drawn_as_published() -> None:
    network = rotating.network()
    assert isinstance(network.readout, osciprop.SoftmaxCrossEntropy)
    weights = [*layers.weights(network), network.readout.weight]
    assert [weight.shape for weight in weights] == [(784, 256), (256, 256), (256, 10)]
    for weight in weights:  # a cut at two standard deviations leaves 0.88 of them
        assert float(weight.std()) == pytest.approx(0.88 * 0.05, rel=0.03)
        assert float(abs(weight).max()) <= 0.1 + 1e-6
    assert not any(population.bias.any() for population in network.populations)


def test_first_period_shows_the_start_and_the_tenth_only_the_limit(stored: Stored) -> None:
    data = stored(fig3a)
    own, mean = data["stepped_own_distance_float32"], data["stepped_distance_float32"]
    np.testing.assert_allclose(own[:, 0], mean[:, 0], rtol=1e-3)
    # After ten short periods; after more of them, or longer ones, the start hardly counts.
    assert np.all(own[:2, 9] < mean[:2, 9])


def test_full_size_has_every_claim(stored: Stored) -> None:
    claims = fig3a.claims(stored(fig3a))
    assert len(claims) == 15
    assert sum("goes as this power" in claim.text for claim in claims) == 3
    assert len(fig3b.claims(stored(fig3b))) == 5


def test_wrong_numbers_fail(stored: Stored) -> None:
    data = stored(fig3a)
    data["stepped_distance_float32"] = 30 * data["stepped_distance_float32"]
    data["turned_own_error_float64"] = np.sqrt(data["turned_own_error_float64"])
    failed = [claim.text for claim in fig3a.claims(data) if not claim.passed]
    # Five periods, the two precisions, the exponent of the error.
    assert len([text for text in failed if text.startswith("-log10")]) >= 4
    assert len([text for text in failed if "relative error goes as" in text]) == 1
    data = stored(fig3b)
    data["stepped_residual_float32"] = data["stepped_residual_float32"] + 0.8
    assert [claim.passed for claim in fig3b.claims(data)].count(False) == 1


def test_without_mnist_the_error_is_clear(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("OSCIPROP_DATA", str(tmp_path_factory.mktemp("empty")))
    with pytest.raises(DatasetError, match="OSCIPROP_DATA"):
        rotating.batch()
