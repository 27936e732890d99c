"""The references behind what a script uses, as BibTeX.

Where a class or function stems from stands in its docstring, after `Source:`, and nowhere else; the
works that are named there are those of `references.bib`.
"""

import dataclasses
import inspect
import re
import unicodedata
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

import jax

OWN = "osciprop"
_ENTRY = re.compile(r"^@\w+\{(\w+),\n.*?^\}$", flags=re.MULTILINE | re.DOTALL)
_SOURCE = re.compile(r"^[ \t]*Source: (.*?)(?:\n[ \t]*\n|\Z)", flags=re.MULTILINE | re.DOTALL)


def bibtex(*things: Any) -> str:
    """Return the references behind methods, networks, data sets, functions, as BibTeX.

    What the things hold is looked at as well: `bibtex(globals())` at the end of a script finds all
    that the script has given a name.

    Args:
        *things: modules of a network, gradient methods, relaxations, results, classes, functions;
            or lists, tuples and dictionaries of such.

    Returns:
        One entry for osciprop, and one for each work that stands after `Source:` in the docstring
        of a thing's class, of those that it inherits from, and of whatever it holds; in the order
        of `references.bib`.

    Example:
        >>> method = osciprop.HolomorphicEP(0.1, 4)
        >>> print(osciprop.bibtex(method).partition("@inproceedings")[2])
        {hep2022,
          title     = {Holomorphic Equilibrium Propagation Computes Exact Gradients Through ...
        ...
    """
    told = " ".join(plain(source) for source in sources(*things))
    works = entries()
    cited = [text for key, text in works.items() if key == OWN or is_named(key, text, told)]
    return "\n\n".join(cited) + "\n"


def sources(*things: Any) -> Iterator[str]:
    """What stands after `Source:` in the docstrings of things, and of what they hold."""
    for origin in dict.fromkeys(_origins(things, set())):
        yield from _SOURCE.findall(inspect.cleandoc(origin.__doc__ or ""))


def entries() -> Mapping[str, str]:
    """The works that docstrings name, by key."""
    text = files("osciprop.files").joinpath("references.bib").read_text(encoding="utf-8")
    return {match[1]: match[0] for match in _ENTRY.finditer(text)}


def is_named(key: str, entry: str, told: str) -> bool:
    """Whether a text names a work: by its key, its number at arXiv, or its authors and year."""
    names = [key]
    if number := _field(entry, "eprint"):
        names.append(number)
    surnames = [name.partition(",")[0] for name in _field(entry, "author").split(" and ")]
    *first, last = surnames
    authors = f"{', '.join(first)} and {last}" if first else last
    for written in (authors, authors.replace(" and ", " & "), f"{surnames[0]} et al."):
        names.append(f"{written} {_field(entry, 'year')}")
    return any(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", told) for name in names)


def _field(entry: str, name: str) -> str:
    found = re.search(rf"^ *{name} *= \{{(.*)\}},$", entry, flags=re.MULTILINE)
    return re.sub(r"[{}\\'\"~]", "", found[1]) if found else ""


def plain(text: str) -> str:
    """A text on one line, without accents."""
    letters = unicodedata.normalize("NFKD", " ".join(text.split()))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _origins(thing: Any, seen: set[int]) -> Iterator[Any]:
    """The classes and functions of osciprop that a thing is, is made from, or holds."""
    if id(thing) in seen or isinstance(thing, str | bytes | jax.Array):
        return
    seen.add(id(thing))
    if isinstance(thing, Mapping):
        held = list(thing.values())
    elif isinstance(thing, list | tuple | set | frozenset):
        held = list(thing)
    elif isinstance(thing, type):
        yield from (each for each in thing.__mro__ if _is_ours(each))
        return
    elif callable(thing) and hasattr(thing, "__qualname__"):
        if _is_ours(thing):
            yield thing
        return
    elif dataclasses.is_dataclass(thing):
        held = [getattr(thing, field.name, None) for field in dataclasses.fields(thing)]
    else:
        held = []
    for each in [type(thing), *held]:
        yield from _origins(each, seen)


def _is_ours(thing: Any) -> bool:
    return str(getattr(thing, "__module__", "")).partition(".")[0] == OWN
