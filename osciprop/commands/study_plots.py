"""`osciprop study plot` and `osciprop study map`: pictures of a study's results."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from .command import AbstractCommand, Store

if TYPE_CHECKING:
    import xarray
    from matplotlib.axes import Axes


@dataclasses.dataclass(frozen=True)
class Plot(AbstractCommand):
    """Draw a result over one axis as lines, and save the picture."""

    store: Store
    """Folder of the results."""
    x: str
    """The axis to draw over."""
    y: str
    """The result to draw."""
    hue: str | None = None
    """An axis with a line for each of its values."""
    facet: str | None = None
    """An axis with a panel for each of its values."""
    band: str = "seed"
    """The axis of repetitions, shown as mean and band."""
    log_y: bool = False
    """Draw y logarithmically, and geometric means of it."""
    select: tuple[str, ...] = ()
    """Values of other axes, as in --select noise=0.1 depth=2."""
    output: Path | None = None
    """The picture to write, .png, .pdf or .svg. By default beside STORE."""

    def execute(self) -> int:
        from ..studies import plot_lines

        results = _selected(self.store, self.select)
        axes = plot_lines(
            results,
            x=self.x,
            y=self.y,
            hue=self.hue,
            facet=self.facet,
            band=self.band,
            log_y=self.log_y,
        )
        return _save(axes, self.output or beside(self.store, f"_{self.y}.png"))


@dataclasses.dataclass(frozen=True)
class Map(AbstractCommand):
    """Draw a result over two axes as a heat map, and save the picture."""

    store: Store
    """Folder of the results."""
    x: str
    """The axis to draw to the right."""
    y: str
    """The axis to draw upwards."""
    value: str
    """The result to draw as colour."""
    facet: str | None = None
    """An axis with a panel for each of its values."""
    band: str = "seed"
    """The axis of repetitions, of which the mean is shown."""
    log_color: bool = False
    """Choose colours logarithmically, and geometric means."""
    limits: tuple[float, float] | None = None
    """The lowest and the highest value that has a colour of its own; by default of all."""
    center: float | None = None
    """A value from which two colours lead, such as 0 of differences."""
    select: tuple[str, ...] = ()
    """Values of other axes, as in --select noise=0.1 depth=2."""
    output: Path | None = None
    """The picture to write, .png, .pdf or .svg. By default beside STORE."""

    def execute(self) -> int:
        from ..studies import plot_heat_map

        results = _selected(self.store, self.select)
        axes = plot_heat_map(
            results,
            x=self.x,
            y=self.y,
            value=self.value,
            facet=self.facet,
            band=self.band,
            log_color=self.log_color,
            limits=self.limits,
            center=self.center,
        )
        return _save(axes, self.output or beside(self.store, f"_{self.value}_map.png"))


def beside(store: Path, ending: str) -> Path:
    """A file beside a store, called like it."""
    return store.resolve().with_name(f"{store.resolve().name}{ending}")


def _selected(store: Path, wanted: tuple[str, ...]) -> "xarray.Dataset":
    from ..studies import load_results, select

    for text in wanted:
        if "=" not in text:
            raise ValueError(f"--select {text}: write an axis and its value, as in seed=0")
    pairs = (text.split("=", 1) for text in wanted)
    return select(load_results(store), {name: value for name, value in pairs})


def _save(axes: "list[Axes]", output: Path) -> int:
    import matplotlib.pyplot as plt

    figure = axes[0].get_figure(root=True)
    assert figure is not None
    figure.savefig(output)
    plt.close(figure)
    print(output)
    return 0
