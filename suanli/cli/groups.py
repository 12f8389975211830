"""Options that several commands share, declared once: a dataclass whose fields are options, taken as one parameter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Any, get_type_hints


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """The command as Typer reads it: each field of a parameter that is a dataclass is an option of its own."""
    hints = get_type_hints(command, include_extras=True)
    groups = {name: kind for name, kind in hints.items() if isinstance(kind, type) and is_dataclass(kind)}

    @wraps(command)
    def flat(**given: Any) -> None:
        made = {name: kind(**{one.name: given.pop(one.name) for one in fields(kind)}) for name, kind in groups.items()}
        command(**given, **made)

    parameters = [
        one for plain in signature(command).parameters.values() for one in _flat(plain, groups.get(plain.name), hints)
    ]
    flat.__signature__ = Signature(parameters)  # type: ignore[attr-defined] # what inspect.signature answers with
    flat.__annotations__ = {one.name: one.annotation for one in parameters}
    return flat


def _flat(plain: Parameter, group: type[Any] | None, hints: dict[str, Any]) -> Iterator[Parameter]:
    if group is None:
        yield plain.replace(kind=Parameter.KEYWORD_ONLY, annotation=hints[plain.name])
        return
    kinds = get_type_hints(group, include_extras=True)
    for one in fields(group):
        yield Parameter(one.name, Parameter.KEYWORD_ONLY, default=_default(one), annotation=kinds[one.name])


def _default(one: Field[Any]) -> Any:
    return Parameter.empty if one.default is MISSING else one.default
