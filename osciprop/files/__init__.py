"""Files written whole or not at all, what values are made of, where results and methods come from.

The files, each importing only from those above it:

    locks        locks that end with the process
    durable      files that are written whole or not at all
    arrays       the bytes of arrays
    functions    what a function is made of
    composition  what any value is made of, as text
    fingerprint  that text, short enough to be read and compared
    contrasts    what differs between settings, in words
    leaves       the leaves of pytrees in files
    checkpoint   a training run as one file
    provenance   where a result comes from: versions, device, commit
    saving       a network as one file
    references   the references behind what a script uses, as BibTeX
"""

from .checkpoint import CheckpointError as CheckpointError
from .references import bibtex as bibtex
from .saving import load as load
from .saving import save as save
