"""`osciprop train`: one network, one data set, one method."""

import dataclasses
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from .command import AbstractCommand

if TYPE_CHECKING:
    from ..gradients import AbstractGradientMethod

Method = Literal[
    "ClassicEP",
    "CentredEP",
    "HolomorphicEP",
    "OscillatoryEP",
    "VectorFieldEP",
    "AsymmetricEP",
    "OscillatoryAEP",
    "DyadicEP",
    "Implicit",
    "RecurrentBackprop",
    "BPTT",
]


@dataclasses.dataclass(frozen=True)
class Train(AbstractCommand):
    """Train a layered network of reciprocal synapses, and print its accuracy.

    Calls osciprop.fit with osciprop.hopfield_mlp, Adam, and the defaults of the method.
    """

    data: Literal["digits", "mnist", "fashion_mnist"] = "digits"
    """What to learn; see osciprop datasets."""
    hidden: tuple[int, ...] = (64,)
    """Sizes of the hidden populations."""
    method: Method = "OscillatoryEP"
    """Where gradients come from."""
    amplitude: float | None = None
    """Amplitude of the teaching signal. By default the method's own."""
    epochs: int = 1
    """Passes through the training data."""
    rate: float = 1e-3
    """Learning rate of Adam."""
    batch: int = 32
    """Samples per update."""
    seed: int = 0
    """Decides about initial weights and the order of samples."""
    checkpoint: Path | None = None
    """A file that is written as training goes, and on an interrupt. If it exists, training goes on
    from it."""
    history: Path | None = None
    """A JSON file to write with loss and accuracy of every update and every epoch."""
    quiet: bool = False
    """Show no progress."""

    @property
    def resumes(self) -> bool:
        return self.checkpoint is not None and self.checkpoint.exists()

    def execute(self) -> int:
        from ..errors import check_at_least, check_positive

        # Before the time for training is spent.
        check_at_least("--batch", self.batch, 1, "give the samples of an update")
        check_positive("--rate", self.rate, "1e-3 suits most networks")
        for file in (self.checkpoint, self.history):
            if file is not None:
                require_writable(file)
        try:
            self._train()
        except KeyboardInterrupt as error:
            raise KeyboardInterrupt(self._kept()) from error
        return 0

    def _kept(self) -> str:
        if self.checkpoint is None:
            return "interrupted, and nothing is kept: give --checkpoint FILE to be able to go on"
        if not self.resumes:
            return "interrupted before the first update"
        return f"interrupted; what was trained is in {self.checkpoint}"

    def _train(self) -> None:
        import jax
        import optax

        from .. import datasets
        from ..files.durable import replacing
        from ..networks.build.dense import hopfield_mlp
        from ..training.loop import fit

        method = make_method(self.method, self.amplitude)
        data = getattr(datasets, self.data)()
        sizes = [data.num_features, *self.hidden, data.num_classes]
        _, history = fit(
            hopfield_mlp(sizes, key=jax.random.key(self.seed)),
            data,
            method,
            optax.adam(self.rate),
            epochs=self.epochs,
            batch_size=self.batch,
            seed=self.seed,
            checkpoint=self.checkpoint,
            progress=not self.quiet,
        )
        columns = (history.epochs[name] for name in ("epoch", "train_accuracy", "test_accuracy"))
        for epoch, train, test in zip(*columns, strict=True):
            print(f"epoch {epoch:.0f}: accuracy {100 * train:.1f} % train, {100 * test:.1f} % test")
        if self.history is not None:
            with replacing(self.history) as temporary:
                temporary.write_text(json.dumps(dataclasses.asdict(history)), encoding="utf-8")
            print(f"history in {self.history}")
        if self.checkpoint is not None:
            print(f"checkpoint in {self.checkpoint}")


def require_writable(file: Path) -> None:
    """Raise `ValueError` if a file could not be written, as far as can be told before."""
    folder = next(parent for parent in file.absolute().parents if parent.exists())
    if file.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise ValueError(f"{file} cannot be written: name a file in a folder that you may write to")


def make_method(name: Method, amplitude: float | None) -> "AbstractGradientMethod":
    """The gradient method of a name, with its defaults but for the amplitude, if one is given."""
    from .. import gradients

    method = getattr(gradients, name)()
    return method if amplitude is None else with_amplitude(method, amplitude)


def with_amplitude(method: "AbstractGradientMethod", amplitude: float) -> "AbstractGradientMethod":
    """The method with another amplitude of the teaching signal, its own or that of its oscillation.

    Raises `ValueError` for a method that has none.
    """
    names = {field.name for field in dataclasses.fields(method)}
    if "amplitude" in names:
        return dataclasses.replace(method, amplitude=amplitude)  # type: ignore[call-arg]
    if "oscillation" in names:
        inner = with_amplitude(method.oscillation, amplitude)  # type: ignore[attr-defined]
        return dataclasses.replace(method, oscillation=inner)  # type: ignore[call-arg]
    raise ValueError(f"{type(method).__name__} has no teaching signal: leave --amplitude out")
