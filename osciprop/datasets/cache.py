"""Downloading files into the user's cache folder, verified and without leftovers."""

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from ..progress import progress_bar
from .checks import check_integer
from .errors import DatasetError
from .folders import Folder, cache_folder
from .opening import irregular, is_file

if TYPE_CHECKING:  # slow to import: only where something is to be downloaded
    import pooch

_TIMEOUT = 30.0  # seconds without a byte from the server
_CHUNK = 1 << 16  # bytes
_REMEDY = (
    "Check the network and try again, or get the file in another way and set the environment "
    "variable OSCIPROP_DATA to the folder that holds it"
)
_logger = logging.getLogger(__name__)


@final
@dataclass(frozen=True)
class Source:
    """Where the files of a data set come from.

    Args:
        name: Of the data set, and of the sub-folder of the cache.
        base_url: The folder on the server.
        registry: From file names to checksums written "algorithm:hex", in the order in which
            `osciprop.datasets.files.read` takes the files.
        limit: Bytes at which the download of a file is given up.

    Raises:
        ValueError: a checksum is none, or the limit is below one.

    Example:
        >>> source = osciprop.datasets.Source("mine", "https://example.org/", {"a": "md5:0123"})
        >>> source.url("a")
        'https://example.org/a'
    """

    name: str
    base_url: str
    registry: Mapping[str, str]
    limit: int = 1 << 30

    def __post_init__(self) -> None:
        check_integer("limit", self.limit, 1, None, "pass the bytes that a file may have")
        for file, checksum in self.registry.items():
            if not re.fullmatch(r"\w+:[0-9a-f]+", checksum):
                raise ValueError(
                    f"registry[{file!r}]={checksum!r} is no checksum: write it as the name of the "
                    "algorithm, a colon and lower-case hex digits, e.g. 'md5:25c8...'"
                )

    def url(self, file: str) -> str:
        """Return the address of one file."""
        return f"{self.base_url.rstrip('/')}/{file}"


def fetched(source: Source, cache: Folder | None = None) -> list[Path]:
    """Return the files of `source` that are in the cache, unchecked."""
    files = [cache_folder(cache, source.name) / file for file in source.registry]
    return [file for file in files if is_file(file)]


def fetch(source: Source, cache: Folder | None = None) -> list[Path]:
    """Return the files of `source` in the cache, downloading those that are missing or damaged.

    `cache` is the folder (None: the user's cache folder of this system). A file appears in it only
    once its checksum is right; until then it has a temporary name, which an error or an
    interrupt removes. Raises `DatasetError` where a file cannot be had.
    """
    import pooch

    folder = cache_folder(cache, source.name)
    store = pooch.create(
        path=folder, base_url=source.base_url.rstrip("/") + "/", registry=dict(source.registry)
    )
    return [
        _fetch_one(store, folder / file, checksum, source.limit)
        for file, checksum in source.registry.items()
    ]


def _fetch_one(store: "pooch.Pooch", path: Path, checksum: str, limit: int) -> Path:
    if (kind := irregular(path)) is not None:  # a named pipe would be waited for
        raise DatasetError(f"{path} is {kind}, expected a regular file: remove it and try again")

    def download(url: str, temporary: str, _store: object) -> None:
        _transfer(url, Path(temporary), path, limit)
        found = _checksum(Path(temporary), checksum)
        if found != checksum:
            raise _failure(url, path, f"expected checksum {checksum}, found {found}")

    try:
        if is_file(path) and (found := _checksum(path, checksum)) != checksum:
            _logger.warning(
                "%s is damaged (expected checksum %s, found %s): downloading it again",
                path,
                checksum,
                found,
            )
        # Any, because pooch's type for a downloader names the arguments otherwise than pooch does.
        downloader: Any = download
        return Path(store.fetch(path.name, downloader=downloader))
    except OSError as error:
        raise DatasetError(
            f"cannot store {path}: {error}. Free some space, make the folder writable, or pass "
            "another folder as cache="
        ) from error


def _checksum(path: Path, like: str) -> str:
    """Return the checksum of a file in the algorithm of `like`, e.g. "md5:..."."""
    import pooch

    algorithm = like.partition(":")[0]
    return f"{algorithm}:{pooch.file_hash(str(path), alg=algorithm)}"


def _transfer(url: str, temporary: Path, path: Path, limit: int) -> None:
    """Stream `url`, of at most `limit` bytes, into `temporary` and check that it is all there.

    Not pooch's own downloader, which can neither tell a file that ends early from one that is
    wrong, nor keep its progress bar out of log files.
    """
    import requests  # here because only downloads need it, and it is slow to import

    # A server that packs the stream once more would make Content-Length meaningless.
    headers = {"Accept-Encoding": "identity"}
    try:
        with requests.get(url, stream=True, timeout=_TIMEOUT, headers=headers) as response:
            response.raise_for_status()
            expected = response.raw.length_remaining  # None where the server does not say
            if expected is not None and expected > limit:
                raise _too_large(url, path, limit, f"{expected} bytes announced")
            try:
                _save(response.iter_content(_CHUNK), temporary, path.name, expected, limit)
            except _EndlessError as error:
                raise _too_large(url, path, limit, "no end after that") from error
            except requests.exceptions.ChunkedEncodingError as error:
                raise _broken_off(url, path, expected, response.raw.tell()) from error
            # Only newer versions of urllib3 notice an early end themselves.
            if expected is not None and response.raw.tell() != expected:
                raise _broken_off(url, path, expected, response.raw.tell())
    except requests.RequestException as error:
        raise _failure(url, path, str(error)) from error


class _EndlessError(Exception):
    """More bytes came than a file may have."""


def _save(
    chunks: Iterable[bytes], temporary: Path, label: str, total: int | None, limit: int
) -> None:
    left = limit
    bar = progress_bar(total, unit="B", unit_scale=True, label=label)
    with bar, open(temporary, "wb") as file:
        for chunk in chunks:
            left -= len(chunk)
            if left < 0:
                raise _EndlessError
            file.write(chunk)
            bar.update(len(chunk))


def _too_large(url: str, path: Path, limit: int, found: str) -> DatasetError:
    problem = (
        f"expected at most {limit} bytes, found {found}. If it is meant to be so large, pass a "
        "source= with a larger limit"
    )
    return _failure(url, path, problem)


def _broken_off(url: str, path: Path, expected: int | None, received: int) -> DatasetError:
    promised = "a complete file" if expected is None else f"{expected} bytes"
    problem = f"the transfer broke off: expected {promised}, found {received} bytes"
    return _failure(url, path, problem)


def _failure(url: str, path: Path, problem: str) -> DatasetError:
    return DatasetError(f"cannot download {url} to {path}: {problem.rstrip('.')}. {_REMEDY}")
