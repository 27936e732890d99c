"""The handwritten digits that ship with scikit-learn: small, and there without a network."""

import numpy as np
from numpy.typing import NDArray

from .checks import check_integer
from .dataset import Dataset
from .shuffling import random_order

_SHADES = 16  # scikit-learn's digits count dark pixels in 4x4 blocks: 0..16


def digits(*, test_fraction: float = 0.2, seed: int = 0) -> Dataset:
    """Load scikit-learn's handwritten digits, 8x8 pixels in [0, 1], 10 classes.

    Args:
        test_fraction: Share of *every class* that becomes test data, between 0 and 1 (rounded to
            whole samples, at least one on either side).
        seed: Decides which samples; the same seed gives the same split on every machine. Both
            halves keep scikit-learn's order.

    Returns:
        1797 images in all, float32 `(n, 64)`.

    Raises:
        ValueError: the fraction is outside (0, 1), or the seed negative.

    Example:
        >>> osciprop.datasets.digits()
        Dataset('digits': 1438 train + 359 test samples, 64 features (8x8), 10 classes)
    """
    # Imported here because scikit-learn takes a second to load, and only this function needs it.
    from sklearn.datasets import load_digits

    if not 0.0 < test_fraction < 1.0:
        raise ValueError(f"test_fraction={test_fraction!r} must lie between 0 and 1: pass e.g. 0.2")
    seed = check_integer("seed", seed, 0, None, "pass e.g. seed=0")
    pixels, targets = load_digits(return_X_y=True)
    x, y = (pixels / _SHADES).astype(np.float32), targets.astype(np.int32)
    is_test = _stratified(y, test_fraction, seed)
    return Dataset(
        name="digits",
        x_train=x[~is_test],
        y_train=y[~is_test],
        x_test=x[is_test],
        y_test=y[is_test],
        num_classes=10,
        image_shape=(8, 8),
    )


def _stratified(y: NDArray[np.int32], fraction: float, seed: int) -> NDArray[np.bool_]:
    """Mark `fraction` of the samples of each class: a mask of shape (n,)."""
    marked = np.zeros(len(y), dtype=bool)
    for label in np.unique(y):
        members = np.flatnonzero(y == label)
        count = min(max(round(fraction * len(members)), 1), len(members) - 1)
        marked[members[random_order(len(members), seed=seed, key=int(label))[:count]]] = True
    return marked
