"""Published figures, recomputed with osciprop and compared with the published numbers.

`python -m paper_figures --list` shows them; each is a module with `settings`, `compute`, `plot` and
`claims` (see `figure.py`), and can be used from a notebook as it is:

    from paper_figures.hep2022 import fig2d
    fig2d.plot(fig2d.compute(fast=True))
"""
