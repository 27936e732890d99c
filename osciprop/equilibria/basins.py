"""Several starts of one network: which equilibria it has, and in which of them each start ends."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, Float, Int, PRNGKeyArray

from ..errors import check_at_least, check_instance, check_key, check_not_negative, check_positive
from ..networks.network import AbstractNetwork, State
from ..networks.preparation import prepare
from .own import OwnRelaxation
from .relaxation import AbstractRelaxation
from .relaxing import relax
from .solution import Solution


@dataclasses.dataclass(frozen=True)
class Basins:
    """Where the starts of each sample have ended.

    Args:
        solution: All of them: the batch is that of the inputs, repeated start after start.
        starts: Number of starts per sample.
        basin: By start and sample, `(starts, batch)`, the number of the equilibrium it ended in:
            for each sample they count from 0 in the order in which starts met them, and start 0
            is at rest; -1 for one that did not converge.

    Example:
        >>> found = osciprop.equilibria.basins(network, x, key=key, starts=3)
        >>> print(found)
        Basins: 30 of 30 starts converged; 1 equilibrium per sample
    """

    solution: Solution
    starts: int
    basin: Int[np.ndarray, "starts batch"]

    @property
    def count(self) -> Int[np.ndarray, " batch"]:
        """Per sample, how many equilibria the starts met."""
        return self.basin.max(axis=0, initial=-1) + 1

    @property
    def share(self) -> Float[np.ndarray, "batch equilibria"]:
        """Per sample, what share of the starts ended in each equilibrium."""
        numbers = np.arange(max(self.count.max(), 1))
        return np.mean(self.basin[:, :, None] == numbers, axis=0)

    def states(self, equilibrium: int) -> State:
        """The potentials of an equilibrium by its number, NaN for samples that have no such one."""
        check_at_least("equilibrium", equilibrium, 0, "they count from 0")
        met = self.basin == equilibrium
        first, batch = np.argmax(met, axis=0), met.shape[1]

        def pick(leaf: jax.Array) -> jax.Array:
            each = leaf.reshape(self.starts, batch, *leaf.shape[1:])
            chosen = each[first, np.arange(batch)]
            there = met.any(axis=0).reshape((-1,) + (1,) * (chosen.ndim - 1))
            return jnp.where(there, chosen, jnp.nan)

        return jax.tree.map(pick, self.solution.u)

    def __str__(self) -> str:
        counts = self.count
        lowest, highest = counts.min(), counts.max()
        number = f"{lowest}" if lowest == highest else f"{lowest} to {highest}"
        return (
            f"Basins: {np.count_nonzero(self.basin >= 0)} of {self.basin.size} starts converged; "
            f"{number} equilibri{'um' if highest == 1 else 'a'} per sample"
        )


def basins(
    network: AbstractNetwork,
    x: ArrayLike,
    *,
    key: PRNGKeyArray,
    starts: int = 20,
    spread: float = 1.0,
    distance: float = 1e-3,
    relaxation: AbstractRelaxation = OwnRelaxation(),
) -> Basins:
    """Let a network settle from several starts: at rest, and at random about it.

    A network with several equilibria answers by where it starts. This tells how many the starts
    meet, and how often; `states(k)` of the result are `initial` potentials for
    `osciprop.estimate_gradient` and `osciprop.relax`.

    Args:
        network: The network.
        x: Inputs, `(batch, features)`, or of whatever shape the network takes.
        key: Source of the starts, from `jax.random.key`.
        starts: Number of starts per sample, at least 1; the first is at rest.
        spread: Standard deviation of the others about rest, in units of the potential.
        distance: Largest difference of potential up to which two equilibria are one.
        relaxation: How equilibria are found.

    Returns:
        Which starts ended together, and all equilibria; one that did not converge is flagged, not
        an error.

    Raises:
        ValueError: input does not fit, or a number is out of its range.

    Example:
        >>> found = osciprop.equilibria.basins(network, x, key=key, starts=4)
        >>> found.count.tolist()
        [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    """
    check_key("key", key)
    check_at_least("starts", starts, 1, "the first is at rest")
    check_not_negative("spread", spread, "0 starts at rest always")
    check_positive("distance", distance, "equilibria closer than that count as one")
    check_instance("relaxation", relaxation, AbstractRelaxation)
    inputs, _ = prepare(network, x, None)
    rest = network.rest(inputs)
    batch = inputs.shape[0]
    leaves, structure = jax.tree.flatten(rest)
    keys = jax.random.split(key, len(leaves))

    def scattered(leaf: jax.Array, one: PRNGKeyArray) -> jax.Array:
        noise = jax.random.normal(one, (starts, *leaf.shape), dtype=leaf.dtype)
        moved = leaf[None] + jnp.asarray(spread, leaf.dtype) * noise.at[0].set(0)
        return moved.reshape(starts * batch, *leaf.shape[1:])

    initial = jax.tree.unflatten(structure, map(scattered, leaves, keys))
    every = jnp.tile(inputs, (starts,) + (1,) * (inputs.ndim - 1))
    found = relax(network, every, initial=initial, relaxation=relaxation, throw=False)
    rows = np.concatenate(
        [np.asarray(leaf).reshape(starts, batch, -1) for leaf in jax.tree.leaves(found.u)], axis=2
    )
    converged = np.asarray(found.converged).reshape(starts, batch)
    numbers = [_numbered(rows[:, place], converged[:, place], distance) for place in range(batch)]
    return Basins(found, starts, np.stack(numbers, axis=1))


def _numbered(
    rows: Float[np.ndarray, "starts units"], converged: np.ndarray, distance: float
) -> Int[np.ndarray, " starts"]:
    """For each start the number of the first equilibrium that it is close to."""
    met: list[np.ndarray] = []
    numbers = np.full(len(rows), -1)
    for start in np.flatnonzero(converged):
        gaps = [np.abs(rows[start] - other).max() for other in met]
        near = [place for place, gap in enumerate(gaps) if gap <= distance]
        if not near:
            met.append(rows[start])
        numbers[start] = near[0] if near else len(met) - 1
    return numbers
