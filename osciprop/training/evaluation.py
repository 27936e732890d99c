"""How well a network does on data: at its free equilibria, or at the end of its trajectories."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from ..datasets.samples import Stream, as_pair
from ..equilibria.own import OwnRelaxation
from ..equilibria.relaxation import AbstractRelaxation
from ..equilibria.relaxing import relax
from ..errors import check_at_least
from ..networks.either import count_outputs, prepare_either
from ..networks.hamiltonian.passage import pass_through
from ..networks.hamiltonian.system import AbstractHamiltonian
from ..networks.metrics import AbstractMetric, RegressionError
from ..networks.model import AbstractModel
from ..networks.network import AbstractNetwork
from .preprocessing import AbstractPreprocessing


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What an evaluation found.

    Args:
        loss: Mean cost.
        scores: The network's metric, by name: `accuracy` for classes; `mean_squared_error` and
            `r_squared` for numbers.
        converged: Fraction of samples whose relaxation converged.

    Example:
        >>> osciprop.evaluate(network, x, y).converged
        1.0
    """

    loss: float
    scores: dict[str, float]
    converged: float

    @property
    def accuracy(self) -> float:
        """Fraction of samples that are right."""
        return self._score("accuracy")

    @property
    def mean_squared_error(self) -> float:
        """Mean over samples and outputs."""
        return self._score("mean_squared_error")

    @property
    def r_squared(self) -> float:
        """Coefficient of determination, the mean over outputs."""
        return self._score("r_squared")

    def _score(self, name: str) -> float:
        if name not in self.scores:
            raise ValueError(
                f"this evaluation has no {name}, but {' and '.join(self.scores)}: that is what "
                "network.metric tells for targets of this kind"
            )
        return self.scores[name]


def evaluate(
    network: AbstractModel,
    x: Any,
    y: Any = None,
    *,
    relaxation: AbstractRelaxation = OwnRelaxation(),
    batch_size: int = 500,
    preprocessing: AbstractPreprocessing | None = None,
) -> Evaluation:
    """Mean cost and metric of a network on data: at its free equilibria, or, for a network that
    moves, at the end of its trajectories.

    Classes count as right where the largest score is the target's; for a single output, where it
    lies on the target's side of the threshold. Numbers are told by the mean squared error and
    R^2. Samples whose relaxation did not converge count as they stand, and `converged` says how
    many did.

    Args:
        network: The network: `osciprop.Network`, or one of the user's own.
        x: Inputs, `(n, features)`, or of whatever shape the network takes. Or, without `y`: a
            `Dataset`, of which the test samples are taken; a pair `(x, y)`; or an iterable of such
            pairs, batch by batch.
        y: Targets: integer labels `(n,)`, or rows `(n, outputs)`.
        relaxation: How equilibria are found.
        batch_size: Number of samples at a time.
        preprocessing: What makes the network's inputs of stored samples, by its `evaluate`; None
            for inputs as they are.

    Returns:
        Mean cost, metric, and the fraction of samples whose relaxation converged.

    Raises:
        ValueError: the data do not fit the network, there are none, or the batch size is below 1.

    Example:
        >>> 0 <= osciprop.evaluate(network, x, y).accuracy <= 1
        True
        >>> found = osciprop.evaluate(network, [(x[:5], y[:5]), (x[5:], y[5:])])
        >>> found.accuracy == osciprop.evaluate(network, x, y).accuracy
        True
    """
    check_at_least("batch_size", batch_size, 1, "evaluate at least one sample at a time")
    data = as_pair(x if y is None else (x, y))
    metric, sums, loss, converged, count, width = None, None, 0.0, 0, 0, 0
    for stored, targets in as_batches(data, batch_size):
        inputs, wanted = prepare_either(network, measured(preprocessing, stored), targets)
        cost, outputs, settled = _answers(network, inputs, wanted, relaxation)
        if metric is None:  # by all targets, where they are at hand
            known = targets if isinstance(data, Stream) else data[1]
            width = count_outputs(network, inputs)
            metric = network.metric(known, width)
        elif isinstance(data, Stream):
            check_metric(network, metric, targets, width)
        part = metric.sums(np.asarray(outputs), np.asarray(wanted))
        sums = part if sums is None else sums + part
        loss += float(cost)
        converged += int(np.count_nonzero(settled))
        count += len(inputs)
    if metric is None or sums is None:
        raise ValueError("x holds no samples: evaluate at least one")
    return Evaluation(loss / count, metric.scores(sums), converged / count)


def check_metric(
    network: AbstractModel, metric: AbstractMetric, y: np.ndarray, outputs: int
) -> None:
    """Raise `ValueError` where a later batch of a stream shows that its targets are of another kind
    than the metric was chosen for by the first one.
    """
    found = network.metric(y, outputs)
    if type(found) is not type(metric) and not isinstance(metric, RegressionError):
        raise ValueError(
            f"y holds numbers, which have a {found.name}, where the first batch had marks of "
            f"classes, which have an {metric.name}: give all samples as arrays (x, y), or a "
            "network with a method `metric` that says which it is"
        )


def as_batches(
    data: tuple[np.ndarray, np.ndarray] | Stream, size: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Samples and targets, so many at a time."""
    if isinstance(data, Stream):
        yield from data.epoch(0)
        return
    x, y = data
    for start in range(0, len(x), size):
        yield x[start : start + size], y[start : start + size]


def measured(preprocessing: AbstractPreprocessing | None, x: np.ndarray) -> np.ndarray | Array:
    """Inputs of stored samples, without anything random."""
    return x if preprocessing is None else preprocessing.evaluate(x)


def _answers(
    network: AbstractModel, x: Array, y: Array, relaxation: AbstractRelaxation
) -> tuple[Array, Array, Array]:
    """The sum of the costs, the outputs, and which samples came where outputs are read."""
    if isinstance(network, AbstractHamiltonian):
        return _at_the_end(network, x, y)
    assert isinstance(network, AbstractNetwork)
    solution = relax(network, x, relaxation=relaxation, throw=False)
    return *answers(network, solution.s, y), solution.converged


@eqx.filter_jit
def _at_the_end(network: AbstractHamiltonian, x: Array, y: Array) -> tuple[Array, Array, Array]:
    found = pass_through(network, x, y)
    assert found.cost is not None
    return jnp.sum(found.cost), network.output(found.end.q), jnp.isfinite(found.cost)


@eqx.filter_jit
def answers(network: AbstractNetwork, s: PyTree, y: Array) -> tuple[Array, Array]:
    """The sum of the costs, and the outputs."""
    return jnp.sum(network.cost(s, y)), network.output(s)
