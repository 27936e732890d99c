"""osciprop: dynamical systems that learn by oscillating.

Here is what one writes every day; the rest stands in the folders: `osciprop.analysis`,
`osciprop.networks`, `osciprop.gradients` and so on. Each name is imported when it is first used
(`__init__.pyi` lists them): the command line's help and data sets need no JAX, and start at once.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
