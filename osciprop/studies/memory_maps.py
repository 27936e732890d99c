"""Compiled programs given up before a process holds more of them than its system allows."""

import gc
import time
from pathlib import Path

import jax

LISTED = Path("/proc/self/maps")
MANY = 25_000
"""Memory maps a process may hold; Linux ends at 65,530, and a program takes several hundred."""


class MemoryMaps:
    """Watches the memory maps of this process, of which every compiled program takes some.

    JAX keeps what it has compiled. A study whose points compile programs of their own would end in
    a crash of the compiler after about a hundred; what is given up is compiled again when used.
    """

    def __init__(self, pause: float = 1.0):
        self._pause = pause
        self._looked = time.monotonic()

    def spare(self) -> None:
        """Drop JAX's compiled programs if there are too many; looks once in `pause` seconds."""
        if time.monotonic() - self._looked < self._pause:
            return
        self._looked = time.monotonic()
        if LISTED.exists() and LISTED.read_bytes().count(b"\n") > MANY:
            jax.clear_caches()
            gc.collect()
