"""Which data sets are at hand, found without a download."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import final

from .cache import Source, fetched
from .cifar import CIFAR10, CIFAR10_FILES, CIFAR100, CIFAR100_FILES, Files
from .cifar import find_batches as find_cifar
from .cifar_jpeg import FILE as JPEG_FILE
from .errors import DatasetError
from .files import find
from .folders import VARIABLE, Folder, supplied_folder
from .imagenet import NAME as IMAGENET32
from .imagenet import find_arrays
from .imagenet import find_batches as find_imagenet
from .mnist_family import FASHION_MNIST, MNIST
from .opening import is_file, is_folder


@final
@dataclass(frozen=True)
class Stored:
    """A data set and its files, none where it is missing.

    Args:
        name: Of the data set.
        files: Files and folders that are at hand.
        remedy: How to get it, if it is missing.

    Example:
        >>> str(osciprop.datasets.Stored("mine", (), "make it"))
        'mine           missing     make it'
    """

    name: str
    files: tuple[Path, ...]
    remedy: str = ""

    @property
    def size(self) -> int:
        """Bytes of all files, and of what is in folders."""
        return sum(_size(file) for file in self.files)

    def __str__(self) -> str:
        if not self.files:
            return f"{self.name:<14} missing     {self.remedy}"
        place = self.files[0] if len(self.files) == 1 else self.files[0].parent
        return f"{self.name:<14} {self.size / 1e6:>7.1f} MB  {place}"


def inventory(cache: Folder | None = None) -> list[Stored]:
    """All data sets with their files, as the functions that load them would find them.

    Nothing is downloaded, read or checked.

    Args:
        cache: Folder of downloads; None for the user's cache folder.

    Returns:
        One entry per data set, also for those that are missing.

    Example:
        >>> [stored.name for stored in osciprop.datasets.inventory()][:3]
        ['digits', 'mnist', 'fashion_mnist']
    """
    supplied = supplied_folder(None)
    download = (
        f"loading it downloads it, unless {VARIABLE} names a folder"
        if supplied is None
        else f"not in {supplied}, which {VARIABLE} names"
    )
    by_hand = f"put it into the folder that {VARIABLE} names; see the help of its function"
    found = [Stored("digits", _digits(), "they come with scikit-learn: install it")]
    for source in (MNIST, FASHION_MNIST):
        files = _fetched(source, cache) if supplied is None else _idx(supplied, source)
        found.append(Stored(source.name, files, download))
    for source, kind in (
        (CIFAR10, CIFAR10_FILES),
        (CIFAR100, CIFAR100_FILES),
    ):
        files = _fetched(source, cache) if supplied is None else _batches(supplied, source, kind)
        found.append(Stored(source.name, files, download))
    jpeg = () if supplied is None else _existing(supplied / JPEG_FILE)
    found.append(Stored("cifar10_jpeg", jpeg, by_hand))
    arrays = tuple(find_arrays(cache)) or _imagenet(supplied)
    found.append(Stored(IMAGENET32, arrays, by_hand))
    return found


def _existing(file: Path) -> tuple[Path, ...]:
    return (file,) if is_file(file) else ()


def _digits() -> tuple[Path, ...]:
    spec = find_spec("sklearn")
    if spec is None or spec.origin is None:
        return ()
    return _existing(Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz")


def _fetched(source: Source, cache: Folder | None) -> tuple[Path, ...]:
    files = fetched(source, cache)
    return tuple(files) if len(files) == len(source.registry) else ()


def _idx(folder: Path, source: Source) -> tuple[Path, ...]:
    try:
        return tuple(find(folder, source.name))
    except DatasetError:
        return ()


def _batches(folder: Path, source: Source, kind: Files) -> tuple[Path, ...]:
    try:
        return (find_cifar(folder, source, kind),)
    except DatasetError:
        return ()


def _imagenet(folder: Path | None) -> tuple[Path, ...]:
    try:
        return tuple(find_imagenet(folder))
    except DatasetError:
        return ()


def _size(path: Path) -> int:
    try:
        files = list(path.iterdir()) if is_folder(path) else [path]
        return sum(file.stat().st_size for file in files if is_file(file))
    except OSError:  # it may not be read, or has just gone
        return 0
