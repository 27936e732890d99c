"""What is said in advance of a value that a study's function returns."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Output:
    """Unit of a value, and names of its dimensions where it is an array.

    Args:
        unit: Unit of the values, for labels.
        dimensions: Names of the dimensions of arrays.

    Example:
        >>> osciprop.studies.Output(unit="s").unit
        's'
    """

    unit: str = ""
    dimensions: tuple[str, ...] = ()

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
