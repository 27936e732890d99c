"""Orders: permutations, the same for ever, of their own for every seed and key."""

import numpy as np
import pytest

from osciprop.datasets.shuffling import random_order


@pytest.mark.parametrize("n", [0, 1, 7, 1000])
def test_every_place_comes_once(n):
    assert sorted(random_order(n, seed=3, key=5)) == list(range(n))


def test_the_order_is_pinned():
    assert random_order(8, seed=0, key=0).tolist() == [6, 3, 1, 4, 5, 2, 7, 0]


def test_every_seed_and_key_has_its_own():
    orders = {tuple(random_order(20, seed=s, key=k)) for s in range(4) for k in range(4)}
    assert len(orders) == 16


def test_all_places_are_as_frequent():
    """Where 0 lands among 5: chi-squared with 4 degrees of freedom, standard deviation sqrt 8."""
    places = [int(np.argmin(random_order(5, seed=1, key=key))) for key in range(2000)]
    counts = np.bincount(places, minlength=5)
    assert abs(np.sum((counts - 400) ** 2 / 400) - 4) < 4 * np.sqrt(8)
