"""The authors' initial weights, against those that are published."""

import numpy as np

from paper_figures.hep2022.weights import drawn
from paper_figures.published import hep2022_toy


def test_the_toy_network_is_reproduced() -> None:
    published = hep2022_toy()
    ours = drawn(2, (6, 4, 4, 4), 0.5)
    for weight, name in zip(ours, ("w1", "w2", "w3"), strict=True):
        # They are published with as many digits.
        np.testing.assert_allclose(weight, published[name], atol=1e-7)


def test_every_matrix_has_its_own_numbers() -> None:
    first, second, _ = drawn(1, (20, 20, 20, 5), 0.05)
    assert not np.any(first == second)
    assert np.abs(first).max() <= 0.1 + 1e-6
    assert not np.any(first == drawn(2, (20, 20), 0.05)[0])
