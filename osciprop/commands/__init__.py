"""The command line of osciprop."""

from .program import main as main
