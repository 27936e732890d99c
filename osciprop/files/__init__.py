"""Files written whole or not at all, and where results come from.

The files, each importing only from those above it:

    durable     files that are written whole or not at all
    checkpoint  a training run as one file
    provenance  where a result comes from: versions, device, commit
"""

from .checkpoint import CheckpointError as CheckpointError
