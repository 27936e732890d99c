"""`osciprop datasets`: which data are at hand."""

import dataclasses
from typing import Literal

from tyro.conf import Positional

from .command import AbstractCommand


@dataclasses.dataclass(frozen=True)
class Datasets(AbstractCommand):
    """List the data sets and where each is stored, or load one.

    Nothing is downloaded for the list. With a name, that data set is downloaded if need be, and
    loaded.
    """

    name: Positional[
        Literal[
            "digits",
            "mnist",
            "fashion_mnist",
            "cifar10",
            "cifar100",
            "cifar10_jpeg",
            "imagenet32",
        ]
        | None
    ] = None
    """The data set to load."""

    def execute(self) -> int:
        from .. import datasets

        if self.name is None:
            print("\n".join(map(str, datasets.inventory())))
            return 0
        data = getattr(datasets, self.name)()
        print(data)
        for part in ("x_train", "y_train", "x_test", "y_test"):
            array = getattr(data, part)
            print(f"{part:<8} {array.dtype} {array.shape}")
        return 0
