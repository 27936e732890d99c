"""Figures that show how far gradients are off are not warned of it."""

import functools
import warnings
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import osciprop

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def errors_shown(compute: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Run a function whose result is the errors themselves without warnings about them."""

    @functools.wraps(compute)
    def quiet(*arguments: Arguments.args, **named: Arguments.kwargs) -> Result:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", osciprop.GradientAccuracyWarning)
            return compute(*arguments, **named)

    return quiet
