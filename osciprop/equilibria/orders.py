"""In what order an iteration visits the populations of a network.

Layer by layer inference may run up, down, up and down, or over odd and even layers in turn
(two_tales2024). Populations are numbered from 0, next to the input, in the order of the
leaves of a state; those of one group move at the same time.
"""

import abc

from ..settings import Module


class AbstractOrder(Module):
    """The order of one step of an iteration.

    Example:
        >>> osciprop.equilibria.ZigZag().groups(3)
        [[1], [2], [2], [1], [0]]
    """

    @abc.abstractmethod
    def groups(self, count: int) -> list[list[int]]:
        """The groups of populations, first to last, of a network with `count` populations."""


class Forward(AbstractOrder):
    """From the input to the output: one step is a forward pass (`fw`).

    Example:
        >>> osciprop.equilibria.Forward().groups(3)
        [[0], [1], [2]]
    """

    def groups(self, count: int) -> list[list[int]]:
        return [[place] for place in range(count)]


class Backward(AbstractOrder):
    """From the output to the input: one step carries an error to every layer (`bw`).

    Example:
        >>> osciprop.equilibria.Backward().groups(3)
        [[2], [1], [0]]
    """

    def groups(self, count: int) -> list[list[int]]:
        return [[place] for place in reversed(range(count))]


class ZigZag(AbstractOrder):
    """Up to the output and down again (`fwbw`).

    The output is visited on arrival and on leaving, so that a nudge which depends on what the
    output would be without it sees the newest value.

    Example:
        >>> osciprop.equilibria.ZigZag().groups(2)
        [[1], [1], [0]]
    """

    def groups(self, count: int) -> list[list[int]]:
        return Forward().groups(count)[1:] + Backward().groups(count)


class OddEven(AbstractOrder):
    """Every second population from the output down, then the others.

    Example:
        >>> osciprop.equilibria.OddEven().groups(3)
        [[2, 0], [1]]
    """

    def groups(self, count: int) -> list[list[int]]:
        return [
            group
            for group in (list(range(count - 1, -1, -2)), list(range(count - 2, -1, -2)))
            if group
        ]
