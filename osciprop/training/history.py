"""What a training run recorded."""

import dataclasses


@dataclasses.dataclass
class History:
    """What a training run recorded.

    Columns of numbers by name; the history prints its last row.

    Args:
        steps: One number per update: `loss`, `accuracy`, `converged`.
        epochs: One number per epoch: `epoch`, the means `train_loss` and `train_accuracy` over its
            updates, and `test_loss`, `test_accuracy`, `test_converged` after it.
        monitored: One number per call of the monitor: `update`, and what the monitor returns.

    Example:
        >>> data = osciprop.datasets.digits().subset(train=32, test=16)
        >>> net = osciprop.hopfield_mlp([64, 8, 10], key=key)
        >>> _, history = osciprop.fit(
        ...     net, data, osciprop.Implicit(), optax.sgd(0.1), epochs=1, progress=False
        ... )
        >>> sorted(history.steps)
        ['accuracy', 'converged', 'loss']
    """

    steps: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    epochs: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    monitored: dict[str, list[float]] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        if not self.epochs:
            return f"History: {len(self.steps.get('loss', []))} updates"
        last = ", ".join(f"{name} {values[-1]:.4g}" for name, values in self.epochs.items())
        return f"History: {len(self.steps.get('loss', []))} updates; last: {last}"


def record(columns: dict[str, list[float]], row: dict[str, float]) -> None:
    """Append a row."""
    for name, value in row.items():
        columns.setdefault(name, []).append(float(value))
