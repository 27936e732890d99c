"""Random orders that stay the same across NumPy versions."""

import numpy as np
from numpy.typing import NDArray


def random_order(n: int, *, seed: int, key: int) -> NDArray[np.intp]:
    """Return a permutation of 0..n-1 that depends on (seed, key) only.

    It sorts raw 64-bit words. NumPy promises their stream for ever, whereas the stream of
    `Generator.permutation` may change from one release to the next, and a resumed run would
    then silently see other batches.
    """
    words = np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(key,))).random_raw(n)
    return np.argsort(words, kind="stable")
