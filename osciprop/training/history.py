"""What a training run recorded."""

import dataclasses


@dataclasses.dataclass
class History:
    """What a training run recorded.

    `steps` maps a name (`loss`, `accuracy`, `converged`) to one number per update; `epochs` to one
    per epoch (`epoch`, mean `train_loss` and `train_accuracy` over the epoch's updates, and
    `test_loss`, `test_accuracy`, `test_converged` after it); `monitored` to one per call of the
    monitor (`update`, and what the monitor returns).
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
    for name, value in row.items():
        columns.setdefault(name, []).append(float(value))
