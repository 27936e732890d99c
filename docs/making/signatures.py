"""What griffe, which reads the package without running it, cannot know of Equinox modules.

Their fields are the arguments of their classes, as in a data class; and a docstring's `Example:` is
one of its `Examples:`.
"""

import importlib
import inspect
import re
from typing import Any

from griffe import (
    Attribute,
    Class,
    Expr,
    ExprCall,
    Extension,
    Function,
    Module,
    Object,
    Parameter,
    ParameterKind,
    Parameters,
)

EXAMPLE = re.compile(r"^Example:$", re.MULTILINE)
SOURCE = re.compile(r"^Source: (.*(?:\n .*)*)", re.MULTILINE)


class Signatures(Extension):
    """Gives classes of the package the signatures that they have when they are called."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Make sections of examples and sources."""
        if obj.docstring is not None:
            text = EXAMPLE.sub("Examples:", obj.docstring.value)
            obj.docstring.value = SOURCE.sub(_one_line, text)

    def on_package(self, *, pkg: Module, **_: Any) -> None:
        """Add an `__init__` to every class that tells its arguments and has none."""
        if pkg.name == "osciprop":
            _visit(pkg)


def _one_line(found: re.Match[str]) -> str:
    return f"**Source:** {' '.join(found[1].split())}"


def _visit(parent: Module | Class) -> None:
    for member in list(parent.members.values()):
        if member.is_alias:
            continue
        if isinstance(member, Module):
            _visit(member)
        elif isinstance(member, Class) and not member.name.startswith("_"):
            told = member.docstring is not None and "\nArgs:\n" in member.docstring.value
            if told and not isinstance(member.members.get("__init__"), Function):
                _give_signature(member)


def _give_signature(kind: Class) -> None:
    module, _, name = kind.canonical_path.rpartition(".")
    signature = inspect.signature(getattr(importlib.import_module(module), name))
    parameters = [
        Parameter(
            one.name,
            annotation=_annotation(kind, one.name),
            kind=getattr(ParameterKind, one.kind.name.lower()),
            default=None if one.default is one.empty else _default(kind, one),
        )
        for one in signature.parameters.values()
    ]
    own = Parameter("self", kind=ParameterKind.positional_or_keyword)
    init = Function("__init__", parameters=Parameters(own, *parameters), parent=kind)
    kind.set_member("__init__", init)


def _field(kind: Class, name: str) -> Attribute | None:
    for each in (kind, *kind.mro()):
        found = each.members.get(name)
        if isinstance(found, Attribute):
            return found
    return None


def _annotation(kind: Class, name: str) -> str | Expr | None:
    field = _field(kind, name)
    return None if field is None else field.annotation


def _default(kind: Class, parameter: inspect.Parameter) -> str | Expr:
    """As the class writes it, or else as it prints."""
    field = _field(kind, parameter.name)
    value = None if field is None else field.value
    if isinstance(value, ExprCall) and value.canonical_path.rpartition(".")[2] == "field":
        named = {getattr(one, "name", None): getattr(one, "value", None) for one in value.arguments}
        value = named.get("default")
    return repr(parameter.default) if value is None else value
