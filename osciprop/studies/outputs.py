"""What is said in advance of a value that a study's function returns."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Output:
    """Unit of a value, and names of its dimensions where it is an array.

    Args:
        unit: Goes into the result's attributes.
        dimensions: One name per dimension; none for names that are made.

    Example:
        >>> trace = osciprop.studies.Output(unit="mV", dimensions=("time",))
        >>> trace.names("trace", 1), osciprop.studies.Output().names("trace", 1)
        (('time',), ('trace_axis0',))
    """

    unit: str = ""
    dimensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.dimensions, str) or not all(
            isinstance(name, str) and name.isidentifier() for name in self.dimensions
        ):
            raise ValueError(
                f"dimensions is {self.dimensions!r}: give a tuple of identifiers, one per "
                "dimension, as in ('time',)"
            )
        twice = [name for name in self.dimensions if self.dimensions.count(name) > 1]
        if twice:
            raise ValueError(f"dimensions names {twice[0]!r} twice: give each a name of its own")

    def names(self, name: str, count: int) -> tuple[str, ...]:
        """Names of `count` dimensions of the value called `name`: those given, or made ones."""
        if not self.dimensions:
            return tuple(f"{name}_axis{place}" for place in range(count))
        if len(self.dimensions) != count:
            raise ValueError(
                f"outputs[{name!r}].dimensions are {self.dimensions}, but the function returned "
                f"an array of {count} dimensions: name each, or none"
            )
        return self.dimensions
