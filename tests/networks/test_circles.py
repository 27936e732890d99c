"""Circles in the complex plane: what a holomorphic function has there, and others have not."""

import numpy as np

from osciprop.networks.circles import centres, directions, modes, turns


def test_modes_are_the_mean_and_what_turns_backwards():
    circle = 0.3 + 0.1 * turns(24)
    for power in (0, 1, 3):
        found = modes(24) @ circle**power
        np.testing.assert_allclose(found, [0.3**power] + [0] * 6, atol=1e-15)
    found = modes(24) @ circle.conj()
    np.testing.assert_allclose(found, [0.3, 0.1] + [0] * 5, atol=1e-15)


def test_centres_and_directions():
    rest = (np.zeros((2, 3), dtype=np.float32), np.zeros((2, 1)))
    random = np.random.default_rng(0)
    origin, *others = centres(rest, 10, random)
    assert not np.any(origin[0]) and others[0][0].dtype == np.float32
    column = np.stack([state[0] for state in others])
    assert np.all(np.diff(column, axis=0) > 0) and abs(column).max() <= 3
    way = directions(rest, random)
    assert way[0].dtype == np.complex64
    np.testing.assert_allclose(abs(way[1]), 1)
