"""Fig. 3c: published numbers, bands over draws, and the claims' power to fail."""

import numpy as np
import pytest

from paper_figures.claim import Claim
from paper_figures.figure import Data
from paper_figures.hep2022 import fig3c
from paper_figures.record import decode_all, load
from paper_figures.runner import HOME, json_path


@pytest.fixture
def stored() -> Data:
    return decode_all(load(json_path(HOME, fig3c.NAME)).data)


def failed(data: Data) -> list[Claim]:
    return [claim for claim in fig3c.claims(data) if not claim.passed]


def test_published_curves_have_a_cosine_for_each_amplitude() -> None:
    """Both runs of hEP tell the same up to the noise, which shrinks with the amplitude."""
    assert fig3c.AMPLITUDES[[0, -1]].tolist() == [0.01, 4.0]
    assert {len(cosines) for cosines in fig3c.PUBLISHED.values()} == {20}
    amplitudes, cosines = fig3c._older("holomorphic")
    assert 3.8 < amplitudes.max() <= 4.0
    plotted = np.interp(amplitudes, fig3c.AMPLITUDES, fig3c.PUBLISHED["holomorphic"])
    late = amplitudes > 1.0
    np.testing.assert_allclose(cosines[late], plotted[late], atol=1.5e-3)


def test_inside_is_the_band_from_5_to_95_percent() -> None:
    draws = np.linspace(0.0, 1.0, 101)[:, None] * np.ones(4)
    lies = fig3c.inside(draws, np.asarray([0.02, 0.06, 0.94, 0.97]))
    assert lies.tolist() == [False, True, True, False]


def test_full_size_draws_are_different_and_all_succeeded(stored: Data) -> None:
    for name in fig3c.LABELS:
        for kind in fig3c.KINDS:
            table = stored[f"{name}_{kind}"]
            assert table.shape == (fig3c.FULL.draws, 20)
            assert np.all(np.isfinite(table))
            assert len(np.unique(table[:, 5])) == len(table)


def test_full_size_claims(stored: Data) -> None:
    claims = fig3c.claims(stored)
    assert len(claims) == 11
    assert sum("older run" in claim.text for claim in claims) == 2
    assert sum("inside the 5 to 95 %" in str(claim.ours) for claim in claims) == 4


def test_noise_makes_the_error_of_small_amplitudes_only(stored: Data) -> None:
    noisy, silent = (
        np.median(stored[f"holomorphic_{kind}"], axis=0) for kind in ("shared", "silent")
    )
    assert np.all(silent[1:10] < noisy[1:10] / 10)
    assert noisy[-1] < 3 * silent[-1]


def test_wrong_numbers_fail(stored: Data) -> None:
    before = len(failed(stored))
    data = dict(stored)
    data["holomorphic_shared"] = 3 * data["holomorphic_shared"]
    assert len(failed(data)) > before
    data = {**stored, "classic_shared": stored["holomorphic_shared"]}
    texts = [claim.text for claim in failed(data)]
    assert "hEP is closer to the true gradient than classic EP" in texts
    assert "classic EP: best cosine, median of the draws" in texts
    data = {**stored, "classic_separate": stored["classic_shared"]}
    assert any("each sample's own" in claim.text for claim in failed(data))


def test_few_draws_make_no_band(stored: Data) -> None:
    few = {name: rows if rows.ndim == 1 else rows[:2] for name, rows in stored.items()}
    assert not any("5 to 95 %" in str(claim.ours) for claim in fig3c.claims(few))
